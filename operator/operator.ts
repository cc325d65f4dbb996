import { monitorEventLoopDelay } from 'node:perf_hooks';
import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { collectDefaultMetrics, Gauge, type Registry } from 'prom-client';
import { CONTROL_AUDIENCE } from '../contract/link.ts';
import { MANAGED_BY } from './desired/metadata.ts';
import { json, serve, type Answer } from './endpoints.ts';
import {
  isAlreadyExists,
  KubeClient,
  keyOf,
  LeaderElector,
  Secrets,
  systemClock,
  Transport,
  type ClusterConfig,
  type LeaderTerm,
} from './kube/index.ts';
import {
  Credentials,
  identityOf,
  Links,
  loadAuthority,
  type Authority,
  type SecretStore,
} from './links/index.ts';
import { Attachments } from './reconcile/attachments.ts';
import { Caches } from './reconcile/caches.ts';
import { createQueues, Office } from './reconcile/office.ts';
import { connectTriggers } from './reconcile/triggers.ts';
import type { Settings } from './settings.ts';
import { ranking } from './status/performance.ts';

export interface OperatorOptions {
  settings: Settings;
  cluster: ClusterConfig;
  logger: Logger;
  registry: Registry;
  /** Reconciles at a time, for each kind. Default 10. */
  concurrency?: number;
}

/** A liveness probe fails when the event loop stood still for so long. */
const STALLED_MS = 10_000;

/**
 * Runs the operator until the signal aborts: caches and endpoints always, reconciling and links while it
 * holds the Lease. Resolves when the Lease is released.
 */
export async function runOperator(options: OperatorOptions, signal: AbortSignal): Promise<void> {
  const { settings, cluster, logger, registry, concurrency = 10 } = options;
  const random = Math.random;
  const clock = systemClock;
  const transport = new Transport({ config: cluster, registry, clock, random });
  const client = new KubeClient(transport);
  const caches = new Caches({
    client,
    clock,
    random,
    logger: logger.child({ module: 'informer' }),
    ...(settings.watchNamespace !== undefined && { namespace: settings.watchNamespace }),
  });
  const attachments = new Attachments(caches);
  const queues = createQueues({ registry, clock, random });
  const authority = await loadAuthority(authorityStore(client, settings));
  const links = await createLinks({ authority, client, logger, registry }, signal);
  connectTriggers({ caches, attachments, links, queues });
  exportCacheAge(caches, registry);
  let office: Office | undefined;
  const stop = await serveEndpoints(options, caches, {
    agents: () => describe(caches, links, office),
    rank: () => rank(caches, links),
  });
  caches.start(signal);
  await Promise.race([caches.whenSynced(), aborted(signal)]);
  const elector = new LeaderElector({
    client,
    namespace: settings.namespace,
    name: settings.leaseName,
    identity: `${settings.podName}_${randomUUID()}`,
    logger: logger.child({ module: 'leader' }),
    registry,
    clock,
    random,
  });
  const onStarted = (term: LeaderTerm): Promise<void> => {
    const { runtimeImage, runtimeImagePullPolicy } = settings;
    office = new Office(
      {
        client,
        caches,
        attachments,
        links,
        queues,
        plan: {
          runtimeImage,
          ...(runtimeImagePullPolicy !== undefined && { runtimeImagePullPolicy }),
        },
        authorityPem: authority.certificate,
        instance: settings.podName,
        logger,
        registry,
        clock,
        random,
        concurrency,
      },
      term,
    );
    return office.run();
  };
  await elector.run(signal, { onStarted, onStopped: () => void (office = undefined) });
  stop();
  for (const queue of Object.values(queues)) queue.close();
  await transport.close();
}

async function createLinks(
  {
    authority,
    client,
    logger,
    registry,
  }: { authority: Authority; client: KubeClient } & Pick<OperatorOptions, 'logger' | 'registry'>,
  signal: AbortSignal,
): Promise<Links> {
  const module = logger.child({ module: 'links' });
  const credentials = await Credentials.issue({ authority, clock: systemClock, logger: module });
  credentials.run(signal);
  return new Links({
    credentials: () => credentials.current(),
    reviewToken: async (token) => identityOf(await client.reviewToken(token, [CONTROL_AUDIENCE])),
    clock: systemClock,
    random: Math.random,
    logger: module,
    registry,
  });
}

/** The Secret that keeps the authority. Of two operators that start together one creates it, the other reads it. */
function authorityStore(client: KubeClient, settings: Settings): SecretStore {
  const { namespace, authoritySecret: name } = settings;
  const decode = (text: string | undefined): string => Buffer.from(text ?? '', 'base64').toString();
  const encode = (text: string): string => Buffer.from(text).toString('base64');
  return {
    async read() {
      const secret = await client.get(Secrets, namespace, name);
      if (!secret) return undefined;
      return {
        'tls.crt': decode(secret.data?.['tls.crt']),
        'tls.key': decode(secret.data?.['tls.key']),
      };
    },
    async create(data) {
      const secret = {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name, namespace, labels: { 'app.kubernetes.io/managed-by': MANAGED_BY } },
        type: 'kubernetes.io/tls',
        data: { 'tls.crt': encode(data['tls.crt']), 'tls.key': encode(data['tls.key']) },
      };
      try {
        await client.create(Secrets, secret);
        return 'created';
      } catch (error) {
        if (isAlreadyExists(error)) return 'exists';
        throw error;
      }
    },
  };
}

async function serveEndpoints(
  { settings, registry }: OperatorOptions,
  caches: Caches,
  { agents, rank }: { agents: () => unknown; rank: () => unknown },
): Promise<() => void> {
  collectDefaultMetrics({ register: registry });
  const delay = monitorEventLoopDelay({ resolution: 20 });
  delay.enable();
  const healthy = (): Answer => {
    const stalledMs = Math.round(delay.max / 1e6);
    delay.reset();
    return json(stalledMs < STALLED_MS ? 200 : 503, { eventLoopStalledMs: stalledMs });
  };
  const ready = (): Answer =>
    json(
      caches.synced ? 200 : 503,
      Object.fromEntries(caches.all.map(({ resource, hasSynced }) => [resource.plural, hasSynced])),
    );
  const metrics = async (): Promise<Answer> => ({
    status: 200,
    contentType: registry.contentType,
    body: await registry.metrics(),
  });
  const { ports } = settings;
  const servers = await Promise.all([
    serve({ '/metrics': metrics }, ports.metrics),
    serve({ '/healthz': healthy, '/readyz': ready }, ports.health),
    serve(
      {
        '/debug/agents': () => json(200, agents()),
        '/debug/ranking': () => json(200, rank()),
      },
      ports.debug,
      '127.0.0.1',
    ),
  ]);
  return () => {
    delay.disable();
    for (const { server } of servers) {
      server.close();
      server.closeAllConnections();
    }
  };
}

/** What /debug/agents shows: what is meant to run, and what each pod says. */
function describe(caches: Caches, links: Links, office: Office | undefined): unknown {
  return {
    leading: office !== undefined,
    agents: caches.agents.list().map((agent) => {
      const key = keyOf(agent);
      const state = office?.agents.stateOf(key);
      return {
        agent: key,
        term: office?.agents.termOf(key),
        revision: state?.configuration?.revision,
        hash: state?.configuration?.hash,
        applyErrors: state?.applyErrors,
        pods: links.podsOf(key),
      };
    }),
  };
}

/** What /debug/ranking shows: the agents by how well they serve requests, as far as this operator is linked to their pods. */
function rank(caches: Caches, links: Links): unknown {
  return {
    agents: ranking(
      caches.agents
        .list()
        .map((agent) => ({ agent: keyOf(agent), pods: links.podsOf(keyOf(agent)) })),
    ),
  };
}

function exportCacheAge(caches: Caches, registry: Registry): void {
  new Gauge({
    name: 'breakwater_informer_last_event_seconds',
    help: 'Seconds since the watch of a kind was last heard from',
    labelNames: ['kind'],
    registers: [registry],
    collect() {
      for (const { resource, lastEventAgeMs } of caches.all) {
        if (lastEventAgeMs !== undefined) this.set({ kind: resource.kind }, lastEventAgeMs / 1000);
      }
    },
  });
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

import { monitorEventLoopDelay } from 'node:perf_hooks';
import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { collectDefaultMetrics, Gauge, type Registry } from 'prom-client';
import { CONTROL_AUDIENCE } from '../contract/link.ts';
import { AuthorityStore } from './authorityStore.ts';
import { describeAgents, loggingPage, type AgentFacts } from './debug.ts';
import { json, serve, type Answer } from './endpoints.ts';
import {
  ForwardedPort,
  KubeClient,
  keyOf,
  LeaderElector,
  systemClock,
  Transport,
  type ClusterConfig,
  type LeaderTerm,
  type Traces,
} from './kube/index.ts';
import {
  createDial,
  Credentials,
  identityOf,
  Links,
  Rotation,
  type RotationOptions,
} from './links/index.ts';
import { Loggers } from './loggers.ts';
import { AgentNews } from './reconcile/agentNews.ts';
import { Attachments } from './reconcile/attachments.ts';
import { Caches } from './reconcile/caches.ts';
import { CircuitLeader } from './reconcile/circuitLeader.ts';
import { Fleet, fleetPods } from './reconcile/fleet.ts';
import { ProviderLeader } from './reconcile/providerLeader.ts';
import { createQueues } from './reconcile/queues.ts';
import { OwnWrites } from './reconcile/ownWrites.ts';
import { StatusLag } from './reconcile/statusLag.ts';
import { Term, type TermOptions } from './reconcile/term.ts';
import type { UpgradeCounts } from './reconcile/upgrades.ts';
import { connectTriggers } from './reconcile/triggers.ts';
import type { Settings } from './settings.ts';
import { ranking } from './status/ranking.ts';
import { OperatorTracing } from './tracing.ts';
import { NO_ENVIRONMENT, type TracingEnvironment } from '../runtime/observe/tracingSettings.ts';

export interface OperatorOptions {
  settings: Settings;
  cluster: ClusterConfig;
  logger: Logger;
  registry: Registry;
  /** Time between two looks at which kinds of prometheus-operator are installed. Default 30 s. */
  discoveryIntervalMs?: number;
  /** When the authority of the links is replaced. Default: within a year. */
  rotation?: RotationOptions['plan'];
  /** What OTEL_* variables say of the operator's own traces. Default: nothing. */
  tracing?: TracingEnvironment;
}

/** A liveness probe fails when the event loop stood still for so long. */
const STALLED_MS = 10_000;
/** For one request, from the moment it is sent. */
const REVIEW_DEADLINE_MS = 5_000;

/**
 * Runs the operator until the signal aborts: caches and endpoints always, reconciling and links while it
 * holds the Lease. Resolves when the Lease is released.
 */
export async function runOperator(options: OperatorOptions, signal: AbortSignal): Promise<void> {
  const { settings, cluster, logger, registry } = options;
  const random = Math.random;
  const clock = systemClock;
  const loggers = new Loggers(logger, settings.logLevels);
  const tracing = new OperatorTracing({
    ...{ settings, registry, logger: loggers.of('traces') },
    environment: options.tracing ?? NO_ENVIRONMENT,
  });
  // The first reconciles say most.
  await tracing.settled();
  const { traces } = tracing;
  const transport = new Transport({
    config: cluster,
    registry,
    maxInFlight: settings.requestsInFlight,
    maxReviewsInFlight: settings.tokenReviewsInFlight,
    clock,
    random,
    traces,
  });
  const client = new KubeClient(transport);
  const caches = new Caches({
    client,
    clock,
    random,
    logger: loggers.of('informer'),
    discoveryIntervalMs: options.discoveryIntervalMs,
    share: settings.share,
  });
  const attachments = new Attachments(caches);
  const news = new AgentNews();
  const lag = new StatusLag(registry, clock);
  const ownWrites = new OwnWrites();
  const queues = createQueues({ registry, clock, random, lag });
  // A standby keeps nothing queued: its term begins with everything there is.
  for (const queue of Object.values(queues)) queue.stop();
  const rotation = await Rotation.start({
    store: new AuthorityStore(client, settings),
    clock,
    logger: loggers.of('authority'),
    plan: { checkMs: settings.authorityCheckMs, ...options.rotation },
  });
  const links = await createLinks(
    { ...options, logger: loggers.of('links'), rotation, client, traces },
    signal,
  );
  rotation.onChange(() => {
    // Only the leader works its queue off; it writes no ConfigMap that is as it should be.
    for (const agent of caches.agents.list()) queues.agent.add(keyOf(agent), { priority: 'low' });
  });
  rotation.follow(signal);
  connectTriggers({ caches, attachments, news, links, queues, ownWrites, clock, random });
  const circuits = new CircuitLeader({ links, clock, registry });
  const providers = new ProviderLeader({ links, clock });
  exportCacheAge(caches, registry);
  const fleet = new Fleet({
    links,
    podsOf: (key) => fleetPods(caches.replicas.of(key)),
    ...{ clock, random, registry, instance: settings.podName },
  });
  let current: Term | undefined;
  exportUpgrades(() => current?.upgrades.counts(), registry);
  const stop = await serveEndpoints(options, caches, {
    agents: () => describe(caches, links, { fleet, circuits, providers }, current),
    rank: () => rank(caches, links),
    loggers,
  });
  caches.start(signal);
  await Promise.race([caches.whenSynced(), aborted(signal)]);
  const elector = new LeaderElector({
    client,
    namespace: settings.namespace,
    name: settings.leaseName,
    identity: `${settings.podName}_${randomUUID()}`,
    logger: loggers.of('leader'),
    registry,
    clock,
    random,
  });
  const onStarted = (leading: LeaderTerm): Promise<void> => {
    const { runtimeImage, runtimeImagePullPolicy } = settings;
    const term = new Term(
      {
        client,
        caches,
        attachments,
        news,
        links,
        fleet,
        circuits,
        providers,
        queues,
        lag,
        ownWrites,
        plan: {
          runtimeImage,
          operatorNamespace: settings.namespace,
          tenancy: settings.tenancy,
          ...(settings.mesh && { mesh: settings.mesh }),
          ...(runtimeImagePullPolicy !== undefined && { runtimeImagePullPolicy }),
          ...(settings.tracing && { tracing: settings.tracing }),
          ...(settings.runbooks !== undefined && { runbooks: settings.runbooks }),
        },
        authorityPem: rotation.trusted,
        upgradeConcurrency: settings.upgradeConcurrency,
        upgradeFailures: settings.upgradeFailures,
        instance: settings.podName,
        logger: loggers.of('reconcile'),
        registry,
        clock,
        random,
        concurrency: settings.reconcileConcurrency,
        traces,
      },
      leading,
    );
    current = term;
    last = term;
    const guarded = client.guarded(() => leading.assertLeading());
    void rotation.lead(new AuthorityStore(guarded, settings), leading.signal);
    return term.run();
  };
  let last: Term | undefined;
  await elector.run(signal, { onStarted, onStopped: () => void (current = undefined) });
  await last?.whenHandedOver();
  stop();
  await tracing.close();
  await transport.close();
}

async function createLinks(
  {
    rotation,
    client,
    traces,
    cluster,
    settings,
    logger,
    registry,
  }: { rotation: Rotation; client: KubeClient; traces: Traces } & Omit<OperatorOptions, 'tracing'>,
  signal: AbortSignal,
): Promise<Links> {
  const credentials = await Credentials.issue({
    authority: rotation.signing,
    clock: systemClock,
    logger,
  });
  credentials.run(signal);
  rotation.onChange(() => void credentials.check());
  const { connectMs, connects, handshakes } = settings.dialling;
  const { excessMs, ...limits } = settings.reports;
  return new Links({
    credentials: () => credentials.current(),
    reviewToken: async (token, signal) => {
      const call = { signal, deadlineMs: REVIEW_DEADLINE_MS };
      return identityOf(await client.reviewToken(token, [CONTROL_AUDIENCE], call));
    },
    connects,
    handshakes,
    timing: { connectMs, excessMs },
    limits,
    clock: systemClock,
    random: Math.random,
    logger,
    registry,
    traces,
    ...(settings.links === 'PortForward' && {
      dial: createDial((address) => new ForwardedPort(cluster, address)),
    }),
  });
}

async function serveEndpoints(
  { settings, registry }: OperatorOptions,
  caches: Caches,
  { agents, rank, loggers }: { agents: () => unknown; rank: () => unknown; loggers: Loggers },
): Promise<() => void> {
  collectDefaultMetrics({ register: registry });
  const delay = monitorEventLoopDelay({ resolution: 20 });
  delay.enable();
  const healthy = (): Answer => {
    const stalledMs = Math.round(delay.max / 1e6);
    delay.reset();
    return json(stalledMs < STALLED_MS ? 200 : 503, { eventLoopStalledMs: stalledMs });
  };
  const ready = (): Answer => {
    const isCurrent = ({ hasSynced, isStale }: Caches['all'][number]): boolean =>
      hasSynced && !isStale;
    const kinds = caches.all.map((each) => [each.resource.plural, isCurrent(each)]);
    const isReady = caches.synced && caches.all.every(isCurrent);
    return json(isReady ? 200 : 503, Object.fromEntries(kinds));
  };
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
        '/debug/logging': (query, method) => loggingPage(loggers, query, method),
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

/** What /debug/agents shows. */
function describe(
  caches: Caches,
  links: Links,
  { fleet, circuits, providers }: Pick<TermOptions, 'fleet' | 'circuits' | 'providers'>,
  term: Term | undefined,
): unknown {
  const facts = caches.agents.list().map((agent): AgentFacts => {
    const key = keyOf(agent);
    const figures = fleet.figuresOf(key);
    const { configuration, applyErrors } = term?.agents.stateOf(key) ?? {};
    return {
      key,
      ...(term && { term: term.agents.termOf(key) }),
      ...(configuration && { configuration }),
      ...(applyErrors && { applyErrors }),
      ...(figures && { fleetLimits: figures }),
      pods: links.podsOf(key),
      fleet: circuits.of(key),
      providerLimits: providers.of(key),
    };
  });
  return describeAgents(term !== undefined, facts);
}

/** What /debug/ranking shows: all agents together and by how well they serve requests, as far as this operator is linked to their pods. */
function rank(caches: Caches, links: Links): unknown {
  const agents = caches.agents
    .list()
    .map((agent) => ({ agent: keyOf(agent), pods: links.podsOf(keyOf(agent)) }));
  return ranking(agents, Math.round(process.uptime()));
}

function exportCacheAge(caches: Caches, registry: Registry): void {
  new Gauge({
    name: 'breakwater_informer_last_event_seconds',
    help: 'Seconds since the watch of a kind was last heard from',
    labelNames: ['kind'],
    registers: [registry],
    collect() {
      // A kind that was removed has no informer any more.
      this.reset();
      for (const { resource, lastEventAgeMs } of caches.all) {
        if (lastEventAgeMs !== undefined) this.set({ kind: resource.kind }, lastEventAgeMs / 1000);
      }
    },
  });
}

function exportUpgrades(counts: () => UpgradeCounts | undefined, registry: Registry): void {
  new Gauge({
    name: 'breakwater_upgrades',
    help: 'Agents whose pods a new version of the operator changes, by how far they are: waiting for a place; stopped, because the upgrade has made too many agents worse; rolling; repairing, of those that served nobody before; failed, of those that got worse. Only the leader has any.',
    labelNames: ['state'],
    registers: [registry],
    collect() {
      this.reset();
      const all = Object.entries<number>({ ...counts() });
      for (const [state, count] of all) this.set({ state }, count);
    },
  });
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

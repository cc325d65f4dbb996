import { randomUUID } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { CONTROL_AUDIENCE } from '../contract/link.ts';
import { compileReports } from '../contract/validate.ts';
import { AuthorityStore } from './authorityStore.ts';
import { compileMetaSchema } from './desired/configuration/inputSchema.ts';
import type { PlanOptions } from './desired/plan.ts';
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
import {
  exportCacheAge,
  exportForbiddenNamespaces,
  exportOptionalKinds,
  exportUpgrades,
} from './processMetrics.ts';
import { AgentNotifier } from './reconcile/agentNotifier.ts';
import { Attachments } from './reconcile/attachments.ts';
import { Caches } from './reconcile/caches.ts';
import { createFleet, type Fleet } from './reconcile/fleet.ts';
import { LeaderWork } from './reconcile/leaderWork.ts';
import { createQueues, type Queues } from './reconcile/queues.ts';
import { OwnWrites } from './reconcile/ownWrites.ts';
import { StatusLag } from './reconcile/statusLag.ts';
import { connectTriggers } from './reconcile/triggers.ts';
import { startServers } from './servers.ts';
import type { Settings } from './settings.ts';
import { OperatorTracing } from './tracing.ts';
import { NO_ENVIRONMENT, type TracingEnvironment } from '../tracing/settings.ts';

export interface OperatorOptions {
  settings: Settings;
  cluster: ClusterConfig;
  logger: Logger;
  registry: Registry;
  /** Milliseconds between two looks at which optional kinds are installed. Default 30 s. */
  discoveryIntervalMs?: number;
  /** When the authority of the links is replaced. Default: within a year. */
  rotation?: RotationOptions['plan'];
  /** OTEL_* variables for the operator's own traces. Default: none. */
  tracing?: TracingEnvironment;
}

/** Deadline of one token review, from when it is sent. */
const REVIEW_DEADLINE_MS = 5_000;

const clock = systemClock;
const random = Math.random;

/**
 * Runs the operator until the signal aborts: caches and servers always, reconciles and links while it holds the Lease.
 * Resolves when the Lease is released.
 */
export async function runOperator(options: OperatorOptions, signal: AbortSignal): Promise<void> {
  const { settings, registry } = options;
  const loggers = new Loggers(options.logger, settings.logLevels);
  const tracing = new OperatorTracing({
    ...{ settings, registry, logger: loggers.of('traces') },
    environment: options.tracing ?? NO_ENVIRONMENT,
  });
  // Awaited, so that the first reconciles are traced.
  await tracing.settled();
  const parts = await createParts({ ...options, loggers, traces: tracing.traces }, signal);
  const { caches, transport } = parts;
  let current: LeaderWork | undefined;
  let last: LeaderWork | undefined;
  exportCacheAge(caches, registry);
  exportOptionalKinds(caches, registry);
  exportForbiddenNamespaces(caches, registry);
  exportUpgrades(() => current?.upgrades.counts(), registry);
  const stopServers = await startServers({ ...parts, settings, registry, work: () => current });
  caches.start(signal);
  await Promise.race([caches.whenSynced(), aborted(signal)]);
  await compileSchemas();
  await elector(options, parts).run(signal, {
    onStarted: (leading) => {
      last = current = createWork(options, parts, leading);
      return current.run();
    },
    onStopped: () => void (current = undefined),
  });
  await last?.whenHandedOver;
  stopServers();
  await tracing.close();
  await transport.close();
}

/** So that a new leader, with thousands of links to open, does not have to. Together they take a tenth of a second. */
async function compileSchemas(): Promise<void> {
  compileMetaSchema();
  for (const _ of compileReports()) await setImmediate();
}

/** Parts that live as long as the process, also on a standby. */
interface Parts {
  loggers: Loggers;
  traces: Traces;
  transport: Transport;
  client: KubeClient;
  caches: Caches;
  attachments: Attachments;
  notifier: AgentNotifier;
  lag: StatusLag;
  ownWrites: OwnWrites;
  queues: Queues;
  rotation: Rotation;
  links: Links;
  fleet: Fleet;
}

type PartsOptions = OperatorOptions & Pick<Parts, 'loggers' | 'traces'>;

async function createParts(options: PartsOptions, signal: AbortSignal): Promise<Parts> {
  const { settings, registry, loggers, traces } = options;
  const transport = createTransport(options);
  const client = new KubeClient(transport);
  const caches = new Caches({
    ...{ client, clock, random },
    logger: loggers.of('informer'),
    discoveryIntervalMs: options.discoveryIntervalMs,
    share: settings.share,
  });
  const attachments = new Attachments(caches);
  const notifier = new AgentNotifier();
  const lag = new StatusLag(registry, clock);
  const ownWrites = new OwnWrites();
  const queues = createQueues({ registry, clock, random, lag });
  // A standby queues nothing. A term begins with all objects.
  for (const queue of Object.values(queues)) queue.stop();
  const rotation = await Rotation.start({
    ...{ clock, store: new AuthorityStore(client, settings), logger: loggers.of('authority') },
    plan: { checkMs: settings.authorityCheckMs, ...options.rotation },
  });
  const links = await createLinks({ ...options, rotation, client }, signal);
  rotation.onChange(() => {
    // Enqueued keys are dropped unless this process leads. A ConfigMap that is current is not written.
    for (const agent of caches.agents.list()) queues.agent.add(keyOf(agent), { priority: 'low' });
  });
  rotation.follow(signal);
  connectTriggers({ caches, attachments, notifier, links, queues, ownWrites, clock, random });
  return {
    ...{ loggers, traces, transport, client, caches, attachments, notifier, lag, ownWrites },
    ...{ queues, rotation, links },
    fleet: createFleet({ links, clock, random, registry, instance: settings.podName }),
  };
}

function createTransport({ cluster, settings, registry, traces }: PartsOptions): Transport {
  return new Transport({
    config: cluster,
    maxInFlight: settings.requestsInFlight,
    maxReviewsInFlight: settings.tokenReviewsInFlight,
    ...{ registry, clock, random, traces },
  });
}

async function createLinks(
  {
    rotation,
    client,
    ...options
  }: Omit<PartsOptions, 'rotation'> & Pick<Parts, 'rotation' | 'client'>,
  signal: AbortSignal,
): Promise<Links> {
  const { cluster, settings, registry, loggers, traces } = options;
  const logger = loggers.of('links');
  const credentials = await Credentials.issue({
    authority: rotation.signing,
    ...{ clock, logger },
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
    ...{ clock, random, logger, registry, traces },
    ...(settings.links === 'PortForward' && {
      dial: createDial((address) => new ForwardedPort(cluster, address)),
    }),
  });
}

function elector(
  { settings, registry }: OperatorOptions,
  { client, loggers }: Parts,
): LeaderElector {
  return new LeaderElector({
    client,
    namespace: settings.namespace,
    name: settings.leaseName,
    identity: `${settings.podName}_${randomUUID()}`,
    logger: loggers.of('leader'),
    ...{ registry, clock, random },
  });
}

function createWork(
  { settings, registry }: OperatorOptions,
  parts: Parts,
  leading: LeaderTerm,
): LeaderWork {
  const { client, rotation, loggers } = parts;
  const work = new LeaderWork(
    {
      ...parts,
      plan: planOptions(settings),
      authorityPem: rotation.trusted,
      upgradeConcurrency: settings.upgradeConcurrency,
      upgradeFailures: settings.upgradeFailures,
      instance: settings.podName,
      installation: `${settings.namespace}/${settings.leaseName}`,
      logger: loggers.of('reconcile'),
      ...{ registry, clock, random },
      concurrency: settings.reconcileConcurrency,
      requestsInFlight: settings.requestsInFlight,
    },
    leading,
  );
  const guarded = client.guarded(() => leading.assertLeading());
  void rotation.lead(new AuthorityStore(guarded, settings), leading.signal);
  return work;
}

function planOptions(settings: Settings): PlanOptions {
  const { runtimeImage, runtimeImagePullPolicy, namespace, tenancy } = settings;
  const { mesh, tracing, runbooks } = settings;
  return {
    runtimeImage,
    operatorNamespace: namespace,
    tenancy,
    ...(mesh && { mesh }),
    ...(runtimeImagePullPolicy !== undefined && { runtimeImagePullPolicy }),
    ...(tracing && { tracing }),
    ...(runbooks !== undefined && { runbooks }),
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

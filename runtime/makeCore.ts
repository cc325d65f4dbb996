import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import type { Logger } from 'pino';
import type { CircuitStatus, Content, Transition } from '../contract/generated/types.ts';
import { Activity } from './api/activity.ts';
import { Clients } from './api/clients/clients.ts';
import { Siblings } from './api/siblings.ts';
import { CachingCaller } from './cache/cachingCaller.ts';
import { ActiveConfiguration } from './control/configuration.ts';
import type { Offer } from './control/configuration.ts';
import { StateFile } from './control/stateFile.ts';
import { StateFiles } from './control/stateFiles.ts';
import { Agent } from './conversations/agent.ts';
import type { Clock } from './guard/clock.ts';
import { Guard } from './guard/guard.ts';
import { dependencyOf, supported } from './guard/supported.ts';
import { TokenEstimator } from './model/attempt/estimate.ts';
import { ModelCaller } from './model/caller.ts';
import { Credentials } from './mounts/credentials.ts';
import { authentication } from './model/pool/authentication.ts';
import { ByteBudget } from './resilience/byteBudget.ts';
import { RetryBudgets } from './resilience/retryBudget.ts';
import { Pool } from './model/pool/pool.ts';
import type { InForce } from './model/pool/pool.ts';
import { FORWARDED } from './model/transport/headers.ts';
import { readHeaders } from './mounts/secretHeaders.ts';
import { Agents } from './network/agents.ts';
import { httpAgent } from './network/httpAgent.ts';
import { Network } from './network/network.ts';
import { networkFetch } from './network/agents.ts';
import { Upstream } from './model/transport/upstream.ts';
import { HealthChecks } from './observe/healthChecks.ts';
import { LastCalls } from './observe/lastCalls.ts';
import { ModuleLoggers } from './observe/log.ts';
import type { Module } from './observe/log.ts';
import { Metrics } from './observe/metrics.ts';
import { Performance } from './observe/performance.ts';
import { makeProbe } from './observe/probe.ts';
import { RequestTraces } from './observe/requestTraces.ts';
import { Tracing, resourceOf } from '../tracing/tracing.ts';
import type { RuntimeOptions } from './options.ts';
import { RedisLimits } from './redis/redisLimits.ts';
import { Screen } from './security/screening/screen.ts';
import type { Incident, Detection } from './security/incidents/incident.ts';
import { Incidents } from './security/incidents/incidents.ts';
import { ForwardSeal } from './security/forwardSeal.ts';
import { sourceAddresses } from './security/sourceAddress.ts';
import type { SourceAddress } from './security/sourceAddress.ts';

/** Events of the core. Listeners run in the order in which they were added. */
export interface CoreEvents {
  transition: [Transition, CircuitStatus];
  apply: [Content];
  /** A configuration was offered. */
  configuration: [Offer];
  /** The leader told that the namespace is deleted. */
  namespaceDeleted: [];
  /** A conversation expired. `keeping` hears of work to do before others may forget that. */
  expired: [id: string, keeping: (kept: Promise<void>) => void];
  /** An incident opened, or its level rose. */
  incident: [Readonly<Incident>, Detection, 'Opened' | 'Raised'];
}

/** The agent without its ports: guard, model, cache and conversations, with their measurements. */
export interface Core {
  events: EventEmitter<CoreEvents>;
  clock: Clock;
  log: (module: Module) => Logger;
  loggers: ModuleLoggers;
  traces: RequestTraces;
  tracing: Tracing;
  configuration: ActiveConfiguration;
  /** The configuration as requests use it; undefined before the first. */
  inForce: () => InForce | undefined;
  /** Time to connect, in milliseconds. */
  connectMs: () => number;
  guard: Guard;
  incidents: Incidents;
  credentials: Credentials;
  network: Network;
  /** Buckets of limits that all pods share. */
  redisLimits: RedisLimits;
  /** Calls servers that are neither endpoints nor tools, such as the issuer of keys. */
  fetch: typeof fetch;
  /** Connections of fetch. */
  agents: Agents;
  clients: Clients;
  upstream: Upstream;
  pool: Pool;
  estimator: TokenEstimator;
  caller: CachingCaller;
  agent: Agent;
  retryBudgets: RetryBudgets;
  /** Bounds what peers may have this process keep. */
  byteBudget: ByteBudget;
  metrics: Metrics;
  performance: Performance;
  lastCalls: LastCalls;
  screen: Screen;
  checks: HealthChecks;
  /** Says to siblings where a forwarded request came from. */
  seal: ForwardSeal;
  /** The address that a request came from, as far as it is known. */
  sourceOf: SourceAddress['of'];
  /** Other pods of the agent, as the operator reports them. */
  siblings: Siblings;
  activity: Activity;
  /** Reads changed mounted files, and opens the gates of credentials that are no longer mounted. */
  useCredentials: () => void;
}

/** Time to connect before the first configuration, in milliseconds. */
const DEFAULT_CONNECT_MS = 10_000;

export function makeCore(options: RuntimeOptions): Core {
  const base = makeBase(options);
  const model = makeModel(options, base);
  const agent = makeAgent(options, base, model);
  const core = { ...base, ...model, agent, useCredentials: () => useCredentials(base, agent) };
  core.metrics.show({
    caches: () => ({ answers: core.caller.stats(), tool_results: agent.toolResults.stats() }),
    conversations: () => agent.conversations(),
    connections: () => core.upstream.stats(),
    checks: () => core.checks.stats(),
    mcpServers: () => agent.mcpStats(),
    waiting: () => base.configuration.status().waiting ?? [],
  });
  applyConfigurations(core);
  return core;
}

type Base = Omit<Core, 'upstream' | 'pool' | 'estimator' | 'caller' | 'agent' | 'useCredentials'>;
type Model = Pick<Core, 'upstream' | 'pool' | 'estimator' | 'caller'>;

function makeBase(options: RuntimeOptions): Base {
  const { clock, pod, version, log: root } = options;
  const events = new EventEmitter<CoreEvents>();
  const loggers = new ModuleLoggers(root);
  const log = (module: Module): Logger => loggers.of(module);
  const guard = new Guard({
    clock,
    seed: `${pod.namespace}/${pod.name}`,
    onTransition: (transition, circuit) => {
      const { dependency, model, from, to, reason } = transition;
      log('guard').warn({ dependency, model, from, to, reason }, 'Circuit changed its state');
      events.emit('transition', transition, circuit);
    },
  });
  const incidents = makeIncidentRecord(options, events, log);
  const configuration: ActiveConfiguration = new ActiveConfiguration({
    apply: (content) => void events.emit('apply', content),
    date: () => clock.date(),
    onChange: (offer) => void events.emit('configuration', offer),
    ...(options.mounts && { mounts: options.mounts }),
    ...(options.formerPath !== undefined && {
      former: new StateFile({
        path: options.formerPath,
        snapshot: () => configuration.configuration,
        log: log('state'),
      }),
    }),
    log: log('configuration'),
  });
  const content = (): Content | undefined => configuration.configuration?.content;
  const inForce = (): InForce | undefined => {
    const current = content();
    return current && { content: current, endpoints: configuration.endpoints };
  };
  const connectMs = (): number => content()?.timeouts.connectMs ?? DEFAULT_CONNECT_MS;
  const credentials = new Credentials(() => clock.now());
  const network = new Network({
    ...{ credentials, connectMs, environment: options.proxies },
    log: log('network'),
  });
  const redisLimits = new RedisLimits({
    ...{ content, credentials, network, connectMs },
    log: log('guard'),
  });
  storeLimits(guard, redisLimits, log('guard'));
  const agents = new Agents(network, {});
  const fetch = networkFetch(agents);
  const seal = new ForwardSeal({
    now: () => clock.date().getTime(),
    secret: () =>
      (content()?.endpoints ?? [])
        .map(({ credential }) => credential && credentials.read(credential))
        .find((key) => key !== undefined),
  });
  const sourceOf = sourceAddresses(
    () => content()?.trustedProxies,
    ({ headers }) => seal.open(headers[FORWARDED]),
  );
  const clients = new Clients({
    now: () => clock.now(),
    date: () => clock.date(),
    fetch: (url, init) => fetch(url, { ...init, redirect: 'error' }),
    content,
    addressOf: sourceOf,
  });
  const retryBudgets = new RetryBudgets();
  const byteBudget = new ByteBudget(() => content()?.intake.maxBodyBytesInFlight ?? 0);
  const metrics = new Metrics({
    guard,
    retryBudgets: () => retryBudgets.used(clock.now()),
    hash: () => configuration.configuration?.hash,
  });
  const tracing = new Tracing({
    environment: options.tracing,
    resource: (agent) => resourceOf(agent, { pod, version }),
    headers: () => {
      const read = readHeaders(content()?.telemetry.tracing?.headersFrom ?? [], credentials);
      return 'headers' in read ? Object.fromEntries(read.headers) : {};
    },
    agent: (protocol) => httpAgent(network, protocol),
    count: (result, spans) => metrics.spans(result, spans),
    log: log('traces'),
  });
  const traces = new RequestTraces({
    now: () => clock.now(),
    log,
    random: Math.random,
    telemetry: () => content()?.telemetry,
    tracer: () => tracing.tracer,
    content: () => tracing.content,
  });
  return {
    ...{
      events,
      clock,
      log,
      loggers,
      traces,
      tracing,
      credentials,
      network,
      redisLimits,
      agents,
      fetch,
      guard,
      incidents,
      configuration,
      inForce,
      clients,
      seal,
      sourceOf,
      retryBudgets,
      byteBudget,
      metrics,
    },
    connectMs,
    performance: new Performance({ now: () => clock.now(), date: () => clock.date() }),
    lastCalls: new LastCalls(() => clock.date()),
    screen: makeScreen(),
    checks: makeChecks(options, { network, log }),
    siblings: new Siblings({ now: () => clock.now(), random: Math.random }),
    activity: new Activity(),
  };
}

function storeLimits({ limitStore }: Guard, redis: RedisLimits, log: Logger): void {
  limitStore.store = redis;
  limitStore.onChange = (up, reason) => {
    if (up) log.info('Redis serves limits again');
    else log.warn({ reason }, 'Redis does not serve limits; withoutLeader decides for each key');
  };
}

function makeIncidentRecord(
  { clock }: RuntimeOptions,
  events: EventEmitter<CoreEvents>,
  log: Core['log'],
): Incidents {
  return new Incidents({
    now: () => clock.now(),
    time: () => clock.date().getTime(),
    newId: randomUUID,
    onIncident: (incident, detection, change) => {
      const { id, type, form, level: threat, count, client, source, resource, evidence } = incident;
      const { requestId, conversation } = detection;
      const what = { id, type, form, threat, count, client, source, resource, evidence };
      log('security').warn(
        { ...what, requestId, conversation },
        change === 'Opened' ? 'Security incident' : 'Security incident escalated',
      );
      events.emit('incident', incident, detection, change);
    },
  });
}

function makeChecks(
  { clock }: RuntimeOptions,
  { network, log }: Pick<Core, 'network' | 'log'>,
): HealthChecks {
  // Each check has its own deadline.
  const agents = new Agents(network, { pipelining: 0, headersTimeout: 0, bodyTimeout: 0 });
  return new HealthChecks({
    clock,
    probe: makeProbe(() => agents.of()),
    onChange: ({ name, critical, state, reason }) => {
      if (state === 'Failing')
        log('health').warn({ check: name, critical, reason }, 'Health check failed');
      else log('health').info({ check: name, critical }, 'Health check passed');
    },
  });
}

/** Calls of the model, for requests and for the agent itself. */
function makeModel({ maxCacheBytes }: RuntimeOptions, base: Base): Model {
  const { clock, guard, credentials, network, retryBudgets, byteBudget } = base;
  const { metrics, lastCalls, performance } = base;
  const upstream = new Upstream(network, () => clock.now());
  const pool = new Pool({
    ...{ guard, credentials, network },
    now: () => clock.now(),
    random: Math.random,
  });
  const estimator = new TokenEstimator();
  const model = new ModelCaller({
    ...{ clock, upstream, estimator, retryBudgets, byteBudget, pool },
    random: Math.random,
    onAttempt: (call) => {
      metrics.modelCall(call);
      lastCalls.record(call.dependency, call.outcome);
      performance.record('model', call.duration * 1000, call.errorType, nameOf(call.dependency));
    },
    onRetry: ({ dependency, reason, waitMs }, { chat }) => {
      metrics.retry(dependency, reason);
      chat?.retry(reason, waitMs);
    },
    onFallback: (fallback, { chat }) => {
      metrics.fallback(fallback.from, fallback.to);
      chat?.moved(fallback);
    },
    onSession: (atItsEndpoint) => metrics.session(atItsEndpoint ? 'hit' : 'moved'),
  });
  const caller = new CachingCaller({
    call: (request) => model.call(request),
    now: () => clock.now(),
    maxBytes: maxCacheBytes,
    onLookup: (tier, result, { chat }) => {
      metrics.cacheLookup(tier, result);
      chat?.cache(tier, result);
    },
  });
  return { upstream, pool, estimator, caller };
}

function makeAgent(options: RuntimeOptions, base: Base, { caller, estimator }: Model): Agent {
  const { clock, guard, credentials, network, connectMs, inForce, byteBudget } = base;
  const { metrics, lastCalls, performance, log, incidents } = base;
  const { version, maxConversationBytes, maxToolResultBytes, peers } = options;
  const { toolListsDirectory: directory } = options;
  return new Agent({
    ...{
      guard,
      clock,
      caller,
      inForce,
      version,
      credentials,
      network,
      connectMs,
      byteBudget,
      estimator,
    },
    ...{ maxConversationBytes, maxToolResultBytes },
    screen: base.screen,
    self: peers.self,
    onToolCall: (tool, status, seconds) => {
      metrics.toolCall(tool, status, seconds);
      if (status === 'cached') return;
      const worked = status === 'ok' || status === 'error';
      performance.record('tool', seconds * 1000, worked ? '' : status, tool);
    },
    onToolsChanged: (name, denied) =>
      incidents.report({
        ...{ type: 'ToolChanged', asset: 'Tools', denied, resource: { type: 'mcp', name } },
        evidence: denied
          ? 'The tools of an MCP server are not those that are pinned.'
          : 'An MCP server describes its tools otherwise than before.',
      }),
    onExpired: async (id) => {
      const keeping: Promise<void>[] = [];
      base.events.emit('expired', id, (kept) => keeping.push(kept));
      await Promise.all(keeping);
    },
    onOutcome: (dependency, outcome) => lastCalls.record(dependency, outcome),
    ...(directory !== undefined && { files: new StateFiles({ directory, log: log('state') }) }),
    log: log('agent'),
  });
}

/** Name of a dependency's endpoint. */
function nameOf(dependency: string): string {
  return dependency.slice(dependency.indexOf('/') + 1);
}

function applyConfigurations(core: Core): void {
  const { events, configuration, guard, retryBudgets, agent, caller, loggers, tracing } = core;
  const { metrics, lastCalls, credentials, network, checks } = core;
  events.on('apply', (content) => {
    network.apply(content);
    loggers.apply(content.telemetry.logging.levels);
    tracing.apply(content);
    retryBudgets.apply(content.retry, supported(content).endpoints.map(dependencyOf));
    guard.apply(content);
    core.redisLimits.apply(content);
    agent.apply(content);
    caller.apply(content.cache);
    checks.apply(content.healthChecks);
  });
  events.on('configuration', (offer) => {
    metrics.reload(offer.toLowerCase());
    const dependencies = new Set(guard.circuits().map(({ dependency }) => dependency));
    lastCalls.retain(dependencies);
    metrics.retain(dependencies);
    const keys = configuration.endpoints.flatMap(({ credential }) => credential ?? []);
    const headers = agent.credentials().map(({ credential }) => credential);
    const { audit, proxy, telemetry } = configuration.configuration?.content ?? {};
    const scraper = telemetry?.metrics?.token;
    const receivers = (audit?.otlp?.headersFrom ?? []).map(({ credential }) => credential);
    const { username, password } = proxy?.credentials ?? {};
    const shown = [username, password, scraper].filter((each) => each !== undefined);
    const used = [...keys, ...headers, ...receivers, ...shown];
    credentials.retain(new Set(used.map(({ path }) => path)));
    core.useCredentials();
  });
}

function useCredentials({ guard, configuration, credentials, network }: Base, agent: Agent): void {
  network.look();
  agent.useCredentials();
  for (const endpoint of configuration.endpoints) {
    const shown = authentication(endpoint, credentials);
    if ('missing' in shown || !shown.credential) continue;
    guard.useCredential(dependencyOf(endpoint), shown.credential.hash);
  }
}

/** Loads the engines on demand, so that agents without screening never load them. */
function makeScreen(): Screen {
  return new Screen({
    loadDetector: async () => {
      const { RuleDetector } = await import('./security/injection/ruleDetector.ts');
      return RuleDetector.load();
    },
    loadScanner: async () => {
      const { SecretlintScanner } = await import('./security/secrets/secretScanner.ts');
      return SecretlintScanner.load();
    },
  });
}

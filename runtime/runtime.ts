import type { Server as HttpServer } from 'node:http';
import type { Logger } from 'pino';
import type { Content, Hello, Snapshot } from '../contract/generated/types.ts';
import { MOUNTS } from '../contract/link.ts';
import { Agent } from './agent/agent.ts';
import type { PeerAccess } from './agent/agent.ts';
import { CachingCaller } from './cache/cachingCaller.ts';
import { ActiveConfiguration } from './control/configuration.ts';
import type { Offer } from './control/configuration.ts';
import { ControlPort } from './control/controlPort.ts';
import { FileWatcher } from './control/file.ts';
import { KeptState } from './control/keptState.ts';
import { Reporter } from './control/report.ts';
import type { Clock } from './guard/clock.ts';
import { Guard } from './guard/guard.ts';
import { dependencyOf } from './guard/supported.ts';
import { listen, portOf } from './http/listen.ts';
import { Messages } from './http/messages.ts';
import { agentServer } from './http/server.ts';
import { Lifecycle } from './lifecycle.ts';
import { ModelCaller } from './model/caller.ts';
import { Credentials, credentialHash } from './model/credentials.ts';
import { TokenEstimator } from './model/estimate.ts';
import { Pool } from './model/pool.ts';
import { TimerWheel } from './model/timerWheel.ts';
import { Upstream } from './model/upstream.ts';
import { debugPages } from './observe/debug.ts';
import { EventLoop } from './observe/eventLoop.ts';
import { GateLog } from './observe/gateLog.ts';
import { healthRoute } from './observe/health.ts';
import { LastCalls } from './observe/lastCalls.ts';
import { moduleLogger } from './observe/log.ts';
import { Metrics } from './observe/metrics.ts';
import { Performance } from './observe/performance.ts';
import { debugServer, metricsServer } from './observe/servers.ts';
import { Callers } from './security/callers.ts';
import { RetryBudget } from './resilience/retryBudget.ts';

export interface RuntimeOptions {
  pod: Hello['pod'];
  version: string;
  /** 0 chooses a free port. */
  ports: { agent: number; metrics: number; control: number; debug: number };
  /** Address that all ports but debug are open on; absent: any. */
  host?: string;
  configurationDirectory: string;
  tokenDirectory: string;
  /** Where the guard's state outlives the process; absent: it does not. */
  statePath?: string;
  peers: PeerAccess;
  /** Bytes of conversations that are kept in memory at most. */
  maxConversationBytes: number;
  /** Bytes of answers that the cache keeps at most. */
  maxCacheBytes: number;
  /** Bytes of results of tools that are kept at most. */
  maxToolResultBytes: number;
  clock: Clock;
  log: Logger;
  /** Between looks at the mounted files; see FileWatcher. */
  filePollMs?: number;
}

/** What health calls the store of conversations where that is a Redis. */
const STORE = 'store/redis';
/** How often counters are told, in milliseconds. */
const COUNTERS_MS = 1000;
/** Between two looks at what is to be kept, in counter ticks. */
const SAVE_TICKS = 5;
/** Time to connect while there is no configuration yet, in milliseconds. */
const DEFAULT_CONNECT_MS = 10_000;

/** The agent runtime: everything of a pod's process but its environment and its signals. */
export class Runtime {
  readonly configuration: ActiveConfiguration;
  readonly guard: Guard;
  readonly lifecycle: Lifecycle;
  readonly metrics: Metrics;
  readonly #options: RuntimeOptions;
  readonly #startedAt: string;
  readonly #credentials: Credentials;
  readonly #callers: Callers;
  readonly #performance: Performance;
  readonly #lastCalls: LastCalls;
  readonly #reporter: Reporter;
  readonly #upstream: Upstream;
  readonly #wheel: TimerWheel;
  readonly #pool: Pool;
  readonly #retryBudget = new RetryBudget(0);
  readonly #kept: KeptState;
  readonly #gateLog: GateLog;
  #ticks = 0;
  readonly #eventLoop: EventLoop;
  readonly #files: FileWatcher;
  readonly #model: { caller: CachingCaller; estimator: TokenEstimator };
  readonly #agent: Agent;
  readonly #servers: Record<'agent' | 'metrics' | 'debug', HttpServer>;
  readonly #control: ControlPort;
  #ticker: NodeJS.Timeout | undefined;
  #toldMissing = '[]';

  constructor(options: RuntimeOptions) {
    const { clock } = options;
    this.#options = options;
    this.#startedAt = clock.date().toISOString();
    this.guard = new Guard({
      clock,
      onTransition: (transition, circuit) => {
        const { dependency, from, to, reason } = transition;
        this.#log('guard').warn({ dependency, from, to, reason }, 'Circuit changed its state');
        this.#control.broadcast({ type: 'Transition', transition, circuit });
        void this.#kept.save();
      },
    });
    this.#kept = new KeptState({
      guard: this.guard,
      path: options.statePath,
      log: this.#log('state'),
    });
    this.configuration = new ActiveConfiguration({
      apply: (content) => this.#apply(content),
      date: () => clock.date(),
      onChange: (offer) => this.#onConfiguration(offer),
      log: this.#log('configuration'),
    });
    this.#credentials = new Credentials(() => clock.now());
    this.#performance = new Performance({ now: () => clock.now(), date: () => clock.date() });
    this.#lastCalls = new LastCalls(() => clock.date());
    this.#callers = new Callers({
      now: () => clock.now(),
      date: () => clock.date(),
      fetch: (url, init) => fetch(url, { ...init, redirect: 'error' }),
      content: () => this.configuration.configuration?.content,
    });
    this.#reporter = new Reporter({
      guard: this.guard,
      configuration: this.configuration,
      credentials: this.#credentials,
      headerCredentials: () => this.#agent.credentials(),
      performance: this.#performance,
      missingCallers: () => this.#callers.missingSecret(),
      missingConfigMaps: () => this.#agent.missingConfigMaps(),
    });
    this.#control = new ControlPort({
      pod: options.pod,
      version: options.version,
      startedAt: this.#startedAt,
      tokenDirectory: options.tokenDirectory,
      configuration: this.configuration,
      snapshot: () => this.#reporter.snapshot(),
      clock,
      log: this.#log('link'),
    });
    this.#gateLog = new GateLog(this.#log('guard'), () => clock.date());
    this.#upstream = new Upstream(() => this.#timeouts()?.connectMs ?? DEFAULT_CONNECT_MS);
    this.#wheel = new TimerWheel(clock);
    this.lifecycle = new Lifecycle({
      clock,
      onPhase: (phase, openRequests) => {
        this.#log('lifecycle').info({ phase, openRequests }, 'Shutdown moved on');
        if (phase === 'Stopped' && openRequests > 0)
          this.#log('lifecycle').warn(
            { openRequests },
            'Requests were cut when the drain was over',
          );
        if (phase === 'Draining') this.#servers.agent.closeIdleConnections();
      },
      onHandler: (handler, end, err) => {
        const log = this.#log('lifecycle');
        if (end === 'Done') log.info({ handler }, 'Shutdown handler is done');
        else log.warn({ handler, end, err }, 'Shutdown handler did not come to its end');
      },
    });
    this.#eventLoop = new EventLoop(() => performance.now());
    this.metrics = new Metrics({
      guard: this.guard,
      retryBudgetUsed: () => this.#retryBudget.used(clock.now()),
      hash: () => this.configuration.configuration?.hash,
    });
    this.#pool = new Pool({
      guard: this.guard,
      credentials: this.#credentials,
      random: Math.random,
    });
    this.#model = this.#makeCaller();
    this.#agent = new Agent({
      guard: this.guard,
      clock,
      ...this.#model,
      inForce: () => this.#inForce(),
      version: options.version,
      peers: options.peers,
      credentials: this.#credentials,
      connectMs: () => this.#timeouts()?.connectMs ?? DEFAULT_CONNECT_MS,
      onToolCall: (tool, status, seconds) => {
        this.metrics.toolCall(tool, status, seconds);
        if (status === 'cached') return;
        const worked = status === 'ok' || status === 'error';
        this.#performance.record('tool', seconds * 1000, worked ? '' : status);
      },
      maxConversationBytes: options.maxConversationBytes,
      onOutcome: (dependency, outcome) => this.#lastCalls.record(dependency, outcome),
      maxToolResultBytes: options.maxToolResultBytes,
      log: this.#log('agent'),
    });
    this.lifecycle.register('conversations', () => this.#agent.settle());
    this.lifecycle.register('circuits', () => this.#kept.save());
    this.#servers = this.#makeServers();
    this.#files = new FileWatcher({
      directory: options.configurationDirectory,
      files: {
        [MOUNTS.configurationKey]: (text) => this.configuration.offerFile(text),
        [MOUNTS.authorityKey]: (text) => this.#control.setAuthority(text),
      },
      log: this.#log('file'),
      ...(options.filePollMs !== undefined && { pollMs: options.filePollMs }),
    });
  }

  /** Resolves when every listener is up and the mounted files were looked at. */
  async start(): Promise<void> {
    const { ports, host } = this.#options;
    await Promise.all([
      this.#files.start(),
      listen(this.#servers.agent, ports.agent, host),
      listen(this.#servers.metrics, ports.metrics, host),
      listen(this.#servers.debug, ports.debug, '127.0.0.1'),
      this.#control.start(ports.control, host),
    ]);
    this.#ticker = setInterval(() => this.#tick(), COUNTERS_MS).unref();
    const { version } = this.#options;
    this.#log('runtime').info({ version, ports: this.ports() }, 'Runtime started');
  }

  /** What it tells about itself at present. */
  snapshot(): Snapshot {
    return this.#reporter.snapshot();
  }

  /** Ports in use. */
  ports(): RuntimeOptions['ports'] {
    const { agent, metrics, debug } = this.#servers;
    return {
      agent: portOf(agent),
      metrics: portOf(metrics),
      debug: portOf(debug),
      control: portOf(this.#control.server),
    };
  }

  /** Leaves in order; resolves when the process may exit. */
  async shutdown(): Promise<void> {
    const times = this.configuration.configuration?.content.shutdown;
    await this.lifecycle.shutdown(times ?? { endpointLagMs: 0, drainTimeoutMs: 0 });
    await this.close();
  }

  /** Lets go of everything at once. */
  async close(): Promise<void> {
    clearInterval(this.#ticker);
    this.#files.close();
    this.#eventLoop.close();
    this.guard.close();
    this.#wheel.close();
    const { agent, metrics, debug } = this.#servers;
    for (const server of [agent, metrics, debug]) {
      server.close();
      server.closeAllConnections();
    }
    await Promise.all([
      this.#agent.close(),
      this.#control.close(),
      this.#upstream.close(),
      this.#kept.save(),
    ]);
  }

  #makeServers(): Record<'agent' | 'metrics' | 'debug', HttpServer> {
    const health = healthRoute({
      configured: () => this.configuration.endpoints.length > 0,
      listening: () => this.#servers.agent.listening && this.#control.server?.listening === true,
      leaving: () => this.lifecycle.leaving,
      lagMs: () => this.#eventLoop.lagMs,
      links: () => this.#control.links,
      circuits: () => this.guard.circuits(),
      gates: () => this.guard.gates(),
      lastCalls: this.#lastCalls,
      checks: () => {
        const reached = this.#agent.reachStore();
        return reached ? [[STORE, reached]] : [];
      },
      clock: this.#options.clock,
    });
    const { clock } = this.#options;
    const { caller, estimator } = this.#model;
    const messages = new Messages({
      guard: this.guard,
      clock,
      caller,
      estimator,
      inForce: () => this.#inForce(),
      log: this.#log('messages'),
    });
    const agent = agentServer({
      messages,
      conversations: this.#agent.conversations,
      callers: this.#callers,
      lifecycle: this.lifecycle,
      health,
      onServed: (route, served, seconds) => {
        this.metrics.served(route, served, seconds);
        this.#performance.record('request', seconds * 1000, served.failed ? served.reason : '');
      },
      log: this.#log('http'),
    });
    const pages = debugPages({
      guard: this.guard,
      configuration: this.configuration,
      date: () => clock.date(),
      caches: { answers: caller, toolResults: this.#agent.toolResults },
      performance: this.#performance,
      endpoints: () => {
        const content = this.configuration.configuration?.content;
        return content ? this.#pool.state(content, this.configuration.endpoints) : [];
      },
      state: () => this.#facts(),
    });
    return {
      agent,
      metrics: metricsServer(this.metrics.registry, health),
      debug: debugServer(pages),
    };
  }

  /** The way to the model, which is the same for requests and for the agent itself. */
  #makeCaller(): { caller: CachingCaller; estimator: TokenEstimator } {
    const { clock } = this.#options;
    const estimator = new TokenEstimator();
    const model = new ModelCaller({
      clock,
      upstream: this.#upstream,
      wheel: this.#wheel,
      estimator,
      retryBudget: this.#retryBudget,
      pool: this.#pool,
      random: Math.random,
      onAttempt: (call) => {
        this.metrics.modelCall(call);
        this.#lastCalls.record(call.dependency, call.outcome);
        this.#performance.record('model', call.duration * 1000, call.errorType);
      },
      onRetry: (reason) => this.metrics.retry(reason),
      onFallback: (from, to) => this.metrics.fallback(from, to),
    });
    const caller = new CachingCaller({
      call: (request, onUsage) => model.call(request, onUsage),
      now: () => clock.now(),
      maxBytes: this.#options.maxCacheBytes,
      onLookup: (tier, result) => this.metrics.cacheLookup(tier, result),
    });
    return { caller, estimator };
  }

  #apply(content: Content): void {
    this.#retryBudget.apply(content.retry?.budgetPercent ?? 0);
    this.guard.apply(content);
    this.#agent.apply(content);
    this.#model.caller.apply(content.cache);
    this.#kept.restore();
  }

  #onConfiguration(offer: Offer): void {
    this.metrics.reload(offer.toLowerCase());
    const keys = this.configuration.endpoints.flatMap(({ credential }) => credential ?? []);
    this.#lastCalls.retain(new Set(this.guard.circuits().map(({ dependency }) => dependency)));
    const headers = this.#agent.credentials().map(({ credential }) => credential);
    this.#credentials.retain(new Set([...keys, ...headers].map(({ path }) => path)));
    this.#useCredentials();
    void this.#kept.save();
    const snapshot = this.#reporter.snapshot();
    this.#toldMissing = JSON.stringify(this.#reporter.missing());
    this.#control.broadcast(snapshot);
  }

  /** Has the guard open the gates of keys that are not mounted any more. */
  #useCredentials(): void {
    this.#agent.useCredentials();
    for (const endpoint of this.configuration.endpoints) {
      const key = endpoint.credential && this.#credentials.read(endpoint.credential);
      if (key !== undefined) this.guard.useCredential(dependencyOf(endpoint), credentialHash(key));
    }
  }

  /** Tells what changed without an event of its own. */
  #tick(): void {
    this.#useCredentials();
    this.#ticks += 1;
    if (this.#ticks % SAVE_TICKS === 0) void this.#kept.save();
    const missing = this.#reporter.missing();
    const text = JSON.stringify(missing);
    if (text !== this.#toldMissing) {
      this.#toldMissing = text;
      this.#log('credentials').warn({ missing }, 'Missing credentials or ConfigMaps changed');
      this.#control.broadcast(this.#reporter.snapshot());
    }
    const counters = this.#reporter.counters();
    if (!counters) return;
    this.#control.broadcast(counters);
    const { gates = [] } = counters;
    for (const gate of gates) this.#gateLog.note(gate);
    if (gates.length > 0) void this.#kept.save();
  }

  #inForce(): ReturnType<ConstructorParameters<typeof Messages>[0]['inForce']> {
    const content = this.configuration.configuration?.content;
    return content && { content, endpoints: this.configuration.endpoints };
  }

  #timeouts(): { connectMs: number; requestMs: number } | undefined {
    return this.configuration.configuration?.content.timeouts;
  }

  #facts(): Record<string, unknown> {
    const { pod, version } = this.#options;
    return {
      pod,
      version,
      boot: this.#control.boot,
      startedAt: this.#startedAt,
      phase: this.lifecycle.phase,
      openRequests: this.lifecycle.openRequests,
      links: this.#control.links,
      highestTerm: this.configuration.highestTerm,
      missingCredentials: this.#reporter.missingCredentials(),
      retryBudgetUsed: this.#retryBudget.used(this.#options.clock.now()),
      stateSavedAt: this.#kept.savedAt,
      eventLoopLagMs: Math.round(this.#eventLoop.lagMs),
    };
  }

  #log(module: string): Logger {
    return moduleLogger(this.#options.log, module);
  }
}

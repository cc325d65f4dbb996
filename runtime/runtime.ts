import { randomUUID } from 'node:crypto';
import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Load, Snapshot as Report } from '../contract/generated/types.ts';
import { MOUNTS } from '../contract/link.ts';
import { Tracing, resourceOf } from '../tracing/tracing.ts';
import { Activity } from './exchange/activity.ts';
import { Bodies } from './exchange/bodies.ts';
import { Clients } from './clients/clients.ts';
import type { Client } from './clients/clients.ts';
import { ClientConnections } from './api/connections.ts';
import { Lifecycle } from './api/lifecycle.ts';
import { listen, portOf } from './api/listen.ts';
import { serveConversation } from './exchange/conversations.ts';
import { serveMessages } from './exchange/messages.ts';
import { errorSender, requestIdOf } from './exchange/response.ts';
import { agentServer } from './api/server.ts';
import { CachingCaller } from './cache/cachingCaller.ts';
import { ActiveConfiguration } from './control/configuration.ts';
import { ControlPort } from './control/controlPort.ts';
import { FileWatcher } from './control/file.ts';
import { KeptState } from './control/keptState.ts';
import { LeaderLink } from './control/leaderLink.ts';
import { LoadWatch } from './control/loadWatch.ts';
import { Reporter } from './control/report.ts';
import { ReportPace } from './control/reportPace.ts';
import { StateFile } from './control/stateFile.ts';
import { StateFiles } from './control/stateFiles.ts';
import { Agent } from './conversations/agent.ts';
import { debugFacts } from './debugFacts.ts';
import type { Failure } from './errors/failure.ts';
import { auditEvents } from './eventAudit.ts';
import { logEvents } from './eventLog.ts';
import { measureEvents } from './eventMetrics.ts';
import { Events } from './events.ts';
import { Guard } from './guard/guard.ts';
import { dependencyOf } from './guard/supported.ts';
import { TokenEstimator } from './protocols/usage.ts';
import { ModelCaller } from './model/caller.ts';
import { Identities } from './model/identity/identities.ts';
import { Pool } from './model/pool/pool.ts';
import { FORWARDED } from './model/transport/headers.ts';
import { Upstream } from './model/transport/upstream.ts';
import { Agents, networkFetch } from './network/agents.ts';
import { httpAgent } from './network/httpAgent.ts';
import { Network } from './network/network.ts';
import { auditMetrics } from './observe/auditMetrics.ts';
import { debugPages } from './observe/debug.ts';
import { EventLoop } from './observe/eventLoop.ts';
import { healthRoute } from './observe/health.ts';
import type { HealthFacts } from './observe/health.ts';
import { HealthChecks } from './observe/healthChecks.ts';
import { incidentMetrics, responseMetrics } from './observe/incidentMetrics.ts';
import { LastCalls } from './observe/lastCalls.ts';
import { ModuleLoggers } from './observe/log.ts';
import type { Module } from './observe/log.ts';
import { Metrics } from './observe/metrics.ts';
import { Performance } from './observe/performance.ts';
import { makeProbe } from './observe/probe.ts';
import { RequestTraces } from './observe/requestTraces.ts';
import { debugServer, metricsServer } from './observe/servers.ts';
import { MountedCredentials } from './mountedCredentials.ts';
import { Credentials } from './mounts/credentials.ts';
import { readHeaders } from './mounts/secretHeaders.ts';
import type { RuntimeOptions } from './options.ts';
import { Peers } from './peers/peers.ts';
import type { ProgramHost } from './program/host.ts';
import { Program } from './program/program.ts';
import { RedisLimits } from './redis/redisLimits.ts';
import { Reports } from './reports.ts';
import { requestListener } from './requestListener.ts';
import { ByteBudget } from './resilience/byteBudget.ts';
import { RetryBudgets } from './resilience/retryBudget.ts';
import { Audit } from './security/audit/audit.ts';
import { CredentialIds } from './clients/credentialIds.ts';
import { CredentialWatch } from './security/credentialWatch.ts';
import { ForwardSeal } from './security/forwardSeal.ts';
import type { Detection } from './security/incidents/incident.ts';
import { Incidents } from './security/incidents/incidents.ts';
import { Responses } from './security/incidents/responses.ts';
import { Addresses } from './security/incidents/addresses.ts';
import { Spend } from './security/incidents/spend.ts';
import { engines } from './security/screening/engines.ts';
import { Screen } from './security/screening/screen.ts';
import { sourceAddresses } from './security/sourceAddress.ts';
import { Current } from './snapshot/snapshot.ts';

/** Time to connect before the first configuration, in milliseconds. */
const CONNECT_MS = 10_000;
/** Name of Redis as store of conversations, in health. */
const STORE = 'store/redis';
const TAMPERED: Detection = {
  ...{ type: 'ConfigurationTampering', asset: 'Access', denied: false },
  resource: { type: 'configuration', name: 'file' },
  evidence: 'The file of the configuration is not what its hash says: another writer changed it.',
};
const AUDIT_UNAVAILABLE: Failure = {
  reason: 'AuditUnavailable',
  message: 'The agent cannot record requests at present, and must not serve any without.',
  retryAfterMs: 5000,
};

/**
 * The agent runtime: the whole process of a pod, except for its environment and its signals. Each part is made from
 * the parts before it. What a part holds open is closed in the opposite order.
 */
export class Runtime {
  readonly configuration: ActiveConfiguration;
  readonly guard: Guard;
  readonly lifecycle: Lifecycle;
  readonly metrics: Metrics;
  readonly tracing: Tracing;
  readonly #options: RuntimeOptions;
  readonly #parts = new AsyncDisposableStack();
  readonly #servers: Record<'agent' | 'metrics' | 'debug', Server>;
  readonly #files: FileWatcher;
  readonly #port: ControlPort;
  readonly #reporter: Reporter;
  readonly #reports: Reports;
  readonly #program: Program;
  readonly #log: (module: Module) => ReturnType<ModuleLoggers['of']>;

  constructor(options: RuntimeOptions) {
    const { clock, pod, version, peers: access } = options;
    const parts = this.#parts;
    const startedAt = clock.date().toISOString();
    const now = (): number => clock.now();
    const date = (): Date => clock.date();
    const time = (): number => clock.date().getTime();
    const { random } = Math;

    const events = new Events();
    const loggers = new ModuleLoggers(options.log);
    const log = (module: Module): ReturnType<ModuleLoggers['of']> => loggers.of(module);
    logEvents(events, { clock, log });
    const current = new Current();
    const leader = new LeaderLink();
    const connectMs = (): number => current.content?.timeouts.connectMs ?? CONNECT_MS;

    // Connections
    const credentials = new Credentials(now);
    const { proxies: environment } = options;
    const network = new Network({ credentials, connectMs, environment, log: log('network') });
    const agents = new Agents(network, {});
    parts.defer(() => agents.destroy());
    const fetch = networkFetch(agents);
    const identities = new Identities({
      ...{ clock, random },
      context: {
        ...{ dispatcher: () => agents.of(), date, podName: pod.name },
        environment: options.identities ?? {},
      },
      onRefresh: (cloud, end) => events.emit('identityRefresh', cloud, end),
    });
    parts.defer(() => identities.close());
    const redis = new RedisLimits({ current, credentials, network, connectMs, log: log('guard') });
    parts.defer(() => redis.close());
    const seal = new ForwardSeal({
      now: time,
      secret: () =>
        (current.content?.endpoints ?? [])
          .map(({ credential }) => credential && credentials.read(credential))
          .find((key) => key !== undefined),
    });
    const sourceOf = sourceAddresses(
      () => current.content?.trustedProxies,
      ({ headers }) => seal.open(headers[FORWARDED]),
    );

    // Security
    const audit = new Audit({
      ...{ sourceOf, clock, pod, version, fetch, log: log('audit') },
      writeOut: options.writeOut,
      headPath: options.auditHeadPath,
      queueDirectory: options.auditQueueDirectory,
      readHeaders: (headers) => {
        const read = readHeaders(headers, credentials);
        return 'missing' in read ? undefined : read.headers;
      },
    });
    parts.defer(() => audit.close());
    auditEvents(events, { audit, clock });
    const incidents = new Incidents({
      ...{ now, time, newId: randomUUID },
      onIncident: (...incident) => events.emit('incident', ...incident),
    });
    const isOpen = incidents.isOpen.bind(incidents);
    const responses = new Responses({ now, time, isOpen });
    const spend = new Spend();
    const addresses = new Addresses();
    const report = (detection: Detection): void => events.emit('detection', detection);
    const credentialWatch = new CredentialWatch(report);
    events.on('detection', (detection) => incidents.report(detection));
    events.on('incident', (incident, detection) => responses.begin(incident, detection));
    events.on('gate', (gate) => credentialWatch.note(gate));
    const screen = new Screen(engines({ fetch, now, log: log('security') }));

    // Guard
    const guard = new Guard({
      ...{ clock, leader, store: redis, seed: `${pod.namespace}/${pod.name}` },
      listener: {
        transition: (...transition) => events.emit('transition', ...transition),
        gate: (gate) => events.emit('gate', gate),
        limit: (limit) => events.emit('limit', limit),
        override: (...override) => events.emit('override', ...override),
        reset: (order) => events.emit('reset', order),
        limitStore: (...change) => events.emit('limitStore', ...change),
      },
    });
    parts.defer(() => guard.close());
    const kept = new KeptState({ guard, path: options.statePath, log: log('state') });
    parts.defer(() => kept.save());
    const retryBudgets = new RetryBudgets();
    const byteBudget = new ByteBudget(
      () => current.content?.requestLimits.maxBodyBytesInFlight ?? 0,
    );
    const probeAgents = new Agents(network, { pipelining: 0, headersTimeout: 0, bodyTimeout: 0 });
    parts.defer(() => probeAgents.destroy());
    const checks = new HealthChecks({
      clock,
      // Each check has its own deadline.
      probe: makeProbe(() => probeAgents.of()),
      onChange: (status) => events.emit('healthCheck', status),
    });
    parts.defer(() => checks.close());

    // Measurements
    const metrics = new Metrics({
      guard,
      retryBudgets: () => retryBudgets.used(now()),
      hash: () => this.configuration.configuration?.hash,
    });
    const performance = new Performance({ now, date });
    const lastCalls = new LastCalls(date);
    measureEvents(events, { metrics, performance, lastCalls });
    auditMetrics(metrics.registry, () => audit.stats());
    incidentMetrics(metrics.registry, incidents);
    responseMetrics(metrics.registry, responses);
    const tracing = new Tracing({
      environment: options.tracing,
      resource: (agent) => resourceOf(agent, { pod, version }),
      headers: () => {
        const read = readHeaders(
          current.content?.telemetry.tracing?.headersFrom ?? [],
          credentials,
        );
        return 'headers' in read ? Object.fromEntries(read.headers) : {};
      },
      agent: (protocol) => httpAgent(network, protocol),
      secureContext: () => network.settings.secureContext,
      count: (result, spans) => events.emit('spans', result, spans),
      log: log('traces'),
    });
    parts.defer(() => tracing.close());
    const traces = new RequestTraces({
      ...{ now, log, random },
      telemetry: () => current.content?.telemetry,
      tracer: () => tracing.tracer,
      content: () => tracing.content,
      listener: requestListener({
        ...{ audit, report, spend, addresses, now, sourceOf },
        credentialIds: new CredentialIds(),
      }),
    });
    const eventLoop = new EventLoop(() => globalThis.performance.now());
    parts.defer(() => eventLoop.close());

    // Model
    const upstream = new Upstream(network, now);
    parts.defer(() => upstream.close());
    const pool = new Pool({ guard, credentials, identities, network, now, random });
    const estimator = new TokenEstimator();
    const model = new ModelCaller({
      ...{ clock, upstream, estimator, retryBudgets, byteBudget, pool, random },
      onAttempt: (call) => events.emit('attempt', call),
      onRetry: (retry, request) => events.emit('retry', retry, request),
      onFallback: (fallback, request) => events.emit('fallback', fallback, request),
      onPassedOver: (each) => events.emit('passedOver', each),
      onSession: (atItsEndpoint) => events.emit('session', atItsEndpoint),
    });
    const caller = new CachingCaller({
      call: (request) => model.call(request),
      now,
      maxBytes: options.maxCacheBytes,
      onLookup: (...lookup) => events.emit('cacheLookup', ...lookup),
    });
    events.on('retry', ({ reason, waitMs }, { chat }) => chat?.retry(reason, waitMs));
    events.on('fallback', (fallback, { chat }) => chat?.moved(fallback));
    events.on('cacheLookup', (tier, result, { chat }) => chat?.cache(tier, result));

    const sendError = errorSender(() => current.content?.maxRetryAfterMs, random);

    // Program, which is loaded only where the configuration has one
    const program: Program = new Program({
      ...{ sendError, log: log('agent') },
      load: async (): Promise<ProgramHost> => {
        const { ProgramHost } = await import('./program/host.ts');
        return new ProgramHost({
          ...{ pod, version, clock, current, guard, agent, audit, incidents, report, performance },
          ...{ traces, lifecycle, byteBudget, sendError, serving: messages, log: log('agent') },
          registry: metrics.registry,
          port: options.ports.program,
          self: access.self,
          token: () => program.token,
          onOutcome: (...outcome) => events.emit('toolOutcome', ...outcome),
          onHandler: (name, end, error) => events.emit('handler', name, end, error),
          maxCacheBytes: options.maxProgramCacheBytes,
        });
      },
    });
    parts.defer(() => program.close());
    events.on('phase', () => program.host?.phaseChanged());

    // Conversations
    const { maxConversationBytes, maxToolResultBytes, toolListsDirectory: directory } = options;
    const agent = new Agent({
      ...{ guard, clock, caller, current, version, credentials, network, connectMs },
      ...{ byteBudget, estimator, screen, maxConversationBytes, maxToolResultBytes },
      ...(directory !== undefined && { files: new StateFiles({ directory, log: log('state') }) }),
      self: access.self,
      programTools: program.tools,
      onToolCall: (...call) => events.emit('toolCall', ...call),
      onToolsChanged: (name, denied) =>
        report({
          ...{ type: 'ToolChanged', asset: 'Tools', denied, resource: { type: 'mcp', name } },
          evidence: denied
            ? 'The tools of an MCP server are not those that are pinned.'
            : 'An MCP server describes its tools otherwise than before.',
        }),
      onExpired: async (id) => {
        const keeping: Promise<void>[] = [];
        events.emit('expired', id, (work) => keeping.push(work));
        await Promise.all(keeping);
      },
      onOutcome: (...outcome) => events.emit('toolOutcome', ...outcome),
      log: log('agent'),
    });
    parts.defer(() => agent.close());
    const mounted = new MountedCredentials({
      ...{ current, credentials, identities, guard, network, agent },
    });
    // The gates of an identity need its name, before the next tick.
    events.on('identityRefresh', () => mounted.use());

    // API
    const activity = new Activity();
    const lifecycle = new Lifecycle({
      clock,
      onPhase: (...phase) => events.emit('phase', ...phase),
      onHandler: (name, end, error) => events.emit('handler', name, end, error),
    });
    lifecycle.register('conversations', () => agent.settle());
    lifecycle.register('traces', () => tracing.flush());
    lifecycle.register('circuits', () => kept.save());
    lifecycle.register('audit', () => audit.flush());
    const clients = new Clients({
      ...{ now, date, current, addressOf: sourceOf },
      fetch: (url, init) => fetch(url, { ...init, redirect: 'error' }),
    });
    const peers = new Peers({
      ...{ clock, random, leader, current, locate: access.locate, resolve: access.resolve },
      mark: (request) => seal.seal(sourceOf(request)),
      onForwarded: (end) => events.emit('forwarded', end),
    });
    parts.defer(() => peers.close());
    const bodies = new Bodies({ clock, current, budget: byteBudget });
    const serving = {
      ...{ clients, clock, estimator, sendError, bodies, peers, inbound: guard.inbound },
      trust: (socket: Socket) => connections.trust(socket),
      unavailable: () => (audit.refuses(lifecycle.openRequests) ? AUDIT_UNAVAILABLE : undefined),
      blockedSource: (request: IncomingMessage) => {
        if (responses.size === 0 || clients.knows(request)) return undefined;
        return responses.source(sourceOf(request));
      },
      blockedClient: (client: Client) => responses.client(client),
    };
    const messages = { ...serving, current, caller, screen, activity, log: log('messages') };
    const conversations = { ...serving, agent, log: log('agent') };
    const facts: HealthFacts = {
      ...{ lastCalls, clock },
      configured: () => (current.snapshot?.endpoints.length ?? 0) > 0,
      servable: () => !this.configuration.unservable,
      listening: () => server.listening && this.#port.server?.listening === true,
      leaving: () => lifecycle.leaving,
      lagMs: () => eventLoop.lagMs,
      links: () => this.#port.links,
      circuits: () => guard.circuits(),
      gates: () => guard.gates(),
      healthChecks: () => [...checks.statuses(), ...program.checks()],
      program: () => program.health(),
      checks: () => {
        const reached = agent.reachStore();
        return reached ? [[STORE, reached]] : [];
      },
    };
    // Hides the agent's dependencies from clients.
    const podHealth = healthRoute(facts, 'Pod');
    const server = agentServer({
      serveMessages: (arrived) => serveMessages(arrived, messages),
      serveConversation: (route, arrived) => serveConversation(route, arrived, conversations),
      ...{ clients, sendError, lifecycle, current, program, health: podHealth, log: log('http') },
      trace: (request, response, route) =>
        traces.begin(request, () => requestIdOf(response), route),
      traceMalformed: (socket, id) => traces.begin({ socket, headers: {} }, () => id, 'other'),
      onServed: (...served) => events.emit('requestEnded', ...served),
    });
    events.on('phase', (phase) => {
      if (phase === 'Draining') server.closeIdleConnections();
    });
    const connections = new ClientConnections(server);

    // Configuration
    const configuration: ActiveConfiguration = new ActiveConfiguration({
      apply: (snapshot) => {
        const { content } = snapshot;
        current.replace(snapshot);
        // Come first, so that the new configuration decides how its own effects are recorded.
        const { spend: unusual, ...rules } = content.security.incidents;
        incidents.apply(rules);
        responses.apply(content.security.responses, rules.maxTracked);
        spend.apply({ ...unusual, maxClients: rules.maxTracked });
        addresses.apply(rules.maxTracked);
        audit.apply(content);
        network.apply(content);
        identities.apply(snapshot.endpoints);
        loggers.apply(content.telemetry.logging.levels);
        tracing.apply(content);
        retryBudgets.apply(content.retry, snapshot.endpoints.map(dependencyOf));
        guard.apply(content);
        redis.apply(content);
        agent.apply(content);
        caller.apply(content.cache);
        checks.apply(content.healthChecks);
        program.apply(content);
        connections.apply(content.requestLimits);
        kept.restore();
      },
      date,
      onTampered: () => report(TAMPERED),
      onChange: (offer) => {
        const dependencies = new Set(guard.circuits().map(({ dependency }) => dependency));
        lastCalls.retain(dependencies);
        metrics.retain(dependencies);
        mounted.retain();
        mounted.use();
        events.emit('configuration', offer, configuration.status());
      },
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
    metrics.show({
      caches: () => ({ answers: caller.stats(), tool_results: agent.toolResults.stats() }),
      conversations: () => agent.conversations(),
      connections: () => upstream.stats(),
      checks: () => checks.stats(),
      mcpServers: () => agent.mcpStats(),
      waiting: () => configuration.status().waiting ?? [],
    });

    // Operator
    const load = new LoadWatch((): Load | undefined => {
      const bounded = guard.load();
      if (!bounded) return undefined;
      const { conversations } = agent.conversations();
      const accepts = bounded.accepts && !lifecycle.leaving;
      return { ...bounded, accepts, streams: activity.streams, conversations };
    });
    const reporter = new Reporter({
      ...{ guard, configuration, credentials, performance, checks, incidents, responses, load },
      headerCredentials: () => mounted.inHeaders(),
      missingClientKeys: () => clients.missingSecret(),
      auditHead: () => audit.report,
      mcpServers: () => agent.mcpServers(),
      program: () => program.status(),
      missingKeys: () => network.missingKeys(),
      identities: () => identities.troubles(),
      missingConfigMaps: () => [...agent.missingConfigMaps(), ...network.missingConfigMaps()],
    });
    const pace = new ReportPace();
    const { tokenDirectory } = options;
    const port = new ControlPort({
      ...{ pod, version, startedAt, tokenDirectory, configuration, leader, clock },
      snapshot: () => reporter.snapshot(),
      onSiblings: (pods) => peers.siblings.apply(pods),
      onReportInterval: (ms) => pace.setInterval(ms),
      onNamespaceDeleted: () => lifecycle.namespaceDeleted(),
      followFleet: (orders) => guard.followFleet(orders),
      fleet: (command) => guard.fleet.apply(command),
      providers: (command) => guard.providers.apply(command),
      log: log('link'),
    });
    parts.defer(() => port.close());
    const reports = new Reports(events, {
      ...{ reporter, port, leader, kept, load, pace, log: log('credentials') },
      eachTick: () => {
        mounted.use();
        void audit.saveHead();
      },
    });
    const files = new FileWatcher({
      directory: options.configurationDirectory,
      files: {
        [MOUNTS.configurationKey]: (text) => configuration.offerFile(text),
        [MOUNTS.authorityKey]: (text) => port.setAuthority(text),
        [MOUNTS.programTokenKey]: (text) => program.setToken(text),
      },
      log: log('file'),
      ...(options.filePollMs !== undefined && { pollMs: options.filePollMs }),
    });
    parts.defer(() => files.close());

    // Pages
    const metricsPage = metricsServer({
      registry: metrics.registry,
      health: healthRoute(facts),
      podHealth,
      probe: program.probe.bind(program),
      guarded: () => {
        const token = current.content?.telemetry.metrics?.token;
        if (!token) return undefined;
        const known = credentials.read(token);
        return { authorization: known === undefined ? undefined : `Bearer ${known}` };
      },
    });
    const debug = debugServer(
      debugPages(
        debugFacts({
          ...{ pod, version, startedAt, clock, current, guard, configuration, caller, agent },
          ...{ incidents, responses },
          ...{ pool, retryBudgets, performance, audit, peers, loggers, upstream, checks },
          ...{ lifecycle, eventLoop, reporter, port, kept, program },
          drain: () => void this.#drain(),
        }),
      ),
      () => program.token,
    );
    for (const each of [server, metricsPage, debug]) {
      parts.defer(() => {
        each.close();
        each.closeAllConnections();
      });
    }

    this.configuration = configuration;
    this.guard = guard;
    this.lifecycle = lifecycle;
    this.metrics = metrics;
    this.tracing = tracing;
    this.#options = options;
    this.#servers = { agent: server, metrics: metricsPage, debug };
    this.#files = files;
    this.#port = port;
    this.#reporter = reporter;
    this.#reports = reports;
    this.#program = program;
    this.#log = log;
  }

  /** Resolves when all listeners are up and the mounted files have been read. */
  async start(): Promise<void> {
    const { ports, host, version } = this.#options;
    const { agent, metrics, debug } = this.#servers;
    await Promise.all([
      this.#files.start(),
      listen(agent, ports.agent, host),
      listen(metrics, ports.metrics, host),
      listen(debug, ports.debug, '127.0.0.1'),
    ]);
    // Comes last: its certificate takes a tenth of a second, and the agent already serves clients.
    await this.#port.start(ports.control, host);
    this.#parts.defer(this.#reports.start());
    this.#log('runtime').info({ version, ports: this.ports() }, 'Runtime started');
  }

  /** Current report about the whole state. */
  snapshot(): Report {
    return this.#reporter.snapshot();
  }

  /** Ports in use. */
  ports(): RuntimeOptions['ports'] {
    const { agent, metrics, debug } = this.#servers;
    return {
      agent: portOf(agent),
      metrics: portOf(metrics),
      debug: portOf(debug),
      program: this.#program.host?.port ?? 0,
      control: portOf(this.#port.server),
    };
  }

  /** Shuts down in order. Resolves when the process may exit. */
  async shutdown(): Promise<void> {
    await this.#drain();
    await this.close();
  }

  /** The shutdown but for its end. The process serves the program on. */
  async #drain(): Promise<void> {
    const times = this.configuration.configuration?.content.shutdown;
    await this.lifecycle.shutdown(
      times ?? { endpointLagMs: 0, drainTimeoutMs: 0, handlerTimeoutMs: 2000 },
    );
  }

  /** Closes everything at once. */
  async close(): Promise<void> {
    await this.#parts.disposeAsync();
  }
}

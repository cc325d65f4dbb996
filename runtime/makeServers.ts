import type { IncomingMessage, Server } from 'node:http';
import { Bodies } from './api/bodies.ts';
import { ClientConnections } from './api/connections.ts';
import { Conversations } from './api/conversations.ts';
import { Lifecycle } from './api/lifecycle.ts';
import { Messages } from './api/messages.ts';
import { Overflow } from './api/overflow.ts';
import { PeerForward, longestTurnMs } from './api/peerForward.ts';
import { Peers } from './api/peers.ts';
import { requestIdOf, errorSender } from './api/response.ts';
import { agentServer } from './api/server.ts';
import type { Control } from './makeControl.ts';
import type { Audited } from './makeAudit.ts';
import type { Watched } from './makeIncidents.ts';
import type { Core } from './makeCore.ts';
import { answerQuery } from './security/audit/answerQuery.ts';
import { debugPages } from './observe/debug.ts';
import { EventLoop } from './observe/eventLoop.ts';
import { healthRoute } from './observe/health.ts';
import type { HealthFacts, HealthRoute } from './observe/health.ts';
import { debugServer, metricsServer } from './observe/servers.ts';
import type { DebugPages } from './observe/servers.ts';
import type { RequestTrace } from './observe/trace/requestTrace.ts';
import type { RuntimeOptions } from './options.ts';

/** The HTTP servers, not yet listening, and what they share. */
export interface Servers {
  agent: Server;
  metrics: Server;
  debug: Server;
  lifecycle: Lifecycle;
  peerForward: PeerForward;
  eventLoop: EventLoop;
}

/** The parts of a request that its trace, the audit and the detection of attacks use. */
type Seen = Pick<IncomingMessage, 'socket' | 'headers' | 'method'>;

type Shared = Pick<Servers, 'lifecycle' | 'peerForward' | 'eventLoop'>;

/** Name of Redis as store of conversations, in health. */
const STORE = 'store/redis';

export function makeServers(
  options: RuntimeOptions,
  core: Core,
  audited: Audited & Watched,
  control: Control,
): Servers {
  // Holds the server of the agent's API, which is made last.
  const agents: Server[] = [];
  const shared = {
    lifecycle: makeLifecycle(core, audited, control, agents),
    peerForward: makePeerForward(options, core),
    eventLoop: new EventLoop(() => performance.now()),
  };
  const facts = healthFacts(core, control, shared, agents);
  // Hides the agent's dependencies from clients.
  const podHealth = healthRoute(facts, 'Pod');
  const agent = makeAgentServer(core, audited, shared, podHealth);
  agents.push(agent);
  const metrics = metricsServer({
    registry: core.metrics.registry,
    health: healthRoute(facts),
    podHealth,
    guarded: () => {
      const token = core.inForce()?.content.telemetry.metrics?.token;
      if (!token) return undefined;
      const known = core.credentials.read(token);
      return { authorization: known === undefined ? undefined : `Bearer ${known}` };
    },
  });
  const debug = debugServer(makeDebugPages(options, core, audited, control, shared));
  return { ...shared, agent, metrics, debug };
}

function makeLifecycle(
  core: Core,
  { audit }: Audited,
  control: Control,
  agents: readonly Server[],
): Lifecycle {
  const log = core.log('lifecycle');
  const lifecycle = new Lifecycle({
    clock: core.clock,
    onPhase: (phase, openRequests) => {
      core.activity.leaving = true;
      log.info({ phase, openRequests }, 'Shutdown moved on');
      if (phase === 'Stopped' && openRequests > 0)
        log.warn({ openRequests }, 'Requests were cut when the drain was over');
      if (phase === 'Draining') for (const agent of agents) agent.closeIdleConnections();
    },
    onHandler: (handler, end, err) => {
      if (end === 'Done') log.info({ handler }, 'Shutdown handler is done');
      else log.warn({ handler, end, err }, 'Shutdown handler did not come to its end');
    },
  });
  core.events.on('namespaceDeleted', () => lifecycle.namespaceDeleted());
  lifecycle.register('conversations', () => core.agent.settle());
  lifecycle.register('traces', () => core.tracing.flush());
  lifecycle.register('circuits', () => control.kept.save());
  lifecycle.register('audit', () => audit.flush());
  return lifecycle;
}

function makePeerForward({ peers: access }: RuntimeOptions, core: Core): PeerForward {
  const content = () => core.inForce()?.content;
  const peers = new Peers({
    clock: core.clock,
    service: () => content()?.conversation?.peers,
    resolve: access.resolve,
  });
  return new PeerForward({
    peers,
    mark: (request) => core.seal.seal(core.sourceOf(request)),
    locate: access.locate,
    connectMs: core.connectMs,
    silenceMs: () => core.connectMs() + longestTurnMs(content()),
  });
}

function healthFacts(
  { configuration, guard, agent, lastCalls, checks, clock }: Core,
  { port }: Control,
  { lifecycle, eventLoop }: Shared,
  agents: readonly Server[],
): HealthFacts {
  return {
    configured: () => configuration.endpoints.length > 0,
    servable: () => !configuration.unservable,
    listening: () => agents.some((each) => each.listening) && port.server?.listening === true,
    leaving: () => lifecycle.leaving,
    lagMs: () => eventLoop.lagMs,
    links: () => port.links,
    circuits: () => guard.circuits(),
    gates: () => guard.gates(),
    lastCalls,
    healthChecks: () => checks.statuses(),
    checks: () => {
      const reached = agent.reachStore();
      return reached ? [[STORE, reached]] : [];
    },
    clock,
  };
}

function makeAgentServer(
  core: Core,
  { follow, unavailable, watch, blockedSource, blockedClient }: Audited & Watched,
  shared: Shared,
  health: HealthRoute,
): Server {
  const { guard, clock, caller, estimator, inForce, agent, clients, screen, log } = core;
  const { lifecycle, peerForward } = shared;
  const begin = (request: Seen, id: () => string, route: string): RequestTrace =>
    watch(request, follow(request, route, core.traces.begin(request, id, route)));
  const sendError = errorSender(() => inForce()?.content.clientPatienceMs, Math.random);
  const bodies = new Bodies({ clock, content: () => inForce()?.content, budget: core.byteBudget });
  const overflow = new Overflow({
    ...{ siblings: core.siblings, forward: peerForward, sendError },
    content: () => inForce()?.content,
    onForwarded: (end) => core.metrics.forwarded(end.toLowerCase()),
  });
  const server = agentServer({
    messages: new Messages({
      ...{ clock, caller, estimator, inForce, sendError, bodies, screen, overflow },
      inbound: guard.inbound,
      activity: core.activity,
      log: log('messages'),
    }),
    conversations: new Conversations({
      ...{ clock, estimator, inForce, agent, sendError, bodies },
      inbound: guard.inbound,
      forward: peerForward,
      log: log('agent'),
    }),
    clients,
    sendError,
    lifecycle,
    health,
    trust: (socket) => connections.trust(socket),
    routes: () => inForce()?.content.routes ?? [],
    trace: (request, response, route) => begin(request, () => requestIdOf(response), route),
    traceMalformed: (socket, id) => begin({ socket, headers: {} }, () => id, 'other'),
    unavailable: () => unavailable(lifecycle.openRequests),
    ...{ blockedSource, blockedClient },
    onServed: (route, served, seconds) => {
      core.metrics.served(route, served, seconds);
      // The sibling that served the request records it.
      if (served.reason === 'Forwarded') return;
      core.performance.record('request', seconds * 1000, served.failed ? served.reason : '');
    },
    log: log('http'),
  });
  const connections = new ClientConnections(server);
  core.events.on('apply', ({ intake }) => connections.apply(intake));
  const before = inForce()?.content.intake;
  if (before) connections.apply(before);
  return server;
}

function makeDebugPages(
  { pod, version }: RuntimeOptions,
  core: Core,
  { audit }: Audited,
  { startedAt, reporter, port, kept }: Control,
  { lifecycle, eventLoop }: Shared,
): DebugPages {
  const { guard, configuration, caller, agent, pool, retryBudgets, clock } = core;
  const utilization = (): number => Math.round(eventLoop.utilization * 1000) / 1000;
  const memory = (): object => {
    const { rss, heapUsed, external } = process.memoryUsage();
    return { rssBytes: rss, heapUsedBytes: heapUsed, externalBytes: external };
  };
  return debugPages({
    guard,
    configuration,
    date: () => clock.date(),
    caches: { answers: caller, toolResults: agent.toolResults },
    performance: core.performance,
    audit: (query) => answerQuery(audit, query),
    peers: () => ({ self: reporter.load() ?? {}, siblings: core.siblings.list() }),
    levels: () => core.loggers.levels(),
    endpoints: () => {
      const inForce = core.inForce();
      return inForce ? pool.state(inForce.content, inForce.endpoints) : [];
    },
    sessionsAway: () => pool.affinity.away,
    state: () => ({
      pod,
      version,
      boot: port.boot,
      startedAt,
      phase: lifecycle.phase,
      openRequests: lifecycle.openRequests,
      links: port.links,
      highestTerm: configuration.highestTerm,
      missingCredentials: reporter.missingCredentials(),
      retryBudgetUsed: retryBudgets.used(clock.now()),
      conversations: agent.conversations(),
      connections: core.upstream.stats(),
      healthChecks: core.checks.statuses(),
      mcpServers: agent.mcpServers(),
      stateSavedAt: kept.savedAt,
      eventLoopLagMs: Math.round(eventLoop.lagMs),
      eventLoopUtilization: utilization(),
      memory: memory(),
    }),
  });
}

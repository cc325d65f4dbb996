import type { Hello } from '../contract/generated/types.ts';
import type { Lifecycle } from './api/lifecycle.ts';
import type { Peers } from './peers/peers.ts';
import type { CachingCaller } from './cache/cachingCaller.ts';
import type { ActiveConfiguration } from './control/configuration.ts';
import type { ControlPort } from './control/controlPort.ts';
import type { KeptState } from './control/keptState.ts';
import type { Reporter } from './control/report.ts';
import { securityReport } from './control/securityReport.ts';
import type { Agent } from './conversations/agent.ts';
import type { Clock } from './guard/clock.ts';
import type { Guard } from './guard/guard.ts';
import type { Pool } from './model/pool/pool.ts';
import type { Upstream } from './model/transport/upstream.ts';
import type { DebugFacts } from './observe/debug.ts';
import type { EventLoop } from './observe/eventLoop.ts';
import type { HealthChecks } from './observe/healthChecks.ts';
import type { ModuleLoggers } from './observe/log.ts';
import type { Performance } from './observe/performance.ts';
import type { Program } from './program/program.ts';
import type { RetryBudgets } from './resilience/retryBudget.ts';
import { answerQuery } from './security/audit/answerQuery.ts';
import type { Audit } from './security/audit/audit.ts';
import type { Incidents } from './security/incidents/incidents.ts';
import type { Responses } from './security/incidents/responses.ts';
import type { Current } from './snapshot/snapshot.ts';

export interface ShownParts {
  pod: Hello['pod'];
  version: string;
  startedAt: string;
  clock: Clock;
  current: Current;
  guard: Guard;
  configuration: ActiveConfiguration;
  caller: CachingCaller;
  agent: Agent;
  pool: Pool;
  retryBudgets: RetryBudgets;
  performance: Performance;
  audit: Audit;
  incidents: Incidents;
  responses: Responses;
  peers: Peers;
  loggers: ModuleLoggers;
  upstream: Upstream;
  checks: HealthChecks;
  lifecycle: Lifecycle;
  eventLoop: EventLoop;
  reporter: Reporter;
  port: ControlPort;
  kept: KeptState;
  program: Program;
  drain: () => void;
}

/** What the debug pages show of the parts. */
export function debugFacts(parts: ShownParts): DebugFacts {
  const { guard, configuration, clock, current, caller, agent, pool, performance } = parts;
  return {
    guard,
    configuration,
    date: () => clock.date(),
    caches: { answers: caller, toolResults: agent.toolResults },
    performance,
    security: () => securityReport(parts),
    program: () => parts.program.host?.shown() ?? {},
    drain: parts.drain,
    ranking: () => parts.program.host?.ranking() ?? [],
    audit: (query) => answerQuery(parts.audit, query),
    peers: () => ({ self: parts.reporter.load() ?? {}, siblings: parts.peers.siblings.list() }),
    levels: () => parts.loggers.levels(),
    endpoints: () => {
      const { snapshot } = current;
      return snapshot ? pool.state(snapshot.content, snapshot.endpoints) : [];
    },
    sessionsAway: () => pool.affinity.away,
    state: () => stateOf(parts),
  };
}

function stateOf(parts: ShownParts): Record<string, unknown> {
  const { pod, version, startedAt, lifecycle, eventLoop, port, agent } = parts;
  const conversations = agent.conversations();
  const { rss, heapUsed, external } = process.memoryUsage();
  return {
    ...{ pod, version, boot: port.boot, startedAt },
    phase: lifecycle.phase,
    openRequests: lifecycle.openRequests,
    links: port.links,
    highestTerm: parts.configuration.highestTerm,
    missingCredentials: parts.reporter.missingCredentials(),
    retryBudgetUsed: parts.retryBudgets.used(parts.clock.now()),
    conversations,
    message_count: conversations.messages,
    connections: parts.upstream.stats(),
    healthChecks: parts.checks.statuses(),
    mcpServers: agent.mcpServers(),
    stateSavedAt: parts.kept.savedAt,
    eventLoopLagMs: Math.round(eventLoop.lagMs),
    eventLoopUtilization: Math.round(eventLoop.utilization * 1000) / 1000,
    memory: { rssBytes: rss, heapUsedBytes: heapUsed, externalBytes: external },
  };
}

import { monitorEventLoopDelay } from 'node:perf_hooks';
import { collectDefaultMetrics, type Registry } from 'prom-client';
import { describeAgents, loggingPage, type AgentFacts } from './debug.ts';
import { json, serve, type Answer, type Routes } from './endpoints.ts';
import { keyOf } from './kube/index.ts';
import { sharedRendering } from '../listener/sharedRendering.ts';
import type { Links } from './links/index.ts';
import type { Loggers } from './loggers.ts';
import type { Caches } from './reconcile/caches.ts';
import type { Fleet } from './reconcile/fleet.ts';
import type { LeaderWork, LeaderWorkOptions } from './reconcile/leaderWork.ts';
import type { Settings } from './settings.ts';
import { reportsOf, totals } from './status/performance.ts';
import { ranking } from './status/ranking.ts';

export interface ServersOptions extends Pick<LeaderWorkOptions, 'fleet'> {
  settings: Settings;
  registry: Registry;
  caches: Caches;
  links: Links;
  loggers: Loggers;
  /** Undefined on a standby. */
  work: () => LeaderWork | undefined;
}

/** The liveness probe fails if the event loop was blocked for this time. */
const STALLED_MS = 10_000;

/**
 * Starts the servers for metrics, health probes and debug pages.
 *
 * @returns stops them
 */
export async function startServers(options: ServersOptions): Promise<() => void> {
  const { settings, registry, caches } = options;
  const { ports } = settings;
  const liveness = createLiveness();
  const health = { '/healthz': liveness.answer, '/readyz': () => readiness(caches) };
  const servers = await Promise.all([
    serve(metricsRoutes(registry), ports.metrics),
    serve(health, ports.health),
    serve(debugRoutes(options), ports.debug, '127.0.0.1'),
  ]);
  return () => {
    liveness.stop();
    for (const { server } of servers) {
      server.close();
      server.closeAllConnections();
    }
  };
}

function metricsRoutes(registry: Registry): Routes {
  collectDefaultMetrics({ register: registry });
  const page = sharedRendering(() => registry.metrics());
  return {
    '/metrics': async () => ({
      status: 200,
      contentType: registry.contentType,
      body: await page(),
    }),
  };
}

/** Each answer tells the longest stall of the event loop since the one before. */
function createLiveness(): { answer: () => Answer; stop: () => void } {
  const delay = monitorEventLoopDelay({ resolution: 20 });
  delay.enable();
  return {
    answer: () => {
      const stalledMs = Math.round(delay.max / 1e6);
      delay.reset();
      return json(stalledMs < STALLED_MS ? 200 : 503, { eventLoopStalledMs: stalledMs });
    },
    stop: () => void delay.disable(),
  };
}

/** Ready when the caches of all kinds that the operator needs are current. */
function readiness(caches: Caches): Answer {
  const isCurrent = ({ hasSynced, isStale }: Caches['all'][number]): boolean =>
    hasSynced && !isStale;
  const kinds = caches.all.map((each) => [each.resource.plural, isCurrent(each)]);
  const isReady = caches.synced && caches.required.every(isCurrent);
  return json(isReady ? 200 : 503, Object.fromEntries(kinds));
}

function debugRoutes(options: ServersOptions): Routes {
  return {
    '/debug/agents': () => json(200, agentsPage(options)),
    '/debug/ranking': () => json(200, rankingPage(options)),
    '/debug/logging': (query, method) => loggingPage(options.loggers, query, method),
  };
}

function agentsPage({ caches, links, fleet, work: current }: ServersOptions): unknown {
  const work = current();
  const facts = caches.agents.list().map((agent): AgentFacts => {
    const key = keyOf(agent);
    const { configuration, applyErrors } = work?.agents.stateOf(key) ?? {};
    return {
      key,
      ...(work && { term: work.agents.termOf(key) }),
      ...(configuration && { configuration }),
      ...(applyErrors && { applyErrors }),
      pods: links.podsOf(key),
      ...fleetFacts(fleet, key),
    };
  });
  return describeAgents(work !== undefined, facts);
}

function fleetFacts(
  fleet: Fleet,
  key: string,
): Pick<AgentFacts, 'fleetLimits' | 'fleet' | 'providerLimits'> {
  const { limits, circuits, providers } = fleet.of(key);
  return {
    ...(limits && { fleetLimits: limits.figures() }),
    fleet: circuits?.status() ?? [],
    providerLimits: providers?.figures() ?? [],
  };
}

/** All agents by how well they serve requests, as far as this operator is linked to their pods. */
function rankingPage({ caches, links }: ServersOptions): unknown {
  const agents = caches.agents.list().map((agent) => {
    const pods = links.podsOf(keyOf(agent)).filter(({ connected }) => connected);
    return { agent: keyOf(agent), pods: pods.length, operations: totals(reportsOf(pods)) };
  });
  return ranking(agents, Math.round(process.uptime()));
}

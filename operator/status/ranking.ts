import { reportsOf, totals } from './performance.ts';
import type { OperationTotal, Reporting } from './performance.ts';
import { sum } from './sum.ts';

/** One agent in the ranking. */
export interface Ranked {
  agent: string;
  /** Share of successful requests (0 to 1), divided by 1 + their average duration in seconds. */
  score: number;
  operations: OperationTotal[];
}

/** All agents together, as far as the operator is linked to their pods. */
export interface Ranking {
  summary: {
    /** Of the operator that leads, in seconds. */
    uptimeSeconds: number;
    agents: number;
    /** Agents with requests since their pods started. */
    activeAgents: number;
    pods: number;
    /** Requests since the pods started. */
    requests: number;
    /** Percent of successful requests; 100 if there were none. */
    successPercent: number;
    /** Of the last five minutes. */
    requestsPerSecond: number;
    /** Successful requests of the last five minutes. */
    throughputPerSecond: number;
  };
  agents: Ranked[];
}

/** Agents by their score, the best first, without agents that had no requests. */
export function ranking(
  agents: readonly { agent: string; pods: readonly Reporting[] }[],
  uptimeSeconds: number,
): Ranking {
  const ranked = agents
    .flatMap(({ agent, pods }): (Ranked & { requests: OperationTotal })[] => {
      const operations = totals(reportsOf(pods));
      const requests = operations.find(({ operation }) => operation === 'request');
      if (requests === undefined) return [];
      const score = requests.successPercent / 100 / (requests.averageMs / 1000 + 1);
      return [{ agent, score, operations, requests }];
    })
    .sort((a, b) => b.score - a.score);
  const requests = ranked.map((each) => each.requests);
  const count = sum(requests, (each) => each.count);
  const good = sum(requests, (each) => (each.count * each.successPercent) / 100);
  return {
    summary: {
      uptimeSeconds,
      agents: agents.length,
      activeAgents: ranked.length,
      pods: sum(agents, ({ pods }) => pods.filter(({ connected }) => connected).length),
      requests: count,
      successPercent: count === 0 ? 100 : (100 * good) / count,
      requestsPerSecond: sum(requests, ({ recent }) => recent.perSecond),
      throughputPerSecond: sum(
        requests,
        ({ recent }) => (recent.perSecond * recent.successPercent) / 100,
      ),
    },
    agents: ranked.map(({ requests: _, ...each }) => each),
  };
}

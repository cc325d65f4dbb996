import { reportsOf, totals } from './performance.ts';
import type { OperationTotal, Reporting } from './performance.ts';

/** An agent with its place among all. */
export interface Ranked {
  agent: string;
  /** Share of requests that did not fail, 0 to 1, over their average duration in seconds and one. */
  score: number;
  operations: OperationTotal[];
}

/** All agents together, as far as the operator is linked to their pods. */
export interface Ranking {
  summary: {
    /** Of the operator that leads, in seconds. */
    uptimeSeconds: number;
    agents: number;
    /** Those with a request since their pods started. */
    activeAgents: number;
    pods: number;
    /** Requests since the pods started. */
    requests: number;
    /** Percent of them that did not fail; 100 when there was none. */
    successPercent: number;
    /** Requests that ended, in the last five minutes. */
    requestsPerSecond: number;
    /** Of these, those that did not fail. */
    throughputPerSecond: number;
  };
  agents: Ranked[];
}

/** Agents by how well they serve requests, the best first; those that had none are left out. */
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
  const count = sum(requests.map((each) => each.count));
  const good = sum(requests.map((each) => (each.count * each.successPercent) / 100));
  return {
    summary: {
      uptimeSeconds,
      agents: agents.length,
      activeAgents: ranked.length,
      pods: sum(agents.map(({ pods }) => pods.filter(({ connected }) => connected).length)),
      requests: count,
      successPercent: count === 0 ? 100 : (100 * good) / count,
      requestsPerSecond: sum(requests.map(({ recent }) => recent.perSecond)),
      throughputPerSecond: sum(
        requests.map(({ recent }) => (recent.perSecond * recent.successPercent) / 100),
      ),
    },
    agents: ranked.map(({ requests: _, ...each }) => each),
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

import { sharesOf, type Shares } from '../../contract/shares.ts';
import type { OperationTotal } from './performance.ts';
import { sum } from './sum.ts';

/** One agent in the ranking. */
export interface Ranked {
  agent: string;
  /** Share of successful requests (0 to 1), divided by 1 + their average duration in seconds. */
  score: number;
  operations: OperationTotal[];
}

/** Requests of all agents in some time. */
export type Requests = Shares & { requests: number; perSecond: number };

/** All agents together, as far as their pods tell. */
export interface Ranking {
  /** Since the pods started. */
  summary: Requests & {
    uptimeSeconds: number;
    agents: number;
    /** Agents with requests since their pods started. */
    activeAgents: number;
    pods: number;
    last5Minutes: Requests;
  };
  agents: Ranked[];
}

/** An agent with the figures of its `pods` pods. */
export interface Rankable {
  agent: string;
  pods: number;
  operations: OperationTotal[];
}

/** Agents by their score, the best first, without agents that had no requests. */
export function ranking(agents: readonly Rankable[], uptimeSeconds: number): Ranking {
  const ranked = agents
    .flatMap(({ agent, operations }): (Ranked & { requests: OperationTotal })[] => {
      const requests = operations.find(({ operation }) => operation === 'request');
      if (requests === undefined) return [];
      const score = requests.successPercent / 100 / (requests.averageMs / 1000 + 1);
      return [{ agent, score, operations, requests }];
    })
    .sort((a, b) => b.score - a.score);
  const requests = ranked.map((each) => each.requests);
  return {
    summary: {
      uptimeSeconds,
      agents: agents.length,
      activeAgents: ranked.length,
      pods: sum(agents, ({ pods }) => pods),
      ...requestsOf(requests),
      last5Minutes: requestsOf(requests.map(({ recent }) => recent)),
    },
    agents: ranked.map(({ requests: _, ...each }) => each),
  };
}

function requestsOf(
  parts: readonly Pick<OperationTotal, 'count' | 'failures' | 'clientErrors' | 'perSecond'>[],
): Requests {
  const count = sum(parts, (part) => part.count);
  const failures = sum(parts, (part) => part.failures);
  const clientErrors = sum(parts, (part) => part.clientErrors);
  return {
    requests: count,
    ...sharesOf({ count, failures, clientErrors }),
    perSecond: sum(parts, ({ perSecond }) => perSecond),
  };
}

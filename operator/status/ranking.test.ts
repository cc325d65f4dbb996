import { describe, expect, it } from '@jest/globals';
import type { OperationReport } from '../../contract/generated/types.ts';
import { totals } from './performance.ts';
import { ranking, type Rankable } from './ranking.ts';

function requests(count: number, failures: number, averageMs: number): OperationReport {
  const totalMs = count * averageMs;
  const topErrors: OperationReport['topErrors'] = [];
  const recent = { count, failures, totalMs, minMs: averageMs, maxMs: averageMs, topErrors };
  return {
    ...{ operation: 'request', seconds: 1000, count, failures, totalMs, durations: [] },
    recent: { seconds: 100, ...recent },
  };
}

const agent = (name: string, ...reports: OperationReport[]): Rankable => ({
  agent: `shop/${name}`,
  pods: reports.length,
  operations: totals(reports),
});

describe('the ranking', () => {
  it('divides successes by average seconds, so that fast failures do not help', () => {
    const agents = [
      agent('failing', requests(100, 90, 1)),
      agent('idle', { ...requests(1, 0, 1), operation: 'tool' }),
      agent('slow', requests(10, 0, 9000)),
      agent('good', requests(10, 0, 1000)),
    ];
    expect(ranking(agents, 60).agents.map(({ agent: name, score }) => [name, score])).toEqual([
      ['shop/good', 0.5],
      ['shop/slow', 0.1],
      ['shop/failing', expect.closeTo(0.0999)],
    ]);
  });

  it('sums all agents', () => {
    const agents = [
      agent('one', requests(100, 0, 5), requests(100, 50, 5)),
      agent('two', requests(200, 50, 5)),
      agent('none'),
    ];
    const sums = {
      ...{ requests: 400, successes: 300, failures: 100, clientErrors: 0 },
      ...{ successPercent: 75, failurePercent: 25 },
    };
    expect(ranking(agents, 3600).summary).toEqual({
      uptimeSeconds: 3600,
      agents: 3,
      activeAgents: 2,
      pods: 3,
      ...{ ...sums, perSecond: expect.closeTo(0.4) },
      last5Minutes: { ...sums, perSecond: 4 },
    });
    const refused = { ...requests(10, 1, 5), clientErrors: 5 };
    expect(ranking([agent('refusing', refused)], 1).summary).toMatchObject({
      ...{ successes: 4, failures: 1, clientErrors: 5, failurePercent: 20 },
    });
    expect(ranking([], 1).summary).toMatchObject({ requests: 0, successPercent: 100 });
  });
});

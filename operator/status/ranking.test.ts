import { describe, expect, it } from '@jest/globals';
import type { OperationReport } from '../../contract/generated/types.ts';
import { pod } from '../testing/observations.ts';
import { ranking } from './ranking.ts';

function requests(count: number, failures: number, averageMs: number): OperationReport {
  const totalMs = count * averageMs;
  const topErrors: OperationReport['topErrors'] = [];
  const recent = { count, failures, totalMs, minMs: averageMs, maxMs: averageMs, topErrors };
  return {
    ...{ operation: 'request', count, failures, totalMs, durations: [] },
    recent: { seconds: 100, ...recent },
  };
}

const agent = (name: string, ...reports: OperationReport[]): Parameters<typeof ranking>[0][0] => ({
  agent: `shop/${name}`,
  pods: reports.map((report, i) => pod(`${name}-${i}`, { performance: [report] })),
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
    expect(ranking(agents, 3600).summary).toEqual({
      uptimeSeconds: 3600,
      agents: 3,
      activeAgents: 2,
      pods: 3,
      requests: 400,
      successPercent: 75,
      requestsPerSecond: 4,
      throughputPerSecond: 3,
    });
    expect(ranking([], 1).summary).toMatchObject({ requests: 0, successPercent: 100 });
  });
});

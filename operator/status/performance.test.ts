import { describe, expect, it } from '@jest/globals';
import { Durations } from '../../contract/durations.ts';
import type { OperationReport } from '../../contract/generated/types.ts';
import { pod } from '../testing/observations.ts';
import { reportsOf, totals } from './performance.ts';

/** What a pod reports of these durations, the last of which failed. */
function report(
  operation: OperationReport['operation'],
  times: readonly number[],
  failures = 0,
): OperationReport {
  const durations = new Durations();
  for (const ms of times) durations.add(ms);
  const totalMs = times.reduce((a, b) => a + b, 0);
  return { operation, count: times.length, failures, totalMs, durations: durations.buckets() };
}

const upTo = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);

const totalOf = (pods: readonly ReturnType<typeof pod>[]): ReturnType<typeof totals> =>
  totals(reportsOf(pods));

describe('the performance of an agent', () => {
  it('is the sum of its connected pods', () => {
    const pods = [
      pod('a', { performance: [report('model', upTo(1, 500)), report('request', [10])] }),
      pod('b', { performance: [report('model', upTo(501, 1000), 33)] }),
      pod('c', { performance: [report('model', [1e9])] }, { connected: false }),
    ];
    expect(totalOf(pods)).toMatchObject([
      {
        operation: 'request',
        count: 1,
        successPercent: 100,
        averageMs: 10,
        p50Ms: expect.closeTo(10, 0),
      },
      {
        operation: 'model',
        count: 1000,
        successPercent: expect.closeTo(96.7),
        averageMs: 500.5,
        p50Ms: expect.closeTo(500, -2),
        p95Ms: expect.closeTo(950, -2),
        p99Ms: expect.closeTo(990, -2),
      },
    ]);
  });

  it('has the last five minutes, endpoints, extremes and errors', () => {
    const figures = (
      count: number,
      failures: number,
      [minMs, maxMs]: number[],
      ...rest: string[]
    ) => ({
      ...{ count, failures, totalMs: count * maxMs!, minMs: minMs!, maxMs: maxMs! },
      topErrors: rest.map((type) => ({ type, count: failures })),
    });
    const of = (seconds: number, count: number, error: string): OperationReport => {
      const recent = { seconds, ...figures(count, 1, [4, 8], error) };
      return {
        ...report('model', upTo(1, 10), 1),
        ...{ minMs: 1, maxMs: 10, topErrors: [{ type: error, count: 1 }], recent },
        subjects: [{ name: `of ${error}`, ...figures(10, 1, [1, 10], error), recent }],
      };
    };
    const pods = [
      pod('a', { performance: [of(300, 4, 'Timeout')] }),
      pod('b', { performance: [of(10, 6, 'Overloaded')] }),
      pod('old', { performance: [report('model', upTo(1, 10))] }),
    ];
    const [model] = totalOf(pods);
    expect(model).toMatchObject({
      ...{ count: 30, minMs: 1, maxMs: 10 },
      topErrors: [
        { type: 'Overloaded', count: 1 },
        { type: 'Timeout', count: 1 },
      ],
      recent: { count: 10, successPercent: 80, averageMs: 8, minMs: 4, maxMs: 8 },
      subjects: [
        { name: 'of Overloaded', count: 10, recent: { count: 6 } },
        { name: 'of Timeout', count: 10, recent: { count: 4, successPercent: 75 } },
      ],
    });
  });

  it('has nothing without calls, or of pods of an old version, which do not report it', () => {
    expect(totalOf([pod('a'), pod('b', { performance: [] })])).toEqual([]);
  });

  it('tolerates invented figures of a pod', () => {
    const strange = { ...report('request', [1]), failures: 50, durations: [[1e15, 1e15], [3]] };
    expect(totalOf([pod('a', { performance: [strange] })])).toMatchObject([
      {
        operation: 'request',
        count: 1,
        successPercent: 0,
        averageMs: 1,
        p50Ms: 0,
        p95Ms: 0,
        p99Ms: 0,
      },
    ]);
  });
});

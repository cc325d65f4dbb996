import { describe, expect, it } from '@jest/globals';
import { Durations } from '../../contract/durations.ts';
import { FakeClock } from '../testing/fakeClock.ts';
import { Performance } from './performance.ts';
import type { End } from './tally.ts';

const failed = (kind: string): End => ({ failed: kind });

function measured(): { clock: FakeClock; performance: Performance } {
  const clock = new FakeClock();
  const deps = { now: () => clock.now(), date: () => clock.date() };
  return { clock, performance: new Performance(deps) };
}

describe('the performance of an agent', () => {
  it('is reported by operation', () => {
    const { clock, performance } = measured();
    for (let ms = 1; ms <= 100; ms += 1) {
      performance.record(
        'model',
        ms,
        ms > 90 ? failed('Timeout') : ms > 87 ? failed('Overloaded') : 'ok',
      );
    }
    clock.advance(50_000);
    performance.record('request', 7, 'ok');
    const { uptimeSeconds, operations } = performance.summary();
    expect(uptimeSeconds).toBe(50);
    expect(operations.model).toMatchObject({
      ...{ count: 100, successes: 87, failures: 13, clientErrors: 0 },
      ...{ successPercent: 87, failurePercent: 13 },
      minMs: 1,
      maxMs: 100,
      averageMs: 50.5,
      perSecond: 2,
      lastAt: '2026-01-01T00:00:00.000Z',
      topErrors: [
        { type: 'Timeout', count: 10 },
        { type: 'Overloaded', count: 3 },
      ],
    });
    const { p50Ms, p95Ms, p99Ms } = operations.model;
    expect([p50Ms / 50, p95Ms / 95, p99Ms / 99].every((r) => Math.abs(r - 1) < 0.03)).toBe(true);
    expect(operations.request).toMatchObject({ p50Ms: 7, p99Ms: 7 });
    expect(operations.request.lastAt).toBe('2026-01-01T00:00:50.000Z');
  });

  it('is good without any calls', () => {
    const { tool } = measured().performance.summary().operations;
    const nothing = {
      ...{ count: 0, successes: 0, failures: 0, clientErrors: 0 },
      ...{ successPercent: 100, failurePercent: 0 },
      minMs: 0,
      maxMs: 0,
      averageMs: 0,
      p50Ms: 0,
      p95Ms: 0,
      p99Ms: 0,
      perSecond: 0,
      topErrors: [],
    };
    expect(tool).toEqual({ ...nothing, last5Minutes: nothing });
  });

  it('tells errors of clients apart from successes and failures', () => {
    const { performance } = measured();
    for (const end of ['ok', 'ok', 'ok', failed('Timeout'), 'clientError'] as const)
      performance.record('request', 1, end);
    expect(performance.summary().operations.request).toMatchObject({
      ...{ count: 5, successes: 3, failures: 1, clientErrors: 1 },
      ...{ successPercent: 75, failurePercent: 25, topErrors: [{ type: 'Timeout', count: 1 }] },
    });
    expect(performance.report()).toMatchObject([{ count: 5, failures: 1, clientErrors: 1 }]);
  });

  it('covers the last five minutes, by endpoint and by tool', () => {
    const { clock, performance } = measured();
    performance.record('model', 1000, failed('Timeout'), 'north');
    performance.record('tool', 5, 'ok', 'look');
    clock.advance(200_000);
    performance.record('model', 10, failed('Overloaded'), 'north');
    performance.record('model', 30, 'ok', 'south');
    clock.advance(99_000);
    const before = performance.summary();
    expect(before.endpoints['north']).toMatchObject({ count: 2, last5Minutes: { count: 2 } });
    clock.advance(1_000);
    const { operations, endpoints, tools } = performance.summary();
    expect(operations.model).toMatchObject({
      ...{ count: 3, minMs: 10, maxMs: 1000 },
      last5Minutes: { count: 2, successPercent: 50, minMs: 10, maxMs: 30, perSecond: 2 / 300 },
    });
    expect(endpoints).toMatchObject({
      north: {
        count: 2,
        topErrors: [
          { type: 'Timeout', count: 1 },
          { type: 'Overloaded', count: 1 },
        ],
        last5Minutes: { count: 1, topErrors: [{ type: 'Overloaded', count: 1 }] },
      },
      south: { count: 1, maxMs: 30, last5Minutes: { count: 1, successPercent: 100 } },
    });
    expect(tools).toMatchObject({ look: { count: 1, last5Minutes: { count: 0, topErrors: [] } } });
    clock.advance(3_600_000);
    expect(performance.summary().endpoints['south']).toMatchObject({
      ...{ count: 1, p50Ms: 30, last5Minutes: { count: 0, p99Ms: 0 } },
    });
  });

  it('distinguishes at most 64 tools', () => {
    const { performance } = measured();
    for (let i = 0; i < 100; i += 1) performance.record('tool', 1, 'ok', `tool${i}`);
    const { tools } = performance.summary();
    expect(Object.keys(tools)).toHaveLength(65);
    expect(tools['other']).toMatchObject({ count: 36 });
    expect(performance.report()[0]!.subjects).toHaveLength(32);
  });

  it('contains the five most frequent errors, and distinguishes at most 32 kinds', () => {
    const { performance } = measured();
    for (let i = 0; i < 100; i += 1) performance.record('tool', 1, failed(`Kind${i}`));
    for (let i = 0; i < 5; i += 1) performance.record('tool', 1, failed('Kind7'));
    const { topErrors } = performance.summary().operations.tool;
    expect(topErrors.slice(0, 2)).toEqual([
      { type: 'other', count: 68 },
      { type: 'Kind7', count: 6 },
    ]);
    expect(topErrors).toHaveLength(5);
  });

  it('is reported in figures that can be summed', () => {
    const { clock, performance } = measured();
    performance.record('request', 10, 'ok');
    clock.advance(400_000);
    for (const ms of [20, 30])
      performance.record('request', ms, ms === 30 ? failed('Timeout') : 'ok');
    const [report, ...more] = performance.report();
    expect(more).toEqual([]);
    expect(report).toMatchObject({
      ...{ operation: 'request', count: 3, failures: 1, totalMs: 60, minMs: 10, maxMs: 30 },
      topErrors: [{ type: 'Timeout', count: 1 }],
      recent: { seconds: 300, count: 2, failures: 1, totalMs: 50, minMs: 20, maxMs: 30 },
    });
    expect(report).not.toHaveProperty('subjects');
    const durations = new Durations();
    durations.merge(report!.durations);
    expect(Math.abs(durations.percentile(0.5) / 20 - 1)).toBeLessThan(0.02);
  });
});

import { describe, expect, it } from '@jest/globals';
import { Durations } from '../../contract/durations.ts';
import { FakeClock } from '../testing/fakeClock.ts';
import { Performance } from './performance.ts';

function measured(): { clock: FakeClock; performance: Performance } {
  const clock = new FakeClock();
  const deps = { now: () => clock.now(), date: () => clock.date() };
  return { clock, performance: new Performance(deps) };
}

describe('the performance of an agent', () => {
  it('is told by operation', () => {
    const { clock, performance } = measured();
    for (let ms = 1; ms <= 100; ms += 1) {
      performance.record('model', ms, ms > 90 ? 'Timeout' : ms > 87 ? 'Overloaded' : '');
    }
    clock.advance(50_000);
    performance.record('request', 7, '');
    const { uptimeSeconds, operations } = performance.summary();
    expect(uptimeSeconds).toBe(50);
    expect(operations.model).toMatchObject({
      count: 100,
      successPercent: 87,
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

  it('is nothing bad when nothing happened', () => {
    const { tool } = measured().performance.summary().operations;
    expect(tool).toEqual({
      count: 0,
      successPercent: 100,
      minMs: 0,
      maxMs: 0,
      averageMs: 0,
      p50Ms: 0,
      p95Ms: 0,
      p99Ms: 0,
      perSecond: 0,
      topErrors: [],
    });
  });

  it('shows the five commonest errors, and tells no more than 32 kinds apart', () => {
    const { performance } = measured();
    for (let i = 0; i < 100; i += 1) performance.record('tool', 1, `Kind${i}`);
    for (let i = 0; i < 5; i += 1) performance.record('tool', 1, 'Kind7');
    const { topErrors } = performance.summary().operations.tool;
    expect(topErrors.slice(0, 2)).toEqual([
      { type: 'other', count: 68 },
      { type: 'Kind7', count: 6 },
    ]);
    expect(topErrors).toHaveLength(5);
  });

  it('is reported so that it adds up', () => {
    const { performance } = measured();
    for (const ms of [10, 20, 30]) performance.record('request', ms, ms === 30 ? 'Timeout' : '');
    const [report, ...more] = performance.report();
    expect(more).toEqual([]);
    expect(report).toMatchObject({ operation: 'request', count: 3, failures: 1, totalMs: 60 });
    const durations = new Durations();
    durations.merge(report!.durations);
    expect(Math.abs(durations.percentile(0.5) / 20 - 1)).toBeLessThan(0.02);
  });
});

import { describe, expect, it } from '@jest/globals';
import type { HealthCheckStatus } from '../../contract/generated/types.ts';
import { FakeClock } from '../testing/fakeClock.ts';
import { HealthChecks } from './healthChecks.ts';
import type { CheckSpec, ProbeFailure } from './probe.ts';

const CHECK: CheckSpec = {
  name: 'db',
  tcp: { host: 'db.example', port: 5432 },
  intervalMs: 10_000,
  timeoutMs: 1000,
  failureThreshold: 2,
  critical: false,
};

/** Checks whose probes end when the test says so, or at their deadline. */
class Scene {
  readonly clock = new FakeClock();
  readonly changes: HealthCheckStatus['state'][] = [];
  readonly underWay: { name: string; end: (failure?: ProbeFailure) => void }[] = [];
  readonly checks = new HealthChecks({
    clock: this.clock,
    onChange: ({ state }) => void this.changes.push(state),
    probe: ({ name }, signal) =>
      new Promise((resolve) => {
        this.underWay.push({ name, end: resolve });
        signal.addEventListener('abort', () => resolve('Timeout'));
      }),
  });

  /** Ends the probes under way, and lets the time to the next ones pass. */
  async round(failure?: ProbeFailure): Promise<void> {
    for (const { end } of this.underWay.splice(0)) end(failure);
    await settled();
    this.clock.advance(10_000);
  }

  get state(): HealthCheckStatus | undefined {
    return this.checks.statuses()[0];
  }
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('health checks', () => {
  it('run in parallel, each with its own deadline', async () => {
    const scene = new Scene();
    scene.checks.apply([CHECK, { ...CHECK, name: 'slow', timeoutMs: 5000 }]);
    expect(scene.underWay.map(({ name }) => name)).toEqual(['db', 'slow']);
    scene.clock.advance(1000);
    await settled();
    expect(scene.checks.statuses()).toMatchObject([
      { name: 'db', state: 'Failing', reason: 'Timeout', since: '2026-01-01T00:00:01.000Z' },
      { name: 'slow', state: 'Unknown' },
    ]);
    scene.clock.advance(4000);
    await settled();
    expect(scene.checks.stats()).toEqual([
      { name: 'db', passing: false, lastSeconds: 1, passed: 0, failed: { Timeout: 1 } },
      { name: 'slow', passing: false, lastSeconds: 5, passed: 0, failed: { Timeout: 1 } },
    ]);
  });

  it('count the first result at once, and later failures only when enough occur in a row', async () => {
    const scene = new Scene();
    scene.checks.apply([CHECK]);
    await scene.round('Connection');
    expect(scene.state).toMatchObject({ state: 'Failing', reason: 'Connection' });
    await scene.round();
    expect(scene.state).toMatchObject({ state: 'Passing' });
    expect(scene.state).not.toHaveProperty('reason');
    for (const failure of ['BadStatus', undefined, 'BadStatus'] as const)
      await scene.round(failure);
    expect(scene.state).toMatchObject({ state: 'Passing' });
    await scene.round('Timeout');
    expect(scene.state).toMatchObject({ state: 'Failing', reason: 'Timeout' });
    expect(scene.changes).toEqual(['Failing', 'Passing', 'Failing']);
  });

  it('follow changed figures, and start again only with another target', async () => {
    const scene = new Scene();
    scene.checks.apply([CHECK]);
    await scene.round('Connection');
    expect(scene.checks.critical).toBe(false);
    scene.checks.apply([{ ...CHECK, critical: true, failureThreshold: 9 }]);
    expect(scene.state).toMatchObject({ state: 'Failing', critical: true });
    expect(scene.checks.critical).toBe(true);
    scene.checks.apply([{ ...CHECK, tcp: { host: 'other.example', port: 5432 } }]);
    expect(scene.state).toMatchObject({ state: 'Unknown' });
    scene.checks.apply([]);
    await scene.round('Timeout');
    expect([scene.checks.statuses(), scene.clock.pending()]).toEqual([[], 0]);
  });

  it('run sooner when the interval becomes shorter', async () => {
    const scene = new Scene();
    scene.checks.apply([CHECK]);
    for (const { end } of scene.underWay.splice(0)) end();
    await settled();
    scene.checks.apply([{ ...CHECK, timeoutMs: 2000 }]);
    expect(scene.underWay).toHaveLength(0);
    scene.checks.apply([{ ...CHECK, intervalMs: 1000 }]);
    expect(scene.underWay).toHaveLength(1);
  });
});

import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../testing/fakeClock.ts';
import { circuitOf, content } from '../../testing/guardFixture.ts';
import { Guard } from '../guard.ts';
import type { GuardSnapshot } from '../guard.ts';
import type { Outcome } from '../../resilience/outcome.ts';

const PRIMARY = 'model/primary';
const FAILED: Outcome = { vote: 'failure', class: 'Overloaded', message: 'HTTP 529' };
const POLICY = circuitOf({
  trip: { consecutiveFailures: 1 },
  openDurationMs: 60_000,
  maxOpenDurationMs: 60_000,
});

function pod(seed: string, clock: FakeClock): Guard {
  const guard = new Guard({ clock, seed });
  guard.apply(content({ circuits: [POLICY] }));
  return guard;
}

function fail(guard: Guard): void {
  const answer = guard.dependency(PRIMARY)!.acquire();
  if (answer.kind === 'Permit') answer.permit.settle(FAILED);
}

const nextProbe = (guard: Guard): string | undefined => guard.circuits()[0]!.nextProbe;
const state = (guard: Guard): string => guard.circuits()[0]!.state;
const ms = (guard: Guard, clock: FakeClock): number =>
  Date.parse(nextProbe(guard)!) - clock.date().getTime();

describe('open durations of many pods', () => {
  it('a hundred circuits that open at once probe over 10 s, none before openDuration and few in one second', () => {
    const clock = new FakeClock();
    const guards = Array.from({ length: 100 }, (_, i) => pod(`support/triage-${i}`, clock));
    for (const guard of guards) fail(guard);
    const bySecond = new Map<number, number>();
    for (const guard of guards) {
      const second = Math.floor(ms(guard, clock) / 1000);
      expect(second).toBeGreaterThanOrEqual(60);
      expect(second).toBeLessThan(70);
      bySecond.set(second, (bySecond.get(second) ?? 0) + 1);
    }
    expect(Math.max(...bySecond.values())).toBeLessThanOrEqual(20);
  });

  it('the status contains the real time of the probe', () => {
    const clock = new FakeClock();
    const guard = pod('support/triage-1', clock);
    fail(guard);
    const left = ms(guard, clock);
    expect(left).not.toBe(60_000);
    clock.advance(left - 1);
    expect(state(guard)).toBe('Open');
    clock.advance(1);
    expect(state(guard)).toBe('HalfOpen');
  });

  it('another process of the pod probes at the time of the former process', () => {
    const clock = new FakeClock();
    const guard = pod('support/triage-1', clock);
    fail(guard);
    clock.advance(20_000);
    const saved = JSON.parse(JSON.stringify(guard.snapshot())) as GuardSnapshot;
    const next = pod('support/triage-1', clock);
    next.restore(saved, 600_000);
    expect(nextProbe(next)).toBe(nextProbe(guard));
  });

  it('an edited open duration is lengthened as far', () => {
    const clock = new FakeClock();
    const guard = pod('support/triage-1', clock);
    fail(guard);
    const before = ms(guard, clock);
    const edited = { ...POLICY, openDurationMs: 120_000, maxOpenDurationMs: 120_000 };
    guard.apply(content({ circuits: [edited] }));
    expect(ms(guard, clock) - before).toBe(60_000);
  });
});

describe('gates of many pods', () => {
  it('open at the stated time or later, and not all in the same second', () => {
    const clock = new FakeClock();
    const waits = Array.from({ length: 100 }, (_, i) => {
      const guard = pod(`support/triage-${i}`, clock);
      const answer = guard.dependency(PRIMARY)!.acquire();
      if (answer.kind === 'Permit') answer.permit.refused('RateLimited', 30_000);
      const [gate] = guard.gates();
      return Date.parse(gate!.until!) - clock.date().getTime();
    });
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(30_000);
    expect(Math.max(...waits)).toBeLessThanOrEqual(36_000);
    expect(new Set(waits.map((wait) => Math.floor(wait / 1000))).size).toBeGreaterThan(4);
  });

  it('probe after retry.maxProviderWait or later, and end pauses at the reset or later', () => {
    const clock = new FakeClock();
    const waits = Array.from({ length: 100 }, (_, i) => {
      const guard = pod(`support/triage-${i}`, clock);
      const dependency = guard.dependency(PRIMARY)!;
      const until = (): number => Date.parse(guard.gates()[0]!.until!) - clock.date().getTime();
      guard.useCredential(PRIMARY, 'm');
      dependency.learn([{ resource: 'Requests', remaining: 0, resetMs: 30_000 }], 'm');
      const pause = until();
      const answer = guard.dependency(PRIMARY)!.acquire({
        credential: { hash: 'other', mounted: true },
      });
      if (answer.kind === 'Permit') answer.permit.refused('RateLimited', 86_400_000);
      return { pause, gate: until() };
    });
    for (const { pause, gate } of waits) {
      expect(pause).toBeGreaterThanOrEqual(30_000);
      expect(pause).toBeLessThanOrEqual(36_000);
      expect(gate).toBeGreaterThanOrEqual(300_000);
      expect(gate).toBeLessThanOrEqual(310_000);
    }
    for (const kind of ['pause', 'gate'] as const) {
      const seconds = new Set(waits.map((wait) => Math.floor(wait[kind] / 1000)));
      expect(seconds.size).toBeGreaterThan(4);
    }
  });
});

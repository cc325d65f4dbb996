import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../testing/fakeClock.ts';
import { Guard } from '../guard.ts';
import { circuitOf, content, limitOf } from '../../testing/guardFixture.ts';
import { OK } from '../../resilience/outcome.ts';
import type { Content, Limit, Transition } from '../../../contract/generated/types.ts';
import type { Permit } from '../permit.ts';
import type { Outcome } from '../../resilience/outcome.ts';

const PRIMARY = 'model/primary';
const OVERLOADED: Outcome = { vote: 'failure', class: 'Overloaded', message: 'HTTP 529' };
const SECONDARY = { name: 'secondary', provider: 'Anthropic', baseURL: 'http://other.test' };

/** A guard with a clock and what it told. */
class Bench {
  readonly clock = new FakeClock();
  readonly told: Transition[] = [];
  readonly guard = new Guard({
    clock: this.clock,
    listener: { transition: (transition) => void this.told.push(transition) },
  });

  constructor(configuration: Content = content({ circuits: [circuitOf({ policy: 'triage' })] })) {
    this.guard.apply(configuration);
  }

  permit(dependency = PRIMARY): Permit {
    const admission = this.guard.dependency(dependency)!.acquire();
    if (admission.kind !== 'Permit') throw new Error(admission.rejection.reason);
    return admission.permit;
  }

  open(dependency = PRIMARY): void {
    for (let i = 0; i < 5; i += 1) this.permit(dependency).settle(OVERLOADED);
  }

  states(): string[] {
    return this.guard.circuits().map(({ dependency, state }) => `${dependency} ${state}`);
  }
}

describe('a new configuration', () => {
  it('keeps an open circuit open and moves its next probe', () => {
    const bench = new Bench();
    bench.open();
    bench.clock.advance(10_000);
    const circuit = circuitOf({ policy: 'triage', openDurationMs: 30_000 });
    bench.guard.apply(content({ circuits: [circuit] }));
    expect(bench.guard.circuits()).toMatchObject([
      { state: 'Open', since: '2026-01-01T00:00:00.000Z', nextProbe: '2026-01-01T00:00:30.000Z' },
    ]);
    bench.clock.advance(20_000);
    expect(bench.told.at(-1)).toMatchObject({ to: 'HalfOpen', reason: 'open for 30s' });
  });

  it('makes a circuit half-open at once if its time is already over', () => {
    const bench = new Bench();
    bench.open();
    bench.clock.advance(10_000);
    bench.guard.apply(content({ circuits: [circuitOf({ openDurationMs: 5000 })] }));
    expect(bench.told.at(-1)).toMatchObject({ to: 'HalfOpen', reason: 'open for 10s' });
  });

  it('that is equal changes and reports nothing', () => {
    const bench = new Bench();
    bench.open();
    bench.clock.advance(10_000);
    const before = bench.guard.circuits();
    bench.guard.apply(content({ circuits: [circuitOf({ policy: 'triage' })] }));
    expect(bench.guard.circuits()).toEqual(before);
    expect(bench.told).toHaveLength(1);
    expect(bench.clock.pending()).toBe(1);
  });

  it('without the policy of a circuit keeps its state and applies the defaults', () => {
    const circuit = circuitOf({ policy: 'triage', openDurationMs: 5000 });
    const bench = new Bench(content({ circuits: [circuit] }));
    bench.open();
    bench.guard.apply(content());
    const [status] = bench.guard.circuits();
    expect(status).toMatchObject({ state: 'Open', nextProbe: '2026-01-01T00:00:20.000Z' });
    expect(status).not.toHaveProperty('policy');
  });

  it('lets calls in flight vote in the circuit that they began with', () => {
    const bench = new Bench();
    const permits = Array.from({ length: 5 }, () => bench.permit());
    bench.guard.apply(content());
    for (const permit of permits) permit.settle(OVERLOADED);
    expect(bench.states()).toEqual(['model/primary Open']);
  });

  it('without a dependency drops its circuit, which is not reported any more', () => {
    const bench = new Bench();
    const permits = Array.from({ length: 5 }, () => bench.permit());
    bench.guard.apply(content({ endpoints: [SECONDARY] }));
    for (const permit of permits) permit.settle(OVERLOADED);
    expect(bench.told).toEqual([]);
    expect(bench.states()).toEqual(['model/secondary Closed']);
    expect(bench.guard.dependency(PRIMARY)).toBeUndefined();
    bench.guard.apply(content());
    expect(bench.states()).toEqual(['model/primary Closed']);
  });

  it('does not affect other circuits', () => {
    const { endpoints } = content();
    const bench = new Bench(content({ endpoints: [...endpoints, SECONDARY] }));
    bench.open('model/secondary');
    bench.guard.apply(content({ endpoints: [SECONDARY, ...endpoints] }));
    expect(bench.states()).toEqual(['model/secondary Open', 'model/primary Closed']);
  });

  it('keeps the level of a limit by target and name, whatever the policy is called', () => {
    const bench = new Bench(content({ limits: [limitOf({ capacity: 10 })] }));
    for (let i = 0; i < 10; i += 1) bench.guard.inbound.acquire();
    bench.guard.apply(content({ limits: [limitOf({ capacity: 50, policy: 'other' })] }));
    expect(bench.guard.inbound.acquire()).toMatchObject({ rejection: { policy: 'other' } });
    expect(bench.guard.stats().limits).toMatchObject([{ requests: 11, rejected: 1, tokens: 0 }]);
  });

  it('gives each of several limits of the same name a bucket', () => {
    const limits = [
      limitOf({ policy: 'a', capacity: 3 }),
      limitOf({ policy: 'b', capacity: 9 }),
      limitOf({ target: PRIMARY, capacity: 5 }),
    ];
    const bench = new Bench(content({ limits }));
    bench.guard.inbound.acquire();
    bench.guard.apply(content({ limits }));
    expect(bench.guard.stats().limits.map(({ tokens }) => tokens)).toEqual([2, 8, 5]);
  });

  it('removes limits that it does not contain', () => {
    const bench = new Bench(content({ limits: [limitOf({ capacity: 1 })] }));
    bench.guard.inbound.acquire();
    bench.guard.apply(content());
    expect(bench.guard.inbound.acquire().kind).toBe('Permit');
    expect(bench.guard.limits()).toEqual([]);
  });
});

describe('a dependency object in use', () => {
  function failing(bench: Bench): () => void {
    const dependency = bench.guard.dependency(PRIMARY)!;
    return () => {
      const answer = dependency.acquire();
      if (answer.kind === 'Permit') answer.settle(OVERLOADED);
    };
  }

  it('keeps its state under a new configuration, and follows its rules', () => {
    const bench = new Bench();
    const fail = failing(bench);
    for (let i = 0; i < 3; i += 1) fail();
    const trip = { consecutiveFailures: 4 };
    bench.guard.apply(content({ circuits: [circuitOf({ trip })] }));
    expect(bench.states()).toEqual(['model/primary Closed']);
    fail();
    expect(bench.states()).toEqual(['model/primary Open']);
  });

  it('follows a limit that is added, changed or removed', () => {
    const bench = new Bench();
    const dependency = bench.guard.dependency(PRIMARY)!;
    const granted = (): number => {
      for (let count = 0; ; count += 1)
        if (count > 9 || dependency.acquire().kind !== 'Permit') return count;
    };
    const limited = (name: string, capacity: number): Content =>
      content({ limits: [limitOf({ target: PRIMARY, name, capacity })] });
    bench.guard.apply(limited('x', 2));
    expect(granted()).toBe(2);
    bench.guard.apply(limited('y', 3));
    expect(granted()).toBe(3);
    bench.guard.apply(content());
    expect(granted()).toBe(10);
  });

  it('throws once the configuration no longer has it', () => {
    const bench = new Bench();
    const dependency = bench.guard.dependency(PRIMARY)!;
    bench.guard.apply(content({ endpoints: [SECONDARY] }));
    expect([dependency.present, dependency.availability()]).toEqual([false, undefined]);
    expect(() => dependency.acquire()).toThrow('no dependency model/primary');
    expect(bench.guard.dependency(PRIMARY)).toBeUndefined();
  });

  it('starts again when the configuration has it again', () => {
    const bench = new Bench();
    const fail = failing(bench);
    for (let i = 0; i < 5; i += 1) fail();
    bench.guard.apply(content({ endpoints: [SECONDARY] }));
    bench.guard.apply(content({ circuits: [circuitOf({})] }));
    expect(bench.states()).toEqual(['model/primary Closed']);
    for (let i = 0; i < 2; i += 1) fail();
    for (let i = 0; i < 3; i += 1) bench.permit().settle(OVERLOADED);
    expect(bench.states()).toEqual(['model/primary Open']);
    expect(bench.guard.stats().circuits).toMatchObject([{ requests: 5 }]);
  });
});

describe('a dependency that is removed and comes back', () => {
  const bounded = content({ endpoints: [{ ...content().endpoints[0]!, maxConcurrent: 2 }] });

  function returned(): { bench: Bench; before: Permit[] } {
    const bench = new Bench(bounded);
    const before = [bench.permit(), bench.permit()];
    bench.guard.apply(content({ endpoints: [SECONDARY] }));
    bench.guard.apply(bounded);
    return { bench, before };
  }

  it('counts the calls in flight in its bulkhead', () => {
    const { bench, before } = returned();
    expect(() => bench.permit()).toThrow('BulkheadFull');
    before[0]!.settle(OK);
    const after = bench.permit();
    expect(() => bench.permit()).toThrow('BulkheadFull');
    for (const permit of [before[1]!, after]) permit.settle(OK);
    expect(bench.guard.stats()).toMatchObject({
      bulkheads: [{ target: 'inbound' }, { target: PRIMARY, active: 0, rejected: 2 }],
      circuits: [{ requests: 3, inFlight: 0 }],
    });
  });

  it('ignores votes of earlier calls', () => {
    const trip = { consecutiveFailures: 1 };
    const { bench, before } = returned();
    bench.guard.apply({ ...bounded, circuits: [circuitOf({ trip })] });
    for (const permit of before) permit.settle(OVERLOADED);
    expect(bench.guard.stats().circuits).toMatchObject([{ failures: {}, inFlight: 0 }]);
    expect(bench.states()).toEqual(['model/primary Closed']);
  });

  it('has open gates, no stated limits and full buckets', () => {
    const limit = limitOf({ target: PRIMARY, capacity: 5 });
    const limited = content({ limits: [limit] });
    const bench = new Bench(limited);
    const credential = { hash: 'm', mounted: true };
    const dependency = bench.guard.dependency(PRIMARY)!;
    const answer = dependency.acquire({ credential });
    dependency.learn([{ resource: 'Requests', remaining: 0, resetMs: 60_000 }], 'm');
    if (answer.kind === 'Permit') answer.refused('SpendLimit', 60_000);
    expect(bench.guard.gates()).toMatchObject([{ gate: 'SpendLimit' }]);
    bench.guard.apply(content({ endpoints: [SECONDARY] }));
    bench.guard.apply(limited);
    expect(bench.guard.gates()).toEqual([{ dependency: PRIMARY, gate: 'None' }]);
    expect(bench.guard.providerLimits()).toEqual([]);
    expect(bench.guard.stats().limits).toMatchObject([{ tokens: 5, requests: 0 }]);
    expect(dependency.acquire({ credential }).kind).toBe('Permit');
  });

  it('admits the calls that waited when it was removed', async () => {
    const bench = new Bench(bounded);
    const before = [bench.permit(), bench.permit()];
    const waiting = bench.guard.dependency(PRIMARY)!.acquire({});
    if (waiting.kind !== 'Waiting') throw new Error(waiting.kind);
    bench.guard.apply(content({ endpoints: [SECONDARY] }));
    const admission = await waiting.admission;
    bench.guard.apply(bounded);
    before[0]!.settle(OK);
    expect(() => bench.permit()).toThrow('BulkheadFull');
    if (admission.kind === 'Permit') admission.settle(OK);
    bench.permit();
  });
});

describe('before the first configuration', () => {
  it('requests are admitted and no dependency is known', () => {
    const guard = new Guard({ clock: new FakeClock() });
    expect(guard.inbound.acquire().kind).toBe('Permit');
    expect(guard.dependency(PRIMARY)).toBeUndefined();
    expect([guard.circuits(), guard.limits(), guard.transitions()]).toEqual([[], [], []]);
  });
});

describe('time', () => {
  it('is reported by the stepped wall clock, but decided by the monotonic one', () => {
    const bench = new Bench();
    bench.open();
    bench.clock.stepWall(3_600_000);
    expect(bench.guard.circuits()).toMatchObject([
      { state: 'Open', since: '2026-01-01T00:00:00.000Z', nextProbe: '2026-01-01T01:01:00.000Z' },
    ]);
    bench.clock.advance(59_999);
    expect(bench.states()).toEqual(['model/primary Open']);
    bench.clock.advance(1);
    expect(bench.told.at(-1)).toMatchObject({ to: 'HalfOpen', time: '2026-01-01T01:01:00.000Z' });
  });

  it('needs one timer for all circuits', () => {
    const { endpoints } = content();
    const bench = new Bench(content({ endpoints: [...endpoints, SECONDARY] }));
    bench.open('model/secondary');
    bench.clock.advance(1000);
    bench.open();
    expect(bench.clock.pending()).toBe(1);
    bench.clock.advance(19_000);
    expect(bench.told.at(-1)).toMatchObject({ dependency: 'model/secondary', to: 'HalfOpen' });
    bench.clock.advance(1000);
    expect(bench.told.at(-1)).toMatchObject({ dependency: 'model/primary', to: 'HalfOpen' });
    expect(bench.clock.pending()).toBe(0);
  });

  it('that is too long for a timer is waited for in parts', () => {
    const openDurationMs = 2 ** 32;
    const circuit = circuitOf({ openDurationMs, maxOpenDurationMs: openDurationMs });
    const bench = new Bench(content({ circuits: [circuit] }));
    bench.open();
    bench.clock.advance(openDurationMs - 1);
    expect(bench.told).toHaveLength(1);
    bench.clock.advance(1);
    expect(bench.told).toHaveLength(2);
  });

  it('that passed while the process was stopped is noticed by the first call', () => {
    const bench = new Bench();
    bench.open();
    bench.clock.stall(90_000);
    bench.permit().settle(OK);
    expect(bench.told.at(-1)).toMatchObject({ to: 'HalfOpen', reason: 'open for 90s' });
  });

  it('needs no timer once the guard is closed', () => {
    const bench = new Bench();
    bench.open();
    bench.guard.close();
    bench.guard.apply(content());
    expect(bench.clock.pending()).toBe(0);
    expect(bench.guard.dependency(PRIMARY)!.acquire().kind).toBe('Rejection');
  });
});

describe('the log of transitions', () => {
  it('keeps the last 64 with consecutive numbers', () => {
    const bench = new Bench(content({ circuits: [circuitOf({ maxOpenDurationMs: 60_000 })] }));
    bench.open();
    for (let i = 0; i < 50; i += 1) {
      bench.clock.advance(60_000);
      bench.permit().settle(OVERLOADED);
    }
    const numbers = bench.guard.transitions().map(({ sequence }) => sequence);
    expect(numbers).toEqual(Array.from({ length: 64 }, (_, i) => i + 38));
    expect(bench.guard.stats().circuits[0]!.transitions).toEqual([
      { from: 'Closed', to: 'Open', count: 1 },
      { from: 'Open', to: 'HalfOpen', count: 50 },
      { from: 'HalfOpen', to: 'Open', count: 50 },
    ]);
  });
});

describe('an override of a limit', () => {
  const override = {
    ...{ refill: { amount: 1, perMs: 1000 }, capacity: 2 },
    expiresAt: '2026-01-01T00:10:00.000Z',
  };
  const held = (parts: Partial<Limit> = {}): Content =>
    content({
      limits: [limitOf({ target: PRIMARY, capacity: 100, override, ...parts })],
    });
  const tokens = ({ guard }: Bench): number => guard.stats().limits[0]!.tokens;

  it('holds its rate and capacity until its end, and then the limit has its own again', () => {
    const bench = new Bench(held());
    expect(bench.guard.limits()).toMatchObject([{ overridden: true }]);
    bench.permit();
    bench.permit();
    expect(() => bench.permit()).toThrow('RateLimited');
    bench.clock.advance(599_999);
    expect(tokens(bench)).toBe(2);
    bench.clock.advance(1);
    expect(bench.guard.limits()[0]).not.toHaveProperty('overridden');
    bench.clock.advance(60_000);
    expect(tokens(bench)).toBe(100);
  });

  it('ends without a request, by the clock of the wall', () => {
    const bench = new Bench(held());
    bench.clock.stepWall(600_000);
    bench.permit();
    expect(bench.guard.limits()[0]).not.toHaveProperty('overridden');
  });

  it('that is over when the process starts holds nothing', () => {
    const expiresAt = '2025-12-31T23:59:59.000Z';
    const bench = new Bench(held({ override: { ...override, expiresAt } }));
    expect(tokens(bench)).toBe(100);
  });

  it('lets a call that waits proceed at the rate that holds after its end', async () => {
    const slow = { ...override, refill: { amount: 1, perMs: 3_600_000 }, capacity: 1 };
    const bench = new Bench(held({ override: slow, onLimit: 'Queue', maxWaitMs: 3_600_000 }));
    bench.clock.advance(590_000);
    bench.permit();
    const waiting = bench.guard.dependency(PRIMARY)!.acquire({});
    if (waiting.kind !== 'Waiting') throw new Error(waiting.kind);
    bench.clock.advance(11_000);
    await expect(waiting.admission).resolves.toMatchObject({ kind: 'Permit' });
  });
});

import { describe, expect, it } from '@jest/globals';
import fc from '../../../test/property.ts';
import { FakeClock } from '../../testing/fakeClock.ts';
import { Guard } from '../guard.ts';
import { circuitOf, content, limitOf } from '../../testing/guardFixture.ts';
import { expectSame } from '../../testing/same.ts';
import type { Content } from '../../../contract/generated/types.ts';
import type { GuardSnapshot } from '../guard.ts';
import type { GateReason } from '../../resilience/gates.ts';
import type { Dependency } from '../dependency.ts';
import type { Outcome } from '../../resilience/outcome.ts';

const PRIMARY = 'model/primary';
const MAX_AGE_MS = 600_000;

interface Call {
  do: 'call';
  tokens: number;
  used: number | undefined;
  outcome: Outcome;
  gate: { reason: GateReason; ms: number | undefined } | undefined;
}
type Step = Call | { do: 'advance'; ms: number } | { do: 'inbound' };

/** With nothing that a closed circuit remembers, because only open ones are kept. */
function configuration(capacity: number): Content {
  const circuit = circuitOf({
    trip: { failureRate: { percent: 100, minimumCalls: 1, calls: 1 } },
    openDurationMs: 2000,
    maxOpenDurationMs: 8000,
    halfOpen: { maxProbes: 1, successThreshold: 1, queueTimeoutMs: 0 },
  });
  return content({
    circuits: [circuit],
    limits: [
      limitOf({ capacity, refill: { amount: 1, perMs: 500 } }),
      limitOf({ target: PRIMARY, resource: 'OutputTokens', capacity: 10 * capacity }),
      limitOf({ target: PRIMARY, capacity, refill: { amount: 1, perMs: 250 } }),
    ],
  });
}

const call: fc.Arbitrary<Call> = fc.record({
  do: fc.constant('call' as const),
  tokens: fc.nat({ max: 60 }),
  used: fc.option(fc.nat({ max: 200 }), { nil: undefined }),
  outcome: fc.constantFrom<Outcome>(
    { vote: 'ok' },
    { vote: 'ok' },
    { vote: 'ok' },
    { vote: 'ignored' },
    { vote: 'failure', class: 'ServerError', message: 'HTTP 500' },
  ),
  gate: fc.oneof(
    { weight: 5, arbitrary: fc.constant(undefined) },
    {
      weight: 1,
      arbitrary: fc.record({
        // Those that one refusal shuts: refusals in a row are not kept.
        reason: fc.constantFrom<GateReason>('RateLimited', 'SpendLimit'),
        ms: fc.constantFrom(700, 5000, 31_622_400_000),
      }),
    },
  ),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: call },
  { weight: 2, arbitrary: fc.constant<Step>({ do: 'inbound' }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('advance' as const),
      ms: fc.constantFrom(1, 90, 600, 2500),
    }),
  },
);
const trace = fc.array(step, { minLength: 5, maxLength: 40, size: 'max' });

/** A process with a guard. */
class Life {
  readonly clock: FakeClock;
  readonly guard: Guard;
  /** Looked up before anything is restored. */
  readonly #primary: Dependency;

  constructor(capacity: number, start?: string) {
    this.clock = new FakeClock(start);
    this.guard = new Guard({ clock: this.clock });
    this.guard.apply(configuration(capacity));
    this.#primary = this.guard.dependency(PRIMARY)!;
  }

  /** What is answered, and which gate there is. */
  take(next: Step): unknown {
    if (next.do === 'advance') return this.clock.advance(next.ms);
    if (next.do === 'inbound') {
      const answer = this.guard.inbound.acquire();
      if (answer.kind === 'Permit') answer.settle({ vote: 'ok' });
      return answer.kind === 'Rejection' ? answer : 'Permit';
    }
    // How far a gate has opened is not kept.
    const gates = this.guard.gates().filter(({ until }) => until !== undefined);
    return [this.#call(next), gates, this.guard.circuits().map(({ state }) => state)];
  }

  #call({ tokens, used, outcome, gate }: Call): unknown {
    const answer = this.#primary.acquire({
      cost: { inputTokens: 0, outputTokens: tokens },
      credential: { hash: 'mounted', mounted: true },
    });
    if (answer.kind === 'Waiting') throw new Error('nothing is to wait');
    if (answer.kind === 'Rejection') return answer;
    if (gate) answer.permit.refused(gate.reason, gate.ms);
    answer.permit.settle(gate ? { vote: 'ignored' } : outcome, {
      ...(used !== undefined && { outputTokens: used }),
    });
    return 'Permit';
  }
}

function saved(guard: Guard): GuardSnapshot {
  return JSON.parse(JSON.stringify(guard.snapshot())) as GuardSnapshot;
}

const capacities = fc.integer({ min: 1, max: 6 });
const RUNS = { numRuns: 2000 };

describe('for any trace of calls, refusals and clock steps', () => {
  it('a restored guard answers as if its process had never ended', () => {
    let kept = 0;
    const times = fc.constantFrom(0, 1, 400, 3000);
    const property = fc.property(capacities, trace, trace, times, (capacity, before, after, ms) => {
      const first = new Life(capacity);
      for (const next of before) first.take(next);
      const snapshot = saved(first.guard);
      // How far a gate has opened is not kept.
      const shut = first.guard.gates().filter(({ until }) => until !== undefined);
      if (shut.length !== snapshot.gates!.length) return;
      kept += snapshot.gates!.length > 0 && snapshot.limits!.length > 0 ? 1 : 0;
      first.clock.advance(ms);
      const second = new Life(capacity, first.clock.date().toISOString());
      second.guard.restore(snapshot, MAX_AGE_MS);
      second.guard.useCredential(PRIMARY, 'mounted');
      const answers = [first, second].map((life) => after.map((next) => life.take(next)));
      expectSame(answers[1], answers[0]);
    });
    fc.assert(property, RUNS);
    expect(kept).toBeGreaterThan(30);
  });

  it('a restore never adds tokens to a bucket, however old it is and whatever was taken meanwhile', () => {
    const ages = fc.constantFrom(-5000, 0, 100, 5000, 600_000, 600_001, 10_000_000);
    const property = fc.property(
      capacities,
      trace,
      trace,
      ages,
      (capacity, before, between, ms) => {
        const first = new Life(capacity);
        for (const next of before) first.take(next);
        const snapshot = saved(first.guard);
        const start = new Date(first.clock.date().getTime() + ms).toISOString();
        const second = new Life(capacity + 1, start);
        for (const next of between) second.take(next);
        const levels = (): number[] => second.guard.stats().limits.map(({ tokens }) => tokens);
        const [had, age] = [levels(), second.clock.date().getTime() - Date.parse(snapshot.savedAt)];
        second.guard.restore(snapshot, MAX_AGE_MS);
        for (const [i, level] of levels().entries()) expect(level).toBeLessThanOrEqual(had[i]!);
        if (age < 0 || age > MAX_AGE_MS) expectSame(levels(), had);
      },
    );
    fc.assert(property, RUNS);
  });
});

describe('a restored gate', () => {
  it('belongs to the former mounted credential: another one is tried at once', () => {
    const first = new Life(6);
    const gate = { reason: 'SpendLimit' as const, ms: undefined };
    first.take({ do: 'call', tokens: 0, used: 0, outcome: { vote: 'ignored' }, gate });
    const second = new Life(6, first.clock.date().toISOString());
    second.guard.restore(saved(first.guard), MAX_AGE_MS);
    expect(second.guard.gates()).toMatchObject([{ gate: 'SpendLimit' }]);
    second.guard.useCredential(PRIMARY, 'rotated');
    const asked = { credential: { hash: 'rotated', mounted: true } };
    expect(second.guard.dependency(PRIMARY)!.acquire(asked).kind).toBe('Permit');
    expect(second.guard.dependency(PRIMARY)!.acquire(asked).kind).toBe('Rejection');
  });

  it('is never that of a client’s own credential', () => {
    const first = new Life(6);
    const answer = first.guard
      .dependency(PRIMARY)!
      .acquire({ credential: { hash: 'theirs', mounted: false } });
    if (answer.kind === 'Permit') answer.refused('SpendLimit', 5000);
    expect(first.guard.snapshot().gates).toEqual([]);
  });
});

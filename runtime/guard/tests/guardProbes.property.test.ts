import { describe, expect, it } from '@jest/globals';
import fc from '../../../test/property.ts';
import { IGNORED, OK } from '../../resilience/outcome.ts';
import { ModelBreaker } from '../../testing/breakerModel.ts';
import { FakeClock } from '../../testing/fakeClock.ts';
import { circuitOf, content } from '../../testing/guardFixture.ts';
import { expectSame } from '../../testing/same.ts';
import { breakerSpec } from '../circuitSpec.ts';
import { Guard } from '../guard.ts';
import { WallTime } from '../wallTime.ts';
import type { Circuit } from '../../../contract/generated/types.ts';
import type { Outcome } from '../../resilience/outcome.ts';
import type { ModelCall } from '../../testing/breakerModel.ts';
import type { Permit } from '../permit.ts';

const PRIMARY = 'model/primary';
const FAILED: Outcome = { vote: 'failure', class: 'Overloaded', message: 'HTTP 529' };
const MAX_QUEUED = 3;
const BULKHEAD = { maxConcurrent: 1000, maxQueued: MAX_QUEUED, acquireTimeoutMs: 500 };
/** All times are multiples of it. */
const TICK_MS = 10;

type Step =
  | { do: 'ask' }
  | { do: 'firstToken'; which: number }
  | { do: 'settle'; which: number; outcome: Outcome }
  | { do: 'wait'; ticks: number }
  | { do: 'apply'; policy: Circuit };

const policy: fc.Arbitrary<Circuit> = fc
  .record({
    maxProbes: fc.constantFrom(1, 1, 2),
    successThreshold: fc.constantFrom(1, 2, 4),
    queueTimeoutMs: fc.constantFrom(0, 50, 200),
    failures: fc.constantFrom(1, 2),
    openDurationMs: fc.constantFrom(50, 100),
  })
  .map(({ failures, openDurationMs, ...halfOpen }) =>
    circuitOf({ trip: { consecutiveFailures: failures }, openDurationMs, halfOpen }),
  );
const which = fc.nat(3);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.constant<Step>({ do: 'ask' }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('firstToken' as const), which }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('settle' as const),
      which,
      outcome: fc.constantFrom(OK, OK, FAILED, FAILED, IGNORED),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ticks: fc.constantFrom(1, 5, 12) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('apply' as const), policy }) },
);

/** A guard beside the naive breaker with a naive queue. Calls are numbered as they ask. */
class Pair {
  waited = 0;
  readonly #clock = new FakeClock();
  readonly #guard = new Guard({ clock: this.#clock });
  readonly #wallTime = new WallTime(this.#clock);
  readonly #model: ModelBreaker;
  #policy: Circuit;
  readonly #answers: string[] = [];
  readonly #permits = new Map<number, Permit>();
  readonly #expected: string[] = [];
  readonly #calls = new Map<number, ModelCall>();
  #queue: { id: number; deadline: number }[] = [];

  constructor(initial: Circuit) {
    this.#policy = initial;
    this.#model = new ModelBreaker(breakerSpec(undefined, this.#wallTime), 0);
    this.#apply(initial);
  }

  async take(next: Step): Promise<void> {
    if (next.do === 'ask') this.#ask();
    else if (next.do === 'apply') this.#apply(next.policy);
    else if (next.do === 'wait') {
      for (let i = 0; i < next.ticks; i += 1) this.#tick();
    } else this.#use(next);
    for (let i = 0; i < 3 * MAX_QUEUED; i += 1) await Promise.resolve();
    expectSame(this.#answers, this.#expected);
    expectSame(this.#guard.circuits()[0]!.state, this.#model.state(this.#now));
  }

  get #now(): number {
    return this.#clock.now();
  }

  #tick(): void {
    this.#clock.advance(TICK_MS);
    this.#model.advance(this.#now);
    this.#pump();
  }

  #apply(next: Circuit): void {
    this.#policy = next;
    this.#guard.apply(content({ bulkhead: BULKHEAD, circuits: [next] }));
    this.#model.apply(breakerSpec(next, this.#wallTime), this.#now);
    this.#pump();
  }

  #ask(): void {
    const id = this.#answers.length;
    const answer = this.#guard.dependency(PRIMARY)!.acquire({});
    this.#answers.push(answer.kind);
    if (answer.kind === 'Permit') this.#permits.set(id, answer);
    if (answer.kind === 'Waiting') {
      this.waited += 1;
      void answer.admission.then((admission) => {
        this.#answers[id] = admission.kind;
        if (admission.kind === 'Permit') this.#permits.set(id, admission);
      });
    }
    this.#expected.push('Waiting');
    const { queueTimeoutMs } = this.#policy.halfOpen;
    const room = queueTimeoutMs > 0 && this.#queue.length < MAX_QUEUED;
    if (!room || !this.#model.isProbing(this.#now)) this.#admit(id);
    else this.#queue.push({ id, deadline: this.#now + queueTimeoutMs });
  }

  #admit(id: number): void {
    const answer = this.#model.acquire(this.#now);
    this.#expected[id] = answer.kind;
    if (answer.kind === 'Permit') this.#calls.set(id, answer);
  }

  #use(next: Extract<Step, { which: number }>): void {
    const id = [...this.#calls.keys()].at(-1 - next.which);
    if (id === undefined) return;
    if (next.do === 'firstToken') {
      this.#permits.get(id)!.firstToken();
      this.#model.firstToken(this.#calls.get(id)!, this.#now);
    } else {
      this.#permits.get(id)!.settle(next.outcome);
      this.#model.settle(this.#calls.get(id)!, next.outcome, this.#now);
      this.#calls.delete(id);
    }
    this.#pump();
  }

  #pump(): void {
    for (const { id, deadline } of this.#queue) {
      if (deadline <= this.#now) this.#expected[id] = 'Rejection';
    }
    this.#queue = this.#queue.filter(({ deadline }) => deadline > this.#now);
    while (this.#queue.length > 0 && !this.#model.isProbing(this.#now)) {
      this.#admit(this.#queue.shift()!.id);
    }
  }
}

describe('for any trace of calls, waits and reloads', () => {
  it('calls beside the probes wait, probe in turn, and get the answers of a naive queue', async () => {
    let waited = 0;
    const trace = fc.array(step, { minLength: 20, maxLength: 60, size: 'max' });
    const property = fc.asyncProperty(policy, trace, async (initial, steps) => {
      const pair = new Pair(initial);
      for (const next of steps) await pair.take(next);
      waited += pair.waited;
    });
    await fc.assert(property, { numRuns: 500 });
    expect(waited).toBeGreaterThan(200);
  });

  it('a dependency that is removed and returns keeps its concurrency bound', () => {
    const bounded = content({
      endpoints: [{ ...content().endpoints[0]!, maxConcurrent: 2 }],
      bulkhead: { ...BULKHEAD, maxQueued: 0 },
    });
    const moves = fc.array(fc.constantFrom('ask', 'ask', 'end', 'remove', 'return'), {
      minLength: 10,
      maxLength: 60,
    });
    const property = fc.property(moves, (steps) => {
      const guard = new Guard({ clock: new FakeClock() });
      guard.apply(bounded);
      const inFlight: Permit[] = [];
      for (const next of steps) {
        if (next === 'remove') guard.apply(content({ endpoints: [] }));
        else if (next === 'return') guard.apply(bounded);
        else if (next === 'end') inFlight.shift()?.settle(OK);
        else {
          const answer = guard.dependency(PRIMARY)?.acquire();
          if (answer === undefined) continue;
          expect(answer.kind).toBe(inFlight.length < 2 ? 'Permit' : 'Rejection');
          if (answer.kind === 'Permit') inFlight.push(answer);
        }
      }
    });
    fc.assert(property, { numRuns: 1000 });
  });
});

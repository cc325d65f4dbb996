import { describe, expect, it } from '@jest/globals';
import fc from '../../../test/property.ts';
import { Jitter } from '../../resilience/jitter.ts';
import { IGNORED, OK } from '../../resilience/outcome.ts';
import { ModelBreaker } from '../../testing/breakerModel.ts';
import { FakeClock } from '../../testing/fakeClock.ts';
import { circuitOf } from '../../testing/guardFixture.ts';
import { expectSame } from '../../testing/same.ts';
import { Circuit } from '../circuit.ts';
import { breakerSpec } from '../circuitSpec.ts';
import { WallTime } from '../wallTime.ts';
import type { Circuit as Policy } from '../../../contract/generated/types.ts';
import type { Outcome } from '../../resilience/outcome.ts';
import type { ModelCall } from '../../testing/breakerModel.ts';
import type { CircuitStats } from '../stats.ts';

const FAILED: Outcome = { vote: 'failure', class: 'ServerError', message: 'HTTP 500' };
const LIMITED: Outcome = { vote: 'failure', class: 'RateLimited', message: 'HTTP 429' };
const TIMED_OUT: Outcome = {
  vote: 'failure',
  class: 'Timeout',
  message: 'nothing came until the client left',
  slow: true,
};
const RATE = { percent: 50, windowMs: 3000, minimumCalls: 3 };
const SLOW = { ...RATE, slowerThanMs: 1000 };

const policy: fc.Arbitrary<Policy> = fc
  .record({
    trip: fc.constantFrom<Policy['trip'][]>(
      { consecutiveFailures: 2 },
      { failureRate: RATE },
      { slowCalls: SLOW },
      { consecutiveFailures: 3, failureRate: RATE, slowCalls: SLOW },
    ),
    openDurationMs: fc.constantFrom(1000, 2000),
    maxOpenDurationMs: fc.constantFrom(2000, 600_000),
    abandonedAfterMs: fc.constantFrom(500, 1500, 60_000),
    failureOn: fc.constantFrom<Policy['failureOn'][]>(
      ['ServerError', 'Timeout'],
      ['ServerError', 'Timeout'],
      ['ServerError'],
    ),
    mode: fc.constantFrom('Enforce' as const, 'Enforce' as const, 'Shadow' as const),
    override: fc.constantFrom<(Policy['override'] | undefined)[]>(
      undefined,
      undefined,
      undefined,
      { state: 'Open' },
      { state: 'Open', expiresAt: '2026-01-01T00:00:05Z' },
    ),
  })
  .map(({ override, ...parts }) => circuitOf({ ...parts, ...(override && { override }) }));

type Step =
  | { do: 'begin' }
  | { do: 'again'; which: number }
  | { do: 'firstToken' | 'lasted'; which: number }
  | { do: 'end'; which: number; outcome: Outcome }
  | { do: 'leave'; which: number; client: string; silent: boolean }
  | { do: 'giveUp'; client: string; ms: number }
  | { do: 'wait' | 'stepWall'; ms: number }
  | { do: 'apply'; policy: Policy };
const which = fc.nat(3);
const client = fc.constantFrom('impatient', 'impatient', 'other');
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 7, arbitrary: fc.constant<Step>({ do: 'begin' }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('again' as const), which }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('firstToken' as const, 'firstToken' as const, 'lasted' as const),
      which,
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('end' as const),
      which,
      outcome: fc.constantFrom<Outcome[]>(OK, OK, OK, FAILED, FAILED, LIMITED, IGNORED),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('leave' as const),
      which,
      client,
      silent: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('giveUp' as const),
      client,
      ms: fc.constantFrom(700, 1600),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(10, 700, 1200) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('stepWall' as const),
      ms: fc.constantFrom(-3000, -900, 100, 900, 3000),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('apply' as const), policy }) },
);

interface Call {
  generation: number;
  began: number;
  firstTokenAt?: number;
  model: ModelCall;
}

/** A call that voted; `leftBy` if it did so because its client left. */
interface Vote {
  leftBy?: string;
}

/** A circuit beside the naive breaker, and a naive count of what happened. */
class Pair {
  readonly circuit: Circuit;
  readonly model: ModelBreaker;
  readonly #clock = new FakeClock('2026-01-01T00:00:00Z');
  readonly #wallTime = new WallTime(this.#clock);
  #policy: Policy;
  readonly #calls: Call[] = [];
  #requests = 0;
  /** By class. */
  readonly #failures: Record<string, number> = {};
  readonly #votes: Vote[] = [];
  /** Calls that clients left: those that timed out, those not counted again, and those that were slow. */
  readonly left = { timedOut: 0, again: 0, slow: 0 };

  constructor(initial: Policy) {
    const ignore = (): void => undefined;
    this.circuit = new Circuit('d', this.#wallTime, 0, ignore, new Jitter('pod-1/d'));
    this.model = new ModelBreaker(breakerSpec(undefined, this.#wallTime), 0, new Jitter('pod-1/d'));
    this.#policy = initial;
    this.#apply(initial);
  }

  get now(): number {
    return this.#clock.now();
  }

  take(next: Step): void {
    this.#perform(next);
    // As the guard does before it shows anything.
    this.circuit.advance(this.now);
    this.model.apply(breakerSpec(this.#policy, this.#wallTime), this.now);
    this.model.advance(this.now);
  }

  #perform(next: Step): void {
    if (next.do === 'wait') this.#clock.advance(next.ms);
    else if (next.do === 'stepWall') this.#clock.stepWall(next.ms);
    else if (next.do === 'apply') this.#apply(next.policy);
    else if (next.do === 'begin') this.#begin();
    else if (next.do === 'again') this.#again(this.#calls[next.which]);
    else if (next.do === 'firstToken') this.#firstToken(this.#calls[next.which]);
    else if (next.do === 'lasted') this.#lasted(this.#calls[next.which]);
    else if (next.do === 'giveUp') this.#giveUp(next.client, next.ms);
    else if (next.do === 'leave') this.#leave(this.#calls.splice(next.which, 1)[0], next);
    else if (next.do === 'end') this.#end(this.#calls.splice(next.which, 1)[0], next.outcome);
  }

  expected(): CircuitStats {
    const transitions: CircuitStats['transitions'] = [];
    for (const { from, to } of this.model.transitions) {
      const known = transitions.find((each) => each.from === from && each.to === to);
      if (known) known.count += 1;
      else transitions.push({ from, to, count: 1 });
    }
    return {
      dependency: 'd',
      state: this.model.state(this.now),
      requests: this.#requests,
      rejected: this.model.counted(),
      inFlight: this.#calls.length,
      failures: { ...this.#failures },
      transitions,
    };
  }

  #apply(next: Policy): void {
    this.#policy = next;
    this.circuit.apply(next, this.now);
    this.model.apply(breakerSpec(next, this.#wallTime), this.now);
  }

  #begin(): void {
    this.#requests += 1;
    this.#admit(this.circuit.acquire(this.now));
  }

  #admit(answer: ReturnType<Circuit['acquire']>): void {
    const model = this.model.acquire(this.now);
    expectSame(typeof answer === 'number', model.kind === 'Permit');
    if (typeof answer !== 'number') expectSame(answer, model);
    else if (model.kind === 'Permit') {
      this.#calls.push({ generation: answer, began: this.now, model });
    }
  }

  /** As a waiting call whose generation is over. */
  #again(call: Call | undefined): void {
    if (call === undefined || !this.circuit.isStale(call.generation)) return;
    this.#calls.splice(this.#calls.indexOf(call), 1);
    this.model.settle(call.model, IGNORED, this.now);
    this.#admit(this.circuit.acquireAgain(call.generation, this.now));
  }

  #firstToken(call: Call | undefined): void {
    if (call === undefined || call.firstTokenAt !== undefined) return;
    call.firstTokenAt = this.now;
    this.circuit.firstToken(call.generation);
    this.model.firstToken(call.model, this.now);
  }

  #lasted(call: Call | undefined): void {
    if (call?.firstTokenAt === undefined) return;
    const ms = call.firstTokenAt - call.began;
    call.generation = this.circuit.lasted(call.generation, ms, this.now);
    this.model.lasted(call.model, this.now);
  }

  #end(call: Call | undefined, outcome: Outcome): void {
    if (call === undefined) return;
    if (outcome.vote !== 'ignored') this.#votes.push({});
    this.#settle(call, outcome, outcome);
  }

  /** A client asks, gets nothing for so long, and leaves. */
  #giveUp(client: string, ms: number): void {
    const before = this.#calls.length;
    this.#begin();
    this.#clock.advance(ms);
    if (this.#calls.length > before) this.#leave(this.#calls.pop(), { client, silent: true });
  }

  #leave(
    call: Call | undefined,
    { client, silent: nothing }: { client: string; silent: boolean },
  ): void {
    if (call === undefined) return;
    const silent = nothing && call.firstTokenAt === undefined;
    const told: Outcome = { vote: 'ignored', abandoned: { silent, client } };
    this.#settle(call, told, this.#judged(call, client, silent));
  }

  /** What a call comes to that its client leaves now, as evidence says. */
  #judged(call: Call, client: string, silent: boolean): Outcome {
    const ms = (call.firstTokenAt ?? this.now) - call.began;
    const { abandonedAfterMs, trip } = this.#policy;
    const again = this.#votes.at(-1)?.leftBy === client;
    if (silent && ms >= abandonedAfterMs) {
      if (again) this.left.again += 1;
      else {
        this.left.timedOut += 1;
        this.#votes.push({ leftBy: client });
        return TIMED_OUT;
      }
    }
    const slow = trip.slowCalls !== undefined && ms > trip.slowCalls.slowerThanMs;
    if (slow) this.left.slow += 1;
    return { vote: 'ignored', slow };
  }

  #settle(call: Call, told: Outcome, judged: Outcome): void {
    if (judged.vote === 'failure' && this.#policy.failureOn.includes(judged.class)) {
      this.#failures[judged.class] = (this.#failures[judged.class] ?? 0) + 1;
    }
    const ms = (call.firstTokenAt ?? this.now) - call.began;
    const streamed = call.firstTokenAt !== undefined;
    this.circuit.settle(call.generation, told, ms, this.now, streamed);
    this.model.settle(call.model, judged, this.now);
  }
}

describe('for any trace of calls, clients that leave, waits, reloads and steps of the wall clock', () => {
  it('a circuit decides like a naive breaker and counts every call, failure and transition', () => {
    const trace = fc.array(step, { minLength: 20, maxLength: 100, size: 'max' });
    let transitions = 0;
    const left = { timedOut: 0, again: 0, slow: 0 };
    const property = fc.property(policy, trace, (initial, steps) => {
      const pair = new Pair(initial);
      for (const next of steps) {
        pair.take(next);
        const seen = pair.circuit.stats(pair.now);
        const expected = pair.expected();
        if (JSON.stringify(seen) !== JSON.stringify(expected)) expect(seen).toEqual(expected);
      }
      transitions += pair.model.transitions.length;
      for (const name of ['timedOut', 'again', 'slow'] as const) left[name] += pair.left[name];
    });
    fc.assert(property, { numRuns: 1500 });
    expect(transitions).toBeGreaterThan(500);
    for (const count of Object.values(left)) expect(count).toBeGreaterThan(100);
  });
});

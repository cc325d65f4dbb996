import { describe, expect, it } from '@jest/globals';
import fc from '../../test/property.ts';
import { Breaker } from './breaker.ts';
import { Jitter } from './jitter.ts';
import { acquire } from '../testing/breakerCall.ts';
import { ModelBreaker } from '../testing/breakerModel.ts';
import { expectSame } from '../testing/same.ts';
import type { BreakerCall } from '../testing/breakerCall.ts';
import type { ModelCall } from '../testing/breakerModel.ts';
import type { BreakerTransition } from './breaker.ts';
import type { BreakerSpec } from './breakerSpec.ts';
import type { FailureClass, Outcome } from './outcome.ts';
import type { RateSpec, TripSpec } from './trip.ts';

const CLASSES: FailureClass[] = ['ServerError', 'Overloaded', 'Timeout', 'RateLimited'];

type Step =
  | { do: 'acquire' }
  | { do: 'call'; outcome: Outcome }
  | { do: 'settle'; call: number; outcome: Outcome; stays?: boolean }
  | { do: 'firstToken' | 'lasted'; call: number }
  | { do: 'wait'; ms: number }
  | { do: 'advance' }
  | { do: 'apply'; spec: BreakerSpec };

type Extent = 'windowMs' | 'calls';

/** A rate over a window of one kind: which kind, a trace decides once. */
function rate(extent: Extent): fc.Arbitrary<RateSpec> {
  const window =
    extent === 'calls'
      ? fc.record({ calls: fc.constantFrom(2, 4, 7) })
      : fc.record({ windowMs: fc.constantFrom(500, 1000, 5000, 60_000) });
  return fc
    .tuple(
      window,
      fc.record({
        percent: fc.constantFrom(25, 50, 100),
        minimumCalls: fc.integer({ min: 1, max: 4 }),
      }),
    )
    .map(([size, rest]) => ({ ...size, ...rest }));
}

function specs(extent: Extent): fc.Arbitrary<BreakerSpec> {
  const trip: fc.Arbitrary<TripSpec> = fc.record(
    {
      consecutiveFailures: fc.constantFrom(1, 1, 2, 2, 3),
      failureRate: rate(extent),
      slowCalls: fc
        .tuple(rate(extent), fc.constantFrom(5, 10, 4000))
        .map(([size, slowerThanMs]) => ({ ...size, slowerThanMs })),
    },
    { requiredKeys: [] },
  );
  return fc.record(
    {
      trip,
      failureOn: fc.constantFrom(CLASSES, CLASSES.slice(0, 3), CLASSES.slice(0, 1)),
      openDurationMs: fc.constantFrom(1, 10, 25, 5000, 60_000),
      maxOpenDurationMs: fc.constantFrom(60, 70_000, 600_000),
      halfOpen: fc.record({
        maxProbes: fc.integer({ min: 1, max: 3 }),
        successThreshold: fc.integer({ min: 1, max: 3 }),
      }),
      rampUpMs: fc.constantFrom(0, 0, 90, 30_000),
      shadow: fc.constantFrom(false, false, false, true),
      override: fc.constantFrom(
        undefined,
        undefined,
        undefined,
        { state: 'Open' as const },
        { state: 'Open' as const, until: 5000 },
      ),
    },
    { requiredKeys: ['trip', 'failureOn', 'openDurationMs', 'maxOpenDurationMs', 'halfOpen'] },
  );
}

const outcome: fc.Arbitrary<Outcome> = fc.oneof(
  { weight: 3, arbitrary: fc.constant<Outcome>({ vote: 'ok' }) },
  { weight: 1, arbitrary: fc.constant<Outcome>({ vote: 'ignored' }) },
  {
    weight: 4,
    arbitrary: fc
      .tuple(fc.constantFrom(...CLASSES), fc.constantFrom(false, false, true))
      .map(([name, repeated]): Outcome => ({
        vote: 'failure',
        class: name,
        message: name,
        ...(repeated && { repeated }),
      })),
  },
);

const call = fc.nat({ max: 5 });
function steps(spec: fc.Arbitrary<BreakerSpec>): fc.Arbitrary<Step[]> {
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 5, arbitrary: fc.constant<Step>({ do: 'acquire' }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('call' as const), outcome }) },
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant('settle' as const),
        ...{ call, outcome, stays: fc.constantFrom(false, false, true) },
      }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('firstToken' as const), call }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('lasted' as const), call }) },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant('wait' as const),
        ms: fc.constantFrom(0.3, 1, 9, 10, 20, 60, 4999, 60_000, 120_000),
      }),
    },
    { weight: 1, arbitrary: fc.constant<Step>({ do: 'advance' }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('apply' as const), spec }) },
  );
  return fc.array(step, { minLength: 20, maxLength: 60, size: 'max' });
}

/** A first spec and what is done then. */
const traces = fc
  .constantFrom<Extent>('windowMs', 'calls')
  .chain((extent) => fc.tuple(specs(extent), steps(specs(extent))));

/** What both the breaker and its model do, each with calls of its own type. */
interface Subject<Call> {
  acquire(now: number): Call | { kind: 'Rejection'; retryAfterMs: number };
  settle(call: Call, outcome: Outcome, now: number, stays?: boolean): void;
  firstToken(call: Call, now: number): void;
  lasted(call: Call, now: number): void;
  apply(spec: BreakerSpec, now: number): void;
  advance(now: number): void;
  state(now: number): string;
  nextDeadline(now: number): number | undefined;
  transitions: BreakerTransition[];
  /** Rejections so far, in the shadow too. */
  counted(): number;
}

function real(initial: BreakerSpec): Subject<BreakerCall> {
  const transitions: BreakerTransition[] = [];
  const breaker = new Breaker(initial, 0, (each) => transitions.push(each), new Jitter('pod-1'));
  return {
    acquire: (now) => acquire(breaker, now),
    settle: (permit, result, now, stays) => permit.settle(result, now, stays),
    firstToken: (permit, now) => permit.firstToken(now),
    lasted: (permit, now) => permit.lasted(now),
    apply: (next, now) => breaker.apply(next, now),
    advance: (now) => breaker.advance(now),
    state: (now) => breaker.state(now),
    nextDeadline: (now) => breaker.nextDeadline(now),
    transitions,
    counted: () => breaker.rejections,
  };
}

/** A subject under way: the time, the spec in force, and every call with when it was granted. */
class Run<Call extends { kind: 'Permit' }> {
  now = 0;
  spec: BreakerSpec;
  readonly calls: { call: Call; generation: number }[] = [];
  readonly subject: Subject<Call>;

  constructor(subject: Subject<Call>, initial: BreakerSpec) {
    this.subject = subject;
    this.spec = initial;
  }

  /** Does one step and answers all that can be seen afterwards. */
  take(next: Step): unknown {
    const seen = this.#perform(next);
    const { subject, now } = this;
    const { transitions } = subject;
    const last = transitions.at(-1);
    return [seen, subject.state(now), subject.nextDeadline(now), last, subject.counted()];
  }

  isLate(index: number): boolean {
    const generation = this.calls[index]?.generation;
    return generation !== undefined && generation !== this.subject.transitions.length;
  }

  /** Steps refer to one of the last six calls. */
  index(fromEnd: number): number {
    return this.calls.length - 1 - fromEnd;
  }

  #perform(next: Step): unknown {
    switch (next.do) {
      case 'acquire':
        return this.#acquire();
      case 'call': {
        const answer = this.#acquire();
        if (answer === 'Permit') this.#use({ do: 'settle', call: 0, outcome: next.outcome });
        return answer;
      }
      case 'wait':
        this.now += next.ms;
        return undefined;
      case 'advance':
        return this.subject.advance(this.now);
      case 'apply':
        this.spec = next.spec;
        return this.subject.apply(next.spec, this.now);
      default:
        return this.#use(next);
    }
  }

  #acquire(): unknown {
    const answer = this.subject.acquire(this.now);
    if (answer.kind === 'Rejection') return answer;
    this.calls.push({ call: answer, generation: this.subject.transitions.length });
    return 'Permit';
  }

  #use(next: Extract<Step, { call: number }>): void {
    const found = this.calls[this.index(next.call)];
    if (!found) return;
    if (next.do !== 'settle') this.subject[next.do](found.call, this.now);
    else this.subject.settle(found.call, next.outcome, this.now, next.stays);
  }
}

const RUNS = { numRuns: 3000 };

describe('for any trace of calls, clock steps, cancellations and reloads', () => {
  it('the breaker equals a model that computes everything from the whole history', () => {
    let transitions = 0;
    const property = fc.property(traces, ([initial, trace]) => {
      const breaker = new Run<BreakerCall>(real(initial), initial);
      const model = new Run<ModelCall>(new ModelBreaker(initial, 0, new Jitter('pod-1')), initial);
      expectSame(
        trace.map((next) => breaker.take(next)),
        trace.map((next) => model.take(next)),
      );
      transitions += breaker.subject.transitions.length;
    });
    fc.assert(property, RUNS);
    // The traces are worth something only if circuits open and close in them.
    expect(transitions).toBeGreaterThan(RUNS.numRuns);
  });

  it('a reload to an equal spec changes nothing', () => {
    const property = fc.property(traces, ([initial, trace]) => {
      const plain = new Run(real(initial), initial);
      const reloaded = new Run(real(initial), initial);
      const seen = trace.map((next) => {
        reloaded.subject.apply({ ...reloaded.spec }, reloaded.now);
        return reloaded.take(next);
      });
      expectSame(
        seen,
        trace.map((next) => plain.take(next)),
      );
    });
    fc.assert(property, RUNS);
  });

  it('a result from before a transition never votes: without it nothing changes', () => {
    let late = 0;
    const property = fc.property(traces, ([initial, trace]) => {
      const all = new Run(real(initial), initial);
      const without = new Run(real(initial), initial);
      const pairs = trace.map((next) => {
        const seen = all.take(next);
        if (!('call' in next && without.isLate(without.index(next.call)))) {
          return [seen, without.take(next)];
        }
        late += 1;
        return [undefined, undefined];
      });
      expectSame(
        pairs.map(([seen]) => seen),
        pairs.map(([, seen]) => seen),
      );
      expectSame(all.subject.transitions, without.subject.transitions);
    });
    fc.assert(property, RUNS);
    expect(late).toBeGreaterThan(RUNS.numRuns);
  });

  it('no permit leaks: once all calls have ended, every probe is available', () => {
    let halfOpen = 0;
    const property = fc.property(traces, ([initial, trace]) => {
      const run = new Run(real(initial), initial);
      for (const next of trace) run.take(next);
      const inForce = run.subject.transitions.length;
      for (const { call: each } of run.calls)
        run.subject.settle(each, { vote: 'ignored' }, run.now);
      run.take({ do: 'apply', spec: { ...run.spec, shadow: false } });
      run.now += 1_000_000;
      if (run.subject.state(run.now) !== 'HalfOpen') return;
      halfOpen += 1;
      const answers = Array.from({ length: 9 }, () => run.subject.acquire(run.now).kind);
      const granted = answers.filter((kind) => kind === 'Permit').length;
      // Each probe that has succeeded in this state adds one.
      const entered = run.subject.transitions.length > inForce;
      const { maxProbes, successThreshold } = run.spec.halfOpen;
      expect(granted).toBeGreaterThanOrEqual(maxProbes);
      expect(granted).toBeLessThan(maxProbes + (entered ? 1 : Math.max(3, successThreshold)));
    });
    fc.assert(property, RUNS);
    expect(halfOpen).toBeGreaterThan(RUNS.numRuns / 20);
  });
});

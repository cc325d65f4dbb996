import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { REJECTED } from '../resilience/breaker.ts';
import { IGNORED, OK } from '../resilience/outcome.ts';
import { rowOf } from '../resilience/rows.ts';
import { Circuit, CIRCUIT_CELLS, enterClosed, settleGood } from './circuit.ts';
import { FakeClock } from './fakeClock.ts';
import { circuitOf } from './guardFixture.ts';
import { WallTime } from './wallTime.ts';
import type { Circuit as Policy } from '../../contract/generated/types.ts';
import type { Outcome } from '../resilience/outcome.ts';

const FAILED: Outcome = { vote: 'failure', class: 'ServerError', message: 'HTTP 500' };
const RATE = { percent: 50, windowMs: 3000, minimumCalls: 3 };
const SLOW = { ...RATE, slowerThanMs: 1000 };
const LAST_CALLS = { percent: 50, calls: 4, minimumCalls: 3 };

const policy: fc.Arbitrary<Policy> = fc
  .record({
    trip: fc.constantFrom<Policy['trip'][]>(
      { consecutiveFailures: 2 },
      { failureRate: RATE },
      { failureRate: LAST_CALLS },
      { slowCalls: SLOW },
      { consecutiveFailures: 3, failureRate: RATE, slowCalls: SLOW },
    ),
    openDurationMs: fc.constantFrom(1000, 2000),
    mode: fc.constantFrom('Enforce' as const, 'Shadow' as const),
  })
  .map(circuitOf);

type Step =
  | { do: 'begin' }
  | { do: 'end'; which: number; outcome: Outcome }
  | { do: 'wait'; ms: number }
  | { do: 'apply'; policy: Policy };
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Step>({ do: 'begin' }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('end' as const),
      which: fc.nat(3),
      outcome: fc.constantFrom<Outcome[]>(OK, OK, OK, OK, FAILED, IGNORED),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(10, 700, 1200) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('apply' as const), policy }) },
);

/** A circuit, asked through its class alone or by its numbers first. */
class Asked {
  readonly circuit: Circuit;
  private readonly row = rowOf(CIRCUIT_CELLS);
  private readonly byNumbers: boolean;
  private readonly calls: { generation: number; began: number }[] = [];
  decidedByNumbers = 0;

  constructor(initial: Policy, byNumbers: boolean) {
    const wallTime = new WallTime(new FakeClock());
    this.circuit = new Circuit('d', initial, 0, wallTime, () => undefined, this.row);
    this.byNumbers = byNumbers;
  }

  take(next: Step, now: number): void {
    if (next.do === 'begin') this.begin(now);
    else if (next.do === 'apply') this.circuit.apply(next.policy, now);
    else if (next.do === 'end') this.end(next.which, next.outcome, now);
  }

  /** As a string, which is compared sooner than objects are. */
  seen(now: number): string {
    return JSON.stringify([this.circuit.stats(now), this.circuit.status(now)]);
  }

  private begin(now: number): void {
    const { cells, at } = this.row;
    let generation = this.byNumbers ? enterClosed(cells, at) : REJECTED;
    if (generation === REJECTED) generation = this.circuit.enter(now);
    if (generation !== REJECTED) this.calls.push({ generation, began: now });
  }

  private end(which: number, outcome: Outcome, now: number): void {
    const [call] = this.calls.splice(which, 1);
    if (call === undefined) return;
    const { cells, at } = this.row;
    const ms = now - call.began;
    const good = this.byNumbers && outcome.vote === 'ok';
    if (good && settleGood(cells, at, call.generation, ms, now)) this.decidedByNumbers += 1;
    else this.circuit.settle(call.generation, outcome, ms, now);
  }
}

describe('for any trace of calls, waits and reloads', () => {
  it('a circuit asked by its numbers first does as one asked through its class', () => {
    const trace = fc.array(step, { minLength: 20, maxLength: 100, size: 'max' });
    let decidedByNumbers = 0;
    const property = fc.property(policy, trace, (initial, steps) => {
      const plain = new Asked(initial, false);
      const quick = new Asked(initial, true);
      let now = 0;
      for (const next of steps) {
        if (next.do === 'wait') now += next.ms;
        plain.take(next, now);
        quick.take(next, now);
        if (quick.seen(now) !== plain.seen(now)) expect(quick.seen(now)).toBe(plain.seen(now));
      }
      decidedByNumbers += quick.decidedByNumbers;
    });
    fc.assert(property, { numRuns: 1000 });
    expect(decidedByNumbers).toBeGreaterThan(1000);
  });
});

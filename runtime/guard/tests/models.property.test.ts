import { describe, expect, it } from '@jest/globals';
import fc from '../../../test/property.ts';
import { FakeClock } from '../../testing/fakeClock.ts';
import { circuitOf, content } from '../../testing/guardFixture.ts';
import { ReferencePod } from '../../testing/modelStates.ts';
import { expectSame } from '../../testing/same.ts';
import { OK } from '../../resilience/outcome.ts';
import { Guard } from '../guard.ts';
import type { ReferenceCall } from '../../testing/modelStates.ts';
import type { Outcome } from '../../resilience/outcome.ts';
import type { Permit } from '../permit.ts';

/** So many endpoints leave room for three models with state of their own. */
const ENDPOINTS = 61;
const ROOM = 3;
const OPEN_MS = 1000;
const TRIP = 2;

type Step =
  | { do: 'begin'; endpoint: number; model: string }
  | { do: 'end'; call: number; outcome: Outcome }
  | { do: 'call'; endpoint: number; model: string; outcome: Outcome }
  | { do: 'wait' };

const endpoint = fc.nat({ max: 1 });
const model = fc.constantFrom('a', 'b', 'c', 'd', 'e');
const outcome = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Outcome>(OK) },
  { weight: 1, arbitrary: fc.constant<Outcome>({ vote: 'ignored' }) },
  {
    weight: 4,
    arbitrary: fc
      .constantFrom('Connection', 'ServerError', 'Overloaded', 'RateLimited')
      .map((name): Outcome => ({ vote: 'failure', class: name, message: name })),
  },
);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('call' as const), endpoint, model, outcome }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('begin' as const), endpoint, model }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('end' as const), call: fc.nat({ max: 3 }), outcome }),
  },
  { weight: 1, arbitrary: fc.constant<Step>({ do: 'wait' }) },
);
const trace = fc.array(step, { minLength: 10, maxLength: 80, size: 'max' });

const nameOf = (i: number): string => `e${i}`;

/** The guard and the reference, side by side. */
class Pair {
  readonly #clock = new FakeClock();
  readonly #guard = new Guard({ clock: this.#clock });
  readonly #reference = new ReferencePod(ROOM, { openMs: OPEN_MS, trip: TRIP });
  readonly #calls: [Permit, ReferenceCall][] = [];

  constructor() {
    const names = Array.from({ length: ENDPOINTS }, (_, i) => nameOf(i));
    this.#guard.apply(
      content({
        endpoints: names.map((name) => {
          return { name, provider: 'Anthropic', baseURL: 'http://model.test' };
        }),
        circuits: names.map((name) =>
          circuitOf({
            dependency: `model/${name}`,
            trip: { consecutiveFailures: TRIP },
            openDurationMs: OPEN_MS,
            maxOpenDurationMs: OPEN_MS,
            halfOpen: { maxProbes: 1, successThreshold: 1, queueTimeoutMs: 0 },
          }),
        ),
      }),
    );
  }

  do(each: Step): void {
    this.#clock.advance(1);
    if (each.do === 'wait') this.#clock.advance(5 * OPEN_MS);
    if (each.do === 'begin' || each.do === 'call') this.#begin(nameOf(each.endpoint), each.model);
    if (each.do === 'end') this.#end(each.call, each.outcome);
    if (each.do === 'call') this.#end(this.#calls.length - 1, each.outcome);
    this.#compare();
  }

  #begin(name: string, asked: string): void {
    const answer = this.#guard.dependency(`model/${name}`)!.acquire({ model: asked });
    if (answer.kind === 'Waiting') throw new Error('it waits');
    const call = this.#reference.begin(name, asked, this.#clock.now());
    expectSame(answer.kind, call === undefined ? 'Rejection' : 'Permit');
    if (answer.kind === 'Permit') this.#calls.push([answer, call!]);
  }

  #end(index: number, how: Outcome): void {
    const [call] = this.#calls.splice(index, 1);
    if (call === undefined) return;
    call[0].settle(how);
    this.#reference.end(call[1], how, this.#clock.now());
  }

  #compare(): void {
    const shown = this.#guard
      .circuits()
      .map(({ dependency, model: name = '', state }) => `${dependency} ${name} ${state}`)
      .filter((text) => /^model\/e[01] /.test(text));
    const expected = this.#reference.circuits(this.#clock.now());
    expectSame(shown.toSorted(), expected.map((text) => `model/${text}`).toSorted());
    const own = shown.filter((text) => !text.includes('  ')).length;
    expect(own).toBeLessThanOrEqual(ROOM);
  }
}

describe('states by model', () => {
  it('equal those of an independent reference at every moment', () => {
    fc.assert(
      fc.property(trace, (steps) => {
        const pair = new Pair();
        for (const each of steps) pair.do(each);
      }),
      { numRuns: 150 },
    );
  });
});

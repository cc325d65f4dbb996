import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { FakeClock } from './fakeClock.ts';
import { Guard } from './guard.ts';
import { circuitOf, content, limitOf } from './guardFixture.ts';
import { OK } from '../resilience/outcome.ts';
import type { Content } from '../../contract/generated/types.ts';
import type { Admission } from './admission.ts';
import type { Handle } from './handle.ts';
import type { Outcome } from '../resilience/outcome.ts';

const FAILURE: Outcome = { vote: 'failure', class: 'ServerError', message: 'HTTP 500' };

/** A guard that is given its turns one by one. */
class Bench {
  readonly clock = new FakeClock();
  readonly turns: (() => void)[] = [];
  readonly guard: Guard;
  /** Dependencies that are called by the handle that was there first. */
  private readonly handles: Map<string, Handle> | undefined;

  constructor(size: number, byHandle = false) {
    if (byHandle) this.handles = new Map();
    const pause = (): Promise<void> => new Promise((resolve) => this.turns.push(resolve));
    this.guard = new Guard({ clock: this.clock, slices: { size, pause } });
  }

  acquire(dependency: string): Admission {
    const handle = this.handles?.get(dependency) ?? this.guard.dependency(dependency);
    if (handle === undefined || this.handles === undefined) return this.guard.acquire(dependency);
    this.handles.set(dependency, handle);
    return handle.acquire();
  }

  async turn(): Promise<void> {
    this.turns.shift()?.();
    await Promise.resolve();
    await Promise.resolve();
  }

  async finish(): Promise<void> {
    while (this.turns.length > 0) await this.turn();
  }

  /** Dependencies with the new policy. */
  updated(): number {
    return this.policies().filter((policy) => policy === 'new').length;
  }

  policies(): (string | undefined)[] {
    return this.guard.circuits().map(({ policy }) => policy);
  }
}

function name(i: number): string {
  return `model/e${i}`;
}

/** Endpoints e0, e1, … with circuits and limits of one policy. */
function configuration(
  policy: string,
  endpoints: readonly number[],
  { capacity = 5, failures = 1 } = {},
): Content {
  return content({
    endpoints: endpoints.map((i) => ({
      name: `e${i}`,
      provider: 'Anthropic',
      baseURL: 'http://model.test',
    })),
    circuits: endpoints.map((i) =>
      circuitOf({ dependency: name(i), policy, trip: { consecutiveFailures: failures } }),
    ),
    limits: endpoints.map((i) => limitOf({ target: name(i), policy, capacity })),
  });
}

const TEN = Array.from({ length: 10 }, (_, i) => i);

describe('a configuration that is put in force in slices', () => {
  it('gives everybody else a turn between two slices', async () => {
    const bench = new Bench(4);
    bench.guard.apply(configuration('old', TEN));
    await bench.finish();
    bench.guard.apply(configuration('new', TEN));
    const updated = [bench.updated()];
    while (bench.guard.applying) {
      await bench.turn();
      updated.push(bench.updated());
    }
    // Looking through the configuration takes some of the first slice, the order that of the last.
    expect(updated).toEqual([4, 8, 10]);
    expect(bench.guard.applying).toBe(false);
    expect(bench.turns).toEqual([]);
  });

  it('is in force at once and whole for a dependency that is asked for', async () => {
    const bench = new Bench(1);
    bench.guard.apply(configuration('old', TEN));
    await bench.finish();
    const circuit = circuitOf({ dependency: name(9), policy: 'new', override: { state: 'Open' } });
    bench.guard.apply({ ...configuration('new', TEN, { capacity: 2 }), circuits: [circuit] });
    expect(bench.guard.acquire(name(9))).toMatchObject({ rejection: { policy: 'new' } });
    expect(bench.guard.limits().find(({ target }) => target === name(9))).toMatchObject({
      policy: 'new',
    });
    for (let i = 0; i < 2; i += 1) {
      expect(bench.guard.acquire(name(8))).toMatchObject({ kind: 'Permit' });
    }
    expect(bench.guard.acquire(name(8))).toMatchObject({ rejection: { policy: 'new' } });
  });

  it('lets new dependencies be called at once, and shows them in their order in the end', async () => {
    const bench = new Bench(1);
    bench.guard.apply(configuration('p', [1]));
    bench.guard.apply(configuration('p', TEN));
    expect(bench.guard.acquire(name(7)).kind).toBe('Permit');
    await bench.finish();
    expect(bench.guard.circuits().map(({ dependency }) => dependency)).toEqual(TEN.map(name));
    expect(bench.guard.stats().circuits[7]).toMatchObject({ requests: 1 });
  });

  it('of very many elements is looked through in slices too, while the one before is in force', async () => {
    const bench = new Bench(1);
    const many = Array.from({ length: 90 }, (_, i) => i);
    bench.guard.apply(configuration('old', many));
    await bench.finish();
    bench.guard.apply(configuration('middle', many));
    expect(bench.guard.acquire(name(89)).kind).toBe('Permit');
    expect(bench.policies()).toEqual(many.map(() => 'old'));
    bench.guard.apply(configuration('new', many.slice(1)));
    await bench.finish();
    expect(bench.policies()).toEqual(many.slice(1).map(() => 'new'));
  });

  it('gives way to a newer one, wherever it is', async () => {
    const bench = new Bench(3);
    bench.guard.apply(configuration('old', TEN));
    await bench.finish();
    bench.guard.apply(configuration('middle', TEN));
    const superseded = bench.guard.applied;
    await bench.turn();
    bench.guard.apply(configuration('new', TEN.slice(0, 9)));
    await bench.finish();
    await superseded;
    expect(bench.policies()).toEqual(TEN.slice(0, 9).map(() => 'new'));
    expect(() => bench.guard.acquire(name(9))).toThrow('no dependency model/e9');
  });

  it('gives way to one that a listener applies in the middle of it', () => {
    const clock = new FakeClock();
    const guard: Guard = new Guard({
      clock,
      onTransition: () => guard.apply(configuration('new', TEN)),
    });
    guard.apply(configuration('old', TEN));
    const opening = configuration('middle', TEN);
    opening.circuits[3]!.override = { state: 'Open' };
    guard.apply(opening);
    expect(guard.circuits().map(({ policy }) => policy)).toEqual(TEN.map(() => 'new'));
  });

  it('leaves nobody waiting for what is gone, even if another one comes in between', async () => {
    const bench = new Bench(1);
    const waiting = { ...configuration('p', TEN), bulkhead: bulkhead(1) };
    for (const endpoint of waiting.endpoints) endpoint.maxConcurrent = 1;
    bench.guard.apply(waiting);
    await bench.finish();
    bench.guard.acquire(name(9));
    const second = bench.guard.acquire(name(9), {});
    if (second.kind !== 'Waiting') throw new Error(second.kind);
    bench.guard.apply(configuration('p', [0, 1, 2]));
    bench.guard.apply(configuration('p', [0, 1]));
    await bench.finish();
    expect(await second.admission).toMatchObject({ kind: 'Permit' });
  });

  it('waits until all is in force, for those who ask for that', async () => {
    const guard = new Guard({ clock: new FakeClock(), slices: { size: 1, pause: soon } });
    guard.apply(configuration('p', TEN));
    expect(guard.circuits()).toHaveLength(1);
    await guard.applied;
    expect(guard.circuits()).toHaveLength(10);
  });
});

function soon(): Promise<void> {
  return Promise.resolve();
}

function bulkhead(maxConcurrent: number): NonNullable<Content['bulkhead']> {
  return { maxConcurrent, maxQueued: 5, acquireTimeoutMs: 60_000 };
}

type Step =
  | { do: 'call'; i: number; outcome: Outcome }
  | { do: 'apply'; policy: string; endpoints: readonly number[]; failures: number }
  | { do: 'turn' }
  | { do: 'advance'; ms: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('call' as const),
      i: fc.nat({ max: 5 }),
      outcome: fc.constantFrom<Outcome>(OK, OK, FAILURE),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('apply' as const),
      policy: fc.constantFrom('p', 'q'),
      endpoints: fc.constantFrom([0, 1, 2, 3, 4, 5], [0, 1, 2], [5, 4, 3, 2, 1, 0]),
      failures: fc.integer({ min: 1, max: 3 }),
    }),
  },
  { weight: 2, arbitrary: fc.constant<Step>({ do: 'turn' }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.constantFrom(50, 60_000) }),
  },
);

describe('for any trace of calls, clock steps and configurations, however they overlap', () => {
  it('calls are answered as if every configuration were in force at once and whole', async () => {
    const trace = fc.array(step, { minLength: 10, maxLength: 40, size: 'max' });
    const property = fc.asyncProperty(
      trace,
      fc.integer({ min: 1, max: 3 }),
      async (steps, size) => {
        const sliced = new Bench(size, true);
        const whole = new Bench(1000);
        const answers: string[][] = [];
        let endpoints = 0;
        for (const next of steps) {
          // What is gone for a moment only keeps its state if nobody noticed, which is as well.
          if (next.do === 'apply' && next.endpoints.length !== endpoints) await sliced.finish();
          if (next.do === 'apply') endpoints = next.endpoints.length;
          answers.push([sliced, whole].map((bench) => JSON.stringify(take(bench, next))));
          if (next.do === 'turn') await sliced.turn();
        }
        expect(answers.map(([first]) => first)).toEqual(answers.map(([, second]) => second));
        await sliced.finish();
        const seen = [sliced, whole].map(({ guard }) => JSON.stringify(look(guard)));
        expect(seen[0]).toBe(seen[1]);
      },
    );
    await fc.assert(property, { numRuns: 1500 });
  });
});

function take(bench: Bench, next: Step): unknown {
  const { guard, clock } = bench;
  switch (next.do) {
    case 'apply':
      return guard.apply(configuration(next.policy, next.endpoints, { failures: next.failures }));
    case 'advance':
      return clock.advance(next.ms);
    case 'turn':
      return undefined;
    case 'call':
      return call(bench, next.i, next.outcome);
  }
}

function call(bench: Bench, i: number, outcome: Outcome): unknown {
  try {
    const answer = bench.acquire(name(i));
    if (answer.kind === 'Rejection') return answer;
    answer.permit.settle(outcome);
    return 'Permit';
  } catch (error) {
    return String(error).split('(')[0];
  }
}

/** All that can be seen but for when it happened: a change of nobody's concern comes with a slice. */
function look(guard: Guard): unknown {
  const circuits = guard
    .circuits()
    .map(({ dependency, policy, state }) => [dependency, policy, state]);
  return [circuits, guard.limits().map(({ target, policy }) => [target, policy])];
}

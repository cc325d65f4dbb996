import { describe, expect, it } from '@jest/globals';
import fc from '../../../test/property.ts';
import { FakeClock } from '../../testing/fakeClock.ts';
import { Guard } from '../guard.ts';
import { circuitOf, content, limitOf } from '../../testing/guardFixture.ts';
import { expectSame } from '../../testing/same.ts';
import type { Circuit, Content, Limit, Transition } from '../../../contract/generated/types.ts';
import type { Admission, Permit } from '../permit.ts';
import type { Dependency } from '../dependency.ts';
import type { Outcome } from '../../resilience/outcome.ts';

const NAMES = ['a', 'b'];
const ENDPOINTS = NAMES.map((name) => ({
  name,
  provider: 'Anthropic' as const,
  priority: 0,
  weight: 1,
  baseURL: `http://${name}.test`,
}));

type Step =
  | { do: 'acquire'; name: string }
  | { do: 'call'; name: string; outcome: Outcome }
  | { do: 'acquireInbound' }
  | { do: 'firstToken' | 'settle'; permit: number; outcome: Outcome }
  | { do: 'advance' | 'stall' | 'stepWall'; ms: number }
  | { do: 'apply'; content: Content };

const circuits: fc.Arbitrary<Circuit[]> = fc
  .array(
    fc.record({
      name: fc.constantFrom(...NAMES),
      failures: fc.integer({ min: 1, max: 2 }),
      openDurationMs: fc.constantFrom(10, 1000, 60_000),
      maxProbes: fc.integer({ min: 1, max: 2 }),
    }),
    { minLength: 1, maxLength: 2 },
  )
  .map((each) =>
    each.map(({ name, failures, openDurationMs, maxProbes }) =>
      circuitOf({
        dependency: `model/${name}`,
        policy: `policy-${failures}`,
        trip: { consecutiveFailures: failures },
        openDurationMs,
        halfOpen: { maxProbes, successThreshold: 2, queueTimeoutMs: 0 },
      }),
    ),
  );
const limits: fc.Arbitrary<Limit[]> = fc.array(
  fc
    .record({
      target: fc.constantFrom('inbound', ...NAMES.map((name) => `model/${name}`)),
      name: fc.constantFrom('x', 'y'),
      capacity: fc.integer({ min: 1, max: 30 }),
      refill: fc.record({
        amount: fc.integer({ min: 1, max: 5 }),
        perMs: fc.constantFrom(10, 1000),
      }),
    })
    .map(limitOf),
  { maxLength: 3 },
);
const configuration: fc.Arbitrary<Content> = fc
  .record({
    names: fc.constantFrom(NAMES, NAMES, ['a']),
    circuits,
    limits,
  })
  .map(({ names, ...parts }) =>
    content({
      ...parts,
      endpoints: ENDPOINTS.filter(({ name }) => names.includes(name)),
    }),
  );
const outcome: fc.Arbitrary<Outcome> = fc.constantFrom<Outcome>(
  { vote: 'ok' },
  { vote: 'ignored' },
  { vote: 'failure', class: 'Overloaded', message: 'HTTP 529' },
  { vote: 'failure', class: 'Timeout', message: 'no first token' },
  { vote: 'failure', class: 'RateLimited', message: 'HTTP 429' },
);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant('acquire' as const), name: fc.constantFrom(...NAMES) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('call' as const),
      name: fc.constantFrom('a', 'a', 'b'),
      outcome,
    }),
  },
  { weight: 2, arbitrary: fc.constant<Step>({ do: 'acquireInbound' }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom('firstToken' as const, 'settle' as const, 'settle' as const),
      permit: fc.nat({ max: 4 }),
      outcome,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('advance' as const, 'advance' as const, 'stall' as const),
      ms: fc.constantFrom(1, 10, 700, 60_000),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('stepWall' as const),
      ms: fc.constantFrom(-3_600_000, -700, -10, 10, 700, 3_600_000),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('apply' as const), content: configuration }),
  },
);
const trace = fc.array(step, { minLength: 20, maxLength: 60, size: 'max' });

/** Looks the dependency up for each call. */
function lookedUp(guard: Guard): (name: string) => Admission {
  return (name) => {
    const dependency = guard.dependency(name);
    if (!dependency) throw new Error(`the configuration in force has no dependency ${name}`);
    return dependency.acquire();
  };
}

/** Holds the dependency from its first call on, whatever the configurations after it say. */
function held(guard: Guard): (name: string) => Admission {
  const dependencies = new Map<string, Dependency>();
  return (name) => {
    const current = guard.dependency(name);
    const dependency = dependencies.get(name) ?? current!;
    dependencies.set(name, dependency);
    const { present } = dependency;
    const seen = [name, present, dependency.availability()];
    expectSame(seen, [name, current !== undefined, current?.availability()]);
    return dependency.acquire();
  };
}

/** A guard under way, with every permit that it gave. */
class Run {
  readonly clock = new FakeClock();
  readonly told: Transition[] = [];
  readonly permits: Permit[] = [];
  content: Content;
  readonly guard = new Guard({
    clock: this.clock,
    listener: { transition: (transition) => void this.told.push(transition) },
  });

  readonly #call: (name: string) => Admission;

  constructor(initial: Content, caller: (guard: Guard) => (name: string) => Admission = lookedUp) {
    this.content = initial;
    this.guard.apply(initial);
    this.#call = caller(this.guard);
  }

  take(next: Step): unknown {
    switch (next.do) {
      case 'acquire':
        return this.#acquire(next.name);
      case 'call': {
        const answer = this.#acquire(next.name);
        if (answer === 'Permit') this.permits.at(-1)!.settle(next.outcome);
        return answer;
      }
      case 'acquireInbound':
        return this.#keep(this.guard.inbound.acquire());
      case 'apply':
        this.content = next.content;
        return this.guard.apply(next.content);
      case 'firstToken':
        return this.permits.at(-1 - next.permit)?.firstToken();
      case 'settle':
        return this.permits.at(-1 - next.permit)?.settle(next.outcome);
      default:
        return this.clock[next.do](next.ms);
    }
  }

  look(): unknown {
    return [this.guard.circuits(), this.guard.limits(), this.guard.stats(), this.told.length];
  }

  #acquire(name: string): unknown {
    const gone = !this.content.endpoints.some((endpoint) => endpoint.name === name);
    try {
      return this.#keep(this.#call(`model/${name}`));
    } catch (error) {
      if (!gone) throw error;
      return (error as Error).message;
    }
  }

  #keep(admission: Admission): unknown {
    if (admission.kind === 'Rejection') return admission.rejection;
    this.permits.push(admission.permit);
    return 'Permit';
  }
}

const RUNS = { numRuns: 1500 };

describe('for any trace of requests, calls, clock steps, cancellations and reloads', () => {
  it('no permit leaks: nothing is in flight once all permits are settled', () => {
    let transitions = 0;
    const property = fc.property(configuration, trace, (initial, steps) => {
      const run = new Run(initial);
      for (const next of steps) run.take(next);
      for (const permit of run.permits) permit.settle({ vote: 'ignored' });
      for (const { inFlight, dependency } of run.guard.stats().circuits) {
        expectSame([dependency, inFlight], [dependency, 0]);
      }
      transitions += run.told.length;
    });
    fc.assert(property, RUNS);
    expect(transitions).toBeGreaterThan(RUNS.numRuns);
  });

  it('a reload to an equal configuration changes nothing', () => {
    const property = fc.property(configuration, trace, (initial, steps) => {
      const plain = new Run(initial);
      const reloaded = new Run(initial);
      const seen = steps.map((next) => {
        reloaded.guard.apply(structuredClone(reloaded.content));
        return JSON.stringify([reloaded.take(next), reloaded.look()]);
      });
      expect(seen).toEqual(steps.map((next) => JSON.stringify([plain.take(next), plain.look()])));
    });
    fc.assert(property, RUNS);
  });

  it('a dependency object answers like one from a new look-up, also after a removal and a return', () => {
    let gone = 0;
    const property = fc.property(configuration, trace, (initial, steps) => {
      const both = { ...initial, endpoints: ENDPOINTS };
      const [fresh, kept] = [new Run(both), new Run(both, held)];
      for (const name of NAMES) kept.take({ do: 'call', name, outcome: { vote: 'ok' } });
      for (const name of NAMES) fresh.take({ do: 'call', name, outcome: { vote: 'ok' } });
      const seen = steps.map((next) => JSON.stringify([kept.take(next), kept.look()]));
      expect(seen).toEqual(steps.map((next) => JSON.stringify([fresh.take(next), fresh.look()])));
      gone += seen.filter((each) => each.includes('no dependency model/b')).length;
    });
    fc.assert(property, RUNS);
    expect(gone).toBeGreaterThan(RUNS.numRuns / 10);
  });

  it('transitions are numbered without a gap, each begins in the state in which the former one ended, and the status agrees', () => {
    const property = fc.property(configuration, trace, (initial, steps) => {
      const run = new Run({ ...initial, endpoints: initial.endpoints.slice(0, 1) });
      const kept = steps.filter(({ do: name }) => name !== 'apply');
      for (const next of kept) run.take(next);
      const states = run.guard.circuits().map(({ state }) => state);
      const sequence = run.told.map(({ sequence: number }) => number);
      expect(sequence).toEqual(run.told.map((_, i) => i + 1));
      const froms = [...run.told.map(({ from }) => from), states[0]];
      expect(froms).toEqual(['Closed', ...run.told.map(({ to }) => to)]);
    });
    fc.assert(property, RUNS);
  });

  it('at most one timer runs, and one whenever a circuit is open', () => {
    const property = fc.property(configuration, trace, (initial, steps) => {
      const run = new Run(initial);
      for (const next of steps) {
        run.take(next);
        const open = run.guard.circuits().some(({ state }) => state === 'Open');
        const pending = run.clock.pending();
        if (pending > 1 || (open && pending === 0)) throw new Error(`${pending} timers`);
      }
      run.clock.advance(600_000);
      expect(run.clock.pending()).toBe(0);
    });
    fc.assert(property, RUNS);
  });
});

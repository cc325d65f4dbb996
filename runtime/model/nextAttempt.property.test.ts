import { describe, expect, it } from '@jest/globals';
import { anthropicMessages } from '../protocols/anthropicMessages.ts';
import type { Content, Endpoint } from '../../contract/generated/types.ts';
import fc from '../../test/property.ts';
import { Cut } from '../errors/fault.ts';
import { Guard } from '../guard/guard.ts';
import { IGNORED, OK, failure } from '../resilience/outcome.ts';
import { FakeClock } from '../testing/fakeClock.ts';
import { content } from '../testing/guardFixture.ts';
import { ModelBudgets, ModelShares } from '../testing/retryModel.ts';
import { expectSame } from '../testing/same.ts';
import type { AttemptResult } from './attempt/attempt.ts';
import { NextAttempt } from './nextAttempt.ts';
import { Pool } from './pool/pool.ts';
import { Route } from './pool/route.ts';
import type { Granted } from './pool/route.ts';
import type { ModelRequest } from './request.ts';
import { RetryBudgets } from '../resilience/retryBudget.ts';

type Spec = NonNullable<Content['retry']>;

const ENDPOINTS: Endpoint[] = ['a', 'b', 'c'].map((name, i) => ({
  name,
  provider: 'Anthropic',
  weight: 1,
  baseURL: `http://${name}.test`,
  priority: i === 2 ? 1 : 0,
}));
const priority = (name: string): number => (name === 'c' ? 1 : 0);

/** Units that what follows costs, whether it is better tried elsewhere at once, and how often it may be retried. */
const ENDINGS = {
  ServerError: { units: 1, early: false, retries: Infinity },
  Overloaded: { units: 1, early: true, retries: 1 },
  Timeout: { units: 2, early: true, retries: Infinity },
} as const;
type Ending = keyof typeof ENDINGS | 'Ok';

const PLAIN = { committed: false, whole: false, usage: {} };
const RESULTS: Record<Ending, AttemptResult> = {
  Ok: { ...PLAIN, outcome: OK, status: 200, committed: true },
  ServerError: { ...PLAIN, outcome: failure('ServerError', 'HTTP 500'), status: 500 },
  Overloaded: { ...PLAIN, outcome: failure('Overloaded', 'HTTP 529'), status: 529 },
  Timeout: { ...PLAIN, outcome: failure('Timeout', 'no answer in time'), fault: 'Attempt' },
};

type Step =
  | { do: 'ask' }
  | { do: 'end'; which: number; ending: Ending }
  | { do: 'wait' | 'stepWall'; ms: number }
  | { do: 'apply'; retry: Spec; names: string[] };

const retry: fc.Arbitrary<Spec> = fc.record({
  maxAttempts: fc.integer({ min: 1, max: 4 }),
  baseDelayMs: fc.constant(1),
  maxDelayMs: fc.constant(1000),
  budgetPercent: fc.constantFrom(0, 0, 20, 50),
  minPerSecond: fc.constantFrom(0, 0, 0.1, 0.3),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Step>({ do: 'ask' }) },
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant('end' as const),
      which: fc.nat(3),
      ending: fc.constantFrom<Ending[]>(
        'Ok',
        'ServerError',
        'ServerError',
        'Overloaded',
        'Timeout',
      ),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(90, 1100, 6000) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('stepWall' as const),
      ms: fc.constantFrom(-3_600_000, -9000, 9000, 3_600_000),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('apply' as const),
      retry,
      names: fc.constantFrom<string[][]>(
        ['a', 'b', 'c'],
        ['a', 'b', 'c'],
        ['a', 'c'],
        ['b', 'c'],
        ['a', 'b'],
      ),
    }),
  },
);

/** A request under way, with what the model knows of it. */
interface Asked {
  next: NextAttempt;
  granted: Granted;
  /** The endpoints and the attempts of its configuration. */
  names: string[];
  maxAttempts: number;
  /** Endpoints that it was at, and how often it moved. */
  tried: string[];
  moves: number;
  /** How often a retry was thought of, and how often one was made that may be made once. */
  attempts: number;
  single: number;
  /** How often its endpoint had come back when it was asked. */
  returns: number;
}

/** What decides about requests beside naive rules. */
class Pair {
  readonly seen = { free: 0, paid: 0, retried: 0, refused: 0 };
  readonly #clock = new FakeClock();
  readonly #guard = new Guard({ clock: this.#clock });
  readonly #budgets = new RetryBudgets();
  readonly #pool = new Pool({
    identities: { of: () => undefined },
    network: { lacking: () => undefined },
    guard: this.#guard,
    credentials: { mounted: () => undefined, read: () => undefined },
    now: () => this.#clock.now(),
    random: () => 0,
  });
  readonly #model: ModelBudgets;
  readonly #shares = new ModelShares();
  #content: Content;
  readonly #asked: Asked[] = [];
  #names: string[] = [];

  constructor(initial: Spec) {
    this.#model = new ModelBudgets(initial);
    this.#content = this.#apply(initial, ['a', 'b', 'c']);
  }

  async take(next: Step): Promise<void> {
    if (next.do === 'ask') this.#ask();
    else if (next.do === 'wait') this.#clock.advance(next.ms);
    else if (next.do === 'stepWall') this.#clock.stepWall(next.ms);
    else if (next.do === 'apply') this.#content = this.#apply(next.retry, next.names);
    else if (next.do === 'end') await this.#end(this.#asked.splice(next.which, 1)[0], next.ending);
    const shown = this.#budgets.used(this.#clock.now());
    for (const { name, used } of shown) {
      expectSame([name, used], [name, this.#model.used(name, this.#clock.now())]);
    }
  }

  #apply(spec: Spec, names: string[]): Content {
    const present = names.map((name) => `model/${name}`);
    const next = content({
      endpoints: ENDPOINTS.filter(({ name }) => names.includes(name)),
      retry: spec,
    });
    for (const name of names) if (!this.#names.includes(name)) this.#shares.returned(name);
    this.#names = names;
    this.#budgets.apply(spec, present);
    this.#guard.apply(next);
    this.#model.apply(spec, present);
    return next;
  }

  #ask(): void {
    const request: ModelRequest = {
      content: this.#content,
      endpoints: this.#content.endpoints,
      headers: [],
      model: 'm',
      size: { textBytes: 0, mediaTokens: 0, maxTokens: 0 },
      protocol: anthropicMessages,
      expected: 'Message',
      deadlineAt: Infinity,
      signal: new AbortController().signal,
      method: 'POST',
      path: '/v1/messages',
      body: Buffer.alloc(0),
      stream: false,
      sink: { head: () => {}, write: () => undefined, end: () => {}, blocked: false },
    };
    const route = new Route(
      {
        pool: this.#pool,
        estimator: { estimate: () => ({ inputTokens: 0, outputTokens: 0 }) },
        onFallback: () => {},
        onSession: () => {},
        onPassedOver: () => {},
      },
      request,
    );
    const granted = route.first();
    if (granted instanceof Promise || granted.kind !== 'Granted') throw new Error('not granted');
    const next = new NextAttempt(
      { clock: this.#clock, retryBudgets: this.#budgets, random: () => 0, onRetry: () => {} },
      request,
      route,
    );
    const { maxAttempts } = this.#content.retry;
    this.#begin({
      ...{ next, granted, maxAttempts, names: this.#names },
      ...{ tried: [], moves: 0, attempts: 0, single: 0, returns: 0 },
    });
  }

  #begin(asked: Asked): void {
    const { name } = asked.granted.member.endpoint;
    asked.returns = this.#shares.returnsOf(name);
    if (asked.tried.at(-1) !== name) {
      asked.tried.push(name);
      this.#budgets.of(`model/${name}`).request(this.#clock.now());
      this.#model.request(`model/${name}`, this.#clock.now());
    }
    this.#asked.push(asked);
  }

  async #end(asked: Asked | undefined, ending: Ending): Promise<void> {
    if (asked === undefined) return;
    const { member, permit } = asked.granted;
    const result = RESULTS[ending];
    this.#pool.record(member, result.outcome);
    this.#shares.record(member.endpoint.name, ending === 'Ok', asked.returns, this.#clock.now());
    const judged = ending === 'Ok' ? 'Nothing' : this.#judge(asked, ending);
    const step = asked.next.choose(result, member);
    permit.settle(IGNORED);
    const going = step && asked.next.follow(step, result, member);
    // The wait for a retry has no length here, but for the millisecond of its timer.
    this.#clock.advance(1);
    const went = await going;
    if (went instanceof Cut) throw went;
    this.#follow(asked, judged, went);
  }

  /** What is to follow: a move to one of these, the same endpoint again, or nothing. */
  #judge(asked: Asked, ending: Exclude<Ending, 'Ok'>): Judged {
    const { units, early, retries } = ENDINGS[ending];
    const from = asked.tried.at(-1)!;
    const others = this.#others(asked);
    const first = early ? others : others.filter((to) => priority(to) === priority(from));
    const move = this.#move(asked, first, units);
    if (move) return move;
    asked.attempts += 1;
    const leave = asked.attempts < asked.maxAttempts && asked.single < retries;
    if (leave && this.#pays(from, units)) {
      asked.single += retries === 1 ? 1 : 0;
      return 'Retry';
    }
    return (early ? undefined : this.#move(asked, others, units)) ?? 'Nothing';
  }

  #others({ names, tried, moves, maxAttempts }: Asked): string[] {
    if (moves >= maxAttempts) return [];
    return names.filter((name) => this.#names.includes(name) && !tried.includes(name));
  }

  /** Undefined when no endpoint may be moved to. */
  #move({ tried, moves }: Asked, others: string[], units: number): Move | undefined {
    const now = this.#clock.now();
    const from = `model/${tried.at(-1)}`;
    const paid = this.#model.has(from, units, now);
    const free = others.filter(
      (to) => !this.#model.isOff && moves === 0 && this.#shares.of(to, now) >= 0.5,
    );
    const to = paid ? others : free;
    if (to.length === 0) return undefined;
    const best = Math.min(...to.map(priority));
    return { to: to.filter((name) => priority(name) === best), free, from, units };
  }

  #pays(from: string, units: number): boolean {
    const now = this.#clock.now();
    const has = this.#model.has(`model/${from}`, units, now);
    if (has) this.#model.take(`model/${from}`, units, now);
    return has;
  }

  #follow(asked: Asked, judged: Judged, granted: Granted | undefined): void {
    const went = granted?.member.endpoint.name;
    const from = asked.tried.at(-1)!;
    if (judged === 'Nothing') {
      this.seen.refused += 1;
      expectSame(went, undefined);
    } else if (judged === 'Retry') {
      this.seen.retried += 1;
      const gone = !this.#names.includes(from);
      if (!gone) expectSame(went, from);
      else expect(this.#others(asked)).toEqual(went ? expect.arrayContaining([went]) : []);
    } else {
      expect(judged.to).toContain(went);
      const free = judged.free.includes(went!);
      this.seen[free ? 'free' : 'paid'] += 1;
      // The timer of a retry takes a millisecond; what a move takes was taken before it.
      if (!free) this.#model.take(judged.from, judged.units, this.#clock.now() - 1);
    }
    if (granted === undefined) return;
    const moves = asked.moves + (went === from ? 0 : 1);
    this.#begin({ ...asked, granted, moves });
  }
}

type Judged = 'Nothing' | 'Retry' | Move;

interface Move {
  to: string[];
  /** Those that it costs nothing to move to. */
  free: string[];
  from: string;
  units: number;
}

describe('for any trace of requests, endings, waits, reloads, removals and steps of the wall clock', () => {
  it('the step after an attempt is the one that naive rules and a naive budget allow', async () => {
    const seen = { free: 0, paid: 0, retried: 0, refused: 0 };
    const trace = fc.array(step, { minLength: 20, maxLength: 100, size: 'max' });
    const property = fc.asyncProperty(retry, trace, async (initial, steps) => {
      const pair = new Pair(initial);
      for (const next of steps) await pair.take(next);
      for (const name of Object.keys(seen) as (keyof typeof seen)[]) seen[name] += pair.seen[name];
    });
    await fc.assert(property, { numRuns: 500 });
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(70);
  });
});

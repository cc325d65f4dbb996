/**
 * Measures what the guard costs, side by side with libraries for the same in one run; `make bench-core`.
 *
 * overhead: time per call around an async function that does nothing, less that of a bare await of it,
 * as the median of rounds in which all take turns. Ours is the guard as the runtime uses it, with the
 * policies named; `deadline` is the wheel that the runtime cuts requests by.
 * reject: time per call while the circuit is open.
 * bytes: heap allocated by what is around a call, while no garbage is collected.
 * apply: a changed configuration of 64 endpoints with full windows, per circuit; the stall is that of
 * a changed spec put in force in 10,000 breakers with full windows, in one go.
 * growth: time that the guard takes per call over 10,000 circuits in turns ÷ over one,
 * the least of all rounds.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import {
  bulkhead,
  circuitBreaker,
  handleAll,
  SamplingBreaker,
  timeout,
  TimeoutStrategy,
  wrap,
} from 'cockatiel';
import Opossum from 'opossum';
import pLimit from 'p-limit';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import type { Circuit, Content, Limit } from '../../contract/generated/types.ts';
import type { Clock } from '../../runtime/guard/clock.ts';
import { systemClock } from '../../runtime/guard/clock.ts';
import { FakeClock } from '../../runtime/guard/fakeClock.ts';
import { Guard } from '../../runtime/guard/guard.ts';
import { circuitOf, content, limitOf } from '../../runtime/guard/guardFixture.ts';
import { TimerWheel } from '../../runtime/model/timerWheel.ts';
import { Breaker } from '../../runtime/resilience/breaker.ts';
import type { BreakerSpec } from '../../runtime/resilience/breaker.ts';
import { OK } from '../../runtime/resilience/outcome.ts';
import type { Outcome } from '../../runtime/resilience/outcome.ts';

type Call = () => Promise<unknown>;
/** Makes so many calls, one after the other. */
type Calls = (count: number) => Promise<void>;

const CALLS = 20_000;
const ROUNDS = 25;
const CIRCUITS = 10_000;
const KEYS = 100_000;
const NEVER_FULL = 1_000_000_000;
const FAILURE: Outcome = { vote: 'failure', class: 'ServerError', message: 'HTTP 500' };
const RATE = { percent: 50, windowMs: 60_000, minimumCalls: 10 };
const TRIP = { failureRate: RATE, slowCalls: { ...RATE, slowerThanMs: 20_000 } };

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const work = async (): Promise<void> => {};

const ONLY = 'model/e0';
const only = (): string => ONLY;

function name(i: number): string {
  return `model/e${i}`;
}

/** A configuration with `count` endpoints. */
function configuration(
  count: number,
  {
    circuit,
    limit,
    maxConcurrent,
  }: { circuit?: Partial<Circuit>; limit?: Partial<Limit>; maxConcurrent?: number },
): Content {
  const all = Array.from({ length: count }, (_, i) => i);
  return content({
    endpoints: all.map((i) => ({
      name: `e${i}`,
      provider: 'Anthropic',
      baseURL: 'http://model.test',
      ...(maxConcurrent !== undefined && { maxConcurrent }),
    })),
    circuits: circuit
      ? all.map((i) => circuitOf({ dependency: name(i), policy: 'p', ...circuit }))
      : [],
    limits: limit
      ? all.map((i) => limitOf({ target: name(i), capacity: NEVER_FULL, ...limit }))
      : [],
  });
}

function guardOf(
  parts: Parameters<typeof configuration>[1],
  count = 1,
  clock: Clock = systemClock,
): Guard {
  const guard = new Guard({ clock });
  guard.apply(configuration(count, parts));
  return guard;
}

const ALL = { circuit: { trip: TRIP }, limit: {}, maxConcurrent: 100 };

/** Calls through the guard, made as the runtime makes them. */
function guarded(guard: Guard): Calls {
  return async (count) => {
    for (let i = 0; i < count; i += 1) {
      const answer = guard.acquire(only());
      if (answer.kind === 'Rejection') throw new Error(answer.rejection.reason);
      await work();
      answer.settle(OK);
    }
  };
}

/** The same, each cut when it takes too long. */
function guardedWithDeadline(guard: Guard): Calls {
  const wheel = new TimerWheel(systemClock);
  const watched = { check: () => undefined };
  return async (count) => {
    for (let i = 0; i < count; i += 1) {
      const answer = guard.acquire(only());
      if (answer.kind === 'Rejection') throw new Error(answer.rejection.reason);
      wheel.watch(watched, systemClock.now() + 60_000);
      await work();
      wheel.unwatch(watched);
      answer.settle(OK);
    }
  };
}

/** One call after the other. */
function repeated(call: Call): Calls {
  return async (count) => {
    for (let i = 0; i < count; i += 1) await call();
  };
}

const bareAwait: Calls = async (count) => {
  for (let i = 0; i < count; i += 1) await work();
};

async function timed(calls: Calls): Promise<number> {
  const start = performance.now();
  await calls(CALLS);
  return ((performance.now() - start) * 1e6) / CALLS;
}

/** Nanoseconds per call of each, in rounds in which all take turns; `of` sums up the rounds. */
async function sideBySide(
  calls: Record<string, Calls>,
  of: (rounds: number[]) => number = median,
): Promise<Record<string, number>> {
  const names = Object.keys(calls);
  const samples = new Map<string, number[]>(names.map((each) => [each, []]));
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const each of names) samples.get(each)!.push(await timed(calls[each]!));
  }
  // The first rounds are spent on compiling.
  return Object.fromEntries(names.map((each) => [each, of(samples.get(each)!.slice(5))]));
}

function least(values: number[]): number {
  return Math.min(...values);
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

function libraries(): Record<string, Calls> {
  const sampling = (): ReturnType<typeof circuitBreaker> =>
    circuitBreaker(handleAll, {
      halfOpenAfter: 60_000,
      breaker: new SamplingBreaker({ threshold: 0.5, duration: 60_000 }),
    });
  const pair = wrap(bulkhead(100, 100), sampling());
  const all = wrap(timeout(60_000, TimeoutStrategy.Cooperative), bulkhead(100, 100), sampling());
  const breaker = sampling();
  const limited = bulkhead(100, 100);
  const opossum = new Opossum(work, { timeout: false, rollingCountTimeout: 60_000 });
  const limiter = new RateLimiterMemory({ points: NEVER_FULL, duration: 1 });
  const limit = pLimit(100);
  return {
    'cockatiel breaker': repeated(() => breaker.execute(work)),
    'cockatiel bulkhead': repeated(() => limited.execute(work)),
    'cockatiel bulkhead + breaker': repeated(() => pair.execute(work)),
    'cockatiel timeout + bulkhead + breaker': repeated(() => all.execute(work)),
    'opossum breaker': repeated(() => opossum.fire()),
    'rate-limiter-flexible bucket': async (count) => {
      for (let i = 0; i < count; i += 1) {
        await limiter.consume('one');
        await work();
      }
    },
    'p-limit bulkhead': repeated(() => limit(work)),
  };
}

async function overhead(): Promise<void> {
  const figures = await sideBySide({
    bare: bareAwait,
    'ours breaker': guarded(guardOf({ circuit: { trip: TRIP } })),
    'ours bucket': guarded(guardOf({ limit: {} })),
    'ours bulkhead': guarded(guardOf({ maxConcurrent: 100 })),
    'ours breaker + bulkhead + bucket': guarded(guardOf(ALL)),
    'ours breaker + bulkhead + bucket + deadline': guardedWithDeadline(guardOf(ALL)),
    ...libraries(),
  });
  const over = (each: string): number => figures[each]! - figures.bare!;
  print(`a bare await: ${figures.bare!.toFixed(0)} ns; over it:`);
  for (const each of Object.keys(figures).slice(1)) print(`  ${each}: ${over(each).toFixed(0)} ns`);
  const ours = over('ours breaker + bulkhead + bucket + deadline');
  figure('guard_vs_cockatiel_pair', ours / over('cockatiel bulkhead + breaker'), 'ratio');
}

async function rejection(): Promise<void> {
  const guard = guardOf(ALL);
  for (let i = 0; i < 10; i += 1) {
    const answer = guard.acquire(name(0));
    if (answer.kind === 'Permit') answer.settle(FAILURE);
  }
  const breaker = circuitBreaker(handleAll, {
    halfOpenAfter: 60_000,
    breaker: new SamplingBreaker({ threshold: 0.5, duration: 60_000 }),
  });
  breaker.isolate();
  const opossum = new Opossum(work, { timeout: false });
  opossum.open();
  const refused = (call: Call): Calls => repeated(() => call().catch(() => undefined));
  const figures = await sideBySide({
    ours: (count) => {
      for (let i = 0; i < count; i += 1) guard.acquire(ONLY);
      return Promise.resolve();
    },
    cockatiel: refused(() => breaker.execute(work)),
    opossum: refused(() => opossum.fire()),
  });
  print('rejection by an open circuit:');
  for (const [each, ns] of Object.entries(figures)) print(`  ${each}: ${ns.toFixed(0)} ns`);
  figure('reject_vs_cockatiel', figures.ours! / figures.cockatiel!, 'ratio');
}

function timedSync(fn: (i: number) => unknown, calls = CALLS): number {
  const start = performance.now();
  for (let i = 0; i < calls; i += 1) fn(i);
  return ((performance.now() - start) * 1e6) / calls;
}

/** Bytes per call; few enough calls that nothing is collected meanwhile. */
async function allocated(calls: Calls): Promise<number> {
  const count = 2000;
  const samples: number[] = [];
  // Only compiled code counts.
  await calls(3 * CALLS);
  for (let i = 0; i < 21; i += 1) {
    collect();
    const before = process.memoryUsage().heapUsed;
    await calls(count);
    samples.push((process.memoryUsage().heapUsed - before) / count);
  }
  return median(samples);
}

/** What the guard and the wheel allocate around a call, which is not part of it. */
function guardedBytes(guard: Guard): Calls {
  const wheel = new TimerWheel(systemClock);
  const watched = { check: () => undefined };
  const deadline = Math.floor(systemClock.now()) + 3_600_000;
  return (count) => {
    for (let i = 0; i < count; i += 1) {
      const answer = guard.acquire(only());
      if (answer.kind === 'Rejection') throw new Error(answer.rejection.reason);
      wheel.watch(watched, deadline);
      wheel.unwatch(watched);
      answer.settle(OK);
    }
    return Promise.resolve();
  };
}

async function bytes(): Promise<void> {
  const ours = await allocated(guardedBytes(guardOf(ALL)));
  const bare = await allocated(bareAwait);
  print('bytes allocated per call, of libraries less those of a bare await:');
  print(`  ours breaker + bulkhead + bucket + deadline: ${ours.toFixed(0)}`);
  for (const [each, calls] of Object.entries(libraries())) {
    print(`  ${each}: ${((await allocated(calls)) - bare).toFixed(0)}`);
  }
  figure('guard_bytes', ours, 'bytes');
}

/** Specs of which each differs from the one before in window, threshold and times. */
function changed(i: number): { trip: typeof TRIP; openDurationMs: number } {
  const windowMs = i % 2 === 0 ? 30_000 : 60_000;
  const trip = { failureRate: { ...RATE, windowMs }, slowCalls: { ...TRIP.slowCalls, windowMs } };
  return { trip, openDurationMs: 1000 + i };
}

/** 10,000 breakers, each with calls in every second of its windows. */
function applyingToBreakers(): void {
  const spec = (i: number): BreakerSpec => ({
    ...changed(i),
    failureOn: ['ServerError'],
    maxOpenDurationMs: 600_000,
    halfOpen: { maxProbes: 1, successThreshold: 2 },
  });
  const breakers = Array.from({ length: CIRCUITS }, () => new Breaker(spec(1), 0));
  for (let second = 0; second < 61; second += 1) {
    for (const breaker of breakers) {
      breaker.record(breaker.enter(second * 1000), OK, 0, second * 1000);
    }
  }
  const stalls = Array.from({ length: 31 }, (_, i) => {
    collect();
    const start = performance.now();
    const next = spec(i);
    for (const breaker of breakers) breaker.apply(next, 61_000);
    return performance.now() - start;
  });
  figure('apply_10000_stall', median(stalls), 'ms');
}

/** A whole configuration with as many endpoints as there can be, under the guard. */
function applying(): void {
  const clock = new FakeClock();
  const count = 64;
  const guard = guardOf(ALL, count, clock);
  for (let second = 0; second < 61; second += 1) {
    for (let i = 0; i < count; i += 1) {
      const answer = guard.acquire(name(i));
      if (answer.kind === 'Permit') answer.settle(OK);
    }
    clock.advance(1000);
  }
  const stalls = Array.from({ length: 101 }, (_, i) => {
    const next = configuration(count, { ...ALL, circuit: changed(i) });
    const start = performance.now();
    guard.apply(next);
    return performance.now() - start;
  });
  figure('apply', (median(stalls) * 1000) / count, 'us');
}

/** Calls that end at once, so that only the guard takes time. */
function guardedAtOnce(guard: Guard, next: () => string): Calls {
  return (count) => {
    for (let i = 0; i < count; i += 1) {
      const answer = guard.acquire(next());
      if (answer.kind === 'Permit') answer.settle(OK);
    }
    return Promise.resolve();
  };
}

async function growth(): Promise<void> {
  const one = guardOf({ circuit: { trip: TRIP } });
  collect();
  const before = process.memoryUsage().heapUsed;
  const many = guardOf({ circuit: { trip: TRIP } }, CIRCUITS);
  const names = many.circuits().map(({ dependency }) => dependency);
  let at = 0;
  // The least, because what else the computer does takes caches away from the many only.
  const figures = await sideBySide(
    {
      one: guardedAtOnce(one, only),
      many: guardedAtOnce(many, () => names[(at = (at + 1) % CIRCUITS)]!),
    },
    least,
  );
  collect();
  const memory = (process.memoryUsage().heapUsed - before) / CIRCUITS;
  print(`${CIRCUITS} circuits: ${memory.toFixed(0)} bytes each`);
  print(
    `  per call: ${figures.one!.toFixed(0)} ns with one, ${figures.many!.toFixed(0)} ns in turns`,
  );
  figure('growth_10000', figures.many! / figures.one!, 'ratio');
}

function keys(): void {
  const limit = { key: { header: 'x-user-id' }, maxKeys: KEYS, capacity: 1000 };
  const guard = guardOf({ limit });
  collect();
  const before = process.memoryUsage().heapUsed;
  const users = shuffled(Array.from({ length: KEYS }, (_, i) => `user-${i}`));
  const call = (user: string): void => {
    const answer = guard.acquire(name(0), { header: () => user });
    if (answer.kind === 'Permit') answer.settle(OK);
  };
  for (const user of users) call(user);
  collect();
  const memory = (process.memoryUsage().heapUsed - before) / KEYS;
  const one = median(Array.from({ length: ROUNDS }, () => timedSync(() => call('user-0'))));
  const all = median(
    Array.from({ length: ROUNDS }, (_, round) =>
      timedSync((i) => call(users[(round * CALLS + i) % KEYS]!)),
    ),
  );
  const flood = median(
    Array.from({ length: ROUNDS }, (_, round) => timedSync((i) => call(`flood-${round}-${i}`))),
  );
  print(`${KEYS} keyed buckets: ${memory.toFixed(0)} bytes each with their keys`);
  print(
    `  per call: ${one.toFixed(0)} ns with one key, ${all.toFixed(0)} ns over all, ${flood.toFixed(0)} ns with new ones`,
  );
}

function shuffled<Item>(items: Item[]): Item[] {
  let seed = 1;
  for (let i = items.length - 1; i > 0; i -= 1) {
    seed = (seed * 48_271) % 2_147_483_647;
    const other = seed % (i + 1);
    [items[i], items[other]] = [items[other]!, items[i]!];
  }
  return items;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function figure(label: string, value: number, unit: string): void {
  print(`figure ${label} ${value.toPrecision(3)} ${unit}`);
}

// First, while the heap holds nothing else.
await growth();
await overhead();
await rejection();
await bytes();
applyingToBreakers();
applying();
keys();

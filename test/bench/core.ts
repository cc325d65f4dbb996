/**
 * `make bench-core` measures what the guard costs, beside other libraries in the same run.
 *
 * overhead: time per call around an async function that does nothing, less the time of awaiting that function alone.
 * It is the median of rounds in which all variants take turns. Ours is the guard as the runtime uses it, with the
 * named policies. `deadline` adds a timer of Node's, such as the one that ends an attempt. cockatiel's pair has no
 * timer, so the guard is compared with it without a deadline, and with cockatiel's timeout with one.
 * reject: time per call while the circuit is open.
 * bytes: heap allocated around a call, without a garbage collection meanwhile.
 * apply: a changed configuration of 64 endpoints, the most that an agent can have, with full windows.
 * growth: time per awaited call over 64 dependencies in random order ÷ over one.
 * keyed: time per call over 100,000 buckets of one limit in random order, and over one.
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
import { FakeClock } from '../../runtime/testing/fakeClock.ts';
import type { Dependency } from '../../runtime/guard/dependency.ts';
import { Guard } from '../../runtime/guard/guard.ts';
import { circuitOf, content, limitOf } from '../../runtime/testing/guardFixture.ts';
import { OK } from '../../runtime/resilience/outcome.ts';
import type { Outcome } from '../../runtime/resilience/outcome.ts';

type Call = () => Promise<unknown>;
/** Makes `count` calls, one after another. */
type Calls = (count: number) => Promise<void>;

const CALLS = 20_000;
const ROUNDS = 25;
/** The most endpoints that an agent can have. */
const DEPENDENCIES = 64;
const KEYS = 100_000;
const NEVER_FULL = 1_000_000_000;
const FAILURE: Outcome = { vote: 'failure', class: 'ServerError', message: 'HTTP 500' };
const RATE = { percent: 50, windowMs: 60_000, minimumCalls: 10 };
const TRIP = { failureRate: RATE, slowCalls: { ...RATE, slowerThanMs: 20_000 } };

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const work = async (): Promise<void> => {};

const ONLY = 'model/e0';

function name(i: number): string {
  return `model/e${i}`;
}

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

/** Calls through the guard, as the runtime makes them. */
function guarded(guard: Guard): Calls {
  const dependency = guard.dependency(ONLY)!;
  return async (count) => {
    for (let i = 0; i < count; i += 1) {
      const answer = dependency.acquire();
      if (answer.kind === 'Rejection') throw new Error(answer.rejection.reason);
      await work();
      answer.settle(OK);
    }
  };
}

/** The same with a deadline for each call. */
function guardedWithDeadline(guard: Guard): Calls {
  const dependency = guard.dependency(ONLY)!;
  const onDeadline = (): void => undefined;
  return async (count) => {
    for (let i = 0; i < count; i += 1) {
      const answer = dependency.acquire();
      if (answer.kind === 'Rejection') throw new Error(answer.rejection.reason);
      const cancel = systemClock.setTimer(60_000, onDeadline);
      await work();
      cancel();
      answer.settle(OK);
    }
  };
}

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

/** Nanoseconds per call of each variant: the median of rounds in which all take turns. */
async function sideBySide(calls: Record<string, Calls>): Promise<Record<string, number>> {
  const names = Object.keys(calls);
  const samples = new Map<string, number[]>(names.map((each) => [each, []]));
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const each of names) samples.get(each)!.push(await timed(calls[each]!));
  }
  // Leaves out the first rounds, in which V8 compiles the code.
  return Object.fromEntries(names.map((each) => [each, median(samples.get(each)!.slice(5))]));
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
  const ours = over('ours breaker + bulkhead + bucket');
  const timed = over('ours breaker + bulkhead + bucket + deadline');
  figure('guard_vs_cockatiel_pair', ours / over('cockatiel bulkhead + breaker'), 'ratio');
  figure('deadline_vs_cockatiel_pair', timed / over('cockatiel bulkhead + breaker'), 'ratio');
  figure(
    'deadline_vs_cockatiel_timeout',
    timed / over('cockatiel timeout + bulkhead + breaker'),
    'ratio',
  );
}

async function rejection(): Promise<void> {
  const dependency = guardOf(ALL).dependency(ONLY)!;
  for (let i = 0; i < 10; i += 1) {
    const answer = dependency.acquire();
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
      for (let i = 0; i < count; i += 1) dependency.acquire();
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

/** Bytes per call. The calls are so few that no garbage is collected meanwhile. */
async function allocated(calls: Calls): Promise<number> {
  const count = 2000;
  const samples: number[] = [];
  // Warms up, because compiled code allocates less.
  await calls(3 * CALLS);
  for (let i = 0; i < 21; i += 1) {
    collect();
    const before = process.memoryUsage().heapUsed;
    await calls(count);
    samples.push((process.memoryUsage().heapUsed - before) / count);
  }
  return median(samples);
}

/** What the guard allocates around a call, without the call itself. */
function guardedBytes(guard: Guard): Calls {
  const dependency = guard.dependency(ONLY)!;
  return (count) => {
    for (let i = 0; i < count; i += 1) {
      const answer = dependency.acquire();
      if (answer.kind === 'Rejection') throw new Error(answer.rejection.reason);
      answer.settle(OK);
    }
    return Promise.resolve();
  };
}

async function bytes(): Promise<void> {
  // A call is in flight, as in a runtime with traffic. Without any permit, a forced collection would also discard the
  // compiled code that knows the permit's layout, and uncompiled code allocates more.
  const inFlight = guardOf(ALL).dependency(ONLY)!.acquire();
  const ours = await allocated(guardedBytes(guardOf(ALL)));
  const bare = await allocated(bareAwait);
  print('bytes allocated per call, of libraries less those of a bare await:');
  print(`  ours breaker + bulkhead + bucket: ${ours.toFixed(0)}`);
  for (const [each, calls] of Object.entries(libraries())) {
    print(`  ${each}: ${((await allocated(calls)) - bare).toFixed(0)}`);
  }
  const awaited = (await allocated(guardedWithDeadline(guardOf(ALL)))) - bare;
  print(`  ours, with the await of a caller, less that of a bare one: ${awaited.toFixed(0)}`);
  if (inFlight.kind === 'Permit') inFlight.settle(OK);
  figure('guard_bytes', ours, 'bytes');
  figure('guard_bytes_awaited', awaited, 'bytes');
}

/** Each result differs from the one before in window, threshold and times. */
function changed(i: number): { trip: typeof TRIP; openDurationMs: number } {
  const windowMs = i % 2 === 0 ? 30_000 : 60_000;
  const trip = { failureRate: { ...RATE, windowMs }, slowCalls: { ...TRIP.slowCalls, windowMs } };
  return { trip, openDurationMs: 1000 + i };
}

/** Applies a whole changed configuration, with calls in every second of the windows. */
function applying(): void {
  const clock = new FakeClock();
  const guard = guardOf(ALL, DEPENDENCIES, clock);
  for (let second = 0; second < 61; second += 1) {
    for (let i = 0; i < DEPENDENCIES; i += 1) call(guard.dependency(name(i))!);
    clock.advance(1000);
  }
  const times = Array.from({ length: 101 }, (_, i) => {
    const next = configuration(DEPENDENCIES, { ...ALL, circuit: changed(i) });
    const start = performance.now();
    guard.apply(next);
    return performance.now() - start;
  });
  const last = Math.max(...times.slice(-20));
  print(`a changed configuration of ${DEPENDENCIES} dependencies: ${last.toFixed(2)} ms at most`);
  figure('apply_64', median(times), 'ms');
}

function call(dependency: Dependency): void {
  const answer = dependency.acquire();
  if (answer.kind === 'Permit') answer.settle(OK);
}

/** Awaited calls of several dependencies, as the runtime makes them. */
function guardedInTurn(next: () => Dependency): Calls {
  return async (count) => {
    for (let i = 0; i < count; i += 1) {
      const answer = next().acquire();
      if (answer.kind === 'Rejection') throw new Error(answer.rejection.reason);
      await work();
      answer.settle(OK);
    }
  };
}

/** Returns the items in turn, again and again. */
function turns<Item>(items: readonly Item[]): () => Item {
  let at = 0;
  return () => items[(at = (at + 1) % items.length)]!;
}

/** Both variants take turns, because other programs on the machine use its caches. */
async function growth(): Promise<void> {
  const one = [guardOf(ALL).dependency(ONLY)!];
  const many = guardOf(ALL, DEPENDENCIES);
  // Each index occurs several times, so that the order does not repeat too soon.
  const order = Array.from({ length: 16 * DEPENDENCIES }, (_, i) => i % DEPENDENCIES);
  const random = shuffled(order).map((i) => many.dependency(name(i))!);
  const figures = await sideBySide({
    one: guardedInTurn(turns(one)),
    random: guardedInTurn(turns(random)),
  });
  const ns = (each: string): string => `${figures[each]!.toFixed(0)} ns`;
  print(`acquire, await, settle: ${ns('one')} with one dependency`);
  print(`  ${ns('random')} with ${DEPENDENCIES} in random order`);
  figure('growth_64', figures.random! / figures.one!, 'ratio');
}

/** Nanoseconds per call: medians of rounds in which all variants take turns. */
function sideBySideSync<Name extends string>(
  calls: Record<Name, (at: number) => unknown>,
): Record<Name, number> {
  const names = Object.keys(calls) as Name[];
  const samples = new Map<Name, number[]>(names.map((each) => [each, []]));
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const each of names) {
      samples.get(each)!.push(timedSync((i) => calls[each](round * CALLS + i)));
    }
  }
  const entries = names.map((each) => [each, median(samples.get(each)!.slice(5))] as const);
  return Object.fromEntries(entries) as Record<Name, number>;
}

/** Bytes of the heap after a full garbage collection. */
async function memoryHeld(): Promise<number> {
  for (let i = 0; i < 3; i += 1) {
    await new Promise(setImmediate);
    collect();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Measures buckets of many keys in random order, and a Map with an object per key for comparison. */
async function keys(): Promise<void> {
  const limit = { key: { header: 'x-user-id' }, maxKeys: KEYS, capacity: 1000 };
  const many = guardOf({ limit }).dependency(ONLY)!;
  const alone = guardOf({ limit }).dependency(ONLY)!;
  const users = shuffled(Array.from({ length: KEYS }, (_, i) => `user-${i}`));
  const objects = new Map(users.map((user) => [user, { a: 0, b: 0, c: 0, d: 0, e: 0 }]));
  const before = await memoryHeld();
  const asked = { header: (): string => user };
  let user = '';
  const callAs = (to: Dependency, next: string): void => {
    user = next;
    const answer = to.acquire(asked);
    if (answer.kind === 'Permit') answer.settle(OK);
  };
  for (const each of users) callAs(many, each);
  const memory = (await memoryHeld()) - before;
  const figures = sideBySideSync({
    one: () => callAs(alone, 'user-0'),
    all: (at) => callAs(many, users[at % KEYS]!),
    'map of one': () => (objects.get('user-0')!.a += 1),
    map: (at) => (objects.get(users[at % KEYS]!)!.a += 1),
    // A processor can overlap several look-ups that stand alone. Within a call it cannot, so this variant does both.
    'one and map': (at) => {
      callAs(alone, 'user-0');
      return (objects.get(users[at % KEYS]!)!.a += 1);
    },
  });
  const flood = sideBySideSync({ flood: (at) => callAs(many, `flood-${at}`) }).flood;
  print(`${KEYS} keyed buckets: ${(memory / KEYS).toFixed(0)} bytes each, without their keys`);
  print(`  with new keys: ${flood.toFixed(0)} ns`);
  figure('keyed_1', figures.one, 'ns');
  figure('keyed_100000', figures.all, 'ns');
  figure('keyed_growth', figures.all / figures.one, 'ratio');
  figure('keyed_map_floor', figures.map, 'ns');
  figure('keyed_added', figures.all - figures.one, 'ns');
  figure('keyed_map_floor_added', figures.map - figures['map of one'], 'ns');
  figure('keyed_map_floor_added_in_call', figures['one and map'] - figures.one, 'ns');
  figure('keyed_bytes', memory / KEYS, 'bytes');
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

// Runs first, while the heap holds nothing else.
await growth();
await overhead();
await rejection();
await bytes();
applying();
await keys();

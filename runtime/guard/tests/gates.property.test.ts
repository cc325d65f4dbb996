import { describe, expect, it } from '@jest/globals';
import fc from '../../../test/property.ts';
import { FakeClock } from '../../testing/fakeClock.ts';
import { Jitter } from '../../resilience/jitter.ts';
import { chanceFactor } from '../../testing/chance.ts';
import { Guard } from '../guard.ts';
import { circuitOf, content } from '../../testing/guardFixture.ts';
import { expectSame } from '../../testing/same.ts';
import { IGNORED, OK } from '../../resilience/outcome.ts';
import type { GuardSnapshot } from '../guard.ts';
import type { Permit } from '../permit.ts';

const PRIMARY = 'model/primary';
const MOUNTED = { hash: 'm', mounted: true };
const MAX_AGE_MS = 600_000;
const FAILURE = { vote: 'failure', class: 'Connection', message: 'refused' } as const;

type Step =
  | { do: 'call' }
  | { do: 'refuse'; which: number; ms: number | undefined }
  | { do: 'serve' | 'abandon' | 'fail'; which: number }
  | { do: 'advance'; ms: number }
  | { do: 'stepWall'; ms: number }
  | { do: 'reload'; maxWaitMs: number }
  | { do: 'reset' }
  | { do: 'restart'; ms: number };

interface Shut {
  at: number;
  ms: number | undefined;
  doublings: number;
  share: number;
  /** When it admitted the first call after its wait, and since then the calls under way and served. */
  openedAt?: number;
  under: number;
  served: number;
}

/** The rules of gates for one credential, by naive lists. */
class Reference {
  /** Which calls were refused, of those that were refused or served since the first refusal. */
  #votes: boolean[] = [];
  #shut: Shut | undefined;
  maxWaitMs: number;
  readonly #share: () => number;

  constructor(maxWaitMs: number, share: () => number) {
    this.maxWaitMs = maxWaitMs;
    this.#share = share;
  }

  ask(now: number): 'Open' | 'Probe' | number {
    const shut = this.#now(now);
    if (shut === undefined) return 'Open';
    const left = this.#end(shut) - now;
    if (left > 0) return left;
    const age = now - (shut.openedAt ?? now);
    const places = age < 1000 ? 1 : age < 2000 ? 2 : 4;
    if (shut.under >= places) return 1000;
    shut.openedAt ??= now;
    shut.under += 1;
    return 'Probe';
  }

  until(now: number): number | 'None' | 'Opening' {
    const shut = this.#now(now);
    if (shut === undefined) return 'None';
    const end = this.#end(shut);
    if (end > now) return end;
    if (shut.served > 0) return 'None';
    const over = now >= shut.at + spread(shut.ms ?? 0, shut.share);
    return over && shut.openedAt === undefined ? 'None' : 'Opening';
  }

  refuse(ms: number | undefined, probe: boolean, now: number): void {
    const shut = this.#now(now);
    this.#votes.push(true);
    if (shut === undefined && ms === undefined && !this.#isNoChance()) return;
    const alike = shut !== undefined && (shut.ms === undefined) === (ms === undefined);
    const next = { at: now, ms, under: 0, served: 0 };
    if (shut === undefined || probe) {
      this.#shut = { ...next, doublings: alike ? shut.doublings + 1 : 0, share: this.#share() };
      return;
    }
    const later = { ...next, doublings: alike ? shut.doublings : 0, share: shut.share };
    if (ms !== undefined && this.#end(later) > this.#end(shut)) this.#shut = later;
  }

  serve(probe: boolean, now: number): void {
    const shut = this.#now(now);
    if (shut?.openedAt !== undefined && probe) {
      shut.under = Math.max(0, shut.under - 1);
      shut.served += 1;
      if (shut.served === 1) this.#votes = this.#row();
      if (shut.served === 3) this.#shut = undefined;
    }
    if (this.#votes.length > 0) this.#votes.push(false);
  }

  /** A call has ended without a sign of its credential. */
  end(probe: boolean, now: number): void {
    const shut = this.#now(now);
    if (shut?.openedAt !== undefined && probe) shut.under = Math.max(0, shut.under - 1);
  }

  open(): void {
    this.#shut = undefined;
    this.#votes = [];
  }

  /** The same gate on the clock of another process, which knows no more of it. */
  moved(ms: number, share: () => number, now: number): Reference {
    const reference = new Reference(this.maxWaitMs, share);
    const shut = this.#now(now);
    if (shut === undefined) return reference;
    const { openedAt: _, ...kept } = shut;
    reference.#shut = { ...kept, at: shut.at + ms, under: 0, served: 0 };
    return reference;
  }

  #now(now: number): Shut | undefined {
    const { openedAt } = this.#shut ?? {};
    if (openedAt !== undefined && now >= openedAt + 4000) this.#shut = undefined;
    return this.#shut;
  }

  /** The refusals since the last call that was served. */
  #row(): boolean[] {
    return this.#votes.slice(this.#votes.lastIndexOf(false) + 1);
  }

  #isNoChance(): boolean {
    const row = this.#row().length;
    const before = this.#votes.slice(0, this.#votes.length - row).slice(-64);
    return row >= 5 * chanceFactor(before);
  }

  #end({ at, ms, doublings, share }: Shut): number {
    const wait = (ms === undefined ? 1000 : this.maxWaitMs) * 2 ** doublings;
    const most = ms === undefined ? Math.min(5000, this.maxWaitMs) : ms;
    return at + spread(Math.min(wait, most), share);
  }
}

function spread(ms: number, share: number): number {
  return Math.ceil(ms + Math.min(ms / 5, 10_000) * share);
}

/** A guard beside its reference. */
class Bench {
  clock: FakeClock;
  #guard: Guard;
  #reference: Reference;
  readonly #seed: string | undefined;
  #permits: { permit: Permit; probe: boolean }[] = [];
  #token = 1;
  /** Gates that outlived a process, and probes that were refused. */
  readonly seen = { kept: 0, doubled: 0, reset: 0 };

  constructor(maxWaitMs: number, seed: string | undefined) {
    this.#seed = seed;
    this.clock = new FakeClock();
    this.#reference = new Reference(maxWaitMs, this.#share());
    this.#guard = this.#start();
  }

  take(step: Step): void {
    const now = this.clock.now();
    switch (step.do) {
      case 'call':
        this.#call(now);
        break;
      case 'advance':
        this.clock.advance(step.ms);
        break;
      case 'stepWall':
        this.clock.stepWall(step.ms);
        break;
      case 'reload':
        this.#reference.maxWaitMs = step.maxWaitMs;
        this.#apply(this.#guard);
        break;
      case 'reset':
        this.seen.reset += this.#reference.until(now) === 'None' ? 0 : 1;
        this.#token += 1;
        this.#reference.open();
        for (const each of this.#permits) each.probe = false;
        this.#apply(this.#guard);
        break;
      case 'restart':
        this.#restart(step.ms);
        break;
      default:
        this.#end(step, now);
    }
    this.#compare();
  }

  #call(now: number): void {
    const expected = this.#reference.ask(now);
    const answer = this.#guard.dependency(PRIMARY)!.acquire({ credential: MOUNTED });
    if (answer.kind === 'Permit') {
      expectSame(typeof expected, 'string');
      this.#permits.push({ permit: answer, probe: expected === 'Probe' });
    } else {
      expect(answer).toMatchObject({ rejection: { retryAfterMs: expected } });
    }
  }

  #end(step: Extract<Step, { which: number }>, now: number): void {
    const [ended] = this.#permits.splice(step.which % Math.max(1, this.#permits.length), 1);
    if (ended === undefined) return;
    const { permit, probe } = ended;
    if (step.do === 'refuse') {
      const left = permit.refused('RateLimited', step.ms);
      this.#reference.refuse(step.ms, probe, now);
      const until = this.#reference.until(now);
      expectSame(left, typeof until === 'number' ? until - now : 0);
      this.seen.doubled += probe ? 1 : 0;
      permit.settle(IGNORED);
      return;
    }
    permit.settle(step.do === 'serve' ? OK : step.do === 'fail' ? FAILURE : IGNORED);
    if (step.do === 'serve') this.#reference.serve(probe, now);
    else this.#reference.end(probe, now);
  }

  #compare(): void {
    const now = this.clock.now();
    const until = this.#reference.until(now);
    const gate = until === 'None' ? 'None' : 'RateLimited';
    const wall = this.clock.date().getTime() - now;
    const at = typeof until === 'number' ? new Date(wall + until).toISOString() : undefined;
    expectSame(this.#guard.gates(), [
      { dependency: PRIMARY, gate, ...(at !== undefined && { until: at }) },
    ]);
  }

  #restart(ms: number): void {
    const saved = JSON.parse(JSON.stringify(this.#guard.snapshot())) as GuardSnapshot;
    const before = this.clock.now();
    const start = this.clock.date().getTime() + ms;
    this.clock = new FakeClock(new Date(start).toISOString());
    this.#permits = [];
    const lives = ms >= 0 && ms <= MAX_AGE_MS;
    const { maxWaitMs } = this.#reference;
    const kept = this.#reference.moved(-before - ms, this.#share(), before);
    this.#reference = lives ? kept : new Reference(maxWaitMs, this.#share());
    this.seen.kept += saved.gates!.length;
    this.#guard = this.#start();
    this.#guard.restore(saved, MAX_AGE_MS);
  }

  #start(): Guard {
    const guard = new Guard({
      clock: this.clock,
      ...(this.#seed !== undefined && { seed: this.#seed }),
    });
    this.#apply(guard);
    guard.useCredential(PRIMARY, MOUNTED.hash);
    return guard;
  }

  /** As the gates of a new guard draw it. */
  #share(): () => number {
    const seed = this.#seed;
    const jitter = new Jitter(seed === undefined ? undefined : `${seed}/${PRIMARY}/gates`);
    return () => jitter.share();
  }

  #apply(guard: Guard): void {
    const trip = { consecutiveFailures: 1_000_000 };
    const circuits = [circuitOf({ policy: 'p', trip, resetToken: String(this.#token) })];
    guard.apply(content({ circuits, gates: { maxProviderWaitMs: this.#reference.maxWaitMs } }));
  }
}

const YEAR_MS = 31_622_400_000;
const which = fc.nat({ max: 5 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Step>({ do: 'call' }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('refuse' as const),
      which,
      ms: fc.constantFrom(undefined, undefined, 0, 60, 2500, 90_000, 3_600_000, YEAR_MS),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom('serve' as const, 'abandon' as const, 'fail' as const),
      which,
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('advance' as const),
      ms: fc.constantFrom(1, 999, 1000, 1300, 5000, 60_000, 300_000, 700_000),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('stepWall' as const),
      ms: fc.constantFrom(-YEAR_MS, -3_600_000, -700, 700, 3_600_000, YEAR_MS),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('reload' as const),
      maxWaitMs: fc.constantFrom(500, 4000, 300_000),
    }),
  },
  { weight: 1, arbitrary: fc.constant<Step>({ do: 'reset' }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('restart' as const),
      ms: fc.constantFrom(-1, 0, 800, 5000, MAX_AGE_MS, MAX_AGE_MS + 1),
    }),
  },
);

describe('for any trace of calls, refusals, resets, reloads, restarts and steps of the wall clock', () => {
  it('a gate equals its reference', () => {
    const seen = { kept: 0, doubled: 0, reset: 0 };
    const property = fc.property(
      fc.constantFrom(500, 4000, 300_000),
      fc.constantFrom(undefined, 'ns/pod-1', 'ns/pod-2'),
      fc.array(step, { minLength: 5, maxLength: 60, size: 'max' }),
      (maxWaitMs, seed, trace) => {
        const bench = new Bench(maxWaitMs, seed);
        for (const next of trace) bench.take(next);
        for (const name of ['kept', 'doubled', 'reset'] as const) seen[name] += bench.seen[name];
      },
    );
    fc.assert(property, { numRuns: 1000 });
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(70);
  });
});

import type { BreakerRejection, BreakerTransition, CircuitState } from '../resilience/breaker.ts';
import { Jitter } from '../resilience/jitter.ts';
import type { BreakerSpec } from '../resilience/breakerSpec.ts';
import type { Outcome } from '../resilience/outcome.ts';
import type { RateSpec } from '../resilience/trip.ts';
import { chanceFactor } from './chance.ts';
import { NaiveWindow } from './naiveWindow.ts';

/** A period in one state, with the calls that it admitted and their votes. */
interface Phase {
  state: CircuitState;
  start: number;
  calls: ModelCall[];
  votes: Outcome[];
  /** Votes that are its past, though it did not see them. */
  past: Outcome[];
  /** Whether it was closed by probes and is still ramping up. */
  rampUp?: boolean;
  /** Number of doublings of openDuration before this phase. */
  growth: number;
  /** How far an open phase is lengthened, 0 to 1. */
  spread: number;
}

export interface ModelCall {
  kind: 'Permit';
  /** Phase that admitted it. Absent: only shadow mode admitted it. */
  phase?: Phase;
  began: number;
  firstToken?: number;
  done: boolean;
}

/** A naive breaker: it keeps its whole history and derives everything from that, without counters. */
export class ModelBreaker {
  readonly transitions: BreakerTransition[] = [];
  #spec: BreakerSpec;
  readonly #jitter: Jitter;
  readonly #phases: Phase[];
  /** Calls that ended while the circuit was closed, as each active rule counts them. */
  #failed: NaiveWindow | undefined;
  #slow: NaiveWindow | undefined;
  /** Number of votes in the phase before consecutiveFailures was last turned on. */
  #uncounted = 0;
  /** Failures in a row when the circuit last left the closed state. */
  #lastStreak: Outcome[] = [];
  #rejections = 0;
  #held = false;
  /** Sum of the percentages since the ramp-up last admitted a call. */
  #credit = 0;

  constructor(spec: BreakerSpec, now: number, jitter = new Jitter()) {
    this.#spec = spec;
    this.#jitter = jitter;
    this.#startRules();
    this.#phases = [
      { state: 'Closed', start: now, calls: [], votes: [], past: [], growth: 0, spread: 0 },
    ];
    this.#followOverride(now);
  }

  acquire(now: number): ModelCall | BreakerRejection {
    const rejection = this.#judge(now);
    const phase = this.#phase();
    const call: ModelCall = { kind: 'Permit', phase, began: now, done: false };
    if (!rejection) {
      phase.calls.push(call);
      return call;
    }
    this.#rejections += 1;
    return this.#spec.shadow ? { kind: 'Permit', began: now, done: false } : rejection;
  }

  firstToken(call: ModelCall, now: number): void {
    if (!call.done) call.firstToken ??= now;
  }

  /** A probe succeeds when its answer has flowed long enough. Does not affect other calls. */
  lasted(call: ModelCall, now: number): void {
    const probes = call.phase === this.#phase() && call.phase.state === 'HalfOpen';
    if (probes && call.firstToken !== undefined) this.settle(call, { vote: 'ok' }, now);
  }

  /** `stays`: it is the last endpoint that can serve, and serves. */
  settle(call: ModelCall, outcome: Outcome, now: number, stays = false): void {
    if (call.done) return;
    call.done = true;
    if (call.phase !== this.#phase()) return;
    const slow = this.#isSlow(call, outcome, now);
    if (outcome.vote === 'ignored') {
      if (outcome.slow) this.#judgeSlow(call.phase, now);
      return;
    }
    if (outcome.vote === 'failure' && !this.#spec.failureOn.includes(outcome.class)) return;
    call.phase.votes.push(outcome);
    if (call.phase.state === 'Closed') this.#judgeCalls(call.phase, { slow, stays }, now);
    else this.#judgeProbes(call.phase, { slow, stays }, now);
  }

  apply(spec: BreakerSpec, now: number): void {
    if (JSON.stringify(spec) === JSON.stringify(this.#spec)) return;
    this.advance(now);
    const before = this.#spec.trip;
    this.#spec = spec;
    this.#failed = edited(this.#failed, spec.trip.failureRate);
    this.#slow = edited(this.#slow, spec.trip.slowCalls);
    if (before.consecutiveFailures === undefined) this.#forgetVotes();
    if (spec.trip.consecutiveFailures === undefined) {
      this.#forgetVotes();
      this.#lastStreak = [];
    }
    this.advance(now);
  }

  advance(now: number): void {
    this.#followOverride(now);
    const { state, start } = this.#phase();
    if (this.state(now) === state) return;
    const open = now - start;
    const step = open < 10_000 ? 100 : 1000;
    this.#enter('HalfOpen', `open for ${(Math.floor(open / step) * step) / 1000}s`, now);
  }

  state(now: number): CircuitState {
    const { state } = this.#phase();
    return state === 'Open' && now >= this.#deadline() ? 'HalfOpen' : state;
  }

  nextDeadline(now: number): number | undefined {
    const at = this.state(now) === 'Open' ? this.#deadline() : Infinity;
    return at === Infinity ? undefined : at;
  }

  counted(): number {
    return this.#rejections;
  }

  /** Whether a call would have to wait for the outcome of the probes. */
  isProbing(now: number): boolean {
    return (
      this.#judge(now) !== undefined && this.#phase().state === 'HalfOpen' && !this.#spec.shadow
    );
  }

  #judge(now: number): BreakerRejection | undefined {
    this.advance(now);
    const phase = this.#phase();
    const running = phase.calls.filter((call) => !call.done).length;
    if (phase.state === 'Open') {
      const ms = Math.min(Math.ceil(this.#deadline() - now), Number.MAX_SAFE_INTEGER);
      const retryAfterMs = this.#deadline() === Infinity ? this.#spec.openDurationMs : ms;
      return { kind: 'Rejection', retryAfterMs };
    }
    const soon: BreakerRejection = { kind: 'Rejection', retryAfterMs: 1000 };
    if (phase.state === 'HalfOpen') {
      const unanswered = phase.calls.filter(
        ({ done, firstToken }) => !done && firstToken === undefined,
      );
      const successes = this.#successes(phase);
      const { maxProbes, successThreshold } = this.#spec.halfOpen;
      const streaming = phase.calls.filter(
        ({ done, firstToken }) => !done && firstToken !== undefined,
      );
      const needed = successThreshold - successes - streaming.length;
      if (streaming.length > 0 && needed <= 0) return soon;
      const places = Math.max(maxProbes, Math.min(maxProbes + successes, needed));
      return unanswered.length >= places ? soon : undefined;
    }
    return this.#rampUpAdmits(phase, running, now) ? undefined : soon;
  }

  #rampUpAdmits(phase: Phase, running: number, now: number): boolean {
    const percent = this.#share(phase, now);
    if (percent === 100) return true;
    this.#credit = Math.min(this.#credit + percent, 100 + percent);
    if (this.#credit < 100) return running === 0;
    this.#credit -= 100;
    return true;
  }

  #share(phase: Phase, now: number): number {
    if (!phase.rampUp) return 100;
    const part = Math.floor(((now - phase.start) * 3) / (this.#spec.rampUpMs ?? 0));
    if (part < 3) return [10, 25, 50][part]!;
    phase.rampUp = false;
    return 100;
  }

  #isSlow({ began, firstToken }: ModelCall, { slow }: Outcome, now: number): boolean {
    const { slowerThanMs = Infinity } = this.#spec.trip.slowCalls ?? {};
    return slow === true || (firstToken ?? now) - began > slowerThanMs;
  }

  #followOverride(now: number): void {
    const { override } = this.#spec;
    const active = override !== undefined && now < (override.until ?? Infinity);
    const { state } = this.#phase();
    if (active && !this.#held && state !== 'Open') this.#enter('Open', 'override', now);
    if (!active && this.#held && state === 'Open') {
      this.#enter('HalfOpen', override ? 'override expired' : 'override removed', now);
    }
    this.#held = active;
  }

  #judgeCalls(phase: Phase, { slow, stays }: { slow: boolean; stays: boolean }, now: number): void {
    const { consecutiveFailures = Infinity } = this.#spec.trip;
    const last = phase.votes.at(-1)!;
    this.#failed?.record(last.vote === 'failure', now);
    this.#slow?.record(slow, now);
    const count = this.#streak(phase).filter((vote) => !isRepeated(vote)).length;
    const needed = consecutiveFailures * chanceFactor(this.#before(phase));
    if (last.vote === 'failure' && count >= needed && !stays) {
      this.#enter('Open', `${count} consecutive failures (${last.class})`, now);
    } else this.#judgeRates(now);
  }

  /** Counts an abandoned call only for being slow. */
  #judgeSlow({ state }: Phase, now: number): void {
    const { slowCalls } = this.#spec.trip;
    if (slowCalls === undefined) return;
    if (state === 'HalfOpen') this.#enter('Open', slowProbe(slowCalls), now);
    if (state !== 'Closed') return;
    this.#slow?.record(true, now);
    this.#judgeRates(now);
  }

  #judgeRates(now: number): void {
    const { failureRate, slowCalls } = this.#spec.trip;
    const failed = this.#failed?.expire(now) ?? [];
    const slowed = this.#slow?.expire(now) ?? [];
    if (exceeded(failed, failureRate)) {
      this.#enter('Open', `${share(failed)} of ${extent(failed, failureRate)} failed`, now);
    } else if (exceeded(slowed, slowCalls)) {
      const than = `slower than ${slowCalls.slowerThanMs / 1000}s`;
      this.#enter('Open', `${share(slowed)} of ${extent(slowed, slowCalls)} ${than}`, now);
    }
  }

  /** Probes of a phase that succeeded since the last one that failed. */
  #successes({ votes }: Phase): number {
    return votes.length - 1 - votes.findLastIndex(({ vote }) => vote === 'failure');
  }

  #judgeProbes(
    phase: Phase,
    { slow, stays }: { slow: boolean; stays: boolean },
    now: number,
  ): void {
    const last = phase.votes.at(-1)!;
    const needed = this.#spec.halfOpen.successThreshold;
    const { slowCalls } = this.#spec.trip;
    if (last.vote === 'failure' && stays) return;
    if (last.vote === 'failure') this.#enter('Open', `probe failed (${last.class})`, now);
    else if (slow && slowCalls) this.#enter('Open', slowProbe(slowCalls), now);
    else if (this.#successes(phase) >= needed) {
      this.#enter('Closed', `${needed} of ${needed} probes succeeded`, now);
      this.#phase().rampUp = (this.#spec.rampUpMs ?? 0) > 0;
      this.#credit = 0;
      this.#startRules();
    }
  }

  #forgetVotes(): void {
    this.#uncounted = this.#phase().votes.length;
    this.#phase().past = [];
  }

  /** The failures since the last success of a phase. */
  #streak({ votes }: Phase): Outcome[] {
    const counted = votes.slice(this.#uncounted);
    return counted.slice(counted.findLastIndex(({ vote }) => vote === 'ok') + 1);
  }

  /** Which of the 64 votes before the streak failed. */
  #before(phase: Phase): boolean[] {
    const all = [...phase.past, ...phase.votes.slice(this.#uncounted)];
    const before = all.slice(0, all.length - this.#streak(phase).length);
    return before.slice(-64).map(({ vote }) => vote === 'failure');
  }

  #startRules(): void {
    this.#failed = edited(undefined, this.#spec.trip.failureRate);
    this.#slow = edited(undefined, this.#spec.trip.slowCalls);
  }

  #deadline(): number {
    const { openDurationMs, maxOpenDurationMs, override } = this.#spec;
    if (this.#held) return override?.until ?? Infinity;
    const { start, growth, spread } = this.#phase();
    const length = Math.min(openDurationMs * 2 ** growth, maxOpenDurationMs);
    return start + Math.round(length + Math.min(length, 10_000) * spread);
  }

  #enter(to: CircuitState, reason: string, at: number): void {
    this.transitions.push({ from: this.#phase().state, to, reason, at });
    const growth = reason === 'override' ? 0 : this.#growth(to, at);
    const spread = to === 'Open' ? this.#jitter.share() : 0;
    if (this.#phase().state === 'Closed') this.#lastStreak = this.#streak(this.#phase());
    const past = to === 'Closed' ? this.#lastStreak : [];
    this.#uncounted = 0;
    this.#phases.push({ state: to, start: at, calls: [], votes: [], past, growth, spread });
  }

  #growth(to: CircuitState, at: number): number {
    const { state, start, growth } = this.#phase();
    if (to !== 'Open') return growth;
    if (state === 'HalfOpen') return growth + 1;
    let left = growth;
    for (
      let t = start + this.#spec.openDurationMs;
      t <= at && left > 0;
      t += this.#spec.openDurationMs
    )
      left -= 1;
    return left;
  }

  #phase(): Phase {
    return this.#phases.at(-1)!;
  }
}

/** An edited rule keeps its samples. A rule that was off starts empty. */
function edited(
  window: NaiveWindow | undefined,
  rule: RateSpec | undefined,
): NaiveWindow | undefined {
  if (!rule) return undefined;
  window?.apply(rule);
  return window ?? new NaiveWindow(rule);
}

function isRepeated(vote: Outcome): boolean {
  return vote.vote === 'failure' && vote.repeated === true;
}

function slowProbe({ slowerThanMs }: { slowerThanMs: number }): string {
  return `probe slower than ${slowerThanMs / 1000}s`;
}

type Sample = { hit: boolean };

function exceeded<Spec extends RateSpec>(
  samples: readonly Sample[],
  spec: Spec | undefined,
): spec is Spec {
  if (!spec || samples.length === 0 || samples.length < spec.minimumCalls) return false;
  return hits(samples) / samples.length >= spec.percent / 100;
}

function hits(samples: readonly Sample[]): number {
  return samples.filter(({ hit }) => hit).length;
}

function share(samples: readonly Sample[]): string {
  return `${Math.floor((100 * hits(samples)) / samples.length)}%`;
}

function extent(samples: readonly Sample[], spec: RateSpec): string {
  const within = 'windowMs' in spec ? ` in ${spec.windowMs / 1000}s` : '';
  return `${samples.length} calls${within}`;
}

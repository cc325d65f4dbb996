import type { BreakerRejection, BreakerSpec, BreakerTransition, CircuitState } from './breaker.ts';
import type { Outcome } from './outcome.ts';

/** A stretch of time in one state, with the calls granted and the votes cast in it. */
interface Phase {
  state: CircuitState;
  start: number;
  calls: ModelCall[];
  votes: Outcome[];
}

export interface ModelCall {
  kind: 'Permit';
  phase: Phase;
  done: boolean;
}

/**
 * For tests: a breaker that keeps its whole history and works everything out from it, with no
 * counter that could be forgotten.
 */
export class ModelBreaker {
  readonly transitions: BreakerTransition[] = [];
  private spec: BreakerSpec;
  private readonly phases: Phase[];

  constructor(spec: BreakerSpec, now: number) {
    this.spec = spec;
    this.phases = [{ state: 'Closed', start: now, calls: [], votes: [] }];
  }

  acquire(now: number): ModelCall | BreakerRejection {
    this.advance(now);
    const phase = this.phase();
    if (phase.state === 'Open') {
      return { kind: 'Rejection', retryAfterMs: Math.ceil(this.deadline() - now) };
    }
    const running = phase.calls.filter((call) => !call.done).length;
    if (phase.state === 'HalfOpen' && running >= this.spec.halfOpen.maxProbes) {
      return { kind: 'Rejection', retryAfterMs: 1000 };
    }
    const call: ModelCall = { kind: 'Permit', phase, done: false };
    phase.calls.push(call);
    return call;
  }

  firstToken(call: ModelCall, now: number): void {
    if (call.phase.state === 'HalfOpen') this.settle(call, { vote: 'ok' }, now);
  }

  settle(call: ModelCall, outcome: Outcome, now: number): void {
    if (call.done) return;
    call.done = true;
    if (call.phase !== this.phase() || outcome.vote === 'ignored') return;
    if (outcome.vote === 'failure' && !this.spec.failureOn.includes(outcome.class)) return;
    call.phase.votes.push(outcome);
    if (call.phase.state === 'Closed') this.judgeCalls(call.phase, now);
    else this.judgeProbes(call.phase, now);
  }

  apply(spec: BreakerSpec, now: number): void {
    if (JSON.stringify(spec) === JSON.stringify(this.spec)) return;
    this.advance(now);
    this.spec = spec;
    this.advance(now);
  }

  advance(now: number): void {
    const { state, start } = this.phase();
    if (this.state(now) === state) return;
    const open = now - start;
    const step = open < 10_000 ? 100 : 1000;
    this.enter('HalfOpen', `open for ${(Math.floor(open / step) * step) / 1000}s`, now);
  }

  state(now: number): CircuitState {
    const { state } = this.phase();
    return state === 'Open' && now >= this.deadline() ? 'HalfOpen' : state;
  }

  nextDeadline(now: number): number | undefined {
    return this.state(now) === 'Open' ? this.deadline() : undefined;
  }

  private judgeCalls({ votes }: Phase, now: number): void {
    const last = votes.at(-1)!;
    const count = votes.length - 1 - votes.findLastIndex(({ vote }) => vote === 'ok');
    const limit = this.spec.trip.consecutiveFailures ?? Infinity;
    if (last.vote !== 'failure' || count < limit) return;
    this.enter('Open', `${count} consecutive failures (${last.class})`, now);
  }

  private judgeProbes({ votes }: Phase, now: number): void {
    const last = votes.at(-1)!;
    const needed = this.spec.halfOpen.successThreshold;
    if (last.vote === 'failure') this.enter('Open', `probe failed (${last.class})`, now);
    else if (votes.length >= needed) {
      this.enter('Closed', `${needed} of ${needed} probes succeeded`, now);
    }
  }

  private deadline(): number {
    const sinceClosed = this.phases.slice(this.phases.findLastIndex((p) => p.state === 'Closed'));
    const opened = sinceClosed.filter(({ state }) => state === 'Open').length;
    const { openDurationMs, maxOpenDurationMs } = this.spec;
    let length = openDurationMs;
    for (let i = 1; i < opened; i += 1) length *= 2;
    return this.phase().start + Math.min(length, maxOpenDurationMs);
  }

  private enter(to: CircuitState, reason: string, at: number): void {
    this.transitions.push({ from: this.phase().state, to, reason, at });
    this.phases.push({ state: to, start: at, calls: [], votes: [] });
  }

  private phase(): Phase {
    return this.phases.at(-1)!;
  }
}

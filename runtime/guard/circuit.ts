import { Breaker, NO_VOTE, REJECTED } from '../resilience/breaker.ts';
import { BREAKER_CELLS, letIn, letsAll, recordGood } from '../resilience/breakerRow.ts';
import { IGNORED, OK } from '../resilience/outcome.ts';
import { rowOf } from '../resilience/rows.ts';
import { breakerSpec } from './circuitSpec.ts';
import type { BreakerSnapshot, BreakerTransition, CircuitState } from '../resilience/breaker.ts';
import type { Failure, FailureClass, Outcome } from '../resilience/outcome.ts';
import type { Row } from '../resilience/rows.ts';
import type {
  Circuit as CircuitConfiguration,
  CircuitStatus,
} from '../../contract/generated/types.ts';
import type { CircuitStats } from './stats.ts';
import type { WallTime } from './wallTime.ts';

/** Longest failure message that is kept; the longest that a policy's status takes. */
const MAX_MESSAGE = 256;

/** What of a circuit outlives the process. */
export interface CircuitSnapshot {
  dependency: string;
  token?: { policy: string | undefined; value: string };
  breaker?: BreakerSnapshot;
  since?: string;
  reason?: string;
  lastFailure?: { class: FailureClass; message: string; at: string };
}

// Columns, behind those of the breaker.
/** Calls that asked. */
const REQUESTS = BREAKER_CELLS;
/** Admitted and not yet settled. */
const IN_FLIGHT = BREAKER_CELLS + 1;
/** Numbers of a circuit in a row. */
export const CIRCUIT_CELLS = BREAKER_CELLS + 2;

/** What `enter` does while the circuit lets every call through; otherwise REJECTED, and nothing is changed. */
export function enterClosed(cells: Float64Array, at: number): number {
  if (!letsAll(cells, at)) return REJECTED;
  cells[at + REQUESTS]! += 1;
  cells[at + IN_FLIGHT]! += 1;
  return letIn(cells, at);
}

/** What `settle` does for a call that is only to be counted; false, and nothing is changed, for others. */
export function settleGood(
  cells: Float64Array,
  at: number,
  generation: number,
  ms: number,
  now: number,
): boolean {
  if (!recordGood(cells, at, generation, ms, now)) return false;
  cells[at + IN_FLIGHT]! -= 1;
  return true;
}

/** The breaker of one dependency, with what is told about it. */
export class Circuit {
  private readonly cells: Float64Array;
  private readonly at: number;
  private readonly breaker: Breaker;
  readonly dependency: string;
  policy: string | undefined;
  private readonly wallTime: WallTime;
  private since: string;
  private reason: string | undefined;
  private lastFailure: { class: FailureClass; message: string; at: number } | undefined;
  /** Last reset token seen, and of which policy: another policy's is not a change of it. */
  private token: { policy: string | undefined; value: string } | undefined;
  private shadow: boolean;
  private readonly failures: Partial<Record<FailureClass, number>> = {};
  private readonly changes: { from: CircuitState; to: CircuitState; count: number }[] = [];

  constructor(
    dependency: string,
    configuration: CircuitConfiguration | undefined,
    now: number,
    wallTime: WallTime,
    onTransition: (circuit: Circuit, transition: BreakerTransition, time: string) => void,
    row: Row = rowOf(CIRCUIT_CELLS),
  ) {
    this.cells = row.cells;
    this.at = row.at;
    this.dependency = dependency;
    this.policy = configuration?.policy;
    this.wallTime = wallTime;
    this.shadow = configuration?.mode === 'Shadow';
    this.since = wallTime.format(now);
    const told = (transition: BreakerTransition): void => {
      this.changed(transition);
      onTransition(this, transition, this.since);
    };
    this.breaker = new Breaker(breakerSpec(configuration, wallTime), now, told, row);
  }

  /** Puts a policy in force, or the defaults where there is none, and keeps all state. */
  apply(configuration: CircuitConfiguration | undefined, now: number): void {
    this.policy = configuration?.policy;
    this.shadow = configuration?.mode === 'Shadow';
    this.breaker.apply(breakerSpec(configuration, this.wallTime), now);
    this.heedToken(configuration?.resetToken, now);
  }

  /** Asks to make one call; see Breaker.enter. */
  enter(now: number): number {
    const { cells, at } = this;
    cells[at + REQUESTS]! += 1;
    const generation = this.breaker.enter(now);
    if (generation !== REJECTED) cells[at + IN_FLIGHT]! += 1;
    return generation;
  }

  /** The same for a call that was granted in a generation that is over: it is no other request. */
  enterAgain(generation: number, now: number): number {
    this.settle(generation, IGNORED, 0, now);
    this.cells[this.at + REQUESTS]! -= 1;
    return this.enter(now);
  }

  /** Calls under way, those that still wait for a place included. */
  get calls(): number {
    return this.cells[this.at + IN_FLIGHT]!;
  }

  /** Whether its state lets a call through now. */
  admits(now: number): boolean {
    return this.breaker.admits(now);
  }

  /** Milliseconds to wait after `enter` has answered REJECTED. */
  get retryAfterMs(): number {
    return this.breaker.rejection.retryAfterMs;
  }

  /** The first token after `ms`; answers the generation to settle in. */
  firstToken(generation: number, ms: number, now: number): number {
    if (!this.breaker.isProbe(generation)) return generation;
    this.breaker.record(generation, OK, ms, now);
    return NO_VOTE;
  }

  /** Whether a call that waited would not be granted so any more. */
  isStale(generation: number): boolean {
    return this.breaker.isStale(generation);
  }

  /** Ends a call; what it tells about the dependency is kept even if it is too late to vote. */
  settle(generation: number, outcome: Outcome, ms: number, now: number): void {
    this.cells[this.at + IN_FLIGHT]! -= 1;
    if (outcome.vote === 'failure' && this.breaker.counts(outcome)) this.failed(outcome, now);
    this.breaker.record(generation, outcome, ms, now);
  }

  private failed(failure: Failure, now: number): void {
    this.failures[failure.class] = (this.failures[failure.class] ?? 0) + 1;
    const message = failure.message.slice(0, MAX_MESSAGE);
    this.lastFailure = { class: failure.class, message, at: now };
  }

  /** How long it stays open. */
  openDurations(): { openDurationMs: number; maxOpenDurationMs: number } {
    return this.breaker.openDurations();
  }

  advance(now: number): void {
    this.breaker.advance(now);
  }

  nextDeadline(now: number): number | undefined {
    return this.breaker.nextDeadline(now);
  }

  status(now: number): CircuitStatus {
    const { wallTime, lastFailure } = this;
    const deadline = this.breaker.nextDeadline(now);
    const overridden = this.breaker.overridden(now);
    const handledResetToken = this.handledToken();
    return {
      dependency: this.dependency,
      ...(this.policy !== undefined && { policy: this.policy }),
      state: this.breaker.state(now),
      ...(this.shadow && { shadow: true }),
      ...(overridden && { overridden }),
      ...(handledResetToken !== undefined && { handledResetToken }),
      since: this.since,
      ...(this.reason !== undefined && { reason: this.reason }),
      ...(deadline !== undefined && { nextProbe: wallTime.format(deadline) }),
      ...(lastFailure && {
        lastFailure: {
          class: lastFailure.class,
          message: lastFailure.message,
          time: wallTime.format(lastFailure.at),
        },
      }),
    };
  }

  stats(now: number): CircuitStats {
    return {
      dependency: this.dependency,
      state: this.breaker.state(now),
      requests: this.cells[this.at + REQUESTS]!,
      rejected: this.breaker.rejections,
      inFlight: this.cells[this.at + IN_FLIGHT]!,
      failures: { ...this.failures },
      transitions: this.changes.map((change) => ({ ...change })),
    };
  }

  /** What is to be kept over a restart; undefined when there is nothing. */
  snapshot(now: number): CircuitSnapshot | undefined {
    const breaker = this.breaker.snapshot(now);
    const { token, since, reason, lastFailure } = this;
    if (!breaker && !token) return undefined;
    return {
      dependency: this.dependency,
      ...(token && { token }),
      ...(breaker && { breaker, since, ...(reason !== undefined && { reason }) }),
      ...(lastFailure && {
        lastFailure: { ...lastFailure, at: this.wallTime.format(lastFailure.at) },
      }),
    };
  }

  /** Takes up what was saved `ageMs` ago by the process before. */
  restore(saved: CircuitSnapshot, age: { ms: number; maxMs: number }, now: number): void {
    const { breaker, token, since, reason, lastFailure } = saved;
    const applied = this.token;
    if (token && token.policy === this.policy) {
      this.token = token;
    }
    if (breaker && this.breaker.restore(breaker, age.ms, age.maxMs, now)) {
      if (this.breaker.state(now) === breaker.state && since !== undefined) {
        this.since = since;
        this.reason = reason;
      }
      if (lastFailure) {
        this.lastFailure = { ...lastFailure, at: this.wallTime.parse(lastFailure.at) };
      }
    }
    this.heedToken(applied?.value, now);
  }

  /** A change of the policy's reset token closes the circuit once. */
  private heedToken(value: string | undefined, now: number): void {
    if (value === undefined) return;
    const before = this.handledToken();
    this.token = { policy: this.policy, value };
    if (before !== undefined && before !== value) this.breaker.reset('reset token changed', now);
  }

  private handledToken(): string | undefined {
    return this.token && this.token.policy === this.policy ? this.token.value : undefined;
  }

  private changed({ from, to, reason, at }: BreakerTransition): void {
    this.since = this.wallTime.format(at);
    this.reason = reason;
    const change = this.changes.find((each) => each.from === from && each.to === to);
    if (change) change.count += 1;
    else this.changes.push({ from, to, count: 1 });
  }
}

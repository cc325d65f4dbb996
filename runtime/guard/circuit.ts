import { Breaker } from '../resilience/breaker.ts';
import type {
  BreakerPermit,
  BreakerRejection,
  BreakerSpec,
  BreakerTransition,
  CircuitState,
} from '../resilience/breaker.ts';
import type { FailureClass, Outcome } from '../resilience/outcome.ts';
import type {
  Circuit as CircuitConfiguration,
  CircuitStatus,
} from '../../contract/generated/types.ts';
import type { CircuitStats } from './stats.ts';
import type { WallTime } from './wallTime.ts';

/** What is in force where no policy applies; the same as the defaults of CircuitBreakerPolicy. */
const DEFAULTS: BreakerSpec = {
  trip: { consecutiveFailures: 5 },
  failureOn: ['ServerError', 'Overloaded', 'Timeout', 'Connection', 'InvalidResponse'],
  openDurationMs: 60_000,
  maxOpenDurationMs: 600_000,
  halfOpen: { maxProbes: 1, successThreshold: 2 },
};

/** Longest failure message that is kept; the longest that a policy's status takes. */
const MAX_MESSAGE = 256;

/** The breaker of one dependency, with what is told about it. */
export class Circuit {
  readonly dependency: string;
  policy: string | undefined;
  private readonly breaker: Breaker;
  private readonly wallTime: WallTime;
  private since: string;
  private reason: string | undefined;
  private lastFailure: { class: FailureClass; message: string; at: number } | undefined;
  private requests = 0;
  private rejected = 0;
  private inFlight = 0;
  private readonly failures: Partial<Record<FailureClass, number>> = {};
  private readonly changes: { from: CircuitState; to: CircuitState; count: number }[] = [];

  constructor(
    dependency: string,
    configuration: CircuitConfiguration | undefined,
    now: number,
    wallTime: WallTime,
    onTransition: (circuit: Circuit, transition: BreakerTransition, time: string) => void,
  ) {
    this.dependency = dependency;
    this.policy = configuration?.policy;
    this.wallTime = wallTime;
    this.since = wallTime.format(now);
    this.breaker = new Breaker(breakerSpec(configuration), now, (transition) => {
      this.changed(transition);
      onTransition(this, transition, this.since);
    });
  }

  /** Puts a policy in force, or the defaults where there is none, and keeps all state. */
  apply(configuration: CircuitConfiguration | undefined, now: number): void {
    this.policy = configuration?.policy;
    this.breaker.apply(breakerSpec(configuration), now);
  }

  acquire(now: number): BreakerPermit | BreakerRejection {
    this.requests += 1;
    const answer = this.breaker.acquire(now);
    if (answer.kind === 'Rejection') this.rejected += 1;
    else this.inFlight += 1;
    return answer;
  }

  /** Ends a call; what it tells about the dependency is kept even if it is too late to vote. */
  settle(permit: BreakerPermit, outcome: Outcome, now: number): void {
    this.inFlight -= 1;
    if (this.breaker.counts(outcome)) {
      this.failures[outcome.class] = (this.failures[outcome.class] ?? 0) + 1;
      const message = outcome.message.slice(0, MAX_MESSAGE);
      this.lastFailure = { class: outcome.class, message, at: now };
    }
    permit.settle(outcome, now);
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
    return {
      dependency: this.dependency,
      ...(this.policy !== undefined && { policy: this.policy }),
      state: this.breaker.state(now),
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
      requests: this.requests,
      rejected: this.rejected,
      inFlight: this.inFlight,
      failures: { ...this.failures },
      transitions: this.changes.map((change) => ({ ...change })),
    };
  }

  private changed({ from, to, reason, at }: BreakerTransition): void {
    this.since = this.wallTime.format(at);
    this.reason = reason;
    const change = this.changes.find((each) => each.from === from && each.to === to);
    if (change) change.count += 1;
    else this.changes.push({ from, to, count: 1 });
  }
}

function breakerSpec(configuration: CircuitConfiguration | undefined): BreakerSpec {
  if (configuration === undefined) return DEFAULTS;
  const { trip, openDurationMs, maxOpenDurationMs, halfOpen } = configuration;
  return { trip, failureOn: DEFAULTS.failureOn, openDurationMs, maxOpenDurationMs, halfOpen };
}

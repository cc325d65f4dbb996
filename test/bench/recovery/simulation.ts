import type { Circuit } from '../../../contract/generated/types.ts';
import { Guard } from '../../../runtime/guard/guard.ts';
import type { Permit } from '../../../runtime/guard/permit.ts';
import { OK } from '../../../runtime/resilience/outcome.ts';
import type { Outcome } from '../../../runtime/resilience/outcome.ts';
import { FakeClock } from '../../../runtime/testing/fakeClock.ts';
import { circuitOf, content } from '../../../runtime/testing/guardFixture.ts';

export type State = 'Closed' | 'Open' | 'HalfOpen';

/** How a run differs from others. */
export interface Variant {
  circuit: Partial<Circuit>;
  /** Whether each pod shortens its open durations at random. */
  jitter: boolean;
  /** Whether answers are streamed. The next probe begins at the first token of the previous one. */
  streamed?: boolean;
}

/** What happened in one second of virtual time. */
export interface Second {
  asked: number;
  served: number;
  refused: number;
  overloaded: number;
  probes: number;
}

export interface Change {
  pod: number;
  at: number;
  to: State;
}

export interface Recovery {
  seconds: Second[];
  changes: Change[];
}

export const PODS = 100;
export const REQUESTS_PER_SECOND = 5;
/** In seconds of virtual time. */
export const OUTAGE = { from: 30, to: 330 };
export const END = 1230;
/** Requests per second that the healthy provider can serve. */
export const CAPACITY = 1000;
/** Share of the capacity just after the outage, and the seconds until it is full again. */
const RECOVERING = { share: 0.2, seconds: 60 };

/** Milliseconds of a healthy answer, of its first token, and of an error. */
const ANSWER_MS = 3000;
const FIRST_TOKEN_MS = 1000;
const ERROR_MS = 50;
const DEADLINE_MS = 60_000;

const DOWN: Outcome = { vote: 'failure', class: 'ServerError', message: 'HTTP 503' };
const OVERLOADED: Outcome = { vote: 'failure', class: 'Overloaded', message: 'HTTP 529' };

/** Requests that the provider can serve in this second. */
export function capacity(second: number): number {
  if (second >= OUTAGE.from && second < OUTAGE.to) return 0;
  const since = second < OUTAGE.from ? Infinity : second - OUTAGE.to;
  const { share, seconds } = RECOVERING;
  return Math.floor(CAPACITY * Math.min(1, share + ((1 - share) * since) / seconds));
}

/** Events in the order of their times. Events of the same time run in the order in which they were added. */
class Agenda {
  readonly #buckets = new Map<number, (() => void)[]>();

  add(at: number, run: () => void): void {
    const bucket = this.#buckets.get(at);
    if (bucket === undefined) this.#buckets.set(at, [run]);
    else bucket.push(run);
  }

  take(at: number): (() => void)[] {
    const due = this.#buckets.get(at) ?? [];
    this.#buckets.delete(at);
    return due;
  }
}

/**
 * Plays an outage of a provider to the real guards of many pods, in virtual time. Requests reach each pod at even
 * intervals, each pod with its own offset.
 */
export class Simulation {
  readonly #clock = new FakeClock();
  readonly #agenda = new Agenda();
  readonly #guards: Guard[];
  readonly #states: State[] = Array.from({ length: PODS }, () => 'Closed');
  readonly #seconds: Second[];
  readonly #changes: Change[] = [];
  /** Requests that the provider has accepted in the current second. */
  #taken = { second: -1, count: 0 };
  #waiting = 0;
  readonly #streamed: boolean;

  constructor({ circuit, jitter, streamed = false }: Variant) {
    this.#streamed = streamed;
    this.#seconds = Array.from({ length: END }, () => ({
      ...{ asked: 0, served: 0, refused: 0, overloaded: 0, probes: 0 },
    }));
    const bulkhead = { maxConcurrent: 100, maxQueued: 100, acquireTimeoutMs: 5000 };
    this.#guards = Array.from({ length: PODS }, (_, pod) => {
      const guard = new Guard({
        clock: this.#clock,
        ...(jitter && { seed: `bench/pod-${pod}` }),
        listener: { transition: ({ to }) => this.#changed(pod, to) },
      });
      guard.apply(content({ bulkhead, circuits: [circuitOf(circuit)] }));
      return guard;
    });
  }

  async run(): Promise<Recovery> {
    const intervalMs = 1000 / REQUESTS_PER_SECOND;
    for (let at = 0; at < END * 1000; at += 1) {
      this.#clock.advance(at - this.#clock.now());
      for (let pod = (at % intervalMs) / 2; pod < PODS; pod += PODS) {
        if (Number.isInteger(pod)) this.#request(pod, this.#second());
      }
      for (const run of this.#agenda.take(at)) run();
      // Calls that waited hear of their admission in promises.
      for (let i = 0; i < 3 && this.#waiting > 0; i += 1) await Promise.resolve();
    }
    return { seconds: this.#seconds, changes: this.#changes };
  }

  #second(): Second {
    return this.#seconds[Math.floor(this.#clock.now() / 1000)]!;
  }

  /** `asked` is the second in which the request came; what becomes of it counts there. */
  #request(pod: number, asked: Second): void {
    asked.asked += 1;
    const deadlineAt = this.#clock.now() + DEADLINE_MS;
    const answer = this.#guards[pod]!.dependency('model/primary')!.acquire({ deadlineAt });
    if (answer.kind === 'Rejection') asked.refused += 1;
    else if (answer.kind === 'Permit') this.#call(pod, answer, asked);
    else {
      this.#waiting += 1;
      void answer.admission.then((admission) => {
        this.#waiting -= 1;
        if (admission.kind === 'Permit') this.#call(pod, admission, asked);
        else asked.refused += 1;
      });
    }
  }

  #call(pod: number, permit: Permit, asked: Second): void {
    if (this.#states[pod] === 'HalfOpen') this.#second().probes += 1;
    const now = this.#clock.now();
    const outcome = this.#provider(Math.floor(now / 1000));
    if (outcome !== OK) {
      if (outcome === OVERLOADED) asked.overloaded += 1;
      this.#agenda.add(now + ERROR_MS, () => permit.settle(outcome));
      return;
    }
    asked.served += 1;
    if (this.#streamed) this.#agenda.add(now + FIRST_TOKEN_MS, () => permit.firstToken());
    this.#agenda.add(now + ANSWER_MS, () => permit.settle(OK));
  }

  #provider(second: number): Outcome {
    const available = capacity(second);
    if (available === 0) return DOWN;
    if (this.#taken.second !== second) this.#taken = { second, count: 0 };
    this.#taken.count += 1;
    return this.#taken.count > available ? OVERLOADED : OK;
  }

  #changed(pod: number, to: State): void {
    this.#states[pod] = to;
    this.#changes.push({ pod, at: this.#clock.now(), to });
  }
}

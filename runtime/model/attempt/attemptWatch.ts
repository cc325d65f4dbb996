import type { Clock } from '../../guard/clock.ts';
import type { CutCause } from './outcome.ts';
import type { TimerWheel, Watched } from './watchdog.ts';

/** Bounds on the silence of one attempt, in milliseconds; one that is absent does not apply. */
export interface AttemptTimeouts {
  /** From the attempt to the first token of a stream. */
  firstTokenMs?: number;
  /** Between two events of a stream; pings do not count. */
  streamIdleMs?: number;
  /** Between two chunks of a stream, whatever is in them. */
  transportIdleMs?: number;
}

export interface AttemptWatchDeps {
  clock: Clock;
  wheel: TimerWheel;
  timeouts: AttemptTimeouts;
  /** End of the whole request, on the monotonic clock. */
  deadline: number;
  /** Whether the caller asked for a stream: nothing else has a first token. */
  stream: boolean;
  /** Whether the caller does not read: then silence is not the endpoint's. */
  blocked(): boolean;
  cut(why: CutCause): void;
}

/** Cuts an attempt that takes too long. What comes is only noted; the wheel looks at it. */
export class AttemptWatch implements Watched {
  readonly #deps: AttemptWatchDeps;
  readonly #startedAt: number;
  #streaming = false;
  #bytesAt = 0;
  #eventAt: number | undefined;
  #tokenSeen = false;

  constructor(deps: AttemptWatchDeps) {
    this.#deps = deps;
    this.#startedAt = deps.clock.now();
    deps.wheel.watch(this, this.#next().at);
  }

  /** The headers of a stream have come. */
  began(): void {
    this.#streaming = true;
    this.#bytesAt = this.#deps.clock.now();
    this.#look();
  }

  bytes(): void {
    this.#bytesAt = this.#deps.clock.now();
  }

  /** An event that is no ping has come. */
  event(): void {
    const first = this.#eventAt === undefined;
    this.#eventAt = this.#deps.clock.now();
    if (first) this.#look();
  }

  firstToken(): void {
    this.#tokenSeen = true;
  }

  /** The attempt is over. */
  close(): void {
    this.#deps.wheel.unwatch(this);
  }

  check(now: number): number | undefined {
    if (this.#deps.blocked()) {
      this.#bytesAt = now;
      if (this.#eventAt !== undefined) this.#eventAt = now;
    }
    const { at, why } = this.#next();
    if (now < at) return at;
    this.#deps.cut(why);
    return undefined;
  }

  /** A bound applies from now on that may end before the one that is waited for. */
  #look(): void {
    this.#deps.wheel.watch(this, this.#next().at);
  }

  /** What ends first. */
  #next(): { at: number; why: CutCause } {
    const { timeouts, deadline, stream } = this.#deps;
    const next: { at: number; why: CutCause } = { at: deadline, why: 'Deadline' };
    const bound = (why: CutCause, from: number, ms = Infinity): void => {
      if (from + ms >= next.at) return;
      next.at = from + ms;
      next.why = why;
    };
    if (stream && !this.#tokenSeen) bound('FirstToken', this.#startedAt, timeouts.firstTokenMs);
    if (this.#streaming) bound('TransportIdle', this.#bytesAt, timeouts.transportIdleMs);
    if (this.#eventAt !== undefined) bound('StreamIdle', this.#eventAt, timeouts.streamIdleMs);
    return next;
  }
}

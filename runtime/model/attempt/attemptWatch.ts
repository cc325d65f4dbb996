import { MAX_TIMER_MS } from '../../guard/clock.ts';
import type { Clock } from '../../guard/clock.ts';
import type { CutCause } from '../../errors/fault.ts';

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
  timeouts: AttemptTimeouts;
  /** End of the whole request, on the monotonic clock. */
  deadline: number;
  /** Whether the client asked for a stream: nothing else has a first token. */
  stream: boolean;
  /** Whether the client does not read: then silence is not the endpoint's. */
  blocked(): boolean;
  cut(why: CutCause): void;
}

/**
 * Cuts an attempt that takes too long. It has one timer, set for the bound that ends first. What arrives is only noted,
 * so that a chunk costs no timer: the timer looks at the notes when it fires, and is set again if the bound moved.
 */
export class AttemptWatch {
  readonly #deps: AttemptWatchDeps;
  readonly #startedAt: number;
  #streaming = false;
  #bytesAt = 0;
  #eventAt: number | undefined;
  #tokenSeen = false;
  #armedFor = Infinity;
  #cancel: (() => void) | undefined;

  constructor(deps: AttemptWatchDeps) {
    this.#deps = deps;
    this.#startedAt = deps.clock.now();
    this.#arm();
  }

  /** The headers of a stream have come. */
  began(): void {
    this.#streaming = true;
    this.#bytesAt = this.#deps.clock.now();
    this.#arm();
  }

  bytes(): void {
    this.#bytesAt = this.#deps.clock.now();
  }

  /** An event that is no ping has come. */
  event(): void {
    const first = this.#eventAt === undefined;
    this.#eventAt = this.#deps.clock.now();
    if (first) this.#arm();
  }

  firstToken(): void {
    this.#tokenSeen = true;
  }

  /** The attempt is over. */
  close(): void {
    this.#cancel?.();
  }

  /** Sets the timer unless it fires early enough. */
  #arm(): void {
    const { clock } = this.#deps;
    const { at } = this.#next();
    if (at >= this.#armedFor) return;
    this.#cancel?.();
    this.#armedFor = at;
    const ms = Math.max(1, Math.ceil(at - clock.now()));
    this.#cancel = clock.setTimer(Math.min(ms, MAX_TIMER_MS), () => this.#check());
  }

  #check(): void {
    const now = this.#deps.clock.now();
    this.#armedFor = Infinity;
    if (this.#deps.blocked()) {
      this.#bytesAt = now;
      if (this.#eventAt !== undefined) this.#eventAt = now;
    }
    const { at, why } = this.#next();
    if (now < at) this.#arm();
    else this.#deps.cut(why);
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

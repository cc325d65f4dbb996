import { MAX_TIMER_MS } from '../../guard/clock.ts';
import type { Clock } from '../../guard/clock.ts';
import type { CutCause } from '../../errors/fault.ts';
import type { Permit } from '../../guard/permit.ts';
import { USUAL_FACTOR } from './answerTimes.ts';
import type { KindTimes } from './answerTimes.ts';

/** Timeouts of one attempt, in milliseconds; an absent one does not apply. */
export interface AttemptTimeouts {
  /** From the request to its whole unstreamed answer, or to the first token of a stream. */
  requestMs: number;
  /** The same for one attempt. Absent: a share of the time left. */
  attemptMs?: number;
  /** From the attempt to the first token of a stream. */
  firstTokenMs?: number;
  /** From the first token of a stream to its end. */
  streamMs?: number;
  /** Between two chunks of a stream, whatever is in them, once a content block has opened. */
  streamIdleMs?: number;
  /** The same before that, and for answers that are passed on unread. */
  transportIdleMs?: number;
}

export interface AttemptWatchDeps {
  clock: Clock;
  timeouts: AttemptTimeouts;
  /** Time by which the request must have its answer, on the monotonic clock. */
  deadline: number;
  /** Whether the client asked for a stream. */
  stream: boolean;
  /** Endpoints of the agent. */
  endpoints: number;
  /** Number of other endpoints that the request could still move to. */
  others(): number;
  /** Times of such unstreamed answers; undefined where they do not decide. */
  usual: Pick<KindTimes, 'usualMs'> | undefined;
  /**
   * `begun`: it waits with a head and pings from an earlier attempt. `blocked`: it does not read; then silence is not
   * the endpoint's fault. It gets a ping for each PING_MS that it waits from the headers of its stream.
   */
  client: { readonly begun: boolean; readonly blocked: boolean; ping(): void };
  /** Learns of each event that is no ping. */
  permit: Pick<Permit, 'flows'>;
  cut(why: CutCause): void;
}

/** Least time for an endpoint before it is to blame, in milliseconds. */
export const LEAST_ATTEMPT_MS = 10_000;

/** Time that an unstreamed attempt leaves to each further endpoint while no time is usual, in milliseconds. */
export const FURTHER_ENDPOINT_MS = 60_000;

/** Longest time for which a stream that has begun may send nothing but pings, in milliseconds. */
export const ONLY_PINGS_MS = 600_000;

/** Time after which a client without content hears of its stream, and then hears again, in milliseconds. */
export const PING_MS = 10_000;

/** Time for the end of a stream after its last event, in milliseconds. */
const ENDING_MS = 1000;

/**
 * Cuts an attempt that takes too long. One timer waits for the bound that ends first. Chunks only note their time, so
 * that they cost no timer; the timer reads the notes when it fires and waits again if the bound moved.
 */
export class AttemptWatch {
  /** Start of the attempt, on the monotonic clock. */
  readonly startedAt: number;
  readonly #deps: AttemptWatchDeps;
  /** Whether the answer may be a stream; only a stream has a first token. */
  #stream: boolean;
  #streaming = false;
  #bytesAt = 0;
  #firstChunkAt: number | undefined;
  #eventAt: number | undefined;
  #tokenAt: number | undefined;
  #completeAt: number | undefined;
  /** When the client last heard of its stream, or could have. */
  #pingedAt = Infinity;
  /** Endpoints that share the time left. Counted when a share is over: counting at the start would cost every call. */
  #sharers: number;
  #armedFor = Infinity;
  #cancel: (() => void) | undefined;

  /** Begins the attempt: its permit is granted. */
  constructor(deps: AttemptWatchDeps) {
    this.#deps = deps;
    this.#stream = deps.stream;
    this.#sharers = deps.endpoints;
    this.startedAt = deps.clock.now();
    if (deps.client.begun) this.#pingedAt = this.startedAt;
    this.#arm(this.startedAt);
  }

  /** Notes the headers of a stream. */
  began(): void {
    this.#streaming = true;
    this.#bytesAt = this.#deps.clock.now();
    this.#pingedAt = Math.min(this.#pingedAt, this.#bytesAt);
    this.#arm(this.#bytesAt);
  }

  /** Notes the headers of an unstreamed answer. */
  unstreamed(): void {
    this.#stream = false;
  }

  /** A chunk of a stream, or of an answer that is passed on unread, has come. */
  bytes(): void {
    this.#bytesAt = this.#deps.clock.now();
    this.#firstChunkAt ??= this.#bytesAt;
  }

  /** A chunk of an unstreamed answer has come. */
  unstreamedBytes(): void {
    this.#firstChunkAt ??= this.#deps.clock.now();
  }

  /** Time to the first chunk of the answer, in seconds; undefined before it. */
  get firstChunk(): number | undefined {
    return this.#firstChunkAt === undefined
      ? undefined
      : (this.#firstChunkAt - this.startedAt) / 1000;
  }

  /** An event that is no ping has come. */
  event(): void {
    const first = this.#eventAt === undefined;
    this.#eventAt = this.#deps.clock.now();
    if (first) this.#arm(this.#eventAt);
    this.#deps.permit.flows();
  }

  firstToken(): void {
    if (this.#tokenAt !== undefined) return;
    this.#tokenAt = this.#deps.clock.now();
    this.#arm(this.#tokenAt);
  }

  /** Notes the last event of a stream whose end is still missing. */
  complete(): void {
    this.#completeAt = this.#deps.clock.now();
    this.#arm(this.#completeAt);
  }

  close(): void {
    this.#cancel?.();
  }

  /** Sets the timer unless it already fires early enough. */
  #arm(now: number): void {
    const { clock } = this.#deps;
    const { at } = this.#next();
    if (at >= this.#armedFor) return;
    this.#cancel?.();
    this.#armedFor = at;
    const ms = Math.max(1, Math.ceil(at - now));
    this.#cancel = clock.setTimer(Math.min(ms, MAX_TIMER_MS), () => this.#check());
  }

  #check(): void {
    const now = this.#deps.clock.now();
    this.#armedFor = Infinity;
    if (this.#deps.client.blocked) {
      this.#bytesAt = now;
      if (this.#eventAt !== undefined) this.#eventAt = now;
    }
    let next = this.#next();
    if (now >= next.at && next.why === 'Attempt') {
      this.#sharers = 1 + this.#deps.others();
      next = this.#next();
    }
    if (now < next.at) this.#arm(now);
    else if (next.why === 'Ping') this.#ping(now);
    else this.#deps.cut(next.why);
  }

  #ping(now: number): void {
    this.#pingedAt = now;
    this.#deps.client.ping();
    this.#arm(now);
  }

  /** The bound that ends first, or the next ping. */
  #next(): { at: number; why: CutCause | 'Ping' } {
    const { timeouts } = this.#deps;
    const next: { at: number; why: CutCause | 'Ping' } = this.#answerBound();
    const bound = (why: CutCause | 'Ping', from: number, ms = Infinity): void => {
      if (from + ms >= next.at) return;
      next.at = from + ms;
      next.why = why;
    };
    if (this.#stream && this.#tokenAt === undefined) {
      bound('FirstToken', this.startedAt, timeouts.firstTokenMs);
      bound('Ping', this.#pingedAt, PING_MS);
    }
    if (this.#eventAt !== undefined && this.#tokenAt !== undefined) {
      bound('StreamIdle', this.#bytesAt, timeouts.streamIdleMs);
      bound('StreamIdle', this.#eventAt, ONLY_PINGS_MS);
    } else if (this.#streaming) bound('TransportIdle', this.#bytesAt, timeouts.transportIdleMs);
    if (this.#completeAt !== undefined) bound('TransportIdle', this.#completeAt, ENDING_MS);
    return next;
  }

  /** Deadline of the answer; of a flowing stream, its end. */
  #answerBound(): { at: number; why: CutCause } {
    const { timeouts, deadline } = this.#deps;
    if (this.#stream && this.#tokenAt !== undefined) {
      return { at: this.#tokenAt + (timeouts.streamMs ?? Infinity), why: 'Stream' };
    }
    const at = this.#fairAt();
    return at <= deadline ? { at, why: 'Attempt' } : { at: deadline, why: 'Deadline' };
  }

  /** End of the endpoint's share of the time. The last endpoint gets all the time left. */
  #fairAt(): number {
    const { timeouts, deadline } = this.#deps;
    const { attemptMs, requestMs } = timeouts;
    if (attemptMs !== undefined) return this.startedAt + attemptMs;
    const usualMs = this.#stream ? undefined : this.#deps.usual?.usualMs;
    const least = Math.max(
      requestMs > LEAST_ATTEMPT_MS ? LEAST_ATTEMPT_MS : requestMs / 2,
      // Nearly all answers come within it.
      (usualMs ?? 0) / USUAL_FACTOR,
    );
    const left = deadline - this.startedAt;
    if (left < least) return this.startedAt + least;
    if (this.#sharers === 1) return deadline;
    return this.startedAt + Math.min(left, Math.max(least, usualMs ?? this.#shareOf(left)));
  }

  /** An unstreamed answer may take long before anything shows that the endpoint works on it. */
  #shareOf(left: number): number {
    if (this.#stream) return left / this.#sharers;
    return Math.max(left / 2, left - (this.#sharers - 1) * FURTHER_ENDPOINT_MS);
  }
}

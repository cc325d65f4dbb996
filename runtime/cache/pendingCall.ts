import { addAbortListener } from 'node:events';
import type { Sink } from '../model/attempt/attempt.ts';
import type { Cut } from '../errors/fault.ts';
import type { ModelAnswer, ModelRequest, Place } from '../model/request.ts';
import { NO_USAGE } from '../protocols/usage.ts';
import { IGNORED } from '../resilience/outcome.ts';
import { Listener } from './listener.ts';
import { Recording } from './recording.ts';

export type MakeCall = (request: ModelRequest) => Promise<ModelAnswer>;

/** A request that shares the call, with the headers to add to its answer and to hide from it. */
export interface Subscriber {
  request: ModelRequest;
  headers: readonly string[];
  hidden: ReadonlySet<string>;
}

/**
 * One call that answers all identical requests that arrive meanwhile. It ends early only when the last of them has
 * left. While the whole answer is in memory, the fastest reader sets the pace.
 */
export class PendingCall implements Sink, Place {
  readonly recording: Recording;
  readonly #cut = new AbortController();
  readonly #listeners = new Set<Listener>();
  readonly #places = new Set<Place>();
  #answer: Promise<ModelAnswer> | undefined;
  /** The reader whose request pays for the answer: the first that is still there when it is whole. */
  #payer: Listener | undefined;
  #waiting = false;

  /** Drops chunks of an answer above `maxBytes`; from then on no further request can join. */
  constructor(maxBytes: number) {
    this.recording = new Recording(maxBytes);
  }

  /** Whether a new request can still get the whole answer. */
  get joinable(): boolean {
    return !this.recording.overflowed && !this.#cut.signal.aborted;
  }

  get blocked(): boolean {
    return this.#waiting;
  }

  /** Makes the call for the first request. */
  start(call: MakeCall, first: Subscriber): Promise<ModelAnswer> {
    const listener = this.#admit(first);
    const { request } = first;
    const shared = { ...request, sink: this, signal: this.#cut.signal, place: this };
    this.#answer = call(shared).then((answer) => {
      [this.#payer] = this.#listeners;
      return answer;
    });
    return this.#follow(listener, request.signal, this.#answer);
  }

  /** Joins one more request, which gets the answer from its beginning. */
  join(subscriber: Subscriber): Promise<ModelAnswer> {
    const listener = this.#admit(subscriber);
    void listener.catchUp();
    return this.#follow(listener, subscriber.request.signal, this.#answer!);
  }

  head(status: number, statusText: string, headers: string[], appendable: boolean): void {
    this.recording.head = { status, statusText, headers, appendable };
    for (const listener of this.#listeners) void listener.catchUp();
  }

  write(chunk: Buffer): Promise<void> | undefined {
    this.recording.add(chunk);
    const all = [...this.#listeners].map((listener) => listener.catchUp());
    const behind = all.filter((each) => each !== undefined);
    const { overflowed } = this.recording;
    if (overflowed ? behind.length === 0 : behind.length < all.length) return this.#goOn();
    this.#waiting = true;
    const pace = overflowed ? Promise.all(behind) : Promise.race(behind);
    return pace.then(() => this.#goOn());
  }

  end(last?: Buffer): void {
    if (last) void this.write(last);
    this.recording.ended = true;
  }

  recall(): boolean {
    const [listener, ...others] = this.#listeners;
    // Others may have read another part of it.
    if (!listener || others.length > 0 || !listener.recall()) return false;
    this.recording.clear();
    return true;
  }

  /** The requests wait for a retry too. */
  leave(): void {
    for (const place of this.#places) place.leave();
  }

  async enter(signal: AbortSignal): Promise<boolean> {
    const entered = await Promise.all(Array.from(this.#places, (place) => place.enter(signal)));
    return entered.length === 0 || entered.includes(true);
  }

  #goOn(): undefined {
    this.#waiting = false;
    if (this.recording.overflowed) this.recording.forget();
  }

  #admit({ request: { sink, place }, headers, hidden }: Subscriber): Listener {
    if (place) this.#places.add(place);
    const listener = new Listener(this.recording, { sink, headers, hidden });
    this.#listeners.add(listener);
    return listener;
  }

  /** The answer, or the cut of a request that leaves before the others. */
  async #follow(
    listener: Listener,
    signal: AbortSignal,
    answer: Promise<ModelAnswer>,
  ): Promise<ModelAnswer> {
    let leave = (_early: ModelAnswer): void => undefined;
    const left = new Promise<ModelAnswer>((resolve) => (leave = resolve));
    using _ = addAbortListener(signal, () => {
      const cut = signal.reason as Cut;
      if (this.#listeners.size === 1) return this.#cut.abort(cut);
      this.#listeners.delete(listener);
      listener.leave();
      leave(cutShort(cut, listener.begun));
    });
    try {
      return await Promise.race([left, this.#complete(listener, answer)]);
    } finally {
      this.#listeners.delete(listener);
    }
  }

  async #complete(listener: Listener, answer: Promise<ModelAnswer>): Promise<ModelAnswer> {
    const arrived = await answer;
    await listener.finish();
    return listener === this.#payer ? arrived : { ...arrived, usage: NO_USAGE };
  }
}

function cutShort({ why }: Cut, committed: boolean): ModelAnswer {
  const result = { outcome: IGNORED, committed, fault: why, whole: false, usage: {} };
  return { kind: 'Answered', result, dependency: CACHE, usage: NO_USAGE };
}

/** Endpoint of an answer that came from the cache. */
export const CACHE = 'cache';

import { EventStreamReader } from '../transport/sse.ts';
import type { ServerSentEvent } from '../transport/sse.ts';

/** Largest unfinished event to hold back, in bytes. */
export const HELD_EVENT_BYTES = 1024 * 1024;

/**
 * Passes a stream event by event, unchanged, so that a stream that breaks off leaves whole events. A larger event than
 * HELD_EVENT_BYTES passes as it comes.
 */
export class HeldEvents {
  /** Whether `take` refused an event. Nothing passes after that. */
  refused = false;
  /** Whether only a part of an event has passed. */
  torn = false;
  readonly #reader: EventStreamReader;
  #held: Buffer[] = [];
  #size = 0;

  /** `take` returns whether an event may pass. */
  constructor(take: (event: ServerSentEvent) => boolean) {
    this.#reader = new EventStreamReader((event) => {
      this.refused = !take(event);
      return !this.refused;
    }, HELD_EVENT_BYTES);
  }

  push(chunk: Buffer): Buffer | undefined {
    const ended = this.#reader.push(chunk);
    if (ended > 0) {
      this.torn = false;
      const whole = this.#release(ended === chunk.length ? chunk : chunk.subarray(0, ended));
      if (ended < chunk.length && !this.refused) this.#hold(chunk.subarray(ended));
      return whole;
    }
    if (this.refused) return undefined;
    this.#hold(chunk);
    if (!this.torn && this.#size <= HELD_EVENT_BYTES) return undefined;
    this.torn = true;
    return this.#release();
  }

  #hold(bytes: Buffer): void {
    this.#held.push(bytes);
    this.#size += bytes.length;
  }

  #release(last?: Buffer): Buffer {
    if (last !== undefined) {
      if (this.#size === 0) return last;
      this.#held.push(last);
    }
    const bytes = this.#held.length === 1 ? this.#held[0]! : Buffer.concat(this.#held);
    this.#held = [];
    this.#size = 0;
    return bytes;
  }
}

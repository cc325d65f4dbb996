import type { ByteAccount } from '../../resilience/byteBudget.ts';
import { CollectedBytes } from '../transport/collectedBytes.ts';
import { EventStreamReader } from '../transport/sse.ts';
import type { ServerSentEvent } from '../transport/sse.ts';

/** Largest unfinished event to hold back, in bytes. */
export const HELD_EVENT_BYTES = 1024 * 1024;

const LF = 0x0a;

/**
 * Passes a stream event by event, unchanged, so that a stream that breaks off leaves whole events. An event passes as
 * it comes if it is larger than HELD_EVENT_BYTES, or than the account bears. Where it may not, a larger one is refused.
 */
export class HeldEvents {
  /** Whether `take` refused an event. Nothing passes after that. */
  refused = false;
  /** Whether only a part of an event has passed. */
  torn = false;
  readonly #reader: EventStreamReader;
  readonly #tears: boolean;
  readonly #hides: (() => boolean) | undefined;
  readonly #account: Pick<ByteAccount, 'take' | 'give'>;
  readonly #held = new CollectedBytes();
  /** Held bytes that the account bears. */
  #borne = 0;

  /**
   * `take` returns whether an event may pass. `tears`: whether an event may pass piece by piece. `hides`: whether the
   * event that was taken last does not pass.
   */
  constructor(
    take: (event: ServerSentEvent) => boolean,
    account: Pick<ByteAccount, 'take' | 'give'>,
    { tears = true, hides }: { tears?: boolean; hides?: (() => boolean) | undefined } = {},
  ) {
    this.#tears = tears;
    this.#hides = hides;
    this.#account = account;
    this.#reader = new EventStreamReader((event) => {
      this.refused = !take(event);
      return !this.refused;
    }, HELD_EVENT_BYTES);
  }

  push(chunk: Buffer): Buffer | undefined {
    return this.#hides ? this.#pushLines(chunk, this.#hides) : this.#push(chunk);
  }

  /** Line by line, so that each event passes alone. */
  #pushLines(chunk: Buffer, hides: () => boolean): Buffer | undefined {
    const passed: Buffer[] = [];
    for (let from = 0; from < chunk.length;) {
      const at = chunk.indexOf(LF, from);
      const end = at < 0 ? chunk.length : at + 1;
      const whole = this.#push(chunk.subarray(from, end));
      if (whole && !hides()) passed.push(whole);
      from = end;
    }
    return passed.length === 0 ? undefined : Buffer.concat(passed);
  }

  #push(chunk: Buffer): Buffer | undefined {
    const ended = this.#reader.push(chunk);
    if (ended > 0) {
      this.torn = false;
      const whole = this.#release(ended === chunk.length ? chunk : chunk.subarray(0, ended));
      if (ended < chunk.length && !this.refused) this.#hold(chunk.subarray(ended));
      return whole;
    }
    if (this.refused) return undefined;
    if (this.#hold(chunk) && !this.torn) return undefined;
    this.torn = true;
    this.refused = !this.#tears;
    return this.#tears ? this.#release() : undefined;
  }

  /** Whether it may hold the bytes back. */
  #hold(bytes: Buffer): boolean {
    this.#held.add(bytes);
    if (this.#held.size > HELD_EVENT_BYTES) return false;
    if (!this.#account.take(bytes.length)) return !this.#tears;
    this.#borne += bytes.length;
    return true;
  }

  #release(last?: Buffer): Buffer {
    if (last !== undefined) {
      if (this.#held.size === 0) return last;
      this.#held.add(last);
    }
    this.#account.give(this.#borne);
    this.#borne = 0;
    return this.#held.take();
  }
}

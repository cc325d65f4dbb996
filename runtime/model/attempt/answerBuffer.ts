import type { AnswerHead, HeldAnswer, Sink } from './attempt.ts';
import type { ByteAccount } from '../../resilience/byteBudget.ts';
import { CollectedBytes } from '../transport/collectedBytes.ts';
import { responseHeaders } from '../transport/headers.ts';
import type { UpstreamResponse } from '../transport/upstream.ts';

/** Largest write that does not wait for the client to read. */
const AT_ONCE_BYTES = 16 * 1024;

type Account = Pick<ByteAccount, 'take' | 'give'>;

/** Status and headers as the endpoint sent them. */
export function headOf({ status, statusText, headers }: UpstreamResponse): AnswerHead {
  return { status, statusText, headers: responseHeaders(headers) };
}

/**
 * Holds an answer back, headers included, until the attempt is known to be final. Sends it on anyway beyond
 * `maxBytes`, or when the account bears no more.
 */
export class AnswerBuffer {
  readonly #head: AnswerHead;
  readonly #sink: Sink;
  readonly #maxBytes: number;
  readonly #appendable: boolean;
  readonly #account: Account;
  #held = new CollectedBytes();
  /** Held bytes that the account bears. */
  #borne = 0;
  #committed = false;

  /** `appendable`: an error event may follow the body. */
  constructor(
    head: AnswerHead,
    sink: Sink,
    maxBytes: number,
    account: Account,
    appendable = false,
  ) {
    this.#head = head;
    this.#sink = sink;
    this.#maxBytes = maxBytes;
    this.#account = account;
    this.#appendable = appendable;
  }

  /** Whether the client got any part of it. */
  get committed(): boolean {
    return this.#committed;
  }

  /** The bytes held back. */
  get bytes(): Buffer {
    return this.#held.joined();
  }

  /** Undefined when there is room for more; else resolves when there is. */
  write(chunk: Buffer): Promise<void> | undefined {
    if (this.#committed) return this.#sink.write(chunk);
    this.#held.add(chunk);
    if (this.#held.size > this.#maxBytes || !this.#account.take(chunk.length))
      return this.release();
    this.#borne += chunk.length;
    return undefined;
  }

  /** Sends what it holds, and from now on everything. Returns as `write` does. */
  release(): Promise<void> | undefined {
    if (this.#committed) return undefined;
    this.#commit();
    const held = this.#held.take();
    // One chunk, so that no later write overtakes it.
    return held.length > 0 ? this.#sink.write(held) : undefined;
  }

  /** Sends what it holds and ends the answer. Undefined: done; else a promise of that. */
  end(): Promise<void> | undefined {
    if (!this.#committed && this.#held.size <= AT_ONCE_BYTES) {
      this.#commit();
      this.#sink.end(this.#held.take());
      return undefined;
    }
    const room = this.release();
    if (room) return room.then(() => this.#sink.end());
    this.#sink.end();
    return undefined;
  }

  #commit(): void {
    this.#committed = true;
    this.#account.give(this.#borne);
    this.#borne = 0;
    const { status, statusText, headers } = this.#head;
    this.#sink.head(status, statusText, headers, this.#appendable);
  }

  /** The whole answer, for the decision about another attempt. */
  answer(): HeldAnswer {
    const { status, statusText, headers } = this.#head;
    return { status, statusText, headers, body: this.bytes };
  }
}

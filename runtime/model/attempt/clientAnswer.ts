import type { Protocol } from '../../protocols/protocol.ts';
import { isEventStream } from '../transport/headers.ts';
import type { AnswerHead, AnswerSink, AttemptResult, HeldAnswer, Sink } from './attempt.ts';
import { errorBody } from '../provider/errorBody.ts';

/**
 * What the client has: nothing; only a head and pings of ours; an answer of an endpoint; or a head that does not fit
 * the answer that came later.
 */
type Reached = 'Nothing' | 'Pings' | 'Answer' | 'Misfit';

/**
 * One answer on its way to the client, over all attempts. Before a stream has content the client can get a head and
 * pings, so that its connection does not look dead. The stream of any later attempt can still follow them.
 */
export class ClientAnswer implements AnswerSink {
  readonly #protocol: Protocol;
  readonly #sink: Sink;
  readonly #pings: boolean;
  #offered: AnswerHead | undefined;
  #reached: Reached = 'Nothing';
  readonly #onAnswer: (() => void) | undefined;

  /**
   * `pings`: whether the client may get a head and pings before the content. `onAnswer`: it gets an answer, after which no
   * further attempt follows.
   */
  constructor(protocol: Protocol, sink: Sink, pings: boolean, onAnswer?: () => void) {
    this.#protocol = protocol;
    this.#sink = sink;
    this.#pings = pings;
    this.#onAnswer = onAnswer;
  }

  get blocked(): boolean {
    return this.#sink.blocked;
  }

  get takesPieces(): boolean {
    return this.#sink.takesPieces !== false;
  }

  /** Whether the client waits with a head and pings for its answer. */
  get begun(): boolean {
    return this.#reached === 'Pings';
  }

  offer(head: AnswerHead): void {
    this.#offered = head;
  }

  /** Tells the client that its answer is still to come. Does nothing before a head was offered. */
  ping(): void {
    if (!this.#pings || this.blocked || !this.#offered) return;
    if (this.#reached === 'Nothing') {
      const { status, statusText, headers } = this.#offered;
      this.#sink.head(status, statusText, headers, true);
      this.#reached = 'Pings';
    }
    if (this.#reached === 'Pings') void this.#sink.write(this.#protocol.ping);
  }

  head(status: number, statusText: string, headers: string[], appendable: boolean): void {
    if (this.#reached === 'Pings') {
      this.#reached = appendable ? 'Answer' : 'Misfit';
      this.#onAnswer?.();
      return;
    }
    this.#reached = 'Answer';
    this.#sink.head(status, statusText, headers, appendable);
    this.#onAnswer?.();
  }

  write(chunk: Buffer): Promise<void> | undefined {
    return this.#reached === 'Misfit' ? undefined : this.#sink.write(chunk);
  }

  end(last?: Buffer): void {
    if (this.#reached !== 'Misfit') this.#sink.end(last);
  }

  recall(): boolean {
    if (this.#sink.recall?.() !== true) return false;
    this.#reached = 'Nothing';
    return true;
  }

  /** The result of the last attempt, as the client has to be answered after the pings that it got. */
  ended(result: AttemptResult): AttemptResult {
    if (this.#reached === 'Misfit') return { ...result, committed: true, fault: 'InvalidResponse' };
    if (this.#reached !== 'Pings') return result;
    const { held, fault } = result;
    if (fault === undefined && held) this.#sink.end(asEvents(held, this.#protocol));
    return { ...result, committed: true, held: undefined };
  }
}

/** A held error as the end of a stream that has begun. */
function asEvents({ headers, body }: HeldAnswer, protocol: Protocol): Buffer {
  return isEventStream(headers) ? body : protocol.errorEventOf(errorBody(headers, body));
}

import { StringDecoder } from 'node:string_decoder';
import type { Failure } from '../errors/failure.ts';
import { JsonUnescape } from '../json/unescape.ts';
import type { Sink } from '../model/attempt/attempt.ts';
import type { AnswerText, Protocol } from '../protocols/protocol.ts';
import { HELD_EVENT_BYTES } from '../model/attempt/heldEvents.ts';
import { decodedBody } from '../model/transport/decoder.ts';
import type { DecodedBody } from '../model/transport/decoder.ts';
import { CollectedBytes } from '../model/transport/collectedBytes.ts';
import { headerValue, isEventStream } from '../model/transport/headers.ts';
import { both } from '../model/transport/room.ts';
import { EventStreamReader } from '../model/transport/sse.ts';
import type { ServerSentEvent } from '../model/transport/sse.ts';
import type { ByteAccount } from '../resilience/byteBudget.ts';
import type { AnswerScan } from '../security/screening/screen.ts';

export interface ScreenedSinkDeps {
  protocol: Pick<Protocol, 'answerText' | 'textOverBlocks' | 'ping' | 'isPing'>;
  /** The client's side. */
  next: Sink;
  scan: AnswerScan;
  /** Stops the answer. */
  stop: () => void;
  /** Bears what it keeps of the answer. */
  account: Pick<ByteAccount, 'take' | 'give'>;
}

/** Largest part of an answer to hold back, in bytes. */
const MAX_HELD_BYTES = 8 * 1024 * 1024;

/** Memory of a held piece besides its bytes. */
const HELD_OVERHEAD = 256;

const HOLDS_SECRET: Failure = {
  reason: 'AnswerBlocked',
  message: 'The agent does not pass this answer on: it holds a secret, such as an API key.',
};
const UNREADABLE: Failure = {
  reason: 'AnswerBlocked',
  message: 'The agent does not pass this answer on: it cannot be looked at for secrets.',
};

interface Held {
  bytes: Buffer;
  /** Length of the answer's text up to here; undefined inside of an event or body. */
  end: number | undefined;
}

/**
 * Searches an answer for secrets on its way to the client and changes nothing. If secrets are blocked it holds back
 * text that may belong to one: at most the last 28 KiB of a stream, and the whole of an unstreamed answer.
 */
export class ScreenedSink implements Sink {
  readonly #deps: ScreenedSinkDeps;
  readonly #text: AnswerText;
  readonly #events = new EventStreamReader((event) => this.#event(event), HELD_EVENT_BYTES);
  readonly #utf8 = new StringDecoder();
  readonly #json = new JsonUnescape();
  /** The decoded body of an answer that is no stream; undefined if it is too large. */
  #whole: CollectedBytes | undefined;
  #held: Held[] = [];
  #heldBytes = 0;
  #sendHead: (() => void) | undefined;
  #body: DecodedBody | undefined;
  /** Whether the answer consists of events whose text it can read. */
  #inEvents = false;
  #looking: Promise<void> | undefined;
  #ended = false;
  #pinged = false;
  #reported = false;
  #failure: Failure | undefined;

  constructor(deps: ScreenedSinkDeps) {
    this.#deps = deps;
    this.#text = deps.protocol.answerText();
  }

  get blocked(): boolean {
    return this.#deps.next.blocked;
  }

  head(status: number, statusText: string, headers: string[], appendable: boolean): void {
    const { next, scan, account } = this.#deps;
    const isStream = isEventStream(headers);
    const encoding = headerValue(headers, 'content-encoding');
    this.#inEvents = isStream && encoding === undefined;
    if (!isStream) this.#whole = new CollectedBytes();
    this.#body = decodedBody(encoding, account, (bytes) => {
      if (isStream) this.#events.push(bytes);
      else this.#part(bytes);
      return this.#lookIfDue();
    });
    const send = (): void => next.head(status, statusText, headers, appendable);
    if (!scan.blocks) return send();
    this.#sendHead = send;
    if (!this.#body) this.#block(UNREADABLE);
  }

  write(chunk: Buffer): Promise<void> | undefined {
    const { next, scan } = this.#deps;
    if (this.#failure) return undefined;
    if (!scan.blocks) return both(next.write(chunk), this.#body?.push(chunk));
    if (!this.#inEvents) {
      this.#hold(chunk, undefined);
      return both(this.#body?.push(chunk), this.#bounded());
    }
    return this.#writeEvents(chunk);
  }

  #writeEvents(chunk: Buffer): Promise<void> | undefined {
    const { scan } = this.#deps;
    const ended = this.#events.push(chunk);
    if (ended > 0) {
      for (const part of this.#held) part.end ??= scan.secrets.length;
      this.#hold(chunk.subarray(0, ended), scan.secrets.length);
    }
    if (ended < chunk.length) this.#hold(chunk.subarray(ended), undefined);
    const room = this.#lookIfDue() ?? both(this.#release(scan.secrets.cleared), this.#bounded());
    return both(room, this.#ping());
  }

  end(last?: Buffer): void {
    const { next, scan } = this.#deps;
    this.#ended = true;
    if (scan.blocks) {
      if (last) void this.write(last);
      return;
    }
    next.end(last);
    if (last) void this.#body?.push(last);
  }

  /**
   * Screens the rest after the last byte and sends what it held. Returns why the answer, or its rest, must not go out;
   * undefined if all went out.
   */
  async settle(): Promise<Failure | undefined> {
    const { secrets, blocks } = this.#deps.scan;
    // Without a head there is no answer.
    if (!this.#body || this.#failure) return this.#failure;
    const isWhole = await this.#body.end();
    await this.#looking;
    await this.#joinBlocks();
    if (!this.#failure) await secrets.look(true);
    this.#judge(true);
    if (!isWhole && blocks) this.#block(UNREADABLE);
    if (blocks && !this.#failure) await this.#passRest();
    return this.#failure;
  }

  #event(event: ServerSentEvent): boolean {
    const { data, truncated } = event;
    if (truncated && this.#deps.scan.blocks) this.#block(UNREADABLE);
    this.#pinged ||= this.#deps.protocol.isPing(event);
    if (!truncated) this.#say(this.#text.event(data));
    return true;
  }

  /** Takes a part of an answer that is no stream. */
  #part(bytes: Buffer): void {
    this.#say(this.#json.push(this.#utf8.write(bytes)));
    if (!this.#whole) return;
    this.#whole.add(bytes);
    const fits = this.#whole.size <= MAX_HELD_BYTES && this.#deps.account.take(bytes.length);
    if (!fits) this.#tooLarge();
  }

  #tooLarge(): void {
    this.#whole = undefined;
    if (this.#deps.scan.blocks) this.#block(UNREADABLE);
  }

  /** A secret may continue in the next block of text, which is elsewhere in the body. */
  async #joinBlocks(): Promise<void> {
    if (!this.#whole || this.#failure) return;
    const text = await this.#deps.protocol.textOverBlocks(this.#whole.take());
    if (text === undefined) this.#tooLarge();
    else if (text !== '') this.#say(`\n${text}`);
  }

  #say(text: string): void {
    if (!this.#failure) this.#deps.scan.secrets.add(text);
  }

  #lookIfDue(): Promise<void> | undefined {
    return this.#looking ?? (this.#deps.scan.secrets.isDue ? this.#look() : undefined);
  }

  #look(): Promise<void> {
    const { secrets } = this.#deps.scan;
    this.#looking ??= secrets.look().then(() => {
      this.#looking = undefined;
      this.#judge();
      return this.#release(secrets.cleared);
    });
    return this.#looking;
  }

  #judge(isFinal = false): void {
    const { secrets, blocks, tell } = this.#deps.scan;
    const { kinds } = secrets;
    if (kinds.length === 0 || this.#reported) return;
    // In report mode it waits for the end, so that the report names all kinds.
    if (!blocks && !isFinal) return;
    this.#reported = true;
    tell(kinds);
    if (blocks) this.#block(HOLDS_SECRET);
  }

  #block(failure: Failure): void {
    this.#failure ??= failure;
    this.#letGo();
    this.#deps.stop();
  }

  #hold(bytes: Buffer, end: number | undefined): void {
    if (bytes.length === 0 || this.#failure) return;
    const size = bytes.length + HELD_OVERHEAD;
    if (!this.#deps.account.take(size)) return this.#block(UNREADABLE);
    this.#held.push({ bytes, end });
    this.#heldBytes += size;
  }

  #letGo(): void {
    this.#deps.account.give(this.#heldBytes);
    this.#held = [];
    this.#heldBytes = 0;
  }

  /** Events with little text can be large, so they go out after a screening. A single large piece cannot. */
  #bounded(): Promise<void> | undefined {
    if (this.#heldBytes <= MAX_HELD_BYTES) return undefined;
    if (!this.#inEvents) {
      this.#block(UNREADABLE);
      return undefined;
    }
    return this.#look().then(() => {
      const room = this.#release(Infinity);
      if (this.#heldBytes > MAX_HELD_BYTES) this.#block(UNREADABLE);
      return room;
    });
  }

  /** Lets pings overtake held events, so that the connection does not look dead. */
  #ping(): Promise<void> | undefined {
    const overtakes = this.#pinged && this.#held[0]?.end !== undefined;
    this.#pinged = false;
    return overtakes && !this.#sendHead
      ? this.#deps.next.write(this.#deps.protocol.ping)
      : undefined;
  }

  /** Sends the pieces up to this number of characters of text. */
  #release(length: number): Promise<void> | undefined {
    if (this.#failure) return undefined;
    let room: Promise<void> | undefined;
    while (this.#held[0]?.end !== undefined && this.#held[0].end <= length) {
      const { bytes } = this.#held.shift()!;
      const size = bytes.length + HELD_OVERHEAD;
      this.#heldBytes -= size;
      this.#deps.account.give(size);
      this.#begin();
      room = this.#deps.next.write(bytes);
    }
    return room;
  }

  async #passRest(): Promise<void> {
    const { next } = this.#deps;
    this.#begin();
    const rest = Buffer.concat(this.#held.map(({ bytes }) => bytes));
    this.#letGo();
    if (rest.length > 0) await next.write(rest);
    if (this.#ended) next.end();
  }

  #begin(): void {
    this.#sendHead?.();
    this.#sendHead = undefined;
  }
}

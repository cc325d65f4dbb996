import { CollectedBytes } from './collectedBytes.ts';

export interface ServerSentEvent {
  /** Value of the event field; empty without one. */
  event: string;
  data: string;
  /** Whether data is cut because it was too long. */
  truncated: boolean;
}

const LF = 0x0a;
const CR = 0x0d;

/**
 * Incremental reader of server-sent events (WHATWG HTML, 9.2.6). Changes no byte; keeps only the first `maxBytes` of a
 * long line. Stops once `onEvent` has refused an event.
 */
export class EventStreamReader {
  readonly #onEvent: (event: ServerSentEvent) => boolean;
  readonly #maxBytes: number;
  readonly #line = new CollectedBytes();
  #lineTruncated = false;
  #afterCarriageReturn = false;
  #first = true;
  #event = '';
  #data: string[] = [];
  #dataBytes = 0;
  #truncated = false;
  #stopped = false;

  /** `onEvent` returns whether it takes the event. */
  constructor(onEvent: (event: ServerSentEvent) => boolean, maxBytes = 64 * 1024) {
    this.#onEvent = onEvent;
    this.#maxBytes = maxBytes;
  }

  /** Returns the number of bytes of the chunk that belong to complete, accepted events. */
  push(chunk: Buffer): number {
    if (chunk.length === 0 || this.#stopped) return 0;
    let ended = 0;
    let from = this.#restOfPair(chunk);
    for (let at = from; at < chunk.length; at += 1) {
      const byte = chunk[at];
      if (byte !== LF && byte !== CR) continue;
      const blank = this.#endLine(chunk, from, at);
      if (this.#stopped) return ended;
      at += pairedLineFeed(chunk, at);
      from = at + 1;
      if (blank) ended = from;
    }
    this.#keep(chunk.subarray(from));
    this.#afterCarriageReturn = chunk[chunk.length - 1] === CR;
    return ended;
  }

  /** 1 if the chunk begins with the line feed of a pair that began in the last chunk. */
  #restOfPair(chunk: Buffer): number {
    return this.#afterCarriageReturn && chunk[0] === LF ? 1 : 0;
  }

  #keep(bytes: Buffer): void {
    const room = this.#maxBytes - this.#line.size;
    if (bytes.length > room) this.#lineTruncated = true;
    const kept = bytes.subarray(0, room);
    if (kept.length === 0) return;
    // Copies: a short line would keep the network's whole buffer alive.
    this.#line.add(this.#line.size === 0 ? Buffer.from(kept) : kept);
  }

  /** The line ends in `chunk`, from `from` up to but not `at`. Returns whether it is blank and so ends an event. */
  #endLine(chunk: Buffer, from: number, at: number): boolean {
    let line: string;
    if (this.#line.size === 0 && at - from <= this.#maxBytes) {
      // Most lines are whole in one chunk and need no copy.
      line = chunk.toString('utf8', from, at);
    } else {
      this.#keep(chunk.subarray(from, at));
      line = this.#line.take().toString('utf8');
    }
    if (this.#first && line.startsWith('\uFEFF')) line = line.slice(1);
    this.#first = false;
    if (this.#lineTruncated) this.#truncated = true;
    this.#line.clear();
    this.#lineTruncated = false;
    if (line === '') this.#dispatch();
    else this.#field(line);
    return line === '';
  }

  #field(line: string): void {
    const colon = line.indexOf(':');
    const name = colon < 0 ? line : line.slice(0, colon);
    const rest = colon < 0 ? '' : line.slice(colon + 1);
    const value = rest.startsWith(' ') ? rest.slice(1) : rest;
    if (name === 'event') this.#event = value;
    if (name !== 'data') return;
    // With the line feed that joins it to the one before.
    this.#dataBytes += value.length + 1;
    if (this.#dataBytes <= this.#maxBytes + 1) this.#data.push(value);
    else this.#truncated = true;
  }

  #dispatch(): void {
    const event = { event: this.#event, data: this.#data.join('\n'), truncated: this.#truncated };
    const empty = this.#data.length === 0 && this.#event === '';
    this.#event = '';
    this.#data = [];
    this.#dataBytes = 0;
    this.#truncated = false;
    if (!empty && !this.#onEvent(event)) this.#stopped = true;
  }
}

/** 1 if a line feed follows the carriage return at `at`, so that both end one line. */
function pairedLineFeed(chunk: Buffer, at: number): number {
  return chunk[at] === CR && chunk[at + 1] === LF ? 1 : 0;
}

import type { Sink } from '../model/attempt/attempt.ts';
import type { Recording } from './recording.ts';

/** One reader of a shared answer, at its own speed. */
export class Listener {
  readonly #sink: Sink;
  readonly #recording: Recording;
  readonly #headers: readonly string[];
  readonly #hidden: ReadonlySet<string>;
  #begun = false;
  #left = false;
  /** The chunk that it sends, and how much of that it has sent. */
  #next = 0;
  #sent = 0;
  #running: Promise<void> | undefined;

  /** Adds `headers` to the answer's and drops those named in `hidden`. */
  constructor(
    recording: Recording,
    listener: {
      sink: Sink;
      headers: readonly string[];
      hidden: ReadonlySet<string>;
    },
  ) {
    this.#recording = recording;
    this.#sink = listener.sink;
    this.#headers = listener.headers;
    this.#hidden = listener.hidden;
  }

  /** Whether the reader got any part of the answer. */
  get begun(): boolean {
    return this.#begun;
  }

  /** Sends what has arrived since the last call. Undefined: done; else a promise of that. */
  catchUp(): Promise<void> | undefined {
    this.#begin();
    this.#running ??= this.#send();
    return this.#running;
  }

  /** Ends the answer after its last chunk. */
  async finish(): Promise<void> {
    await this.catchUp();
    if (this.#recording.ended && !this.#left) this.#sink.end();
  }

  /** Takes back what it sent. Whether it could. */
  recall(): boolean {
    if (this.#sink.recall?.() !== true) return false;
    this.#begun = false;
    this.#next = 0;
    this.#sent = 0;
    this.#running = undefined;
    return true;
  }

  /** Stops sending to this reader. */
  leave(): void {
    this.#left = true;
  }

  #begin(): void {
    const { head } = this.#recording;
    if (head === undefined || this.#begun || this.#left) return;
    this.#begun = true;
    const headers = [...without(head.headers, this.#hidden), ...this.#headers];
    this.#sink.head(head.status, head.statusText, headers, head.appendable);
  }

  /** What has arrived and is not sent; undefined: nothing. */
  #rest(): Buffer | undefined {
    const { length } = this.#recording;
    while (this.#next < length) {
      // Forgotten chunks are sent.
      const rest = this.#recording.chunk(this.#next)?.subarray(this.#sent);
      if (rest && rest.length > 0) return rest;
      if (this.#next === length - 1) return undefined;
      this.#next += 1;
      this.#sent = 0;
    }
    return undefined;
  }

  #send(): Promise<void> | undefined {
    for (let bytes = this.#rest(); bytes && !this.#left; bytes = this.#rest()) {
      this.#sent += bytes.length;
      const full = this.#sink.write(bytes);
      if (!full) continue;
      return full.then(() => {
        this.#running = undefined;
        return this.catchUp();
      });
    }
    return undefined;
  }
}

/** The headers without those of these names, in lower case. */
export function without(headers: readonly string[], names: ReadonlySet<string>): string[] {
  const left: string[] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (!names.has(headers[i]!.toLowerCase())) left.push(headers[i]!, headers[i + 1]!);
  }
  return left;
}

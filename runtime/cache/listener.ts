import type { ActualCost } from '../guard/admission.ts';
import type { Sink } from '../model/attempt/attempt.ts';
import type { Recording } from './recording.ts';

/** One of those who get an answer as it comes, each as fast as it reads. */
export class Listener {
  readonly onUsage: (charge: ActualCost) => void;
  readonly #sink: Sink;
  readonly #recording: Recording;
  readonly #headers: readonly string[];
  readonly #hidden: ReadonlySet<string>;
  #begun = false;
  #left = false;
  #next = 0;
  #running: Promise<void> | undefined;

  /** `headers` are added to the answer's, and those named in `hidden` are left out. */
  constructor(
    recording: Recording,
    listener: {
      sink: Sink;
      onUsage: (charge: ActualCost) => void;
      headers: readonly string[];
      hidden: ReadonlySet<string>;
    },
  ) {
    this.#recording = recording;
    this.#sink = listener.sink;
    this.onUsage = listener.onUsage;
    this.#headers = listener.headers;
    this.#hidden = listener.hidden;
  }

  /** Whether anything has reached it. */
  get begun(): boolean {
    return this.#begun;
  }

  /** Sends what has come and was not sent yet. Undefined when that is done; else resolves when it is. */
  catchUp(): Promise<void> | undefined {
    this.#begin();
    this.#running ??= this.#send();
    return this.#running;
  }

  /** Ends the answer once all of it was sent. */
  async finish(): Promise<void> {
    await this.catchUp();
    if (this.#recording.ended && !this.#left) this.#sink.end();
  }

  /** Is sent nothing any more. */
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

  #send(): Promise<void> | undefined {
    while (!this.#left && this.#next < this.#recording.length) {
      const full = this.#sink.write(this.#recording.chunk(this.#next));
      this.#next += 1;
      if (!full) continue;
      return full.then(() => {
        this.#running = undefined;
        return this.catchUp();
      });
    }
    return undefined;
  }
}

/** Headers but for those of these names, in lower case. */
export function without(headers: readonly string[], names: ReadonlySet<string>): string[] {
  const left: string[] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (!names.has(headers[i]!.toLowerCase())) left.push(headers[i]!, headers[i + 1]!);
  }
  return left;
}

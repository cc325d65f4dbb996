import type { Clock } from '../../guard/clock.ts';

/** Destination of lines of the audit. */
export interface Sink {
  readonly name: string;
  /** Lines that wait to be kept, in bytes. */
  readonly queuedBytes: number;
  /** Whether the sink expects to store the next line that it has room for. */
  readonly ready: boolean;
  /** Bytes of lines that it takes before it drops one. */
  readonly room: number;
  /** Whether the last attempt to bring lines to their destination failed. */
  readonly failing: boolean;
  /** Takes a line without its newline; false if it drops the line. Returns at once. */
  write(line: string): boolean;
  /** Resolves when all lines are stored, or cannot be at present. */
  flush(): Promise<void>;
  /** Tries once more to store the waiting lines, then stops its timers. */
  close(): Promise<void>;
}

export interface LineQueueDeps {
  clock: Pick<Clock, 'setTimer'>;
  /** Largest size of waiting lines, in bytes. */
  maxBytes: number;
  /** Largest write, unless one line is longer, in bytes. */
  batchBytes: number;
  /** Stores whole lines. Rejects if it stored none of them. */
  keep(text: string): Promise<void>;
  onError(error: unknown): void;
}

/** Interval between two attempts after a failure, in milliseconds. */
const RETRY_MS = 1000;

/** Lines that wait to be kept, in their order. One write is under way at a time. */
export class LineQueue {
  readonly #deps: LineQueueDeps;
  readonly #lines: string[] = [];
  #bytes = 0;
  #failing = false;
  #writing: Promise<void> | undefined;
  #cancelRetry: (() => void) | undefined;

  constructor(deps: LineQueueDeps) {
    this.#deps = deps;
  }

  get queuedBytes(): number {
    return this.#bytes;
  }

  get ready(): boolean {
    return !this.#failing;
  }

  get failing(): boolean {
    return this.#failing;
  }

  get room(): number {
    return this.#deps.maxBytes - this.#bytes;
  }

  write(line: string): boolean {
    const bytes = Buffer.byteLength(line) + 1;
    if (this.#bytes + bytes > this.#deps.maxBytes) return false;
    this.#lines.push(`${line}\n`);
    this.#bytes += bytes;
    if (!this.#cancelRetry) this.#writing ??= this.#run();
    return true;
  }

  async flush(): Promise<void> {
    if (this.#cancelRetry) {
      this.#cancelRetry();
      this.#cancelRetry = undefined;
    }
    this.#writing ??= this.#run();
    await this.#writing;
  }

  async close(): Promise<void> {
    await this.flush();
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    // Collects the lines of one task into one write.
    await Promise.resolve();
    while (this.#lines.length > 0) {
      const batch = this.#batch();
      try {
        await this.#deps.keep(batch.text);
      } catch (error) {
        this.#retryLater(error);
        break;
      }
      this.#failing = false;
      this.#lines.splice(0, batch.lines);
      this.#bytes -= Buffer.byteLength(batch.text);
    }
    this.#writing = undefined;
  }

  #batch(): { text: string; lines: number } {
    let text = this.#lines[0]!;
    let lines = 1;
    let bytes = Buffer.byteLength(text);
    for (; lines < this.#lines.length; lines += 1) {
      const next = this.#lines[lines]!;
      bytes += Buffer.byteLength(next);
      if (bytes > this.#deps.batchBytes) break;
      text += next;
    }
    return { text, lines };
  }

  #retryLater(error: unknown): void {
    if (!this.#failing) this.#deps.onError(error);
    this.#failing = true;
    this.#cancelRetry = this.#deps.clock.setTimer(RETRY_MS, () => {
      this.#cancelRetry = undefined;
      this.#writing ??= this.#run();
    });
  }
}

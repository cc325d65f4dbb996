import type { Clock } from '../../guard/clock.ts';
import { DiskQueue } from './diskQueue.ts';
import { LineQueue } from './lineQueue.ts';
import type { Sink } from './lineQueue.ts';

export interface OtlpSinkDeps {
  /** The body of a request with lines, each an event in JSON. */
  body: (lines: readonly string[]) => string;
  clock: Pick<Clock, 'setTimer'>;
  url: string;
  /** Time for one request, in milliseconds. */
  timeoutMs: number;
  /** Largest queue on disk, in bytes. */
  queueBytes: number;
  /** Largest queue in memory, in bytes. */
  maxBytes: number;
  /** Directory of this pod alone; outlives the process. */
  directory: string;
  /** Headers from Secrets; undefined while one is missing. */
  headers: () => readonly (readonly [string, string])[] | undefined;
  fetch: typeof fetch;
  /** Called once when delivery fails, and again only after a success. */
  onError: (error: unknown) => void;
}

/** Largest number of events in one request. */
const MOST_EVENTS = 100;
/** First and longest interval between attempts, in milliseconds; it doubles. */
const FIRST_DELAY_MS = 1000;
const LONGEST_DELAY_MS = 60_000;

/** Sends events to a collector at least once each. They wait on disk for a 2xx, even across restarts of the container. */
export class OtlpSink implements Sink {
  readonly name = 'otlp';
  readonly #deps: OtlpSinkDeps;
  readonly #disk: DiskQueue;
  readonly #memory: LineQueue;
  #opened: Promise<void> | undefined;
  #sending: Promise<void> | undefined;
  #delayMs = FIRST_DELAY_MS;
  #failing = false;
  #again = false;
  #cancelRetry: (() => void) | undefined;
  readonly #closed = new AbortController();

  constructor(deps: OtlpSinkDeps) {
    const { clock, maxBytes, onError, directory } = deps;
    this.#deps = deps;
    this.#disk = new DiskQueue(directory);
    this.#memory = new LineQueue({
      ...{ clock, maxBytes, onError },
      batchBytes: maxBytes,
      keep: async (text) => {
        await this.#open();
        await this.#disk.append(text);
        this.#send();
      },
    });
    // Sends the events of the process before without waiting for a new one.
    this.#open().then(
      () => this.#send(),
      () => undefined,
    );
  }

  get queuedBytes(): number {
    return this.#memory.queuedBytes + this.#disk.bytes;
  }

  get ready(): boolean {
    return this.#memory.ready;
  }

  get failing(): boolean {
    return this.#failing || this.#memory.failing;
  }

  get room(): number {
    return Math.min(this.#memory.room, this.#deps.queueBytes - this.queuedBytes);
  }

  write(line: string): boolean {
    if (this.queuedBytes + Buffer.byteLength(line) + 1 > this.#deps.queueBytes) return false;
    return this.#memory.write(line);
  }

  /** On disk they are safe: the next process sends them. */
  async flush(): Promise<void> {
    await this.#memory.flush();
  }

  async close(): Promise<void> {
    await this.#memory.close();
    this.#closed.abort();
    this.#cancelRetry?.();
    await this.#sending;
  }

  /** The next line retries a failed opening. */
  #open(): Promise<void> {
    this.#opened ??= this.#disk.open().catch((error: unknown) => {
      this.#opened = undefined;
      throw error;
    });
    return this.#opened;
  }

  #send(): void {
    if (this.#closed.signal.aborted || this.#cancelRetry) return;
    // Sends lines that arrive while the last look finds none.
    this.#again = true;
    this.#sending ??= this.#runAgain();
  }

  async #runAgain(): Promise<void> {
    while (this.#again && !this.#cancelRetry) {
      this.#again = false;
      await this.#run();
    }
    this.#sending = undefined;
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    try {
      for (;;) {
        const taken = await this.#disk.first(MOST_EVENTS);
        if (!taken || this.#closed.signal.aborted) return;
        await this.#post(taken.lines);
        await this.#disk.done(taken.end);
        this.#delayMs = FIRST_DELAY_MS;
        this.#failing = false;
      }
    } catch (error) {
      if (!this.#closed.signal.aborted) this.#retryLater(error);
    }
  }

  async #post(lines: readonly string[]): Promise<void> {
    const { url, body, timeoutMs, headers, fetch } = this.#deps;
    const secret = headers();
    if (!secret) throw new Error('a Secret with a header of spec.audit.otlp is missing');
    const response = await fetch(url, {
      method: 'POST',
      headers: [
        ['content-type', 'application/json'],
        ...secret.map(([name, value]): [string, string] => [name, value]),
      ],
      body: body(lines),
      redirect: 'error',
      signal: AbortSignal.any([AbortSignal.timeout(timeoutMs), this.#closed.signal]),
    });
    await response.body?.cancel();
    if (!response.ok) throw new Error(`the collector answered ${response.status}`);
  }

  #retryLater(error: unknown): void {
    if (!this.#failing) this.#deps.onError(error);
    this.#failing = true;
    this.#cancelRetry = this.#deps.clock.setTimer(this.#delayMs, () => {
      this.#cancelRetry = undefined;
      this.#send();
    });
    this.#delayMs = Math.min(this.#delayMs * 2, LONGEST_DELAY_MS);
  }
}

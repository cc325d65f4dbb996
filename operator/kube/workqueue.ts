import type { Registry } from 'prom-client';
import { systemClock } from './clock.ts';
import type { Clock } from './clock.ts';
import { DelayHeap } from './delayHeap.ts';
import { WorkQueueMetrics } from './workqueueMetrics.ts';

/** A key of high priority is taken before any of low: what changes now before a restart's backlog. */
export type Priority = 'high' | 'low';

export interface WorkQueueOptions {
  name: string;
  registry: Registry;
  clock?: Clock;
  /** Uniform in [0, 1). */
  random?: () => number;
  /** Backoff of the first retry, before jitter. Default 5 ms. */
  baseDelayMs?: number;
  /** Default 5 min. */
  maxDelayMs?: number;
}

interface Waiting {
  priority: Priority;
  since: number;
}

interface Processing {
  priority: Priority;
  since: number;
}

/**
 * Keys to work on, with the semantics of client-go's workqueue: a key waits at most once, is never worked
 * on twice at a time, and when it is added while in work it is taken again after done().
 */
export class WorkQueue {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #baseDelayMs: number;
  readonly #maxDelayMs: number;
  readonly #metrics: WorkQueueMetrics;
  /** Keys that need work, whether or not they are in work now. */
  readonly #dirty = new Map<string, Waiting>();
  readonly #processing = new Map<string, Processing>();
  /** Dirty keys that nobody works on, oldest first. */
  readonly #ready: Record<Priority, Set<string>> = { high: new Set(), low: new Set() };
  readonly #waiters = new Set<() => void>();
  readonly #failures = new Map<string, number>();
  readonly #delayed = new Map<string, { at: number; priority: Priority }>();
  readonly #heap = new DelayHeap();
  #timer?: { at: number; cancel: () => void };
  #stopped = false;

  constructor(options: WorkQueueOptions) {
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#baseDelayMs = options.baseDelayMs ?? 5;
    this.#maxDelayMs = options.maxDelayMs ?? 300_000;
    this.#metrics = new WorkQueueMetrics(options.registry, options.name, {
      depth: () => ({ high: this.#ready.high.size, low: this.#ready.low.size }),
      unfinished: () => this.#unfinished(),
    });
  }

  /** Keys that wait and nobody works on; delayed ones do not count. */
  get length(): number {
    return this.#ready.high.size + this.#ready.low.size;
  }

  /** Whether keys that are added are dropped. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /** Drops what waits and what is added until `start`, as long as nobody works the keys off. */
  stop(): void {
    this.#stopped = true;
    this.#dirty.clear();
    this.#ready.high.clear();
    this.#ready.low.clear();
    this.#failures.clear();
    this.#delayed.clear();
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  start(): void {
    this.#stopped = false;
  }

  /** Marks a key as needing work. Adding it again changes nothing but, upwards, its priority. */
  add(key: string, { priority = 'high' }: { priority?: Priority } = {}): void {
    if (this.#stopped) return;
    const waiting = this.#dirty.get(key);
    if (waiting) {
      if (priority === 'high') this.#raise(key, waiting);
      return;
    }
    this.#dirty.set(key, { priority, since: this.#clock.monotonic() });
    this.#metrics.added();
    if (!this.#processing.has(key)) this.#offer(key, priority);
  }

  /** Adds the key after `ms`. Of several such calls the one that falls due first holds. */
  addAfter(key: string, ms: number, { priority = 'high' }: { priority?: Priority } = {}): void {
    if (this.#stopped) return;
    if (!(ms > 0)) return this.add(key, { priority });
    const at = this.#clock.monotonic() + ms;
    const known = this.#delayed.get(key);
    if (known && known.at <= at) {
      if (priority === 'high') known.priority = 'high';
      return;
    }
    this.#delayed.set(key, { at, priority });
    this.#heap.push(at, key);
    this.#arm();
  }

  /**
   * Adds the key after its backoff: uniform in [0, base × 2^failures), at most `maxDelayMs`, known as full
   * jitter. Keeps the priority of the work that failed.
   */
  addRateLimited(key: string, { priority }: { priority?: Priority } = {}): void {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    this.#metrics.retried();
    const ceiling = Math.min(this.#maxDelayMs, this.#baseDelayMs * 2 ** failures);
    const kept = priority ?? this.#processing.get(key)?.priority;
    this.addAfter(key, this.#random() * ceiling, { priority: kept });
  }

  /** Ends the key's backoff: its next failure counts as the first. */
  forget(key: string): void {
    this.#failures.delete(key);
  }

  /** How often in a row the key was added with backoff. */
  failures(key: string): number {
    return this.#failures.get(key) ?? 0;
  }

  /** The next key, as soon as there is one; undefined once the signal aborts. Call done(key) after the work. */
  async get(signal: AbortSignal): Promise<string | undefined> {
    for (;;) {
      if (signal.aborted) return undefined;
      const key = this.#take();
      if (key !== undefined) return key;
      await this.#something(signal);
    }
  }

  /** Ends the work on a key; it is offered again if it was added meanwhile. */
  done(key: string): void {
    const work = this.#processing.get(key);
    if (!work) return;
    this.#processing.delete(key);
    this.#metrics.finished(this.#clock.monotonic() - work.since);
    const waiting = this.#dirty.get(key);
    if (waiting) this.#offer(key, waiting.priority);
  }

  #raise(key: string, waiting: Waiting): void {
    if (waiting.priority === 'high') return;
    waiting.priority = 'high';
    if (this.#ready.low.delete(key)) this.#ready.high.add(key);
  }

  #offer(key: string, priority: Priority): void {
    this.#ready[priority].add(key);
    for (const wake of this.#waiters) return wake();
  }

  #take(): string | undefined {
    const ready = this.#ready.high.size > 0 ? this.#ready.high : this.#ready.low;
    for (const key of ready) {
      ready.delete(key);
      const { priority, since } = this.#dirty.get(key)!;
      this.#dirty.delete(key);
      const now = this.#clock.monotonic();
      this.#processing.set(key, { priority, since: now });
      this.#metrics.started(now - since);
      return key;
    }
    return undefined;
  }

  /** One key wakes one waiter, or none: whoever takes the key first has it. */
  #something(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#waiters.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#waiters.add(wake);
      signal.addEventListener('abort', wake);
    });
  }

  #arm(): void {
    const first = this.#heap.peek();
    if (!first || (this.#timer && this.#timer.at <= first.at)) return;
    this.#timer?.cancel();
    const cancel = this.#clock.after(first.at - this.#clock.monotonic(), () => {
      this.#timer = undefined;
      this.#release();
      this.#arm();
    });
    this.#timer = { at: first.at, cancel };
  }

  /** Adds what fell due. An entry of the heap that an earlier one replaced is passed over. */
  #release(): void {
    const now = this.#clock.monotonic();
    for (let entry = this.#heap.peek(); entry && entry.at <= now; entry = this.#heap.peek()) {
      this.#heap.pop();
      const delayed = this.#delayed.get(entry.key);
      if (delayed?.at !== entry.at) continue;
      this.#delayed.delete(entry.key);
      this.add(entry.key, { priority: delayed.priority });
    }
  }

  #unfinished(): number[] {
    const now = this.#clock.monotonic();
    return Array.from(this.#processing.values(), ({ since }) => (now - since) / 1000);
  }
}

import { addAbortListener } from 'node:events';
import type { Registry } from 'prom-client';
import { backoff } from './backoff.ts';
import { systemClock } from './clock.ts';
import type { Clock } from './clock.ts';
import { DelayHeap } from './delayHeap.ts';
import { WorkQueueMetrics } from './workqueueMetrics.ts';

/** Keys of high priority come first: changes before the backlog of a restart. */
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
  /** Called with each key when it is added. */
  onAdd?: (key: string) => void;
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
 * Keys to reconcile, with the semantics of client-go's workqueue: a key waits at most once, never has two workers, and
 * is offered again after done() if it was added during the work.
 */
export class WorkQueue {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #delay: { baseMs: number; maxMs: number };
  readonly #metrics: WorkQueueMetrics;
  readonly #onAdd: ((key: string) => void) | undefined;
  /** Keys that need work, including those that were added during their work. */
  readonly #dirty = new Map<string, Waiting>();
  readonly #processing = new Map<string, Processing>();
  /** Dirty keys without a worker, oldest first. */
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
    const { baseDelayMs: baseMs = 5, maxDelayMs: maxMs = 300_000 } = options;
    this.#delay = { baseMs, maxMs };
    this.#onAdd = options.onAdd;
    this.#metrics = new WorkQueueMetrics(options.registry, options.name, {
      depth: () => ({ high: this.#ready.high.size, low: this.#ready.low.size }),
      unfinished: () => this.#unfinished(),
    });
  }

  /** Keys that wait for a worker, without delayed keys. */
  get length(): number {
    return this.#ready.high.size + this.#ready.low.size;
  }

  /** Drops all keys, and those that are added before `start`: a standby reconciles nothing. */
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

  /** Adds a key. Adding it again can only raise its priority. */
  add(key: string, { priority = 'high' }: { priority?: Priority } = {}): void {
    if (this.#stopped) return;
    this.#onAdd?.(key);
    const waiting = this.#dirty.get(key);
    if (waiting) {
      if (priority === 'high') this.#raisePriority(key, waiting);
      return;
    }
    this.#dirty.set(key, { priority, since: this.#clock.monotonic() });
    this.#metrics.added();
    if (!this.#processing.has(key)) this.#offer(key, priority);
  }

  /** Adds the key after `ms`. Of several calls the earliest time counts. */
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
   * Adds the key after its backoff with full jitter. The key keeps the priority of the failed work.
   */
  addRateLimited(key: string, { priority }: { priority?: Priority } = {}): void {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    this.#metrics.retried();
    const kept = priority ?? this.#processing.get(key)?.priority;
    this.addAfter(key, this.#random() * backoff(failures, this.#delay), { priority: kept });
  }

  /** Resets the key's backoff. */
  forget(key: string): void {
    this.#failures.delete(key);
  }

  /** Waits for the next key; undefined after the signal aborts. Call done(key) after the work. */
  async get(signal: AbortSignal): Promise<string | undefined> {
    for (;;) {
      if (signal.aborted) return undefined;
      const key = this.#take();
      if (key !== undefined) return key;
      await this.#waitForKey(signal);
    }
  }

  /** Ends the work on a key. A key that was added during the work is offered again. */
  done(key: string): void {
    const work = this.#processing.get(key);
    if (!work) return;
    this.#processing.delete(key);
    this.#metrics.finished(this.#clock.monotonic() - work.since);
    const waiting = this.#dirty.get(key);
    if (waiting) this.#offer(key, waiting.priority);
  }

  #raisePriority(key: string, waiting: Waiting): void {
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

  /** Resolves when a key may be there. Another waiter may take it first. */
  #waitForKey(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#waiters.delete(wake);
        aborts[Symbol.dispose]();
        resolve();
      };
      this.#waiters.add(wake);
      const aborts = addAbortListener(signal, wake);
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

  /** Adds the keys that are due. Skips entries of the heap that an earlier time replaced. */
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

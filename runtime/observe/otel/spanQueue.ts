import { ExportResultCode } from '@opentelemetry/core';
import type { ReadableSpan, SpanExporter, SpanProcessor } from '@opentelemetry/sdk-trace';

/** Counts ended spans. */
export interface SpanCounts {
  /** Counts spans that the collector took. */
  exported(count: number): void;
  /** Counts lost spans: the queue was full, or the collector did not take them. */
  dropped(reason: 'queue_full' | 'export_failed', count: number): void;
}

export interface SpanQueueSizes {
  /** Largest number of waiting spans; drops further ones. */
  maxQueueSize: number;
  maxBatchSize: number;
  /** Interval between two exports of fewer than maxBatchSize, in milliseconds. */
  delayMs: number;
}

/**
 * Sends ended spans to the collector, one export at a time from a bounded queue: a slow collector costs spans, but
 * neither memory nor time of requests. The SDK's own batch processor does not count what it drops.
 */
export class SpanQueue implements SpanProcessor {
  readonly #exporter: SpanExporter;
  readonly #sizes: SpanQueueSizes;
  readonly #counts: SpanCounts;
  #queue: ReadableSpan[] = [];
  #timer: NodeJS.Timeout | undefined;
  #exporting: Promise<void> | undefined;
  /** Whether the collector took the last batch. */
  #taken = true;

  constructor(exporter: SpanExporter, sizes: SpanQueueSizes, counts: SpanCounts) {
    this.#exporter = exporter;
    this.#sizes = sizes;
    this.#counts = counts;
  }

  onStart(): void {
    // Sends only ended spans.
  }

  onEnd(span: ReadableSpan): void {
    const { maxQueueSize, maxBatchSize } = this.#sizes;
    if (this.#queue.length >= maxQueueSize) {
      this.#counts.dropped('queue_full', 1);
      return;
    }
    this.#queue.push(span);
    if (this.#queue.length >= maxBatchSize) void this.#export();
    else this.#arm();
  }

  /** Resolves when all waiting spans are sent, or dropped because the collector does not take the first batch. */
  async forceFlush(): Promise<void> {
    await this.#exporting;
    while (this.#queue.length > 0) {
      await this.#export();
      if (!this.#taken) this.#drop();
    }
  }

  /** Ends at once and drops waiting spans. */
  shutdown(): Promise<void> {
    clearTimeout(this.#timer);
    this.#drop();
    void this.#exporter.shutdown();
    return Promise.resolve();
  }

  #drop(): void {
    const { length } = this.#queue.splice(0);
    if (length > 0) this.#counts.dropped('export_failed', length);
  }

  /** Sends a batch after the current one, and continues while whole batches wait. */
  #export(): Promise<void> {
    this.#exporting ??= this.#send().finally(() => {
      this.#exporting = undefined;
      if (this.#queue.length >= this.#sizes.maxBatchSize) void this.#export();
    });
    return this.#exporting;
  }

  async #send(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const batch = this.#queue.splice(0, this.#sizes.maxBatchSize);
    if (batch.length === 0) return;
    this.#taken = await new Promise<boolean>((resolve) => {
      this.#exporter.export(batch, ({ code }) => resolve(code === ExportResultCode.SUCCESS));
    });
    if (this.#taken) this.#counts.exported(batch.length);
    else this.#counts.dropped('export_failed', batch.length);
    if (this.#queue.length > 0) this.#arm();
  }

  #arm(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.#export();
    }, this.#sizes.delayMs).unref();
  }
}

import { createHash } from 'node:crypto';
import type { Logger } from 'pino';
import type { KubeClient } from './client.ts';
import { microTime, systemClock } from './clock.ts';
import type { Clock } from './clock.ts';
import { describeError, isNamespaceTerminating, isNotFound } from './errors.ts';
import { InFlightLimit } from './inflight.ts';
import { Events } from './resource.ts';
import type { Event, ObjectReference } from './types.ts';

export interface EventInput {
  regarding: ObjectReference & { name: string };
  related?: ObjectReference;
  type: 'Normal' | 'Warning';
  /** Why, in one CamelCase word. */
  reason: string;
  /** What was done, in one CamelCase word. */
  action: string;
  /** For people; cut to what the API takes, 1,024 bytes. */
  note: string;
  /** Default: the recorder's. */
  reportingController?: string;
  reportingInstance?: string;
}

export interface EventRecorderOptions {
  client: Pick<KubeClient, 'create' | 'mergePatch'>;
  reportingController: string;
  reportingInstance: string;
  logger: Logger;
  /** Ends the recorder, as the end of a term does: what waits is dropped and nothing is written any more. */
  signal?: AbortSignal;
  clock?: Clock;
  /** Uniform in [0, 1). */
  random?: () => number;
  /** The same event within this time of its last occurrence adds to a series. Default 6 min. */
  seriesMs?: number;
  /** A series is written at most this often. Default 30 s. */
  writeEveryMs?: number;
}

interface Series {
  event: Event;
  created: boolean;
  count: number;
  lastMs: number;
  writtenMs: number;
  /** Writes follow one another, and one timer at most waits to start the next. */
  writes: Promise<void>;
  cancelTimer?: () => void;
}

const NOTE_BYTES = 1024;
/** Different events in memory; above it the one that occurred longest ago is forgotten. */
const MAX_SERIES = 1024;
/** Writes that wait; above it new events are dropped, so that a storm cannot fill the memory. */
const MAX_WRITES = 1000;
/** Writes under way: events come after what they tell of. */
const CONCURRENT_WRITES = 2;

/** Writes Events of events.k8s.io/v1. Repeated ones become one with a series; failures are only logged. */
export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #seriesMs: number;
  readonly #writeEveryMs: number;
  readonly #series = new Map<string, Series>();
  readonly #writing = new Set<Promise<void>>();
  readonly #limit = new InFlightLimit(CONCURRENT_WRITES);

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#seriesMs = options.seriesMs ?? 360_000;
    this.#writeEveryMs = options.writeEveryMs ?? 30_000;
    options.signal?.addEventListener('abort', () => this.#stop(), { once: true });
  }

  /** Returns at once and never throws. */
  record(input: EventInput): void {
    if (this.#options.signal?.aborted) return;
    const key = identityOf(input);
    const known = this.#series.get(key);
    const nowMs = this.#clock.now();
    if (known && nowMs - known.lastMs <= this.#seriesMs) {
      this.#series.delete(key);
      this.#series.set(key, known);
      return this.#repeat(known, nowMs);
    }
    this.#begin(key, input, nowMs);
  }

  #stop(): void {
    for (const { cancelTimer } of this.#series.values()) cancelTimer?.();
    this.#series.clear();
  }

  #begin(key: string, input: EventInput, nowMs: number): void {
    this.#forget(key);
    this.#trim();
    const event = this.#eventOf(input, nowMs);
    const series: Series = {
      event,
      created: false,
      count: 1,
      lastMs: nowMs,
      writtenMs: nowMs,
      writes: Promise.resolve(),
    };
    this.#series.set(key, series);
    this.#write(series, () => this.#create(series, event));
  }

  #repeat(series: Series, nowMs: number): void {
    series.count += 1;
    series.lastMs = nowMs;
    if (series.cancelTimer) return;
    const passed = nowMs - series.writtenMs;
    // No longer than that where the clock was stepped back.
    const wait = Math.min(this.#writeEveryMs, Math.max(0, this.#writeEveryMs - passed));
    series.cancelTimer = this.#clock.after(wait, () => this.#writeSeries(series));
  }

  #writeSeries(series: Series): void {
    series.cancelTimer?.();
    series.cancelTimer = undefined;
    series.writtenMs = this.#clock.now();
    this.#write(series, () => this.#patch(series));
  }

  async #create(series: Series, event: Event): Promise<void> {
    await this.#options.client.create(Events, event, { yields: true });
    series.event = event;
    series.created = true;
  }

  async #patch(series: Series): Promise<void> {
    const { event, count, lastMs } = series;
    const { namespace, name } = event.metadata;
    const patch = { series: { count, lastObservedTime: microTime(lastMs) } };
    if (!series.created) return this.#create(series, { ...event, ...patch });
    try {
      await this.#options.client.mergePatch(Events, namespace, name, patch, { yields: true });
    } catch (error) {
      if (!isNotFound(error)) throw error;
      // Events live for an hour; the series goes on in a new one.
      const metadata = { ...event.metadata, name: this.#rename(name) };
      await this.#create(series, { ...event, ...patch, metadata });
    }
  }

  #write(series: Series, work: () => Promise<void>): void {
    const { logger } = this.#options;
    if (this.#writing.size >= MAX_WRITES) {
      logger.warn('Event was dropped because too many wait to be written');
      return;
    }
    const write = series.writes.then(async () => {
      const release = await this.#limit.acquire();
      if (this.#options.signal?.aborted) return release();
      await work()
        .catch((error: unknown) => {
          // Whoever deletes a namespace needs no news from it.
          const level = isNamespaceTerminating(error) ? 'debug' : 'warn';
          logger[level](describeError(error), 'Event could not be written');
        })
        .finally(release);
    });
    series.writes = write;
    this.#writing.add(write);
    void write.then(() => this.#writing.delete(write));
  }

  #trim(): void {
    for (const key of this.#series.keys()) {
      if (this.#series.size < MAX_SERIES) return;
      this.#forget(key);
    }
  }

  #forget(key: string): void {
    const series = this.#series.get(key);
    this.#series.delete(key);
    if (series?.cancelTimer) this.#writeSeries(series);
  }

  #eventOf(input: EventInput, nowMs: number): Event {
    const { regarding, related, type, reason, action, note } = input;
    const { reportingController, reportingInstance } = this.#options;
    return {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: {
        namespace: regarding.namespace ?? 'default',
        name: this.#rename(`${regarding.name}.`),
      },
      eventTime: microTime(nowMs),
      type,
      reason,
      action,
      note: truncate(note, NOTE_BYTES),
      regarding,
      related,
      reportingController: input.reportingController ?? reportingController,
      reportingInstance: truncate(input.reportingInstance ?? reportingInstance, 128),
    };
  }

  /** `object.` and sixteen hexadecimal digits, within the 253 characters of a name. */
  #rename(name: string): string {
    const digits = (): string =>
      Math.floor(this.#random() * 2 ** 32)
        .toString(16)
        .padStart(8, '0');
    const object = name
      .slice(0, name.lastIndexOf('.'))
      .slice(0, 236)
      .replace(/[^a-z0-9]+$/, '');
    return `${object}.${digits()}${digits()}`;
  }
}

function identityOf(input: EventInput): string {
  const { regarding, type, reason, action, note } = input;
  const { kind, namespace, name, uid } = regarding;
  const parts = [kind, namespace, name, uid, type, reason, action, note];
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64');
}

/** Cuts to `bytes` of UTF-8, between characters. */
function truncate(text: string, bytes: number): string {
  const encoded = Buffer.from(text);
  if (encoded.length <= bytes) return text;
  let end = bytes - 3;
  while ((encoded[end]! & 0xc0) === 0x80) end -= 1;
  return `${encoded.subarray(0, end).toString()}…`;
}

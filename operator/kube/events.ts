import { createHash } from 'node:crypto';
import type { Logger } from 'pino';
import type { KubeClient } from './client.ts';
import { microTime, systemClock } from './clock.ts';
import type { Clock } from './clock.ts';
import { describeError, isNamespaceTerminating, isNotFound } from './errors.ts';
import { InFlightLimit } from './inflight.ts';
import { ObjectRates } from './objectRates.ts';
import { Events } from './resource.ts';
import type { Event, ObjectReference } from './types.ts';

export interface EventInput {
  regarding: ObjectReference & { name: string };
  type: 'Normal' | 'Warning';
  /** Reason, in one CamelCase word. */
  reason: string;
  /** Action of the controller, in one CamelCase word. */
  action: string;
  /** For people; cut to the API's limit of 1,024 bytes. */
  note: string;
}

export interface EventRecorderOptions {
  client: Pick<KubeClient, 'create' | 'mergePatch'>;
  reportingController: string;
  reportingInstance: string;
  logger: Logger;
  /** Ends the recorder, for instance with the leader's term. Events that wait are dropped. */
  signal?: AbortSignal;
  clock?: Clock;
  /** Uniform in [0, 1). */
  random?: () => number;
  /** An equal event within this time after the last one adds to its series. Default 6 min. */
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
  /** Writes of a series run one after another. At most one timer waits to start the next. */
  writes: Promise<void>;
  cancelTimer?: () => void;
}

const NOTE_BYTES = 1024;
/** Series in memory. Above it, the series with the oldest last event is forgotten. */
const MAX_SERIES = 1024;
/** Waiting writes. Above it, new events are dropped, so that a storm cannot fill the memory. */
const MAX_WRITES = 1000;
/**
 * New events of one object: as many at once, and one more so often, as a pod can invent states. The first of each reason
 * within a minute comes on top, so that none hides another.
 */
const BURST = 25;
const EVERY_MS = 30_000;
const MINUTE_MS = 60_000;
/** Writes at the same time. They are few, because objects matter more than Events on them. */
const CONCURRENT_WRITES = 2;

/** Writes Events of events.k8s.io/v1. Repeated events become one with a series. Failures are only logged. */
export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #seriesMs: number;
  readonly #writeEveryMs: number;
  readonly #series = new Map<string, Series>();
  readonly #writing = new Set<Promise<void>>();
  readonly #limit = new InFlightLimit(CONCURRENT_WRITES);
  readonly #rates = new ObjectRates(BURST, EVERY_MS);
  readonly #reasons = new ObjectRates(1, MINUTE_MS);
  readonly #drops = new ObjectRates(1, MINUTE_MS);

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#seriesMs = options.seriesMs ?? 360_000;
    this.#writeEveryMs = options.writeEveryMs ?? 30_000;
    options.signal?.addEventListener('abort', () => this.#stop(), { once: true });
  }

  /** Queues the write. Never throws. */
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
    if (this.#admits(input)) this.#begin(key, input, nowMs);
  }

  #admits({ regarding, reason }: EventInput): boolean {
    const { kind, namespace, name, uid } = regarding;
    const object = JSON.stringify([kind, namespace, name, uid]);
    const now = this.#clock.monotonic();
    if (this.#reasons.take(`${object} ${reason}`, now) === 0) return true;
    if (this.#rates.take(object, now) === 0) return true;
    if (this.#drops.take(object, now) === 0) {
      const message = 'Events of an object were dropped, because it has too many';
      this.#options.logger.warn({ kind, namespace, name, reason }, message);
    }
    return false;
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
    await this.#options.client.create(Events, event, { lowPriority: true });
    series.event = event;
    series.created = true;
  }

  async #patch(series: Series): Promise<void> {
    const { event, count, lastMs } = series;
    const { namespace, name } = event.metadata;
    const patch = { series: { count, lastObservedTime: microTime(lastMs) } };
    if (!series.created) return this.#create(series, { ...event, ...patch });
    try {
      await this.#options.client.mergePatch(Events, namespace, name, patch, { lowPriority: true });
    } catch (error) {
      if (!isNotFound(error)) throw error;
      // The API server deletes Events after an hour. The series continues in a new one.
      const metadata = { ...event.metadata, name: this.#uniqueName(name) };
      await this.#create(series, { ...event, ...patch, metadata });
    }
  }

  #write(series: Series, work: () => Promise<void>): void {
    const { logger } = this.#options;
    if (this.#writing.size >= MAX_WRITES) {
      logger.warn('An Event was dropped, because too many wait to be written');
      return;
    }
    const write = series.writes.then(async () => {
      const release = await this.#limit.acquire();
      if (this.#options.signal?.aborted) return release();
      await work()
        .catch((error: unknown) => {
          // The failure is expected while the namespace is being deleted.
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
    const { regarding, type, reason, action, note } = input;
    const { reportingController, reportingInstance } = this.#options;
    return {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: {
        namespace: regarding.namespace ?? 'default',
        name: this.#uniqueName(`${regarding.name}.`),
      },
      eventTime: microTime(nowMs),
      type,
      reason,
      action,
      note: truncate(note, NOTE_BYTES),
      regarding,
      reportingController,
      reportingInstance: truncate(reportingInstance, 128),
    };
  }

  /** Unique name: the object's name, a dot and 16 hexadecimal digits, at most 253 characters in all. */
  #uniqueName(name: string): string {
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

/** Cuts the text to a number of bytes in UTF-8, between characters. */
function truncate(text: string, bytes: number): string {
  const encoded = Buffer.from(text);
  if (encoded.length <= bytes) return text;
  let end = bytes - 3;
  while ((encoded[end]! & 0xc0) === 0x80) end -= 1;
  return `${encoded.subarray(0, end).toString()}…`;
}

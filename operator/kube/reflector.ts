import { addAbortListener } from 'node:events';
import type { Logger } from 'pino';
import { endsInitialEvents, type KubeClient, type WatchEvent } from './client.ts';
import { sleep } from './clock.ts';
import type { Clock } from './clock.ts';
import { ApiError, apiErrorFromStatus, describeError, MalformedWatchError } from './errors.ts';
import { INITIAL_STATE, nextState } from './reflectorState.ts';
import type { ReflectorFailure, ReflectorState } from './reflectorState.ts';
import type { Read, Resource } from './resource.ts';
import type { KubernetesObject } from './types.ts';

/** Receives the objects and events of a reflector. Must not throw. */
export interface ReflectorSink<T> {
  /** Replaces all objects. Resolves when it has stored them. */
  replace(objects: T[]): Promise<void>;
  upsert(object: T): void;
  remove(object: T): void;
  /** Called after each page of a list, event or bookmark. */
  onContact(): void;
}

export interface ReflectorOptions<T extends KubernetesObject> {
  client: Pick<KubeClient, 'listPages' | 'watch'>;
  resource: Resource<T, Read>;
  /** Absent: all namespaces. */
  namespace?: string;
  labelSelector?: string;
  /**
   * Begins with a watch that sends all objects first (WatchList), which costs both sides less than a list. If the server
   * refuses it, with a list. Default: a list.
   */
  streams?: boolean;
  /** Reduces each object of a page before the next page is read. */
  transform: (object: T) => T;
  sink: ReflectorSink<T>;
  clock: Clock;
  /** Uniform in [0, 1). */
  random: () => number;
  logger?: Logger;
  /** Called when a list or a watch failed. Must not throw. */
  onFailed?: (error: unknown) => void;
}

/**
 * A watch without events and bookmarks for this time is dead. A healthy server sends a bookmark each minute, but the
 * first one of a quiet watch only after 128 s. This is 2.5 times as long.
 */
export const INACTIVITY_MIN_MS = 320_000;
const INACTIVITY_SPREAD_MS = 30_000;

/** The pages of an incomplete list. */
interface PartialList<T> {
  objects: T[];
  /** Token of the next page; absent: the first. */
  next?: string;
}

interface OpenWatch<T> {
  events: AsyncGenerator<WatchEvent<T>>;
  idle: InactivityTimer;
  /** Monotonic milliseconds. */
  since: number;
}

interface InactivityTimer extends Disposable {
  /** Aborts with the reflector, or after too long a time without a reset. */
  readonly signal: AbortSignal;
  reset(): void;
}

/** Keeps a sink equal to the objects of the API server, through all failures, until it is stopped. */
export class Reflector<T extends KubernetesObject> {
  readonly #options: ReflectorOptions<T>;
  /** Kept while a failed page is read again. */
  #partial: PartialList<T> = { objects: [] };
  #streams: boolean;
  /** Whether the last watch broke off before it had sent all objects. Then pages get on, and a watch may never. */
  #brokeOff = false;
  /** A watch that has sent the initial objects. */
  #open: OpenWatch<T> | undefined;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#streams = options.streams ?? false;
  }

  /** Lists and watches in turn until the signal aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    let state = INITIAL_STATE;
    while (!signal.aborted) state = await this.#step(state, signal);
  }

  async #step(state: ReflectorState, signal: AbortSignal): Promise<ReflectorState> {
    const { clock, random } = this.#options;
    if (state.phase === 'watching') return this.#watch(state, signal);
    if (state.phase === 'listing') {
      const streams = this.#streams && !this.#brokeOff;
      return streams ? this.#stream(state, signal) : this.#list(state, signal);
    }
    await sleep(clock, state.delayMs, signal);
    return nextState(state, { type: 'waited' }, random);
  }

  async #list(state: ReflectorState, signal: AbortSignal): Promise<ReflectorState> {
    const { client, resource, namespace, labelSelector, transform, sink, random } = this.#options;
    const partial = this.#partial;
    let current = state;
    let resourceVersion = '';
    try {
      // No retries in the transport, which would give up: the reflector retries for ever.
      const options = { namespace, labelSelector, signal, retries: 0 };
      const pages = client.listPages(resource, { ...options, continueFrom: partial.next });
      for await (const page of pages) {
        for (const item of page.items) partial.objects.push(transform(item));
        partial.next = page.next;
        resourceVersion = page.resourceVersion;
        current = nextState(current, { type: 'page' }, random);
        sink.onContact();
      }
      this.#partial = { objects: [] };
      this.#brokeOff = false;
      await sink.replace(partial.objects);
      return nextState(current, { type: 'listed', resourceVersion }, random);
    } catch (error) {
      if (!isPageRetriable(error)) this.#partial = { objects: [] };
      return this.#failed(current, error, 'List', signal);
    }
  }

  /** Reads all objects from the beginning of a watch, which then goes on. */
  async #stream(state: ReflectorState, signal: AbortSignal): Promise<ReflectorState> {
    const { sink, random } = this.#options;
    const watching = nextState(state, { type: 'listed', resourceVersion: '' }, random);
    const watch = this.#openWatch(watching as ReflectorState & { phase: 'watching' }, signal);
    try {
      const { objects, resourceVersion } = await this.#initial(watch);
      await sink.replace(objects);
      this.#open = watch;
      return nextState(state, { type: 'listed', resourceVersion }, random);
    } catch (error) {
      watch.idle[Symbol.dispose]();
      // A server without WatchList refuses the parameters.
      this.#streams = !(error instanceof ApiError && [400, 422].includes(error.status));
      this.#brokeOff = !(error instanceof ApiError);
      return this.#streams ? this.#failed(state, error, 'List', signal) : state;
    }
  }

  /** The objects that the watch sends first. */
  async #initial({
    events,
    idle,
  }: OpenWatch<T>): Promise<{ objects: T[]; resourceVersion: string }> {
    const { transform, sink } = this.#options;
    const objects: T[] = [];
    // `for await` would close the watch at its end.
    for (let next = await events.next(); !next.done; next = await events.next()) {
      const event = next.value;
      if (event.type === 'ERROR') throw apiErrorFromStatus(event.object, 500);
      idle.reset();
      sink.onContact();
      if (event.type === 'ADDED') objects.push(transform(event.object));
      if (endsInitialEvents(event)) {
        return { objects, resourceVersion: event.object.metadata.resourceVersion! };
      }
    }
    throw new Error('The watch ended before it had sent all objects');
  }

  #openWatch(
    { resourceVersion, timeoutSeconds }: ReflectorState & { phase: 'watching' },
    signal: AbortSignal,
  ): OpenWatch<T> {
    const { client, resource, namespace, labelSelector, clock } = this.#options;
    const idle = this.#inactivity(signal);
    const events = client.watch(resource, {
      namespace,
      labelSelector,
      ...(resourceVersion !== '' && { resourceVersion }),
      timeoutSeconds,
      signal: idle.signal,
    });
    return { events, idle, since: clock.monotonic() };
  }

  async #watch(
    started: ReflectorState & { phase: 'watching' },
    signal: AbortSignal,
  ): Promise<ReflectorState> {
    const { clock, random } = this.#options;
    let state: ReflectorState = started;
    const { events, idle, since } = this.#open ?? this.#openWatch(started, signal);
    this.#open = undefined;
    try {
      for await (const event of events) {
        idle.reset();
        const version = this.#take(event);
        state = nextState(state, { type: 'progress', resourceVersion: version }, random);
      }
      return nextState(state, { type: 'ended', lastedMs: clock.monotonic() - since }, random);
    } catch (error) {
      return this.#failed(state, error, 'Watch', signal);
    } finally {
      idle[Symbol.dispose]();
    }
  }

  /** Passes the event to the sink and returns its resourceVersion. */
  #take(event: WatchEvent<T>): string {
    const { sink, transform } = this.#options;
    if (event.type === 'ERROR') throw apiErrorFromStatus(event.object, 500);
    const version = event.object.metadata?.resourceVersion;
    if (!version) throw new MalformedWatchError('The watch sent an object without resourceVersion');
    sink.onContact();
    if (event.type === 'DELETED') sink.remove(transform(event.object));
    else if (event.type !== 'BOOKMARK') sink.upsert(transform(event.object));
    return version;
  }

  #failed(
    state: ReflectorState,
    error: unknown,
    what: 'List' | 'Watch',
    signal: AbortSignal,
  ): ReflectorState {
    const { resource, logger, random, onFailed } = this.#options;
    const next = nextState(state, { type: 'failed', failure: classify(error) }, random);
    if (!signal.aborted) {
      const { plural } = resource;
      const wait = next.phase === 'backoff' ? Math.round(next.delayMs) : 0;
      const level = classify(error).kind === 'expired' ? 'info' : 'warn';
      logger?.[level](
        { resource: plural, retryInMs: wait, ...describeError(error) },
        `${what} failed`,
      );
      onFailed?.(error);
    }
    return next;
  }

  /** The timer fires after 320 to 350 s without a reset. */
  #inactivity(parent: AbortSignal): InactivityTimer {
    const { clock, random } = this.#options;
    const limitMs = INACTIVITY_MIN_MS + random() * INACTIVITY_SPREAD_MS;
    const controller = new AbortController();
    const aborts = addAbortListener(parent, () => controller.abort(parent.reason));
    let last = clock.monotonic();
    let cancel: () => void;
    const check = (): void => {
      const left = last + limitMs - clock.monotonic();
      if (left > 0) cancel = clock.after(left, check);
      else controller.abort(new Error(`The watch sent nothing for ${Math.round(limitMs)} ms`));
    };
    check();
    return {
      signal: controller.signal,
      reset() {
        last = clock.monotonic();
      },
      [Symbol.dispose]() {
        cancel();
        aborts[Symbol.dispose]();
      },
    };
  }
}

/** Whether to read the failed page again. Otherwise the list begins anew. */
function isPageRetriable(error: unknown): boolean {
  return !(error instanceof ApiError) || error.status === 429 || error.status >= 500;
}

function classify(error: unknown): ReflectorFailure {
  if (error instanceof MalformedWatchError) return { kind: 'refused' };
  if (!(error instanceof ApiError)) return { kind: 'connection' };
  const { status, retryAfterMs } = error;
  if (status === 410) return { kind: 'expired', retryAfterMs };
  return { kind: status === 429 ? 'throttled' : 'refused', retryAfterMs };
}

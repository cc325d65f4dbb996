import type { Logger } from 'pino';
import { endsInitialEvents, type KubeClient, type WatchEvent } from './client.ts';
import { sleep } from './clock.ts';
import type { Clock } from './clock.ts';
import { ApiError, apiErrorFromStatus, describeError, MalformedWatchError } from './errors.ts';
import { INITIAL_STATE, nextState } from './reflectorState.ts';
import type { ReflectorFailure, ReflectorState } from './reflectorState.ts';
import type { Read, Resource } from './resource.ts';
import type { KubernetesObject } from './types.ts';

/** Where a reflector puts what it hears. Must not throw. */
export interface ReflectorSink<T> {
  /** These are all there are: what is not among them is gone. Resolves when it has taken them. */
  replace(objects: T[]): Promise<void>;
  upsert(object: T): void;
  remove(object: T): void;
  /** The server was heard: a list, an event or a bookmark. */
  heard(): void;
}

export interface ReflectorOptions<T extends KubernetesObject> {
  client: Pick<KubeClient, 'listPages' | 'watch'>;
  resource: Resource<T, Read>;
  /** Absent: all namespaces. */
  namespace?: string;
  labelSelector?: string;
  /**
   * Begins with a watch that sends all objects first, which spares the API server the pages and this process the large
   * answers. Where the server does not have that, with a list. Default: a list.
   */
  streams?: boolean;
  /** Applied to each object before it is kept, page by page. */
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
 * A watch that is silent for longer than this is dead. A server that is well sends a bookmark each minute, but the first
 * one of a quiet watch comes after 128 s at most; this is 2.5 times as long.
 */
export const INACTIVITY_MIN_MS = 320_000;
const INACTIVITY_SPREAD_MS = 30_000;

/** The pages of a list that has not come to its end. */
interface PartialList<T> {
  objects: T[];
  /** Token of the next page; absent: the first. */
  next?: string;
}

interface OpenWatch<T> {
  events: AsyncGenerator<WatchEvent<T>>;
  idle: Disposable & { signal: AbortSignal; heard(): void };
  /** Monotonic milliseconds. */
  since: number;
}

/** Keeps a sink equal to what the API server holds, over every kind of failure, until it is stopped. */
export class Reflector<T extends KubernetesObject> {
  readonly #options: ReflectorOptions<T>;
  /** Kept while a page is tried again. */
  #partial: PartialList<T> = { objects: [] };
  #streams: boolean;
  /** A watch that has sent what there was and goes on. */
  #open: OpenWatch<T> | undefined;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#streams = options.streams ?? false;
  }

  /** Lists, then watches, and so on until the signal aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    let state = INITIAL_STATE;
    while (!signal.aborted) state = await this.#step(state, signal);
  }

  async #step(state: ReflectorState, signal: AbortSignal): Promise<ReflectorState> {
    const { clock, random } = this.#options;
    if (state.phase === 'watching') return this.#watch(state, signal);
    if (state.phase === 'listing') {
      return this.#streams ? this.#stream(state, signal) : this.#list(state, signal);
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
      // A 429 or 503 comes to us, who waits for ever, and not to the transport, which gives up.
      const options = { namespace, labelSelector, signal, retries: 0 };
      const pages = client.listPages(resource, { ...options, continueFrom: partial.next });
      for await (const page of pages) {
        for (const item of page.items) partial.objects.push(transform(item));
        partial.next = page.next;
        resourceVersion = page.resourceVersion;
        current = nextState(current, { type: 'page' }, random);
        sink.heard();
      }
      this.#partial = { objects: [] };
      await sink.replace(partial.objects);
      return nextState(current, { type: 'listed', resourceVersion }, random);
    } catch (error) {
      if (!isWorthRepeating(error)) this.#partial = { objects: [] };
      return this.#failed(current, error, 'List', signal);
    }
  }

  /** All there is as the beginning of a watch, which then goes on. */
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
      // A server that does not have this refuses its parameters.
      this.#streams = !(error instanceof ApiError && [400, 422].includes(error.status));
      return this.#streams ? this.#failed(state, error, 'List', signal) : state;
    }
  }

  /** What the watch begins with. */
  async #initial({
    events,
    idle,
  }: OpenWatch<T>): Promise<{ objects: T[]; resourceVersion: string }> {
    const { transform, sink } = this.#options;
    const objects: T[] = [];
    // Not with `for await`, which would end the watch.
    for (let next = await events.next(); !next.done; next = await events.next()) {
      const event = next.value;
      if (event.type === 'ERROR') throw apiErrorFromStatus(event.object, 500);
      idle.heard();
      sink.heard();
      if (event.type === 'ADDED') objects.push(transform(event.object));
      if (endsInitialEvents(event)) {
        return { objects, resourceVersion: event.object.metadata.resourceVersion! };
      }
    }
    throw new Error('The watch ended before it had sent all that there is');
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
        idle.heard();
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

  /** Hands the event on and returns the version it stands for. */
  #take(event: WatchEvent<T>): string {
    const { sink, transform } = this.#options;
    if (event.type === 'ERROR') throw apiErrorFromStatus(event.object, 500);
    const version = event.object.metadata?.resourceVersion;
    if (!version) throw new MalformedWatchError('The watch sent an object without resourceVersion');
    sink.heard();
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

  /** A signal that aborts with its parent, or when nothing was heard for 320 to 350 s. */
  #inactivity(parent: AbortSignal): Disposable & { signal: AbortSignal; heard(): void } {
    const { clock, random } = this.#options;
    const limitMs = INACTIVITY_MIN_MS + random() * INACTIVITY_SPREAD_MS;
    const controller = new AbortController();
    const abort = (): void => controller.abort(parent.reason);
    parent.addEventListener('abort', abort);
    let last = clock.monotonic();
    let cancel: () => void;
    const check = (): void => {
      const left = last + limitMs - clock.monotonic();
      if (left > 0) cancel = clock.after(left, check);
      else controller.abort(new Error(`Nothing was heard for ${Math.round(limitMs)} ms`));
    };
    check();
    return {
      signal: controller.signal,
      heard() {
        last = clock.monotonic();
      },
      [Symbol.dispose]() {
        cancel();
        parent.removeEventListener('abort', abort);
      },
    };
  }
}

/** Whether the page that failed may come when it is asked for again; else the whole list is asked for anew. */
function isWorthRepeating(error: unknown): boolean {
  return !(error instanceof ApiError) || error.status === 429 || error.status >= 500;
}

function classify(error: unknown): ReflectorFailure {
  if (error instanceof MalformedWatchError) return { kind: 'refused' };
  if (!(error instanceof ApiError)) return { kind: 'connection' };
  const { status, retryAfterMs } = error;
  if (status === 410) return { kind: 'expired', retryAfterMs };
  return { kind: status === 429 ? 'throttled' : 'refused', retryAfterMs };
}

import { isExpired, isNotFound, MalformedWatchError } from './errors.ts';
import { apiVersionOf, resourcePath, TokenReviews } from './resource.ts';
import type { Resource } from './resource.ts';
import type { Transport, TransportRequest } from './transport.ts';
import type { KubernetesObject, Status, TokenReviewStatus } from './types.ts';
import { lines } from './lines.ts';

export interface CallOptions {
  signal?: AbortSignal;
  /** For one attempt. Default 30 s. */
  deadlineMs?: number;
  /** Attempts after the first. Default 3. */
  retries?: number;
  /** Bypasses the limit of requests in flight: for the Lease, which must not wait behind a burst of writes. */
  urgent?: boolean;
  /** Waits behind other requests at the limit of requests in flight: for status and Events. */
  lowPriority?: boolean;
}

export interface ListOptions extends CallOptions {
  /** Absent: all namespaces. */
  namespace?: string;
  labelSelector?: string;
  /** Objects per page. Default 100. */
  limit?: number;
  /** Token of the page to begin with; absent: the first page. */
  continueFrom?: string;
}

export interface ListPage<T> {
  items: T[];
  /** Version from which to watch; the same on every page of a list. */
  resourceVersion: string;
  /** Token of the next page; absent on the last page. */
  next?: string;
}

export interface WatchOptions {
  namespace?: string;
  labelSelector?: string;
  /** Absent: the watch begins with ADDED for each existing object, then a bookmark; see endsInitialEvents. */
  resourceVersion?: string;
  /** The server ends the watch after this time. */
  timeoutSeconds: number;
  signal: AbortSignal;
}

/** An event of a watch. The object of a bookmark has only a resourceVersion. */
export type WatchEvent<T> =
  | { type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'; object: T }
  | { type: 'ERROR'; object: Status };

export interface ApplyOptions extends CallOptions {
  fieldManager: string;
  /** The server checks the request, and stores nothing. */
  dryRun?: boolean;
  /** Only creates the object. If it exists, the call fails with a conflict and changes nothing. */
  absent?: boolean;
}

export interface ReplaceOptions extends CallOptions {
  /** Default: the first part of the user agent. */
  fieldManager?: string;
}

export interface DeleteOptions extends CallOptions {
  /** Deletes only the object with this UID or of this version. */
  preconditions?: { uid?: string; resourceVersion?: string };
}

/** Parsing a page blocks the event loop: 10 ms for 100 pods, up to 30 ms for 250. */
const PAGE = 100;
const APPLY_PATCH = 'application/apply-patch+yaml';
const MERGE_PATCH = 'application/merge-patch+json';
/**
 * A resourceVersion that no object has: the storage numbers its first write 2. An apply with a resourceVersion changes
 * only that version of an object, but it creates a missing object with any version.
 */
const NO_VERSION = '1';
/** Annotation of the bookmark after the initial objects of a watch. */
const INITIAL_EVENTS_END = 'k8s.io/initial-events-end';
const WATCH_TYPES = new Set(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK', 'ERROR']);

/**
 * Typed calls on raw JSON. Fields that the types lack pass through unchanged. All methods throw ApiError if the server
 * refuses a request, and ConnectionError if it does not answer.
 */
export class KubeClient {
  readonly #transport: Transport;
  readonly #guard?: () => void;

  /** @param guard called right before each write, which fails with the error that it throws */
  constructor(transport: Transport, guard?: () => void) {
    this.#transport = transport;
    this.#guard = guard;
  }

  /** The same client with a guard, for the holder of a right that may expire, such as a Lease. */
  guarded(guard: () => void): KubeClient {
    return new KubeClient(this.#transport, guard);
  }

  /** Undefined if there is no such object. */
  async get<T extends KubernetesObject>(
    resource: Resource<T, 'get'>,
    namespace: string | undefined,
    name: string,
    options: CallOptions = {},
  ): Promise<T | undefined> {
    try {
      const path = resourcePath(resource, namespace, name);
      return await this.#call<T>(resource, { method: 'GET', path, ...options });
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  /** All objects, read in pages, as of one moment. */
  async list<T extends KubernetesObject>(
    resource: Resource<T, 'list'>,
    options: ListOptions = {},
  ): Promise<T[]> {
    const read = async (): Promise<T[]> => {
      const items: T[] = [];
      for await (const page of this.listPages(resource, options)) {
        for (const item of page.items) items.push(item);
      }
      return items;
    };
    try {
      return await read();
    } catch (error) {
      // The snapshot that the pages are cut from lives for five minutes at most.
      if (isExpired(error)) return read();
      throw error;
    }
  }

  /** The pages of one consistent list. The caller need not hold all of it in memory. */
  async *listPages<T extends KubernetesObject>(
    resource: Resource<T, 'list'>,
    { namespace, labelSelector, limit = PAGE, continueFrom, ...options }: ListOptions = {},
  ): AsyncGenerator<ListPage<T>> {
    const path = resourcePath(resource, namespace);
    let token = continueFrom;
    do {
      const query = { labelSelector, limit, continue: token };
      const request = { method: 'GET', path, query, ...options } as const;
      const list = await this.#transport.request<RawList<T>>(request);
      const items = (list.items ?? []).map((item) => withKind(resource, item));
      token = list.metadata.continue || undefined;
      const { resourceVersion } = list.metadata;
      yield { items, resourceVersion, ...(token !== undefined && { next: token }) };
    } while (token !== undefined);
  }

  /**
   * Changes after `resourceVersion`, with bookmarks, until the server ends it or the signal aborts.
   * @throws ConnectionError if it breaks off, also within a line; MalformedWatchError for a line that is no event
   */
  async *watch<T extends KubernetesObject>(
    resource: Resource<T, 'watch'>,
    { namespace, labelSelector, resourceVersion, timeoutSeconds, signal }: WatchOptions,
  ): AsyncGenerator<WatchEvent<T>> {
    const bytes = await this.#transport.stream({
      method: 'GET',
      path: resourcePath(resource, namespace),
      query: {
        watch: true,
        allowWatchBookmarks: true,
        labelSelector,
        resourceVersion,
        ...(resourceVersion === undefined && {
          sendInitialEvents: true,
          resourceVersionMatch: 'NotOlderThan',
        }),
        timeoutSeconds,
      },
      signal,
    });
    for await (const line of lines(bytes)) yield parseEvent<T>(line);
  }

  async create<T extends KubernetesObject>(
    resource: Resource<T, 'create'>,
    object: KubernetesObject,
    options: CallOptions & { fieldManager?: string } = {},
  ): Promise<T> {
    const { fieldManager, ...call } = options;
    const path = resourcePath(resource, object.metadata.namespace);
    return this.#write(
      resource,
      { method: 'POST', path, query: { fieldManager }, ...call },
      object,
    );
  }

  /**
   * Server-side apply. `object` has exactly the fields that `fieldManager` is to own; it takes them over from other managers.
   */
  async apply<T extends KubernetesObject>(
    resource: Resource<T, 'create' | 'patch'>,
    object: KubernetesObject,
    { fieldManager, dryRun, absent, ...options }: ApplyOptions,
  ): Promise<T> {
    const { namespace, name } = object.metadata;
    const metadata = absent ? { ...object.metadata, resourceVersion: NO_VERSION } : object.metadata;
    const path = resourcePath(resource, namespace, name);
    const query = { fieldManager, force: true, ...(dryRun && { dryRun: 'All' }) };
    const request = { method: 'PATCH', path, query, contentType: APPLY_PATCH, ...options } as const;
    return this.#write(resource, request, { ...object, metadata });
  }

  /** Replaces the whole object. Fails with a conflict if its resourceVersion is set and not current. */
  async replace<T extends KubernetesObject>(
    resource: Resource<T, 'update'>,
    object: KubernetesObject,
    options: CallOptions = {},
  ): Promise<T> {
    return this.#replace(resource, object, options);
  }

  /** Replaces only the status. Fails with a conflict as `replace` does. */
  async replaceStatus<T extends KubernetesObject>(
    resource: Resource<T, 'status/update'>,
    object: KubernetesObject,
    options: ReplaceOptions = {},
  ): Promise<T> {
    return this.#replace(resource, object, options, 'status');
  }

  /** JSON merge patch: `null` removes a field, and lists are replaced as a whole. */
  async mergePatch<T extends KubernetesObject>(
    resource: Resource<T, 'patch'>,
    namespace: string | undefined,
    name: string,
    patch: object,
    options: CallOptions = {},
  ): Promise<T> {
    const path = resourcePath(resource, namespace, name);
    const request = { method: 'PATCH', path, contentType: MERGE_PATCH, ...options } as const;
    return this.#call(resource, { ...request, body: patch, guard: this.#guard });
  }

  /** Deletes an object, its dependents in the background. Returns false if there was no such object. */
  async delete<T extends KubernetesObject>(
    resource: Resource<T, 'delete'>,
    namespace: string | undefined,
    name: string,
    { preconditions, ...options }: DeleteOptions = {},
  ): Promise<boolean> {
    const path = resourcePath(resource, namespace, name);
    const propagationPolicy = 'Background';
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions, propagationPolicy };
    try {
      const request = { method: 'DELETE', path, body, guard: this.#guard, ...options } as const;
      await this.#transport.request(request);
      return true;
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
  }

  /** Asks the API server whose token this is and whether it was issued for one of `audiences`. */
  async reviewToken(
    token: string,
    audiences: string[],
    options: CallOptions = {},
  ): Promise<TokenReviewStatus> {
    const review = await this.#call(TokenReviews, {
      method: 'POST',
      path: resourcePath(TokenReviews),
      body: withKind(TokenReviews, { metadata: {}, spec: { token, audiences } }),
      idempotent: true,
      lane: 'reviews',
      ...options,
    });
    return review.status ?? {};
  }

  /** Plurals of the watchable kinds under a group and version; empty if the server does not know it. */
  async servedPlurals(
    group: string,
    version: string,
    options: CallOptions = {},
  ): Promise<ReadonlySet<string>> {
    try {
      const path = `/apis/${group}/${version}`;
      const list = await this.#transport.request<ApiResourceList>({
        method: 'GET',
        path,
        ...options,
      });
      const watchable = list.resources.filter(({ verbs }) => verbs.includes('watch'));
      return new Set(watchable.map(({ name }) => name));
    } catch (error) {
      if (isNotFound(error)) return new Set();
      throw error;
    }
  }

  #replace<T extends KubernetesObject>(
    resource: Resource<T>,
    object: KubernetesObject,
    { fieldManager, ...options }: ReplaceOptions,
    subresource?: string,
  ): Promise<T> {
    const { namespace, name } = object.metadata;
    const path = resourcePath(resource, namespace, name, subresource);
    const query = { fieldManager };
    return this.#write(resource, { method: 'PUT', path, query, ...options }, object);
  }

  #write<T extends KubernetesObject>(
    resource: Resource<T>,
    request: TransportRequest,
    object: KubernetesObject,
  ): Promise<T> {
    const body = withKind(resource, object);
    return this.#call(resource, { ...request, body, guard: this.#guard });
  }

  async #call<T extends KubernetesObject>(
    resource: Resource<T>,
    request: TransportRequest,
  ): Promise<T> {
    return withKind(resource, await this.#transport.request<T>(request));
  }
}

interface ApiResourceList {
  resources: { name: string; verbs: string[] }[];
}

interface RawList<T> {
  metadata: { resourceVersion: string; continue?: string };
  items?: T[] | null;
}

/** The items of a list lack apiVersion and kind, and callers may omit them. */
function withKind<T extends KubernetesObject>(resource: Resource<T>, object: object): T {
  return { ...object, apiVersion: apiVersionOf(resource), kind: resource.kind } as unknown as T;
}

/** Whether the event follows the last initial object of a watch without resourceVersion. */
export function endsInitialEvents({ type, object }: WatchEvent<KubernetesObject>): boolean {
  return type === 'BOOKMARK' && object.metadata?.annotations?.[INITIAL_EVENTS_END] === 'true';
}

function parseEvent<T>(line: string): WatchEvent<T> {
  let event: WatchEvent<T> | null;
  try {
    event = JSON.parse(line) as WatchEvent<T> | null;
  } catch (cause) {
    throw new MalformedWatchError('The watch sent a line that is not JSON', cause);
  }
  if (!event || !WATCH_TYPES.has(event.type) || typeof event.object !== 'object') {
    throw new MalformedWatchError('The watch sent a line that is not an event');
  }
  return event;
}

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
  /** Passes the in-flight cap: for the Lease, which must not queue behind a burst of writes. */
  urgent?: boolean;
  /** Waits behind others when the in-flight cap is reached: for what only tells, such as status. */
  yields?: boolean;
}

export interface ListOptions extends CallOptions {
  /** Absent: all namespaces. */
  namespace?: string;
  labelSelector?: string;
  /** Objects per page. Default 100. */
  limit?: number;
  /** Token of a page to go on after; absent: from the first page. */
  continueFrom?: string;
}

export interface ListPage<T> {
  items: T[];
  /** Where a watch goes on from; the same on every page of one list. */
  resourceVersion: string;
  /** Token to ask for the next page with; absent on the last one. */
  next?: string;
}

export interface WatchOptions {
  namespace?: string;
  labelSelector?: string;
  /** Absent: begins with an ADDED for each object that there is, and a bookmark after them; see endsInitialEvents. */
  resourceVersion?: string;
  /** After this the server ends the watch. */
  timeoutSeconds: number;
  signal: AbortSignal;
}

/** What a watch says. A bookmark's object has nothing but a resourceVersion. */
export type WatchEvent<T> =
  | { type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'; object: T }
  | { type: 'ERROR'; object: Status };

export interface ApplyOptions extends CallOptions {
  fieldManager: string;
  /** Take over fields that another manager owns. Default true, as a controller should. */
  force?: boolean;
  /** Only make the object: a conflict when there is one of its name, and nothing of that one changes. */
  absent?: boolean;
}

export interface DeleteOptions extends CallOptions {
  /** Delete nothing but this very object, or this very version of it. */
  preconditions?: { uid?: string; resourceVersion?: string };
}

/** A page is parsed in one go, and all else waits for it: 100 pods take 10 ms, 250 three times as long at worst. */
const PAGE = 100;
const APPLY_PATCH = 'application/apply-patch+yaml';
const MERGE_PATCH = 'application/merge-patch+json';
/**
 * A version that no object has, as the storage numbers its first write 2. To apply at a version is to change that
 * version of the object and no other, and an object that is not there is made whatever version is asked for.
 */
const NO_VERSION = '1';
/** On the bookmark after the objects with which a watch began. */
const INITIAL_EVENTS_END = 'k8s.io/initial-events-end';
const WATCH_TYPES = new Set(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK', 'ERROR']);

/**
 * Typed calls on raw JSON: fields that our types do not know pass through untouched. All methods throw
 * ApiError for what the server refuses and ConnectionError for what it does not answer.
 */
export class KubeClient {
  readonly #transport: Transport;
  readonly #guard?: () => void;

  /** `guard` is called right before each write; what it throws is the write's outcome. */
  constructor(transport: Transport, guard?: () => void) {
    this.#transport = transport;
    this.#guard = guard;
  }

  /** The same client for the holder of a right that may lapse, such as a Lease: see the constructor. */
  guarded(guard: () => void): KubeClient {
    return new KubeClient(this.#transport, guard);
  }

  /** One object, or undefined when there is none. */
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

  /** The pages of one consistent list, so that a long one is never whole in memory. */
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
   * @throws ConnectionError when it breaks off, in the middle of a line too; MalformedWatchError for a
   * line that is no event.
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

  /** Server-side apply: `object` holds all the fields that `fieldManager` wants to own, and no others. */
  async apply<T extends KubernetesObject>(
    resource: Resource<T, 'create' | 'patch'>,
    object: KubernetesObject,
    { fieldManager, force = true, absent, ...options }: ApplyOptions,
  ): Promise<T> {
    const { namespace, name } = object.metadata;
    const metadata = absent ? { ...object.metadata, resourceVersion: NO_VERSION } : object.metadata;
    const path = resourcePath(resource, namespace, name);
    const query = { fieldManager, force };
    const request = { method: 'PATCH', path, query, contentType: APPLY_PATCH, ...options } as const;
    return this.#write(resource, request, { ...object, metadata });
  }

  /** Replaces the whole object; conflicts when its resourceVersion is set and no longer the current one. */
  async replace<T extends KubernetesObject>(
    resource: Resource<T, 'update'>,
    object: KubernetesObject,
    options: CallOptions = {},
  ): Promise<T> {
    return this.#replace(resource, object, options);
  }

  /** Replaces the status and nothing else; conflicts as replace does. */
  async replaceStatus<T extends KubernetesObject>(
    resource: Resource<T, 'status/update'>,
    object: KubernetesObject,
    options: CallOptions = {},
  ): Promise<T> {
    return this.#replace(resource, object, options, 'status');
  }

  /** JSON merge patch: `null` removes a field, a list is replaced whole. */
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

  /** Asks for the object's deletion; false when there was none. */
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

  /** Asks the API server whose token it is and whether it was issued for one of `audiences`. */
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

  /** Plurals of the kinds that can be watched under a group and version; none when the server does not know it. */
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
    options: CallOptions,
    subresource?: string,
  ): Promise<T> {
    const { namespace, name } = object.metadata;
    const path = resourcePath(resource, namespace, name, subresource);
    return this.#write(resource, { method: 'PUT', path, ...options }, object);
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

/** Items of a list come without apiVersion and kind, and callers may leave them out too. */
function withKind<T extends KubernetesObject>(resource: Resource<T>, object: object): T {
  return { ...object, apiVersion: apiVersionOf(resource), kind: resource.kind } as unknown as T;
}

/** Whether a watch that began with the objects that there are has sent the last of them. */
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

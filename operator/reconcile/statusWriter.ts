import { hash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { KubernetesObject } from '../../crds/meta.ts';
import {
  isConflict,
  isNotFound,
  keyOf,
  ObjectRates,
  type ReplaceOptions,
  type Resource,
} from '../kube/index.ts';
import { withoutFigures } from '../status/figures.ts';
import type { Contest } from '../status/observations.ts';
import type { Contests, Undone } from './contests.ts';
import type { FigureRefreshes } from './figureRefreshes.ts';
import { OwnWrites } from './ownWrites.ts';
import { isNewer } from './resourceVersion.ts';

export interface StatusObject<S> extends KubernetesObject {
  status?: S;
}

/** The method of KubeClient by which status is written. */
export interface StatusClient {
  replaceStatus<T extends KubernetesObject>(
    resource: Resource<T, 'status/update'>,
    object: KubernetesObject,
    options?: ReplaceOptions,
  ): Promise<T>;
}

export interface StatusWriterOptions<S extends object, T extends StatusObject<S>> {
  client: StatusClient;
  resource: Resource<T, 'status/update'>;
  refreshes: FigureRefreshes;
  /** Recognises another writer of the status. */
  contests: Contests;
  /** No other installation may write under it. */
  fieldManager: string;
  ownWrites?: OwnWrites | undefined;
}

/** Writes of one object after changes of states: as many at once, and one more so often, as a pod can change its own. */
const BURST = 60;
const EVERY_MS = 1000;

/** What the API server stored at the last write. The whole object would take several times the memory. */
interface Written<S> {
  uid: string | undefined;
  resourceVersion: string | undefined;
  status: S | undefined;
}

/**
 * Writes the status of objects of one kind. A change of more than figures is written at once, unless there are more than
 * one a second for long. Figures are written with it, or when it is their time. It answers another writer as ChildWriter does.
 */
export class StatusWriter<S extends object, T extends StatusObject<S>> {
  readonly #client: StatusClient;
  readonly #resource: Resource<T, 'status/update'>;
  readonly #refreshes: FigureRefreshes;
  readonly #rates = new ObjectRates(BURST, EVERY_MS);
  readonly #contests: Contests;
  readonly #fieldManager: string;
  readonly #ownWrites: OwnWrites;
  /** The last write, while the informer's cache may be older. */
  readonly #written = new Map<string, Written<S>>();

  constructor(options: StatusWriterOptions<S, T>) {
    this.#client = options.client;
    this.#resource = options.resource;
    this.#refreshes = options.refreshes;
    this.#contests = options.contests;
    this.#fieldManager = options.fieldManager;
    this.#ownWrites = options.ownWrites ?? new OwnWrites();
  }

  /** The cached object, with the last written status if that is newer. */
  newest(cached: T): T {
    const written = this.#written.get(keyOf(cached));
    if (!written) return cached;
    const { uid, resourceVersion, status } = written;
    if (uid === cached.metadata.uid && isNewer(resourceVersion, cached.metadata.resourceVersion)) {
      // The API server accepts a write only of the newest version, so the rest of the cached object is current.
      return { ...cached, metadata: { ...cached.metadata, resourceVersion }, status };
    }
    this.#written.delete(keyOf(cached));
    return cached;
  }

  /**
   * @param object result of `newest`
   * @param now monotonic milliseconds
   * @returns whether the status was written, or after how many milliseconds to try again
   * @throws ApiError, such as a conflict if another writer changed the object meanwhile
   */
  async write(
    object: T,
    next: S,
    now: number,
    signal: AbortSignal,
  ): Promise<{ written: boolean; retryAfterMs?: number }> {
    const key = keyOf(object);
    const heldMs = this.#contests.waitMs(object.metadata.uid!);
    if (heldMs > 0 && this.#isUndone(object)) return { written: false, retryAfterMs: heldMs };
    const wait = this.#waitMs(object, next, now);
    if (wait === undefined) return { written: false };
    if (wait > 0) return { written: false, retryAfterMs: wait };
    try {
      await this.#replace(object, next, signal);
    } catch (error) {
      // The object was deleted meanwhile.
      if (isNotFound(error)) return { written: false };
      // What was written last is not the newest, even if its version is higher, as after a restore of etcd.
      if (isConflict(error)) this.#written.delete(key);
      throw error;
    }
    this.#refreshes.forget(this.#refreshOf(key));
    return { written: true };
  }

  /** Who contests the status, and when to look again; undefined while it is not contested. */
  contestOf({ metadata }: T): (Contest & { lookAgainMs: number }) | undefined {
    const contest = this.#contests.of(metadata.uid!);
    return contest && { kind: this.#resource.kind, name: metadata.name, ...contest };
  }

  async #replace(object: T, next: S, signal: AbortSignal): Promise<void> {
    const { uid } = object.metadata;
    const undone = this.#isUndone(object) ? await this.#undoneBy(object, signal) : undefined;
    const options = { fieldManager: this.#fieldManager, lowPriority: true, signal };
    const { metadata, status } = await this.#ownWrites.track(uid, () =>
      this.#client.replaceStatus(this.#resource, { ...object, status: next }, options),
    );
    const { resourceVersion } = metadata;
    this.#written.set(keyOf(object), { uid, resourceVersion, status });
    this.#contests.wrote(uid!, { stamp: stampOf(status), version: resourceVersion }, undone);
  }

  #isUndone({ metadata, status }: T): boolean {
    const found = { stamp: stampOf(status), version: metadata.resourceVersion };
    return this.#contests.isUndone(metadata.uid!, found);
  }

  /**
   * Says who wrote the status last. When a contest begins, the operator sends the stored status once more as a dry run, and
   * the answer names the field managers. Undefined if this installation wrote last: it did not hear that its write succeeded.
   */
  async #undoneBy(object: T, signal: AbortSignal): Promise<Undone | undefined> {
    const fields = ['.status'];
    if (!this.#contests.isFrequent(object.metadata.uid!)) return { writers: [], fields };
    const options = { fieldManager: this.#fieldManager, dryRun: true, lowPriority: true, signal };
    const stored = await this.#client.replaceStatus(this.#resource, object, options);
    const writers = lastWriters(stored).filter((manager) => manager !== this.#fieldManager);
    return writers.length > 0 ? { writers, fields } : undefined;
  }

  /** Milliseconds until the status may be written; undefined if nothing has changed. */
  #waitMs({ metadata, status }: T, next: S, now: number): number | undefined {
    const refresh = this.#refreshOf(keyOf({ metadata }));
    if (isDeepStrictEqual(status, next)) {
      this.#refreshes.forget(refresh);
      return undefined;
    }
    const isFiguresOnly =
      status !== undefined && isDeepStrictEqual(withoutFigures(status), withoutFigures(next));
    return isFiguresOnly
      ? this.#refreshes.waitMs(refresh, now)
      : this.#rates.take(metadata.uid!, now);
  }

  /** The object's name among those of all kinds. */
  #refreshOf(key: string): string {
    return `${this.#resource.kind}/${key}`;
  }

  forget(key: string): void {
    this.#written.delete(key);
    this.#refreshes.forget(this.#refreshOf(key));
  }
}

/** Hash of a status as the API server stores it. */
function stampOf(status: unknown): string {
  return hash('sha256', JSON.stringify(status) ?? '');
}

interface ManagedFields {
  manager?: string;
  subresource?: string;
  /** RFC 3339 in whole seconds. */
  time?: string;
}

/** The field managers that wrote the status in the last second in which it changed. */
function lastWriters({ metadata }: KubernetesObject): string[] {
  const { managedFields = [] } = metadata as { managedFields?: ManagedFields[] };
  const writes = managedFields.filter(({ subresource }) => subresource === 'status');
  const last = writes
    .map(({ time = '' }) => time)
    .sort()
    .at(-1);
  return writes.flatMap(({ manager, time = '' }) => (time === last ? (manager ?? []) : []));
}

import { isDeepStrictEqual } from 'node:util';
import type { KubernetesObject } from '../../crds/meta.ts';
import { isConflict, isNotFound, keyOf, type CallOptions, type Resource } from '../kube/index.ts';
import type { StatusChange } from '../status/change.ts';
import { OwnWrites } from './ownWrites.ts';
import { isNewer } from './resourceVersion.ts';
import type { WriteBudget } from './writeBudget.ts';

export interface StatusObject<S> extends KubernetesObject {
  status?: S;
}

/** The method of KubeClient by which status is written. */
export interface StatusClient {
  replaceStatus<T extends KubernetesObject>(
    resource: Resource<T, 'status/update'>,
    object: KubernetesObject,
    options?: CallOptions,
  ): Promise<T>;
}

/** Figures that stay the same for this long have settled. As pods report in batches, that is within 10 s of the last change. */
const STEADY_MS = 2_000;

/** Figures to write, and since when they have not changed in monotonic milliseconds. */
interface Steady {
  figures: unknown;
  since: number;
}

/** What the API server stored at the last write. The whole object would take several times the memory. */
interface Written<S> {
  uid: string | undefined;
  resourceVersion: string | undefined;
  status: S | undefined;
}

/**
 * Writes the status of objects of one kind: at once after a change of a state, condition or generation, within a budget
 * after a change of figures alone, and not at all without a change.
 */
export class StatusWriter<S, T extends StatusObject<S>> {
  readonly #client: StatusClient;
  readonly #resource: Resource<T, 'status/update'>;
  readonly #budget: WriteBudget;
  readonly #ownWrites: OwnWrites;
  readonly #settling: (status: S) => readonly unknown[];
  /** By object: the parts of its figures that are not written yet. */
  readonly #steady = new Map<string, (Steady | undefined)[]>();
  readonly #changeOf: (previous: S | undefined, next: S) => StatusChange;
  /** The last write, while the informer's cache may be older. */
  readonly #written = new Map<string, Written<S>>();

  /** @param settling the parts of the figures; each is written soon after it has settled */
  constructor(
    client: StatusClient,
    resource: Resource<T, 'status/update'>,
    budget: WriteBudget,
    changeOf: (previous: S | undefined, next: S) => StatusChange,
    ownWrites = new OwnWrites(),
    settling: (status: S) => readonly unknown[] = () => [],
  ) {
    this.#settling = settling;
    this.#client = client;
    this.#resource = resource;
    this.#budget = budget;
    this.#changeOf = changeOf;
    this.#ownWrites = ownWrites;
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
    const change = this.#changeOf(object.status, next);
    if (change !== 'Now') {
      const wait = this.#wait(object, next, change, now);
      if (wait === undefined) return { written: false };
      if (wait > 0) return { written: false, retryAfterMs: wait };
    }
    this.#steady.delete(key);
    const body = { ...object, status: next };
    try {
      const options = { signal, lowPriority: true };
      const written = await this.#ownWrites.track(object.metadata.uid, () =>
        this.#client.replaceStatus(this.#resource, body, options),
      );
      const { metadata, status } = written;
      const { uid, resourceVersion } = metadata;
      this.#written.set(key, { uid, resourceVersion, status });
    } catch (error) {
      // The object was deleted meanwhile.
      if (isNotFound(error)) return { written: false };
      // What was written last is not the newest, even if its version is higher, as after a restore of etcd.
      if (isConflict(error)) this.#written.delete(key);
      throw error;
    }
    return { written: true };
  }

  /** Milliseconds until the figures may be written; undefined if they need no write. */
  #wait(object: T, next: S, change: StatusChange, now: number): number | undefined {
    const name = `${object.kind}/${keyOf(object)}`;
    const since = this.#settlingSince(object, next, now);
    if (since === undefined) {
      return change === 'Later' ? this.#budget.take(name, now) : undefined;
    }
    const left = since + STEADY_MS - now;
    if (left <= 0) return this.#budget.take(name, now, true);
    const unsettled = change === 'Later' ? this.#budget.take(name, now) : left;
    return Math.min(left, unsettled);
  }

  /** Since when the parts that differ from the written status have settled, at the earliest; undefined if none differs. */
  #settlingSince(object: T, next: S, now: number): number | undefined {
    const key = keyOf(object);
    const known = this.#steady.get(key) ?? [];
    const written = object.status === undefined ? [] : this.#settling(object.status);
    const steady = this.#settling(next).map((figures, part) => {
      if (isDeepStrictEqual(figures, written[part])) return undefined;
      const before = known[part];
      return before && isDeepStrictEqual(before.figures, figures)
        ? before
        : { figures, since: now };
    });
    const pending = steady.flatMap((part) => part?.since ?? []);
    if (pending.length === 0) {
      this.#steady.delete(key);
      return undefined;
    }
    this.#steady.set(key, steady);
    return Math.min(...pending);
  }

  forget(kind: string, key: string): void {
    this.#steady.delete(key);
    this.#written.delete(key);
    this.#budget.forget(`${kind}/${key}`);
  }
}

import { isDeepStrictEqual } from 'node:util';
import type { KubernetesObject } from '../../crds/meta.ts';
import { isConflict, isNotFound, keyOf, type CallOptions, type Resource } from '../kube/index.ts';
import type { StatusChange } from '../status/change.ts';
import type { NumbersBudget } from './numbersBudget.ts';
import { OwnWrites } from './ownWrites.ts';

export interface StatusObject<S> extends KubernetesObject {
  status?: S;
}

/** The part of the client that is needed here. */
export interface StatusClient {
  replaceStatus<T extends KubernetesObject>(
    resource: Resource<T, 'status/update'>,
    object: KubernetesObject,
    options?: CallOptions,
  ): Promise<T>;
}

/** Figures that stayed the same for so long have stopped moving. With the batches of figures, that is within 10 s. */
const STEADY_MS = 2_000;

/** Figures as they were to be written, and since when they have been the same; monotonic milliseconds. */
interface Steady {
  figures: unknown;
  since: number;
}

/**
 * Writes the status of one kind of object: at once when a state, condition or generation changed,
 * within a budget when only numbers did, never when nothing did.
 */
export class StatusWriter<S, T extends StatusObject<S>> {
  readonly #client: StatusClient;
  readonly #resource: Resource<T, 'status/update'>;
  readonly #budget: NumbersBudget;
  readonly #ownWrites: OwnWrites;
  readonly #settling: (status: S) => readonly unknown[];
  /** By object, of each part of its figures that is not written yet. */
  readonly #steady = new Map<string, (Steady | undefined)[]>();
  readonly #changeOf: (previous: S | undefined, next: S) => StatusChange;
  /** What was written last, for as long as the informer's cache is behind it. */
  readonly #written = new Map<string, T>();

  /** @param settling parts of the figures, each of which is written soon after it has stopped moving */
  constructor(
    client: StatusClient,
    resource: Resource<T, 'status/update'>,
    budget: NumbersBudget,
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

  /** The newest version known of an object that the cache holds. */
  newest(cached: T): T {
    const written = this.#written.get(keyOf(cached));
    if (!written) return cached;
    if (written.metadata.uid === cached.metadata.uid && isNewer(written, cached)) return written;
    this.#written.delete(keyOf(cached));
    return cached;
  }

  /**
   * @param object as `newest` gave it
   * @param now monotonic milliseconds
   * @returns whether it was written, or in how many milliseconds to try again
   * @throws ApiError, among them a conflict when somebody changed the object meanwhile
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
      const options = { signal, yields: true };
      const written = await this.#ownWrites.during(object.metadata.uid, () =>
        this.#client.replaceStatus(this.#resource, body, options),
      );
      this.#written.set(key, written);
    } catch (error) {
      // Deleted meanwhile: there is nothing left to tell.
      if (isNotFound(error)) return { written: false };
      // What was written last is not the newest, even if its version is higher, as after a restore of etcd.
      if (isConflict(error)) this.#written.delete(key);
      throw error;
    }
    return { written: true };
  }

  /** How long a change of figures has to wait; undefined if it is not to be written. */
  #wait(object: T, next: S, change: StatusChange, now: number): number | undefined {
    const name = `${object.kind}/${keyOf(object)}`;
    const since = this.#settlingSince(object, next, now);
    if (since === undefined) {
      return change === 'Later' ? this.#budget.take(name, now) : undefined;
    }
    const left = since + STEADY_MS - now;
    if (left <= 0) return this.#budget.take(name, now, true);
    const moved = change === 'Later' ? this.#budget.take(name, now) : left;
    return Math.min(left, moved);
  }

  /** Since when the steadiest part that differs from the written status has not moved; undefined if none differs. */
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

/** Versions of one object come from one counter of the storage, so the larger is the newer. */
function isNewer(a: KubernetesObject, b: KubernetesObject): boolean {
  const [left, right] = [a.metadata.resourceVersion, b.metadata.resourceVersion];
  if (!left || !right || !/^\d+$/.test(left) || !/^\d+$/.test(right)) return false;
  return BigInt(left) > BigInt(right);
}

import type { KubernetesObject } from '../../crds/meta.ts';
import { isNotFound, keyOf, type CallOptions, type Resource } from '../kube/index.ts';
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

/**
 * Writes the status of one kind of object: at once when a state, condition or generation changed,
 * within a budget when only numbers did, never when nothing did.
 */
export class StatusWriter<S, T extends StatusObject<S>> {
  readonly #client: StatusClient;
  readonly #resource: Resource<T, 'status/update'>;
  readonly #budget: NumbersBudget;
  readonly #ownWrites: OwnWrites;
  readonly #changeOf: (previous: S | undefined, next: S) => StatusChange;
  /** What was written last, for as long as the informer's cache is behind it. */
  readonly #written = new Map<string, T>();

  constructor(
    client: StatusClient,
    resource: Resource<T, 'status/update'>,
    budget: NumbersBudget,
    changeOf: (previous: S | undefined, next: S) => StatusChange,
    ownWrites = new OwnWrites(),
  ) {
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
    if (change === 'No') return { written: false };
    if (change === 'Later') {
      const wait = this.#budget.take(`${object.kind}/${key}`, now);
      if (wait > 0) return { written: false, retryAfterMs: wait };
    }
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
      throw error;
    }
    return { written: true };
  }

  forget(kind: string, key: string): void {
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

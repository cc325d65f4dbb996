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
import type { StatusChange } from '../status/change.ts';
import type { Contest } from '../status/observations.ts';
import type { Contests, Undone } from './contests.ts';
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
    options?: ReplaceOptions,
  ): Promise<T>;
}

export interface StatusWriterOptions<S, T extends StatusObject<S>> {
  client: StatusClient;
  resource: Resource<T, 'status/update'>;
  budget: WriteBudget;
  /** Recognises another writer of the status. */
  contests: Contests;
  /** No other installation may write under it. */
  fieldManager: string;
  changeOf: (previous: S | undefined, next: S) => StatusChange;
  ownWrites?: OwnWrites | undefined;
  /** The parts of the figures; each is written soon after it has settled. Default: none. */
  settling?: (status: S) => readonly unknown[];
}

/** Figures that stay the same for this long have settled. As pods report in batches, that is within 10 s of the last change. */
const STEADY_MS = 2_000;

/** Writes of one object after changes of states: as many at once, and one more so often, as a pod can change its own. */
const BURST = 60;
const EVERY_MS = 1000;

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
 * Writes the status of objects of one kind: after a change of a state, condition or generation at once, unless there are
 * more than one a second for long; within a budget
 * after a change of figures alone, and not at all without a change. It answers another writer as ChildWriter does.
 */
export class StatusWriter<S, T extends StatusObject<S>> {
  readonly #client: StatusClient;
  readonly #resource: Resource<T, 'status/update'>;
  readonly #budget: WriteBudget;
  readonly #rates = new ObjectRates(BURST, EVERY_MS);
  readonly #contests: Contests;
  readonly #fieldManager: string;
  readonly #ownWrites: OwnWrites;
  readonly #settling: (status: S) => readonly unknown[];
  /** By object: the parts of its figures that are not written yet. */
  readonly #steady = new Map<string, (Steady | undefined)[]>();
  readonly #changeOf: (previous: S | undefined, next: S) => StatusChange;
  /** The last write, while the informer's cache may be older. */
  readonly #written = new Map<string, Written<S>>();

  constructor({
    ownWrites = new OwnWrites(),
    settling = () => [],
    ...options
  }: StatusWriterOptions<S, T>) {
    this.#client = options.client;
    this.#resource = options.resource;
    this.#budget = options.budget;
    this.#contests = options.contests;
    this.#fieldManager = options.fieldManager;
    this.#changeOf = options.changeOf;
    this.#ownWrites = ownWrites;
    this.#settling = settling;
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
    const change = this.#changeOf(object.status, next);
    const { uid } = object.metadata;
    const wait =
      change === 'Now' ? this.#rates.take(uid!, now) : this.#wait(object, next, change, now);
    if (wait === undefined) return { written: false };
    if (wait > 0) return { written: false, retryAfterMs: wait };
    this.#steady.delete(key);
    try {
      await this.#replace(object, next, signal);
    } catch (error) {
      // The object was deleted meanwhile.
      if (isNotFound(error)) return { written: false };
      // What was written last is not the newest, even if its version is higher, as after a restore of etcd.
      if (isConflict(error)) this.#written.delete(key);
      throw error;
    }
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

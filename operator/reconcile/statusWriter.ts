import { hash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { KubernetesObject } from '../../crds/meta.ts';
import {
  isConflict,
  isNotFound,
  keyOf,
  ObjectRates,
  type KubeClient,
  type Resource,
} from '../kube/index.ts';
import { withoutFigures } from '../status/figures.ts';
import type { Contest } from '../status/observations.ts';
import type { FigureRefreshes } from './figureRefreshes.ts';
import { OwnWrites } from './ownWrites.ts';
import type { Repairs } from './repairs.ts';
import { isNewer } from './resourceVersion.ts';

export interface StatusObject<S> extends KubernetesObject {
  status?: S;
}

export interface StatusWriterOptions<S extends object, T extends StatusObject<S>> {
  client: Pick<KubeClient, 'replaceStatus'>;
  resource: Resource<T, 'status/update'>;
  refreshes: FigureRefreshes;
  /** Recognises another writer of the status. */
  repairs: Repairs;
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
  readonly #client: Pick<KubeClient, 'replaceStatus'>;
  readonly #resource: Resource<T, 'status/update'>;
  readonly #refreshes: FigureRefreshes;
  readonly #rates = new ObjectRates(BURST, EVERY_MS);
  readonly #repairs: Repairs;
  readonly #fieldManager: string;
  readonly #ownWrites: OwnWrites;
  /** The last write, while the informer's cache may be older. */
  readonly #written = new Map<string, Written<S>>();

  constructor(options: StatusWriterOptions<S, T>) {
    this.#client = options.client;
    this.#resource = options.resource;
    this.#refreshes = options.refreshes;
    this.#repairs = options.repairs;
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
    const uid = object.metadata.uid!;
    const heldMs = this.#repairs.waitMs(uid);
    if (heldMs > 0 && this.#isRepair(object)) return { written: false, retryAfterMs: heldMs };
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
      // The answer may have been lost. Then what is stored is not another writer's.
      else this.#repairs.forget(uid);
      throw error;
    }
    this.#refreshes.forget(this.#refreshOf(key));
    return { written: true };
  }

  /** The contest of the status, and when to look again; undefined while it is not contested. */
  contestOf({ metadata }: T): (Contest & { lookAgainMs: number }) | undefined {
    const contested = this.#repairs.contested(metadata.uid!);
    return contested && { kind: this.#resource.kind, name: metadata.name, ...contested };
  }

  async #replace(object: T, next: S, signal: AbortSignal): Promise<void> {
    const { uid } = object.metadata;
    const fields = this.#isRepair(object) ? ['.status'] : undefined;
    const options = { fieldManager: this.#fieldManager, lowPriority: true, signal };
    const { metadata, status } = await this.#ownWrites.track(uid, () =>
      this.#client.replaceStatus(this.#resource, { ...object, status: next }, options),
    );
    const { resourceVersion } = metadata;
    this.#written.set(keyOf(object), { uid, resourceVersion, status });
    this.#repairs.wrote(uid!, { stamp: stampOf(status), version: resourceVersion }, fields);
  }

  #isRepair({ metadata, status }: T): boolean {
    const found = { stamp: stampOf(status), version: metadata.resourceVersion };
    return this.#repairs.isRepair(metadata.uid!, found);
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

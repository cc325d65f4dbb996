import type { KubernetesObject } from '../../crds/meta.ts';

interface Held {
  version: string | undefined;
  act: () => void;
}

interface Write {
  /** Writes under way. */
  pending: number;
  /** resourceVersion that the last write returned. */
  version: string | undefined;
  /** Watch events since the write began. One of them may show this write. */
  held: Held[];
}

/**
 * Filters the watch events of our own writes. The writer has seen the stored object in the response, so the event needs
 * no reconcile.
 */
export class OwnWrites {
  readonly #writes = new Map<string, Write>();

  /** Runs a write of an existing object and remembers the resulting version. */
  async track<T extends KubernetesObject>(
    uid: string | undefined,
    write: () => Promise<T>,
  ): Promise<T> {
    if (uid === undefined) return write();
    const known = this.#writes.get(uid) ?? { pending: 0, version: undefined, held: [] };
    this.#writes.set(uid, known);
    known.pending += 1;
    try {
      const result = await write();
      known.version = result.metadata.resourceVersion;
      return result;
    } finally {
      known.pending -= 1;
      if (known.pending === 0) this.#settle(uid, known);
    }
  }

  /** Calls `act`, unless this version of the object is our last write. While a write is under way the call waits. */
  unlessOurs({ metadata: { uid = '', resourceVersion } }: KubernetesObject, act: () => void): void {
    const known = this.#writes.get(uid);
    if (known === undefined) return act();
    known.held.push({ version: resourceVersion, act });
    if (known.pending === 0) this.#settle(uid, known);
  }

  forget(uid: string | undefined): void {
    if (uid !== undefined) this.#writes.delete(uid);
  }

  #settle(uid: string, known: Write): void {
    const { held, version } = known;
    known.held = [];
    // A watch reports versions in order, so no later event shows this write.
    if (version === undefined || held.some((each) => each.version === version)) {
      this.#writes.delete(uid);
    }
    for (const each of held) if (each.version !== version) each.act();
  }
}

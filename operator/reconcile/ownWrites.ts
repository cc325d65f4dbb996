import type { KubernetesObject } from '../../crds/meta.ts';

interface Held {
  version: string | undefined;
  act: () => void;
}

interface Write {
  /** How many are under way. */
  pending: number;
  /** What came of the last one. */
  version: string | undefined;
  /** What was heard of the object meanwhile, which may be that write. */
  held: Held[];
}

/**
 * Filters our own writes out of what a watch reports. The writer already has the object as the server stored it, so
 * that version needs no second look.
 */
export class OwnWrites {
  readonly #writes = new Map<string, Write>();

  /** Writes an object that is there, and keeps in mind the version that comes of it. */
  async during<T extends KubernetesObject>(
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

  /**
   * Calls `act` unless our last write made this version of the object. While a write is under way, the call waits for
   * its end.
   */
  heard({ metadata: { uid = '', resourceVersion } }: KubernetesObject, act: () => void): void {
    const known = this.#writes.get(uid);
    if (known === undefined) return act();
    known.held.push({ version: resourceVersion, act });
    if (known.pending === 0) this.#settle(uid, known);
  }

  /** Forgets an object that is gone. */
  forget(uid: string | undefined): void {
    if (uid !== undefined) this.#writes.delete(uid);
  }

  #settle(uid: string, known: Write): void {
    const { held, version } = known;
    known.held = [];
    // Versions come in order, so nothing more is heard of this write.
    if (version === undefined || held.some((each) => each.version === version)) {
      this.#writes.delete(uid);
    }
    for (const each of held) if (each.version !== version) each.act();
  }
}

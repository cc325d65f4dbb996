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
 * Tells what a watch says of our own writes from what others did. Whoever writes has the object as the server stored
 * it, so to hear of that version again is no reason to look at the object once more.
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
   * Calls `act` unless this version is what the last write made of the object. While a write is under way that is
   * decided when it ends.
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

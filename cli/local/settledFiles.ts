import { readObjects } from '../manifests/document.ts';

/** The valid texts of some files while they are being written. */
export interface Settled {
  /** Valid texts, by file. */
  texts: ReadonlyMap<string, string>;
  /** Files whose new text does not count yet, with the reason for users. */
  held: string[];
  /** Milliseconds until another check can change the result. Absent: only a change of a file can. */
  lookAfterMs?: number;
}

/** Text of a file at the last check; undefined without the file. */
interface SeenFile {
  text: string | undefined;
  sinceMs: number;
}

/** Factor of the wait for a text that may be incomplete. */
const PATIENCE = 20;

/**
 * Distinguishes saved texts from files that are still being written. A new text counts after a quiet time, one that
 * looks cut off after a much longer one, and an emptied file never.
 */
export class SettledFiles {
  readonly #quietMs: number;
  readonly #texts: Map<string, string>;
  readonly #seen = new Map<string, SeenFile>();

  /** @param texts valid texts at the beginning */
  constructor(quietMs: number, texts: ReadonlyMap<string, string>) {
    this.#quietMs = quietMs;
    this.#texts = new Map(texts);
  }

  /** Adds the texts of the files at a monotonic time. */
  look(found: ReadonlyMap<string, string>, nowMs: number): Settled {
    const held: string[] = [];
    let next = Infinity;
    for (const file of new Set([...this.#texts.keys(), ...found.keys()])) {
      const { quietMs, patienceMs, why } = this.#judge(file, found.get(file), nowMs);
      if (quietMs >= patienceMs) this.#settle(file, found.get(file));
      else {
        if (why !== undefined && quietMs >= this.#quietMs) held.push(`${file} ${why}`);
        const first = quietMs < this.#quietMs ? this.#quietMs : patienceMs;
        next = Math.min(next, first - quietMs);
      }
    }
    return {
      texts: new Map(this.#texts),
      held,
      ...(next < Infinity && { lookAfterMs: next }),
    };
  }

  /** Time since the last change, time after which the text counts, and why it may be incomplete. */
  #judge(
    file: string,
    text: string | undefined,
    nowMs: number,
  ): { quietMs: number; patienceMs: number; why?: string } {
    const before = this.#texts.get(file);
    if (text === before) {
      this.#seen.delete(file);
      return { quietMs: 0, patienceMs: 0 };
    }
    let seen = this.#seen.get(file);
    if (seen === undefined || seen.text !== text) {
      seen = { text, sinceMs: nowMs };
      this.#seen.set(file, seen);
    }
    return { quietMs: nowMs - seen.sinceMs, ...this.#patience(text, before) };
  }

  #patience(
    text: string | undefined,
    before: string | undefined,
  ): { patienceMs: number; why?: string } {
    if (text === undefined || before === undefined) return { patienceMs: this.#quietMs };
    if (text.trim() === '' && before.trim() !== '') {
      const why =
        'is empty, which counts as no change: what it had stays in force. Save it with content, or delete it.';
      return { patienceMs: Infinity, why };
    }
    if (!looksCut(text, before)) return { patienceMs: this.#quietMs };
    const patienceMs = PATIENCE * this.#quietMs;
    const why = `looks half-written, so what it had stays in force. As it is, it counts when it was left alone for ${patienceMs / 1000}s.`;
    return { patienceMs, why };
  }

  #settle(file: string, text: string | undefined): void {
    this.#seen.delete(file);
    if (text === undefined) this.#texts.delete(file);
    else this.#texts.set(file, text);
  }
}

/** Whether the text is a beginning of the former one, ends within a line, or lacks objects. */
function looksCut(text: string, before: string): boolean {
  if (before.startsWith(text)) return true;
  if (before.endsWith('\n') && !text.endsWith('\n')) return true;
  const names = namesIn(text);
  return names !== undefined && [...(namesIn(before) ?? [])].some((name) => !names.has(name));
}

/** Kinds and names of the objects in a text; undefined if it is malformed. */
function namesIn(text: string): Set<string> | undefined {
  const reading = readObjects(text);
  if (!reading.ok) return undefined;
  return new Set(
    reading.objects.map(({ object }) => {
      const { name, namespace } = (object['metadata'] ?? {}) as Record<string, unknown>;
      return JSON.stringify([object['kind'], namespace, name]);
    }),
  );
}

/** Largest share that is added to a wait that a provider asked for. */
export const JITTER = 0.2;

/** Most that is added to a time, in milliseconds. */
export const MAX_ADDED_MS = 10_000;

/**
 * Spreads durations, so that many pods do not act in the same second. All follows from the seed, by
 * mulberry32 over the FNV-1a hash of it. Without a seed nothing is spread.
 */
export class Jitter {
  #state: number | undefined;

  constructor(seed?: string) {
    this.#state = seed === undefined ? undefined : hash(seed);
  }

  /** From 0 up to but not 1, for `lengthened` and `opened`. */
  share(): number {
    return this.#random() ?? 0;
  }

  /** From 0 up to but not 1; undefined without a seed. */
  #random(): number | undefined {
    if (this.#state === undefined) return undefined;
    const state = (this.#state + 0x6d2b79f5) | 0;
    this.#state = state;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
}

/** A wait that a provider asked for: never shorter, and at most MAX_ADDED_MS longer. */
export function lengthened(ms: number, share: number): number {
  return Math.ceil(ms + Math.min(JITTER * ms, MAX_ADDED_MS) * share);
}

/** The open duration of a circuit: never shorter, at most MAX_ADDED_MS longer and at most twice as long. */
export function opened(ms: number, share: number): number {
  return Math.round(ms + Math.min(ms, MAX_ADDED_MS) * share);
}

function hash(text: string): number {
  let hashed = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hashed = Math.imul(hashed ^ byte, 0x01000193);
  return hashed;
}

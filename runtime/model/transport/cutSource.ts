import type { Cut } from '../attempt/outcome.ts';

/** Whoever may cut one attempt, and whoever is to hear of it. An AbortController costs ten times that. */
export class CutSource {
  /** Why it was cut; undefined until it is. */
  cut: Cut | undefined;
  #listener: ((cut: Cut) => void) | undefined;

  /** Cuts it, once. */
  abort(cut: Cut): void {
    if (this.cut) return;
    this.cut = cut;
    this.#listener?.(cut);
  }

  /** Has one listener told of it, in place of the one before; undefined: none. */
  onCut(listener: ((cut: Cut) => void) | undefined): void {
    this.#listener = listener;
  }
}

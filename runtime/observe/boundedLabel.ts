/** Value that stands for all beyond the limit. */
export const OTHER = 'other';

/**
 * Bounds the values of a label that clients choose, such as the model: the first `limit` distinct values stay for the
 * life of the process, all others count as one.
 */
export class BoundedLabel {
  readonly #limit: number;
  readonly #known = new Set<string>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  value(text: string): string {
    if (this.#known.has(text)) return text;
    if (this.#known.size >= this.#limit || text.length > 128) return OTHER;
    this.#known.add(text);
    return text;
  }
}

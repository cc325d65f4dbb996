/** What values beyond the limit are counted under. */
export const OTHER = 'other';

/**
 * Bounds the values of a label that clients choose, such as the model: the first `limit` distinct
 * ones are kept for the life of the process, all further ones count as one.
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

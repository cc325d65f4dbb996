/** The newest lines, up to a number. */
export class Ring {
  #lines: string[] = [];
  #next = 0;
  #size = 0;

  /** Keeps only the newest `size` lines from now on. */
  resize(size: number): void {
    if (size === this.#size) return;
    this.#lines = size === 0 ? [] : this.newestFirst().slice(0, size).reverse();
    this.#size = size;
    this.#next = this.#lines.length % Math.max(size, 1);
  }

  push(line: string): void {
    if (this.#size === 0) return;
    this.#lines[this.#next] = line;
    this.#next = (this.#next + 1) % this.#size;
  }

  newestFirst(): string[] {
    const { length } = this.#lines;
    return Array.from(
      this.#lines,
      (_, i) => this.#lines[(this.#next - 1 - i + 2 * length) % length]!,
    );
  }
}

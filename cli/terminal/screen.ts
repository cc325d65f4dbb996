/** A terminal or a file. */
export interface Output {
  isTTY?: boolean;
  columns?: number;
  rows?: number;
  write(text: string): unknown;
}

/** Permanent lines and, on a terminal, a table below them that each update redraws. */
export class Screen {
  readonly #output: Output;
  #table: readonly string[] = [];

  constructor(output: Output) {
    this.#output = output;
  }

  /** Whether it shows tables. */
  get live(): boolean {
    return this.#output.isTTY === true;
  }

  get width(): number {
    return this.live ? (this.#output.columns ?? 80) : Infinity;
  }

  line(text: string): void {
    this.#write([text], this.#table);
  }

  update(whole: readonly string[]): void {
    // Lines that have scrolled off the screen cannot be redrawn.
    const table = whole.slice(0, Math.max(1, (this.#output.rows ?? 24) - 2));
    if (!this.live || table.join('\n') === this.#table.join('\n')) return;
    this.#write([], table);
  }

  #write(lines: readonly string[], table: readonly string[]): void {
    // Moves the cursor to the beginning of the table and erases it.
    const back = this.#table.length > 0 ? `\u001b[${this.#table.length + 1}F\u001b[J` : '';
    const below = table.length > 0 ? ['', ...table] : [];
    this.#table = table;
    this.#output.write(back + [...lines, ...below].map((line) => `${line}\n`).join(''));
  }
}

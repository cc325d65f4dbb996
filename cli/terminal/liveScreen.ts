import type { Output } from './screen.ts';

const ENTER = '\u001b[?1049h\u001b[?25l';
const LEAVE = '\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
const END_OF_LINE = '\u001b[K';
const END_OF_SCREEN = '\u001b[J';

/**
 * A terminal whose whole screen shows one text, redrawn at each change, as in watch and top. Closing it restores the
 * former screen.
 */
export class LiveScreen {
  readonly #output: Output;
  #shown: string | undefined;

  constructor(output: Output) {
    this.#output = output;
  }

  /** Shows the lines that fit. The last line then states the number of the others. */
  show(lines: readonly string[]): void {
    const rows = this.#output.rows ?? 24;
    const fitting =
      lines.length <= rows
        ? lines
        : [...lines.slice(0, rows - 1), `… ${lines.length - rows + 1} more lines`];
    const text = fitting.map((line) => `${line}${END_OF_LINE}`).join('\r\n');
    if (text === this.#shown) return;
    const enter = this.#shown === undefined ? ENTER : '';
    this.#shown = text;
    this.#output.write(`${enter}${HOME}${text}${END_OF_SCREEN}`);
  }

  close(): void {
    if (this.#shown !== undefined) this.#output.write(LEAVE);
    this.#shown = undefined;
  }
}

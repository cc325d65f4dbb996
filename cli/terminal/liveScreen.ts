import type { Output } from './screen.ts';

const ENTER = '\u001b[?1049h\u001b[?25l';
const LEAVE = '\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
const END_OF_LINE = '\u001b[K';
const END_OF_SCREEN = '\u001b[J';

/**
 * A terminal whose whole screen shows one text that is written anew with each change, as watch and top do. What was on
 * the screen before comes back when it is closed.
 */
export class LiveScreen {
  readonly #output: Output;
  #shown: string | undefined;

  constructor(output: Output) {
    this.#output = output;
  }

  /** Shows the lines, as many as fit; the last line then says how many do not. */
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

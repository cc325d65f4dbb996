/** Importance of a line, for its colour. */
export type Level = 'ok' | 'warn' | 'bad';

/** A row of a table. Its last cell may be a long text. */
export interface Line {
  cells: readonly string[];
  level?: Level;
}

export interface Layout {
  head: readonly string[];
  /** Width of the terminal in characters; Infinity without one. */
  width: number;
  /** Column with the colour of the level. Absent: none. */
  coloured?: number;
}

/** Smallest useful width of the last column, in characters. */
const MIN_TEXT = 32;
const GAP = '  ';
const INDENT = '    ';

const COLOURS: Record<Level, string> = { ok: '32', warn: '33', bad: '31' };

/**
 * Lines in columns, none wider than the terminal. Omits empty columns. If the last column would get less than 32
 * characters, its texts are on separate lines.
 */
export function columns(lines: readonly Line[], { head, width, coloured }: Layout): string[] {
  const used = head.flatMap((_, at) => (lines.some(({ cells }) => cells[at] !== '') ? [at] : []));
  const last = head.length - 1;
  const fixed = used.filter((at) => at !== last);
  const widths = new Map(
    fixed.map((at) => [
      at,
      Math.max(head[at]!.length, ...lines.map(({ cells }) => cells[at]!.length)),
    ]),
  );
  const taken = fixed.reduce((sum, at) => sum + widths.get(at)! + GAP.length, 0);
  const below = width - taken < MIN_TEXT;
  const row = ({ cells, level }: Line): string[] => {
    const text = used.includes(last) ? cells[last]! : '';
    const start = fixed.map((at) => cells[at]!.padEnd(widths.get(at)!)).join(GAP);
    const whole = below || text === '' ? start.trimEnd() : `${start}${GAP}${text}`;
    const shown = cut(whole, width);
    const from = fixed
      .filter((at) => at < (coloured ?? 0))
      .reduce((sum, at) => sum + widths.get(at)! + GAP.length, 0);
    const painted =
      level === undefined || coloured === undefined
        ? shown
        : paint(shown, from, cells[coloured]!.length, level);
    return below && text !== '' ? [painted, cut(`${INDENT}${text}`, width)] : [painted];
  };
  const title = below ? head.map((name, at) => (at === last ? '' : name)) : head;
  return [{ cells: title }, ...lines].flatMap(row);
}

function cut(line: string, width: number): string {
  return line.length <= width ? line : `${line.slice(0, Math.max(0, width - 1))}…`;
}

function paint(line: string, from: number, length: number, level: Level): string {
  const end = from + length;
  return `${line.slice(0, from)}\u001b[${COLOURS[level]}m${line.slice(from, end)}\u001b[0m${line.slice(end)}`;
}

/** The text in lines no wider than `width`, broken between words. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const line = lines.at(-1);
    if (line === undefined || line.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = `${line} ${word}`;
  }
  return lines;
}

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
/** Lines of a text that stands below its row. */
const MAX_LINES = 4;
/** Columns of names, which may be shortened in their middle, down to so many characters. A figure is never shortened. */
const NAMES = new Set(['NAME', 'AGENT', 'DEPENDENCY', 'POD']);
const MIN_NAME = 16;
const GAP = '  ';
const INDENT = '    ';

const COLOURS: Record<Level, string> = { ok: '32', warn: '33', bad: '31' };

/**
 * Lines in columns, none wider than the terminal. Omits empty columns. A text that does not fit into the last column stands on
 * lines below its row, and so do, each after its head, the cells of columns that do not fit.
 */
export function columns(all: readonly Line[], { head, width, coloured }: Layout): string[] {
  const last = head.length - 1;
  const used = head.flatMap((_, at) => (all.some(({ cells }) => cells[at] !== '') ? [at] : []));
  const fixed = used.filter((at) => at !== last);
  const lines = shortened(all, { head, fixed, width });
  const widths = new Map(fixed.map((at) => [at, widthIn(lines, head, at)]));
  const from = (at: number): number =>
    fixed
      .filter((each) => each < at)
      .reduce((sum, each) => sum + widths.get(each)! + GAP.length, 0);
  const inside = fixed.filter((at) => from(at) + widths.get(at)! <= width);
  const outside = fixed.filter((at) => !inside.includes(at));
  const room = outside.length > 0 ? 0 : width - from(last);
  const row = ({ cells, level }: Line): string[] => {
    const text = used.includes(last) ? cells[last]! : '';
    const start = inside.map((at) => cells[at]!.padEnd(widths.get(at)!)).join(GAP);
    const besides = room >= MIN_TEXT && text.length <= room;
    const shown = (besides && text !== '' ? `${start}${GAP}${text}` : start).trimEnd();
    const painted =
      level === undefined || coloured === undefined || !inside.includes(coloured)
        ? shown
        : paint(shown, from(coloured), cells[coloured]!.length, level);
    const rest = outside.filter((at) => cells[at] !== '').map((at) => `${head[at]} ${cells[at]}`);
    const below = [rest.join(GAP), besides ? '' : text].filter((each) => each !== '');
    return [painted, ...below.flatMap((each) => indented(each, width))];
  };
  const title = head.map((name, at) => (inside.includes(at) || room >= MIN_TEXT ? name : ''));
  return [...row({ cells: title }), ...lines.flatMap(row)];
}

function widthIn(lines: readonly Line[], head: readonly string[], at: number): number {
  return Math.max(head[at]!.length, ...lines.map(({ cells }) => cells[at]!.length));
}

/** The lines with shorter names in their widest column of names, if they do not fit otherwise. */
function shortened(
  lines: readonly Line[],
  { head, fixed, width }: { head: readonly string[]; fixed: readonly number[]; width: number },
): readonly Line[] {
  const widths = fixed.map((at) => widthIn(lines, head, at));
  const excess = widths.reduce((sum, each) => sum + each + GAP.length, -GAP.length) - width;
  const names = fixed.filter((at) => NAMES.has(head[at]!));
  const [widest] = names.sort((a, b) => widthIn(lines, head, b) - widthIn(lines, head, a));
  if (excess <= 0 || widest === undefined) return lines;
  const most = Math.max(MIN_NAME, widthIn(lines, head, widest) - excess);
  return lines.map(({ cells, ...rest }) => ({
    ...rest,
    cells: cells.map((cell, at) => (at === widest ? withoutMiddle(cell, most) : cell)),
  }));
}

function withoutMiddle(name: string, most: number): string {
  if (name.length <= most) return name;
  const start = Math.ceil((most - 1) / 2);
  return `${name.slice(0, start)}…${name.slice(name.length - (most - 1 - start))}`;
}

/** The text below a row. */
function indented(text: string, width: number): string[] {
  const room = Math.max(width - INDENT.length, 1);
  const lines = wrap(text, room);
  const shown = lines.slice(0, MAX_LINES);
  if (lines.length > MAX_LINES) shown.push(`${shown.pop()!.slice(0, room - 1)}…`);
  return shown.map((line) => `${INDENT}${line}`);
}

function paint(line: string, from: number, length: number, level: Level): string {
  const end = from + length;
  return `${line.slice(0, from)}\u001b[${COLOURS[level]}m${line.slice(from, end)}\u001b[0m${line.slice(end)}`;
}

/** The text in lines no wider than `width`, broken between words, and within words that are longer. Keeps its own lines and their indent. */
export function wrap(text: string, width: number): string[] {
  return text.split('\n').flatMap((line) => {
    const [, indent = '', words = ''] = /^( *)(.*)$/.exec(line)!;
    const room = Math.max(width - indent.length, 1);
    return broken(words, room).map((part) => `${indent}${part}`);
  });
}

function broken(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ').flatMap((each) => pieces(each, width))) {
    const line = lines.at(-1);
    if (line === undefined || line.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = `${line} ${word}`;
  }
  return lines;
}

function pieces(word: string, width: number): string[] {
  if (word.length <= width) return [word];
  return Array.from({ length: Math.ceil(word.length / width) }, (_, at) =>
    word.slice(at * width, (at + 1) * width),
  );
}

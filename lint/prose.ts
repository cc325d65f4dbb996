/** Measures the English of documents. */

/** A sentence above this many words is hard to read once. */
export const MAX_WORDS = 30;

const wordsOf = (text: string): number =>
  text.split(/\s+/).filter((word) => /[\p{L}\p{N}]/u.test(word)).length;

/** Words of a text in Markdown, code and tables included. */
export const countWords = wordsOf;

/** Sentences above MAX_WORDS words, in paragraphs and lists, as LINE: WORDS words: BEGINNING. A span of code is one word. */
export function longSentences(text: string): string[] {
  return paragraphs(text).flatMap(({ line, lines }) =>
    lines
      .join(' ')
      .replaceAll(/(`+)(?:(?!\1).)+\1/g, 'code')
      .replaceAll(/\]\([^)]*\)/g, ']')
      .split(/(?<=[.!?]["”)*_]*)\s+/)
      .map((sentence) => ({ sentence, words: wordsOf(sentence) }))
      .filter(({ words }) => words > MAX_WORDS)
      .map(({ sentence, words }) => `${line}: ${words} words: ${sentence.slice(0, 40)}`),
  );
}

interface Paragraph {
  /** Number of its first line. */
  line: number;
  lines: string[];
}

/** Paragraphs and items of lists, without headings, tables and code. */
function paragraphs(text: string): Paragraph[] {
  const found: Paragraph[] = [];
  let fenced = false;
  let open: Paragraph | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    const fence = /^ *(```|~~~)/.test(line);
    if (fence) fenced = !fenced;
    if (fence || fenced || /^\s*$|^#|^\s*\||^---$/.test(line)) {
      open = undefined;
      continue;
    }
    if (open === undefined || /^\s*([-*]|\d+\.)\s/.test(line)) {
      open = { line: index + 1, lines: [] };
      found.push(open);
    }
    open.lines.push(line.trim());
  }
  return found;
}

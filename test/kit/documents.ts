import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');

export interface Block {
  /** FILE:LINE of its fence. */
  at: string;
  /** First word after the fence, such as yaml. */
  language: string;
  /** The other words. */
  marks: readonly string[];
  text: string;
}

const FENCE = /^( *)```(.*)$/;

/** The fenced blocks of a text in Markdown. */
export function blocks(file: string, text: string): Block[] {
  const found: Block[] = [];
  let open: { at: string; indent: number; info: string; lines: string[] } | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    const [, indent, info] = FENCE.exec(line) ?? [];
    if (open === undefined) {
      if (info === undefined) continue;
      open = { at: `${file}:${index + 1}`, indent: indent!.length, info, lines: [] };
    } else if (info === '') {
      const [language = '', ...marks] = open.info.trim().split(/\s+/);
      found.push({ at: open.at, language, marks, text: open.lines.join('\n') });
      open = undefined;
    } else open.lines.push(line.slice(open.indent));
  }
  return found;
}

/** Paths of the documents for users. */
export function documents(): string[] {
  return ['README.md', ...globSync('docs/{*,!(node_modules)/*}.md', { cwd: ROOT })].sort();
}

/** The blocks of all documents for users. */
export function documentedBlocks(): Block[] {
  return documents().flatMap((file) => blocks(file, readFileSync(join(ROOT, file), 'utf8')));
}

/** Blocks of a document that a test runs, in their order: those marked as `sh runnable`. */
export function runnableBlocks(file: string): Block[] {
  return blocks(file, readFileSync(join(ROOT, file), 'utf8')).filter(
    ({ language, marks }) => language === 'sh' && marks.includes('runnable'),
  );
}

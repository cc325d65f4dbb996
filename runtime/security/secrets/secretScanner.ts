import { BYTES_PER_CHARACTER, turn } from '../../json/turns.ts';

export interface SecretMatch {
  /** Name of secretlint's rule, such as github. */
  kind: string;
  start: number;
  end: number;
}

/** Finds secrets in texts. */
export interface SecretScanner {
  /** Matches in order, without overlap. Never rejects because of the text. */
  find(text: string): Promise<SecretMatch[]>;
}

/**
 * The used part of secretlint's types. Its own runner reads files and profiles, so this class runs the rules itself.
 */
interface Rule {
  meta: { id: string };
  create(context: RuleContext, options: object): { file?(source: object): unknown };
}

interface RuleContext {
  sharedOptions: object;
  createTranslator(): (messageId: string) => object;
  report(found: { range: readonly [number, number] }): void;
  ignore(): void;
}

/** Characters to scan at a time. */
const SLICE = 64 * 1024;
/** Overlap of two slices: longer than any secret but a large private key. */
const OVERLAP = 8 * 1024;
/** Skips this rule, so that comments in a text cannot turn rules off. */
const COMMENTS = '@secretlint/secretlint-rule-filter-comments';
const PREFIX = '@secretlint/secretlint-rule-';

/** secretlint's recommended rules. */
export class SecretlintScanner implements SecretScanner {
  readonly #rules: readonly Rule[];

  /** Loads the rules, which only this needs. */
  static async load(): Promise<SecretlintScanner> {
    const { rules } = await import('@secretlint/secretlint-rule-preset-recommend');
    const all = rules as unknown as readonly Rule[];
    return new SecretlintScanner(all.filter(({ meta }) => meta.id !== COMMENTS));
  }

  private constructor(rules: readonly Rule[]) {
    this.#rules = rules;
  }

  async find(text: string): Promise<SecretMatch[]> {
    const found: SecretMatch[] = [];
    for (let from = 0; ; from += SLICE - OVERLAP) {
      if (from > 0) await turn(SLICE * BYTES_PER_CHARACTER);
      await this.#look(text.slice(from, from + SLICE), (kind, start, end) => {
        found.push({ kind, start: from + start, end: from + end });
      });
      if (from + SLICE >= text.length) return apart(found);
    }
  }

  async #look(
    content: string,
    found: (kind: string, start: number, end: number) => void,
  ): Promise<void> {
    const source = {
      content,
      ext: '.txt',
      filePath: 'text.txt',
      contentType: 'text',
      hasBOM: false,
      // Nothing shows lines and columns.
      locationToRange: () => [0, 0],
      indexToPosition: () => ({ line: 1, column: 0 }),
    };
    for (const rule of this.#rules) {
      const kind = rule.meta.id.replace(PREFIX, '');
      const context = {
        sharedOptions: {},
        createTranslator: () => () => ({}),
        report: ({ range: [start, end] }: { range: readonly [number, number] }) =>
          found(kind, start, end),
        ignore: () => undefined,
      };
      await rule.create(context, {}).file?.(source);
    }
  }
}

/** Removes overlaps: the first rule that found a place counts. */
function apart(found: SecretMatch[]): SecretMatch[] {
  found.sort((a, b) => a.start - b.start || b.end - a.end);
  const kept: SecretMatch[] = [];
  for (const match of found) {
    const last = kept.at(-1);
    if (!last || match.start >= last.end) kept.push({ ...match });
    else last.end = Math.max(last.end, match.end);
  }
  return kept;
}

/** The text with each secret replaced by its kind. */
export function redacted(text: string, matches: readonly SecretMatch[]): string {
  let shown = '';
  let at = 0;
  for (const { kind, start, end } of matches) {
    shown += `${text.slice(at, start)}[redacted: ${kind}]`;
    at = end;
  }
  return shown + text.slice(at);
}

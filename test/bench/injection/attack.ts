import type { InjectionSource } from '../../../runtime/security/injection/detector.ts';

/** A text that tries to make a model do what neither its operator nor its user wants. */
export interface Attack {
  source: InjectionSource;
  technique: string;
  text: string;
}

/** Attacks by one technique through one source. */
export function attacks(
  source: InjectionSource,
  technique: string,
  texts: readonly string[],
): Attack[] {
  return texts.map((text) => ({ source, technique, text }));
}

export const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** Adds a zero-width space after each letter. */
export const zeroWidth = (text: string): string => [...text].join('\u200b');

/** Writes the text in tag characters, which no font draws. */
export const tagged = (text: string): string =>
  Array.from(text, (each) => String.fromCodePoint(0xe0000 + each.codePointAt(0)!)).join('');

const LOOKALIKES: Record<string, string> = { a: 'а', c: 'с', e: 'е', i: 'і', o: 'о', p: 'р', s: 'ѕ', x: 'х', y: 'у' }; // prettier-ignore

/** Replaces Latin letters by Cyrillic ones. */
export const lookalike = (text: string): string =>
  Array.from(text, (each) => LOOKALIKES[each] ?? each).join('');

export const fullWidth = (text: string): string =>
  Array.from(text, (each) =>
    each > ' ' && each <= '~' ? String.fromCodePoint(each.codePointAt(0)! + 0xfee0) : each,
  ).join('');

export const spaced = (text: string): string =>
  text
    .split(' ')
    .map((word) => [...word].join(' '))
    .join('   ');

export const rot13 = (text: string): string =>
  text.replace(/[a-z]/gi, (each) => {
    const base = each <= 'Z' ? 65 : 97;
    return String.fromCharCode(((each.charCodeAt(0) - base + 13) % 26) + base);
  });

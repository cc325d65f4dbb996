import { decodedTexts } from './decode.ts';

/** A piece of text as a model reads it. `Hidden`: invisible on the rendered page, or encoded. */
export interface Segment {
  kind: 'Visible' | 'Hidden';
  text: string;
}

/** NFKC may lengthen a text up to 18 times. */
const MAX_GROWTH = 2;
const NOT_ASCII = /[^\0-\x7f]/;
/** Characters without width, and characters that only alter others. */
const IGNORABLE =
  /[\u00ad\u061c\u115f\u1160\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0]|\u034f|[\u17b4\u17b5]|[\u180b-\u180f]|[\ufe00-\ufe0f]|[\u{e0100}-\u{e01ef}]/gu; // prettier-ignore
const TAG_CHARACTERS = /[\u{e0000}-\u{e007f}]+/gu;
const ESCAPES = /\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|([nrt"'/\\]))/g;
const ENTITIES = /&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|([a-zA-Z]{2,6}));/g;
const NAMED: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'", nbsp: ' ' }; // prettier-ignore
const WHITE: Readonly<Record<string, string>> = { n: '\n', r: '\n', t: ' ' };
/** The end of a line within a word. */
const HYPHENATION = /(?<=\p{L})-\n(?=\p{L})/gu;
/** Markdown within a word. */
const EMPHASIS = /(?<=\p{L})(?:\*{1,3}|~~|`)(?=\p{L})/gu;
/** Three words or more in one, such as ignoreAllRules. The search looks at a run of small letters once. */
const CAMEL = /(?<![a-z])[A-Za-z][a-z]+(?:[A-Z][a-z]+){2,}/g;
/** Tags that may occur within a word. */
const INLINE = /^\/?(?:a|b|i|u|s|em|strong|span|font|mark|small|sub|sup|wbr|code|tt)(?:[\s/]|$)/i;
/** Longest tag or attribute list. */
const MAX_TAG = 2000;
/** Shorter tags hold no sentence. */
const MIN_SAID = 16;
const INVISIBLE = /display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0|opacity\s*:\s*0(?![.\d])|color\s*:\s*(?:white|#fff(?:fff)?|transparent)\b|(?:left|top|text-indent)\s*:\s*-\d{3,}|\shidden(?:[\s=>/]|$)|aria-hidden\s*=\s*["']?true/i; // prettier-ignore

/** The pieces of a text, with all hiding undone. The work is linear in the text. */
export function segmentsOf(raw: string): Segment[] {
  const hidden: string[] = [];
  const hide = (text: string): void => void hidden.push(text);
  let text = raw;
  if (text.includes('\\')) text = unescaped(text);
  if (text.includes('&')) text = text.replace(ENTITIES, entity);
  if (NOT_ASCII.test(text)) {
    text = text.replace(TAG_CHARACTERS, (run) => {
      hide(untagged(run));
      return '';
    });
    text = plain(text).slice(0, raw.length * MAX_GROWTH);
  }
  for (const decoded of decodedTexts(text))
    hide(NOT_ASCII.test(decoded) ? plain(decoded) : decoded);
  if (text.includes('<')) text = withoutMarkup(text, hide);
  if (text.includes('](') || text.includes('[//]')) text = withoutLinks(text, hide);
  const visible: Segment = { kind: 'Visible', text: whole(text) };
  return hidden.length === 0 ? [visible] : [visible, { kind: 'Hidden', text: hidden.join('\n') }];
}

/** The text with words that are neither in parts, nor several in one. */
function whole(text: string): string {
  const joined = text.includes('-\n') ? text.replace(HYPHENATION, '') : text;
  return joined.replace(EMPHASIS, '').replace(CAMEL, apart);
}

function apart(word: string): string {
  return word.replace(/(?<=[a-z])(?=[A-Z])/g, ' ');
}

/** Resolves escapes of JSON: most results of tools are JSON. */
function unescaped(text: string): string {
  return text.replace(
    ESCAPES,
    (_all, unicode: string | undefined, byte: string | undefined, other: string | undefined) => {
      const code = unicode ?? byte;
      if (code !== undefined) return String.fromCharCode(parseInt(code, 16));
      return WHITE[other!] ?? other!;
    },
  );
}

function entity(all: string, decimal?: string, hex?: string, name?: string): string {
  if (name !== undefined) return NAMED[name.toLowerCase()] ?? all;
  const code = decimal === undefined ? parseInt(hex!, 16) : Number(decimal);
  return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : all;
}

function untagged(run: string): string {
  return Array.from(run, (each) => String.fromCharCode(each.codePointAt(0)! - 0xe0000)).join('');
}

/** Normalises compatible characters and removes invisible ones. */
function plain(text: string): string {
  return text.normalize('NFKC').replace(IGNORABLE, '');
}

/** The text between tags. Passes comments, invisible elements and texts of tags to `hide`. */
function withoutMarkup(text: string, hide: (text: string) => void): string {
  const markup = new Markup(text, hide);
  let shown = '';
  let at = 0;
  for (;;) {
    const open = text.indexOf('<', at);
    if (open < 0) return shown + text.slice(at);
    const { instead, end } = markup.at(open);
    shown += text.slice(at, open) + instead;
    at = end;
  }
}

/** Replacement of a tag, and the index after it. */
interface Replaced {
  instead: string;
  end: number;
}

class Markup {
  readonly #text: string;
  readonly #hide: (text: string) => void;
  readonly #ends: Ends;

  constructor(text: string, hide: (text: string) => void) {
    this.#text = text;
    this.#hide = hide;
    this.#ends = new Ends(text);
  }

  /** Reads what begins at a bracket. */
  at(open: number): Replaced {
    if (this.#text.startsWith('<!--', open)) {
      const end = this.#ends.after('-->', open + 4);
      this.#hide(this.#text.slice(open + 4, end.from));
      return { instead: '', end: end.to };
    }
    const close = tagEnd(this.#text, open);
    if (close < 0) return { instead: '<', end: open + 1 };
    const inner = this.#text.slice(open + 1, close);
    if (inner.length >= MIN_SAID) this.#hide(inner);
    return {
      instead: INLINE.test(inner) ? '' : '\n',
      end: isInvisible(inner) ? this.#hidden(inner, close + 1) : close + 1,
    };
  }

  /** End of an invisible element; skips the tags inside. */
  #hidden(inner: string, at: number): number {
    const name = /^[a-zA-Z][\w-]*/.exec(inner)?.[0] ?? '';
    const { from } = this.#ends.after(`</${name}`, at);
    this.#hide(this.#text.slice(at, from));
    return from;
  }
}

function isInvisible(inner: string): boolean {
  if (inner.startsWith('/') || inner.endsWith('/')) return false;
  return inner.length >= MIN_SAID / 2 && INVISIBLE.test(inner);
}

/** Finds marks that end a piece. Does not repeat a search without result. */
class Ends {
  readonly #text: string;
  readonly #absent = new Set<string>();

  constructor(text: string) {
    this.#text = text;
  }

  /** The next mark from an index on; the end of the text if there is none. */
  after(mark: string, from: number): { from: number; to: number } {
    const { length } = this.#text;
    const found = this.#absent.has(mark) ? -1 : this.#text.indexOf(mark, from);
    if (found >= 0) return { from: found, to: found + mark.length };
    this.#absent.add(mark);
    return { from: length, to: length };
  }
}

/** Index of the bracket that ends a tag; -1 if it is no tag. */
function tagEnd(text: string, open: number): number {
  const first = text.charCodeAt(open + 1) | 0x20;
  const isTag =
    (first >= 0x61 && first <= 0x7a) || text[open + 1] === '/' || text[open + 1] === '!';
  if (!isTag) return -1;
  const end = Math.min(text.length, open + MAX_TAG);
  for (let at = open + 1; at < end; at += 1) {
    const char = text.charCodeAt(at);
    if (char === 0x3e) return at;
    if (char === 0x3c) return -1;
  }
  return -1;
}

/** Titles and texts of images, and comments of Markdown; no page shows them. */
const MARKDOWN = /^\[\/\/\]: *#? *[("']([^\n]{0,500})[)"'] *$|!\[([^\]\n]{0,300})\]\(([^)\n]{0,300})\)|\]\([^)\s]{0,300} "([^"\n]{8,300})"\)/gm; // prettier-ignore

function withoutLinks(text: string, hide: (text: string) => void): string {
  for (const [, comment, alternative, target, title] of text.matchAll(MARKDOWN)) {
    for (const said of [comment, alternative, target, title]) {
      if (said !== undefined && said.length >= MIN_SAID / 2) hide(said);
    }
  }
  return text;
}

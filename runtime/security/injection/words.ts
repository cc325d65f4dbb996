/** Look-alikes of Latin letters (Unicode, confusables) that disguise words. */
const LOOKALIKES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    а: 'a', в: 'b', с: 'c', ԁ: 'd', е: 'e', ё: 'e', һ: 'h', і: 'i', ї: 'i', ј: 'j', к: 'k', ӏ: 'l', м: 'm', н: 'h',
    о: 'o', р: 'p', ԛ: 'q', г: 'r', ѕ: 's', т: 't', у: 'y', ѵ: 'v', ԝ: 'w', х: 'x', ѡ: 'w', α: 'a', β: 'b', ε: 'e',
    η: 'n', ι: 'i', κ: 'k', ν: 'v', ο: 'o', ρ: 'p', σ: 'o', τ: 't', υ: 'u', χ: 'x', γ: 'y', ω: 'w', ı: 'i', ɑ: 'a',
    ɡ: 'g', ɩ: 'i', ᴀ: 'a', ʙ: 'b', ᴄ: 'c', ᴅ: 'd', ᴇ: 'e', ɢ: 'g', ʜ: 'h', ɪ: 'i', ᴊ: 'j', ᴋ: 'k', ʟ: 'l', ᴍ: 'm',
    ɴ: 'n', ᴏ: 'o', ᴘ: 'p', ʀ: 'r', ᴛ: 't', ᴜ: 'u', ᴠ: 'v', ᴡ: 'w', ʏ: 'y', ᴢ: 'z', օ: 'o', ո: 'n', ս: 'u', հ: 'h',
    ø: 'o', đ: 'd', ł: 'l', ß: 'ss',
  }),
); // prettier-ignore
const BY_DIGIT: Readonly<Record<string, string>> = { 0: 'o', 1: 'i', 3: 'e', 4: 'a', 5: 's', 7: 't', 8: 'b' }; // prettier-ignore

const NOT_ASCII = /[^\0-\x7f]/;
const DIGITS = /[0134578]/g;
const DIGIT = /[0134578]/;
const LATIN = /[a-z]/;
const MARKS = /\p{M}+/gu;
const MIN_DISGUISED = 3;
const MAX_DISGUISED = 16;
/** Least number of spelt letters that make a word. */
const MIN_SPELT = 4;
/** Longest word. */
const MAX_WORD = 40;
/** Longest part of a word that is split, and shortest and longest such word. */
const MAX_PART = 9;
const MIN_SPLIT = 6;
const MAX_SPLIT = 16;

/** Form of words for look-up: lower case without diacritics. */
export function folded(text: string): string {
  const lower = text.toLowerCase();
  return NOT_ASCII.test(lower) ? lower.normalize('NFD').replace(MARKS, '') : lower;
}

const SEPARATOR = 0;
const LETTER = 1;
const STOP = 2;
/** Kind of each ASCII character. Others go by their properties. */
const KINDS = Uint8Array.from({ length: 128 }, (_each, code) => {
  const char = String.fromCharCode(code);
  if (/[\w']/.test(char) && char !== '_') return LETTER;
  return /[.!?\n]/.test(char) ? STOP : SEPARATOR;
});
const OTHER_LETTERS = /[\p{L}\p{N}]/u;

function kindOf(text: string, at: number): number {
  const code = text.charCodeAt(at);
  if (code < 128) return KINDS[code]!;
  if (code >= 0xd800 && code <= 0xdfff) return SEPARATOR;
  if (code === 0x2019) return LETTER;
  return OTHER_LETTERS.test(text[at]!) ? LETTER : SEPARATOR;
}

/** Gets each word of a text, and its other readings, with its index. */
export type TakeWord = (word: string, at: number) => void;

/** Reads the words of a text. The end of a sentence counts as a word. Joins letters that are spelt out. */
export function readWords(text: string, take: TakeWord): void {
  const lower = folded(text);
  const reader = new Reader(lower, take);
  for (let at = 0; at < lower.length;) {
    const kind = kindOf(lower, at);
    const start = at;
    do at += 1;
    while (kind === LETTER && at < lower.length && kindOf(lower, at) === LETTER);
    if (kind === LETTER) reader.word(start, at);
    else if (kind === STOP) reader.stop();
  }
  reader.endSpelt();
}

class Reader {
  readonly #text: string;
  readonly #take: TakeWord;
  /** Index of the next word. */
  #place = 0;
  #stopped = true;
  /** Spelt letters so far, and where they began and ended. */
  #spelt = '';
  #speltPlace = 0;
  #speltEnd = -1;
  /** The last word and the one before it, if each is close to its successor; they may be parts of one word. */
  #last = '';
  #beforeLast = '';
  #lastEnd = -2;

  constructor(text: string, take: TakeWord) {
    this.#text = text;
    this.#take = take;
  }

  word(start: number, end: number): void {
    const isLetter = end - start === 1;
    if (!isLetter || start - this.#speltEnd !== 1) this.endSpelt();
    if (isLetter) this.#letter(start);
    this.#stopped = false;
    if (end - start <= MAX_WORD) {
      const word = this.#text.slice(start, end);
      readings(word, this.#text[end] === ':', this.#place, this.#take);
      this.#joined(word, start, end);
    }
    this.#place += 1;
  }

  /** Reads a word that is split in two or three, such as ig nore. */
  #joined(word: string, start: number, end: number): void {
    if (start - this.#lastEnd !== 1) this.#last = this.#beforeLast = '';
    const isPart = word.length <= MAX_PART;
    if (isPart && this.#last !== '') {
      this.#takeSplit(this.#last + word);
      if (this.#beforeLast !== '') this.#takeSplit(this.#beforeLast + this.#last + word);
    }
    this.#beforeLast = isPart ? this.#last : '';
    this.#last = isPart ? word : '';
    this.#lastEnd = end;
  }

  #takeSplit(word: string): void {
    if (word.length >= MIN_SPLIT && word.length <= MAX_SPLIT) this.#take(word, this.#place);
  }

  stop(): void {
    if (!this.#stopped) this.#place += 1;
    this.#stopped = true;
  }

  /** Joins the spelt letters into a word at the place of the first. */
  endSpelt(): void {
    const word = this.#spelt;
    this.#spelt = '';
    if (word.length < MIN_SPELT) return;
    readings(word, false, this.#speltPlace, this.#take);
    this.#place = this.#speltPlace + 1;
  }

  #letter(at: number): void {
    if (this.#spelt === '') this.#speltPlace = this.#place;
    this.#spelt += this.#text[at]!;
    this.#speltEnd = at + 1;
  }
}

function readings(word: string, colon: boolean, at: number, take: TakeWord): void {
  take(word, at);
  if (colon) take(`${word}:`, at);
  undisguised(word, at, take);
}

/** Replaces digits and letters of other alphabets by the Latin letters that they resemble. */
function undisguised(word: string, at: number, take: TakeWord): void {
  if (word.length > MAX_DISGUISED || word.length < MIN_DISGUISED) return;
  let latin = word;
  if (NOT_ASCII.test(word)) {
    latin = Array.from(word, (each) => LOOKALIKES.get(each) ?? each).join('');
    if (latin !== word) take(latin, at);
  }
  if (!DIGIT.test(latin) || !LATIN.test(latin)) return;
  take(
    latin.replace(DIGITS, (digit) => BY_DIGIT[digit]!),
    at,
  );
}

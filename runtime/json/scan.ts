/**
 * Checks JSON by its bytes, without making values of it, and finds members of its top level (RFC 8259). The work is
 * linear, and it takes no memory that grows.
 */
import { SLICE_BYTES, turn } from './turns.ts';

/** Half-open range of bytes. */
export interface Span {
  start: number;
  end: number;
}

export interface ScannedObject {
  /** Last value of each requested member. */
  members: ReadonlyMap<string, Span>;
  /** A requested member that occurs more than once. */
  repeated: string | undefined;
  /** A requested member that another one equals but for case. */
  alike?: string | undefined;
  /** Number of values at all levels, including keys. */
  values: number;
}

/** Largest depth of nesting; a deeper text is not accepted. */
export const MAX_JSON_DEPTH = 1000;

/** Longest key to compare: six bytes for each character of a name. */
const MAX_KEY = 512;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const MINUS = 0x2d;
const PLUS = 0x2b;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const INVALID = -1;

const WORDS = new Map(['true', 'false', 'null'].map((word) => [word.charCodeAt(0), word]));
const U = 0x75;
/** What a string may contain as it is, and what may follow its backslash. Tables: a set takes ten times as long. */
const PLAIN = table((code) => code >= 0x20 && code !== QUOTE && code !== BACKSLASH);
const ESCAPED = table((code) => '"\\/bfnrt'.includes(String.fromCharCode(code)));
const HEX = table((code) => /[0-9a-f]/i.test(String.fromCharCode(code)));
const HEX_DIGITS = 4;

function table(includes: (code: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, code) => Number(includes(code)));
}

/** Finds top-level members; undefined if the bytes are no JSON object. */
export function scanObject(json: Buffer, names: ReadonlySet<string>): ScannedObject | undefined {
  if (json[skipSpace(json, 0)] !== OPEN_BRACE) return undefined;
  const scan = new Scan(json, names);
  return scan.run(Infinity) === 'Object' ? scan : undefined;
}

/** As scanObject. Yields to other work and returns a promise if this text is long, or if other texts had this turn. */
export function scanInSlices(
  json: Buffer,
  names: ReadonlySet<string>,
): ScannedObject | undefined | Promise<ScannedObject | undefined> {
  const waits = turn(Math.min(json.length, SLICE_BYTES));
  if (!waits && json.length <= SLICE_BYTES) return scanObject(json, names);
  return sliceBySlice(json, names, waits);
}

async function sliceBySlice(
  json: Buffer,
  names: ReadonlySet<string>,
  waits: Promise<void> | undefined,
): Promise<ScannedObject | undefined> {
  await waits;
  if (json[skipSpace(json, 0)] !== OPEN_BRACE) return undefined;
  const scan = new Scan(json, names);
  for (let end = SLICE_BYTES; ; end = scan.at + SLICE_BYTES) {
    const found = scan.run(end);
    if (found !== 'Unfinished') return found === 'Object' ? scan : undefined;
    await turn(SLICE_BYTES);
  }
}

class Scan implements ScannedObject {
  readonly members = new Map<string, Span>();
  repeated: string | undefined;
  alike: string | undefined;
  values = 0;
  readonly #json: Buffer;
  readonly #names: ReadonlySet<string>;
  /** Open brackets, as the byte that closes each. */
  readonly #open: number[] = [];
  #at = 0;
  /** Whether it is inside of a value that is a string. */
  #isInString = false;
  /** The top-level member that is being read. */
  #name: string | undefined;
  #start = 0;

  constructor(json: Buffer, names: ReadonlySet<string>) {
    this.#json = json;
    this.#names = names;
  }

  /** The place up to which all is read. */
  get at(): number {
    return this.#at;
  }

  /** Reads until `until` or, in anything but the text of a string, beyond it. */
  run(until: number): 'Object' | 'None' | 'Unfinished' {
    while (this.#at !== INVALID && this.#at < until) {
      if (!(this.#isInString ? this.#string(until) : this.#value(until))) continue;
      this.#close();
      if (this.#at !== INVALID && this.#open.length === 0) {
        return skipSpace(this.#json, this.#at) === this.#json.length ? 'Object' : 'None';
      }
    }
    return this.#at === INVALID ? 'None' : 'Unfinished';
  }

  /** Reads a value to its end; false for one that contains others or has not ended, and for none. */
  #value(until: number): boolean {
    const json = this.#json;
    const at = skipSpace(json, this.#at);
    this.values += 1;
    const byte = json[at];
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) return this.#begin(at, byte);
    if (byte === QUOTE && until < json.length) {
      this.#at = at + 1;
      return this.#string(until);
    }
    this.#at = byte === QUOTE ? stringEnd(json, at) : scalarEnd(json, at);
    return this.#at !== INVALID;
  }

  /** Reads the rest of a string; false if it has not ended. */
  #string(until: number): boolean {
    const at = textEnd(this.#json, this.#at, until);
    const isEnd = at !== INVALID && this.#json[at] === QUOTE;
    this.#isInString = !isEnd;
    this.#at = isEnd ? at + 1 : at;
    return isEnd;
  }

  #begin(at: number, byte: number): boolean {
    if (this.#open.length === MAX_JSON_DEPTH) return this.#fail();
    const closing = byte === OPEN_BRACE ? CLOSE_BRACE : CLOSE_BRACKET;
    this.#at = skipSpace(this.#json, at + 1);
    if (this.#json[this.#at] === closing) {
      this.#at += 1;
      return true;
    }
    this.#open.push(closing);
    if (byte === OPEN_BRACE) this.#key();
    return false;
  }

  /** Proceeds to the next value, over closing brackets. */
  #close(): void {
    const json = this.#json;
    while (this.#open.length > 0) {
      if (this.#open.length === 1) this.#endMember();
      const at = skipSpace(json, this.#at);
      const closing = this.#open.at(-1)!;
      if (json[at] === COMMA) {
        this.#at = at + 1;
        if (closing === CLOSE_BRACE) this.#key();
        return;
      }
      if (json[at] !== closing) {
        this.#fail();
        return;
      }
      this.#open.pop();
      this.#at = at + 1;
    }
  }

  /** Reads a key and its colon. */
  #key(): void {
    const json = this.#json;
    const start = skipSpace(json, this.#at);
    const end = json[start] === QUOTE ? stringEnd(json, start) : INVALID;
    const colon = end === INVALID ? INVALID : skipSpace(json, end);
    if (colon === INVALID || json[colon] !== COLON) {
      this.#fail();
      return;
    }
    this.values += 1;
    this.#at = skipSpace(json, colon + 1);
    if (this.#open.length !== 1) return;
    this.#start = this.#at;
    const name = nameLike(json, start, end, this.#names);
    if (name === undefined) return;
    if (isKey(json, start, end, name)) this.#name = name;
    else this.alike ??= name;
  }

  #endMember(): void {
    if (this.#name === undefined) return;
    if (this.members.has(this.#name)) this.repeated ??= this.#name;
    this.members.set(this.#name, { start: this.#start, end: this.#at });
    this.#name = undefined;
  }

  #fail(): false {
    this.#at = INVALID;
    return false;
  }
}

/** Text in place of a range of bytes. */
export interface Edit extends Span {
  text: string;
}

/** Makes edits, which do not overlap, and keeps every other byte. Makes no copy if they would change nothing. */
export function edited(json: Buffer, edits: readonly Edit[]): Buffer {
  const changes = edits.filter((each) => !isWritten(json, each, each.text));
  if (changes.length === 0) return json;
  const pieces: Buffer[] = [];
  let at = 0;
  for (const { start, end, text } of changes.toSorted((a, b) => a.start - b.start)) {
    pieces.push(json.subarray(at, start), Buffer.from(text));
    at = end;
  }
  pieces.push(json.subarray(at));
  return Buffer.concat(pieces);
}

/** Where the member with this value begins: at the quote before its name, which has no escaped quotes. */
export function memberStart(json: Buffer, { start }: Span): number {
  const last = json.lastIndexOf(QUOTE, start - 1);
  return json.lastIndexOf(QUOTE, last - 1);
}

/** The text of a string; empty for another value. The bytes are valid JSON. */
export function textOf(json: Buffer, { start, end }: Span): string {
  if (json[start] !== QUOTE) return '';
  return JSON.parse(json.toString('utf8', start, end)) as string;
}

/** Whether the value's bytes equal `text`: for true, false, null and strings without escapes. */
export function isWritten(json: Buffer, { start, end }: Span, text: string): boolean {
  return end - start === text.length && json.toString('latin1', start, end) === text;
}

/**
 * The requested name that a key equals, as servers read it that ignore case, such as those in Go. Most keys equal none,
 * which costs no memory.
 */
function nameLike(
  json: Buffer,
  start: number,
  end: number,
  names: ReadonlySet<string>,
): string | undefined {
  if (end - start > MAX_KEY) return undefined;
  for (let at = start; at < end; at += 1) {
    if (json[at] !== BACKSLASH && json[at]! < 0x80) continue;
    // Upper case first: of two of Unicode's letters only that is one of ASCII.
    const name = textOf(json, { start, end }).toUpperCase().toLowerCase();
    return names.has(name) ? name : undefined;
  }
  for (const name of names) if (isLike(json, start, end, name)) return name;
  return undefined;
}

function isKey(json: Buffer, start: number, end: number, name: string): boolean {
  if (end - start !== name.length + 2) return textOf(json, { start, end }) === name;
  for (let i = 0; i < name.length; i += 1) {
    if (json[start + 1 + i] !== name.charCodeAt(i)) return false;
  }
  return true;
}

/** Whether a key of ASCII equals a name but for case. */
function isLike(json: Buffer, start: number, end: number, name: string): boolean {
  if (end - start !== name.length + 2) return false;
  for (let i = 0; i < name.length; i += 1) {
    const byte = json[start + 1 + i]!;
    const code = name.charCodeAt(i);
    if (byte !== code && !(byte === code - 0x20 && byte >= 0x41 && byte <= 0x5a)) return false;
  }
  return true;
}

function skipSpace(json: Buffer, at: number): number {
  for (;;) {
    const byte = json[at];
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return at;
    at += 1;
  }
}

/** Index after the string that begins at `at`. */
function stringEnd(json: Buffer, at: number): number {
  for (at += 1; ;) {
    while (PLAIN[json[at]!] === 1) at += 1;
    if (json[at] === QUOTE) return at + 1;
    at = json[at] === BACKSLASH ? escapeEnd(json, at) : INVALID;
    if (at === INVALID) return INVALID;
  }
}

/** Index of the quote that ends the text at `at`, or of a part of it at `until` or after. */
function textEnd(json: Buffer, at: number, until: number): number {
  for (;;) {
    while (at < until && PLAIN[json[at]!] === 1) at += 1;
    if (json[at] === QUOTE || (at >= until && at < json.length)) return at;
    at = json[at] === BACKSLASH ? escapeEnd(json, at) : INVALID;
    if (at === INVALID) return INVALID;
  }
}

function escapeEnd(json: Buffer, at: number): number {
  const byte = json[at + 1]!;
  if (ESCAPED[byte] === 1) return at + 2;
  if (byte !== U) return INVALID;
  const end = at + 2 + HEX_DIGITS;
  for (at += 2; at < end; at += 1) if (HEX[json[at]!] !== 1) return INVALID;
  return end;
}

/** Index after the number or word that begins at `at`. */
function scalarEnd(json: Buffer, at: number): number {
  const word = WORDS.get(json[at] ?? 0);
  if (word === undefined) return numberEnd(json, at);
  return json.toString('latin1', at, at + word.length) === word ? at + word.length : INVALID;
}

function numberEnd(json: Buffer, at: number): number {
  if (json[at] === MINUS) at += 1;
  const integer = json[at] === ZERO ? at + 1 : digitsEnd(json, at);
  if (integer === INVALID) return INVALID;
  const fraction = json[integer] === POINT ? digitsEnd(json, integer + 1) : integer;
  if (fraction === INVALID || (json[fraction]! | 0x20) !== 0x65) return fraction;
  const sign = json[fraction + 1];
  return digitsEnd(json, fraction + (sign === MINUS || sign === PLUS ? 2 : 1));
}

/** Index after the digits at `at`, of which there is at least one. */
function digitsEnd(json: Buffer, at: number): number {
  const start = at;
  while (json[at]! >= ZERO && json[at]! <= NINE) at += 1;
  return at === start ? INVALID : at;
}

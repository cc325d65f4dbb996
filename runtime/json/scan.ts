/**
 * Reads and edits JSON by its bytes, without making values of it (RFC 8259). The work is linear, and reading takes no
 * memory that grows.
 */

/** Half-open range of bytes. */
export interface Span {
  start: number;
  end: number;
}

export interface ScannedObject {
  /** Last value of each requested member. */
  members: ReadonlyMap<string, Span>;
  /** Whether a requested member occurs more than once. */
  repeated: boolean;
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
const ESCAPES: ReadonlySet<number | undefined> = new Set(Buffer.from('"\\/bfnrt'));
const U = 0x75;

/** Finds top-level members; undefined if the bytes are no JSON object. */
export function scanObject(json: Buffer, names: ReadonlySet<string>): ScannedObject | undefined {
  if (json[skipSpace(json, 0)] !== OPEN_BRACE) return undefined;
  const scan = new Scan(json, names);
  return scan.run(Infinity) === 'Object' ? scan : undefined;
}

/** Bytes to read before other work gets a turn. */
export const SLICE_BYTES = 256 * 1024;

/** As scanObject. Yields to other work and returns a promise if the text is long. */
export function scanInSlices(
  json: Buffer,
  names: ReadonlySet<string>,
): ScannedObject | undefined | Promise<ScannedObject | undefined> {
  return json.length <= SLICE_BYTES ? scanObject(json, names) : sliceBySlice(json, names);
}

async function sliceBySlice(
  json: Buffer,
  names: ReadonlySet<string>,
): Promise<ScannedObject | undefined> {
  if (json[skipSpace(json, 0)] !== OPEN_BRACE) return undefined;
  const scan = new Scan(json, names);
  for (let end = SLICE_BYTES; ; end += SLICE_BYTES) {
    const found = scan.run(end);
    if (found !== 'Unfinished') return found === 'Object' ? scan : undefined;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

class Scan implements ScannedObject {
  readonly members = new Map<string, Span>();
  repeated = false;
  values = 0;
  readonly #json: Buffer;
  readonly #names: ReadonlySet<string>;
  /** Open brackets, as the byte that closes each. */
  readonly #open: number[] = [];
  #at = 0;
  /** The top-level member that is being read. */
  #name: string | undefined;
  #start = 0;

  constructor(json: Buffer, names: ReadonlySet<string>) {
    this.#json = json;
    this.#names = names;
  }

  /** Reads until a value begins at `until` or later. */
  run(until: number): 'Object' | 'None' | 'Unfinished' {
    while (this.#at !== INVALID && this.#at < until) {
      if (!this.#value()) continue;
      this.#close();
      if (this.#at !== INVALID && this.#open.length === 0) {
        return skipSpace(this.#json, this.#at) === this.#json.length ? 'Object' : 'None';
      }
    }
    return this.#at === INVALID ? 'None' : 'Unfinished';
  }

  /** Reads a value to its end; false for one that contains others, or for none. */
  #value(): boolean {
    const json = this.#json;
    const at = skipSpace(json, this.#at);
    this.values += 1;
    const byte = json[at];
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) return this.#begin(at, byte);
    this.#at = byte === QUOTE ? stringEnd(json, at) : scalarEnd(json, at);
    return this.#at !== INVALID;
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
    this.#at = colon + 1;
    if (this.#open.length !== 1) return;
    this.#name = nameIn(json, start, end, this.#names);
    this.#start = skipSpace(json, this.#at);
  }

  #endMember(): void {
    if (this.#name === undefined) return;
    this.repeated ||= this.members.has(this.#name);
    this.members.set(this.#name, { start: this.#start, end: this.#at });
    this.#name = undefined;
  }

  #fail(): false {
    this.#at = INVALID;
    return false;
  }
}

/** The elements of an array; none for another value. The bytes are valid JSON. */
export function* elementsOf(json: Buffer, { start, end }: Span): Generator<Span> {
  if (json[start] !== OPEN_BRACKET) return;
  for (let at = skipSpace(json, start + 1); at < end - 1;) {
    const stop = valueEnd(json, at);
    yield { start: at, end: stop };
    at = skipSpace(json, skipSpace(json, stop) + 1);
  }
}

/** Members of an object by name; none for another value. The bytes are valid JSON. */
export function membersOf(
  json: Buffer,
  { start }: Span,
  names: ReadonlySet<string>,
): Map<string, Span> {
  const found = new Map<string, Span>();
  if (json[start] !== OPEN_BRACE) return found;
  for (const { name, value } of namedIn(json, start, names)) found.set(name, value);
  return found;
}

/**
 * Replaces the value of every top-level member `name` and keeps every other byte. Replaces all duplicates, because
 * parsers differ in which one counts. The bytes are valid JSON, with an object at the top.
 */
export function replaceMember(json: Buffer, name: string, value: string | number): Buffer {
  const replacement = Buffer.from(JSON.stringify(value));
  const parts: Buffer[] = [];
  let from = 0;
  for (const { value: old } of namedIn(json, skipSpace(json, 0), new Set([name]))) {
    parts.push(json.subarray(from, old.start), replacement);
    from = old.end;
  }
  if (parts.length === 0) return json;
  return Buffer.concat([...parts, json.subarray(from)]);
}

/** Members with one of the names, in the object that begins at `start`. */
function* namedIn(
  json: Buffer,
  start: number,
  names: ReadonlySet<string>,
): Generator<{ name: string; value: Span }> {
  for (let at = skipSpace(json, start + 1); json[at] === QUOTE;) {
    const keyEnd = valueEnd(json, at);
    const value = skipSpace(json, skipSpace(json, keyEnd) + 1);
    const end = valueEnd(json, value);
    const name = nameIn(json, at, keyEnd, names);
    if (name !== undefined) yield { name, value: { start: value, end } };
    const next = skipSpace(json, end);
    at = json[next] === COMMA ? skipSpace(json, next + 1) : next;
  }
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

/** The requested name that a key equals. Most keys equal none, which costs no memory. */
function nameIn(
  json: Buffer,
  start: number,
  end: number,
  names: ReadonlySet<string>,
): string | undefined {
  if (end - start > MAX_KEY) return undefined;
  for (let at = start; at < end; at += 1) {
    if (json[at] !== BACKSLASH) continue;
    const name = textOf(json, { start, end });
    return names.has(name) ? name : undefined;
  }
  for (const name of names) if (isKey(json, start, end, name)) return name;
  return undefined;
}

function isKey(json: Buffer, start: number, end: number, name: string): boolean {
  if (end - start !== name.length + 2) return false;
  for (let i = 0; i < name.length; i += 1) {
    if (json[start + 1 + i] !== name.charCodeAt(i)) return false;
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
  const { length } = json;
  for (at += 1; at < length;) {
    const byte = json[at]!;
    if (byte === QUOTE) return at + 1;
    if (byte < 0x20) return INVALID;
    at = byte === BACKSLASH ? escapeEnd(json, at) : at + 1;
    if (at === INVALID) return INVALID;
  }
  return INVALID;
}

function escapeEnd(json: Buffer, at: number): number {
  const byte = json[at + 1];
  if (ESCAPES.has(byte)) return at + 2;
  if (byte !== U) return INVALID;
  return /^[0-9a-f]{4}$/i.test(json.toString('latin1', at + 2, at + 6)) ? at + 6 : INVALID;
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

/** Index after the value that begins at `at`, in bytes that are valid JSON. */
function valueEnd(json: Buffer, at: number): number {
  const first = json[at];
  if (first === QUOTE) return plainStringEnd(json, at);
  if (first !== OPEN_BRACE && first !== OPEN_BRACKET) return scalarEnd(json, at);
  for (let depth = 0; at < json.length;) {
    const byte = json[at];
    if (byte === QUOTE) {
      at = plainStringEnd(json, at);
      continue;
    }
    at += 1;
    depth += levels(byte);
    if (depth === 0) return at;
  }
  return at;
}

/** Change of the depth of nesting by a byte outside of strings. */
function levels(byte: number | undefined): number {
  if (byte === OPEN_BRACE || byte === OPEN_BRACKET) return 1;
  return byte === CLOSE_BRACE || byte === CLOSE_BRACKET ? -1 : 0;
}

/** As stringEnd, for a valid string. */
function plainStringEnd(json: Buffer, at: number): number {
  for (let from = at + 1; ;) {
    const quote = json.indexOf(QUOTE, from);
    if (quote < 0) return json.length;
    let escapes = 0;
    while (json[quote - 1 - escapes] === BACKSLASH) escapes += 1;
    if (escapes % 2 === 0) return quote + 1;
    from = quote + 1;
  }
}

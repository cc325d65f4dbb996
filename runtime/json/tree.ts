import type { Span } from './scan.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const COMMA = 0x2c;
const COLON = 0x3a;

/** Longest name, or text to compare with one, in bytes of JSON: six for each character. */
const MAX_NAME = 512;
/** Longest part of a character that a cut can leave: \uD83D\uDE00. */
const MAX_CUT = 12;

/** A value, as its place among all values in the order of the text. */
export type Node = number;

/** Where the values of a JSON text are. Takes three numbers for each value, whatever the text holds. */
export class JsonTree {
  readonly root: Node = 0;
  readonly #json: Buffer;
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  /** The value after all that each one contains. */
  readonly #next: Node[] = [];

  /** Reads a value in bytes that are valid JSON; undefined if it has more values than that, with keys. */
  static read(json: Buffer, { start }: Span, maxValues: number): JsonTree | undefined {
    const tree = new JsonTree(json);
    return tree.#read(start, maxValues) ? tree : undefined;
  }

  private constructor(json: Buffer) {
    this.#json = json;
  }

  /** The elements of an array; none of another value. */
  *elements(node: Node): Generator<Node> {
    if (this.#first(node) === OPEN_BRACKET) yield* this.#children(node);
  }

  /** The last member of an object with that name; undefined for another value. */
  member(node: Node | undefined, name: string): Node | undefined {
    if (node === undefined || this.#first(node) !== OPEN_BRACE) return undefined;
    let found: Node | undefined;
    for (let key = node + 1; key < this.#next[node]!; key = this.#next[key + 1]!) {
      if (this.is(key, name)) found = key + 1;
    }
    return found;
  }

  span(node: Node): Span {
    return { start: this.#starts[node]!, end: this.#ends[node]! };
  }

  isString(node: Node | undefined): node is Node {
    return node !== undefined && this.#first(node) === QUOTE;
  }

  /** Whether the value is this string of plain ASCII, with escapes or without. */
  is(node: Node | undefined, text: string): boolean {
    if (!this.isString(node)) return false;
    const { start, end } = this.span(node);
    const more = end - start - 2 - text.length;
    if (more < 0 || end - start > MAX_NAME) return false;
    if (more === 0) return this.#json.toString('latin1', start + 1, end - 1) === text;
    // Only escapes make it longer.
    return this.#hasEscape(start, end) && this.text(node) === text;
  }

  /** A string, up to `max` bytes of its JSON; empty for another value. */
  text(node: Node | undefined, max = Infinity): string {
    if (!this.isString(node)) return '';
    const { start, end } = this.span(node);
    if (end - start <= max) return this.value(node) as string;
    for (let cut = 0; cut < MAX_CUT; cut += 1) {
      try {
        return JSON.parse(`${this.#json.toString('utf8', start, start + max - cut)}"`) as string;
      } catch {
        // The cut is inside an escape: drops one more byte.
      }
    }
    return '';
  }

  /** The value that JSON.parse makes of it. */
  value(node: Node): unknown {
    return JSON.parse(this.#json.toString('utf8', this.#starts[node], this.#ends[node]));
  }

  *#children(node: Node): Generator<Node> {
    for (let each = node + 1; each < this.#next[node]!; each = this.#next[each]!) yield each;
  }

  #first(node: Node): number | undefined {
    return this.#json[this.#starts[node]!];
  }

  #hasEscape(start: number, end: number): boolean {
    return this.#json.subarray(start, end).includes(BACKSLASH);
  }

  #read(at: number, maxValues: number): boolean {
    const open: Node[] = [];
    do {
      at = this.#between(at);
      const byte = this.#json[at];
      if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
        at += 1;
        this.#end(open.pop()!, at);
        continue;
      }
      const node = this.#starts.length;
      if (node === maxValues) return false;
      this.#starts.push(at);
      this.#ends.push(at);
      this.#next.push(node + 1);
      if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
        open.push(node);
        at += 1;
      } else {
        at = byte === QUOTE ? this.#stringEnd(at) : this.#wordEnd(at);
        this.#ends[node] = at;
      }
    } while (open.length > 0);
    return true;
  }

  #end(node: Node, at: number): void {
    this.#ends[node] = at;
    this.#next[node] = this.#starts.length;
  }

  /** The place after spaces, commas and colons. */
  #between(at: number): number {
    for (;;) {
      const byte = this.#json[at]!;
      if (byte > 0x20 && byte !== COMMA && byte !== COLON) return at;
      at += 1;
    }
  }

  /** Finds the quote at once where no escape is before it, which is quick in long texts of media. */
  #stringEnd(at: number): number {
    const json = this.#json;
    const quote = json.indexOf(QUOTE, at + 1);
    if (json[quote - 1] !== BACKSLASH) return quote + 1;
    for (at += 1; json[at] !== QUOTE; at += 1) if (json[at] === BACKSLASH) at += 1;
    return at + 1;
  }

  /** Index after a number or a word. */
  #wordEnd(at: number): number {
    for (;;) {
      const byte = this.#json[at];
      const isInside = byte !== undefined && byte > 0x20 && byte !== COMMA;
      if (!isInside || byte === CLOSE_BRACE || byte === CLOSE_BRACKET) return at;
      at += 1;
    }
  }
}

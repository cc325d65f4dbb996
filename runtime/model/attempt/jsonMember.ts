/** Half-open range of bytes. */
export interface Span {
  start: number;
  end: number;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/**
 * Spans of the values of every top-level member called `name`. The bytes must be valid JSON
 * with an object at the top, which the caller has checked; nothing is validated again.
 */
export function memberSpans(json: Buffer, name: string): Span[] {
  const spans: Span[] = [];
  let at = skipSpace(json, 0) + 1;
  for (;;) {
    at = skipSpace(json, at);
    if (json[at] !== QUOTE) return spans;
    const keyEnd = skipString(json, at);
    const key: unknown = JSON.parse(json.toString('utf8', at, keyEnd));
    const start = skipSpace(json, skipSpace(json, keyEnd) + 1);
    const end = skipValue(json, start);
    if (key === name) spans.push({ start, end });
    at = skipSpace(json, end);
    if (json[at] !== COMMA) return spans;
    at += 1;
  }
}

/**
 * The same JSON with the value of every top-level member called `name` replaced and every
 * other byte as it was. All duplicates are replaced, since parsers differ in which one counts.
 */
export function replaceMember(json: Buffer, name: string, value: string | number): Buffer {
  const spans = memberSpans(json, name);
  if (spans.length === 0) return json;
  const replacement = Buffer.from(JSON.stringify(value));
  const parts: Buffer[] = [];
  let from = 0;
  for (const span of spans) {
    parts.push(json.subarray(from, span.start), replacement);
    from = span.end;
  }
  parts.push(json.subarray(from));
  return Buffer.concat(parts);
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

function skipSpace(json: Buffer, at: number): number {
  while (isSpace(json[at])) at += 1;
  return at;
}

/** Index after the string that begins at `at`. */
function skipString(json: Buffer, at: number): number {
  for (let from = at + 1; ;) {
    const quote = json.indexOf(QUOTE, from);
    if (quote < 0) return json.length;
    let escapes = 0;
    while (json[quote - 1 - escapes] === BACKSLASH) escapes += 1;
    if (escapes % 2 === 0) return quote + 1;
    from = quote + 1;
  }
}

/** Index after the value that begins at `at`. */
function skipValue(json: Buffer, at: number): number {
  const first = json[at];
  if (first === QUOTE) return skipString(json, at);
  if (first === OPEN_BRACE || first === OPEN_BRACKET) return skipNested(json, at);
  while (at < json.length && !isSpace(json[at]) && json[at] !== COMMA && !isClosing(json[at])) {
    at += 1;
  }
  return at;
}

function skipNested(json: Buffer, at: number): number {
  let depth = 0;
  while (at < json.length) {
    const byte = json[at];
    if (byte === QUOTE) {
      at = skipString(json, at);
      continue;
    }
    at += 1;
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth += 1;
    if (isClosing(byte) && --depth === 0) return at;
  }
  return at;
}

function isClosing(byte: number | undefined): boolean {
  return byte === CLOSE_BRACE || byte === CLOSE_BRACKET;
}

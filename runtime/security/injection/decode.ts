/** Texts that are encoded within a text. */

/** Shorter runs of base64 or hexadecimal hold no sentence. */
const MIN_RUN = 24;
/** Longest run that is decoded. */
const MAX_RUN = 16 * 1024;
/** Texts that are decoded at most. */
const MAX_TEXTS = 64;
/** Escapes from which percent signs are taken for an encoding. */
const MIN_ESCAPES = 4;
/** Shortest text that is examined. */
const MIN_TEXT = 12;
/** Share of letters and spaces from which bytes are taken for a text. */
const MIN_READABLE = 0.85;

const IN_BASE64 = table(/[A-Za-z0-9+/_-]/);
const IN_PERCENT = table(/[A-Za-z0-9.~+%_-]/);

function table(member: RegExp): Uint8Array {
  return Uint8Array.from({ length: 128 }, (_each, code) =>
    member.test(String.fromCharCode(code)) ? 1 : 0,
  );
}

/** What is encoded in base64, in hexadecimal or in percent escapes, as far as it reads like a text. */
export function* decodedTexts(text: string): Generator<string> {
  let left = MAX_TEXTS;
  for (const decoded of allDecoded(text)) {
    if (!isReadable(decoded)) continue;
    yield decoded;
    left -= 1;
    if (left === 0) return;
  }
}

function* allDecoded(text: string): Generator<string> {
  for (const run of runs(text, IN_BASE64)) {
    if (/^(?:[0-9a-f]{2})+$/i.test(run)) yield Buffer.from(run, 'hex').toString('utf8');
    else if (isMixed(run)) yield Buffer.from(run, 'base64').toString('utf8');
  }
  if (!text.includes('%')) return;
  for (const run of runs(text, IN_PERCENT)) {
    if (run.split('%').length > MIN_ESCAPES) yield unpercented(run);
  }
}

/** Runs of characters of a table. */
function* runs(text: string, table: Uint8Array): Generator<string> {
  let start = 0;
  for (let at = 0; at <= text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code < 128 && table[code] === 1) continue;
    if (at - start >= MIN_RUN) yield text.slice(start, Math.min(at, start + MAX_RUN));
    start = at + 1;
  }
}

/** Long names and paths are runs too, but seldom have all of these. */
function isMixed(run: string): boolean {
  return /[A-Z]/.test(run) && /[a-z]/.test(run) && !run.includes('--');
}

function unpercented(run: string): string {
  return run
    .replaceAll('+', ' ')
    .replace(/%([0-9a-fA-F]{2})/g, (_all, hex: string) => String.fromCharCode(parseInt(hex, 16)));
}

/** Whether words are told apart in it, and little else is in it. */
function isReadable(text: string): boolean {
  if (text.length < MIN_TEXT) return false;
  let readable = 0;
  let spaces = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 0x20 || code === 0x0a) spaces += 1;
    else if (code > 0x20 && code < 0x7f) readable += 1;
  }
  return spaces * 20 >= text.length && (readable + spaces) / text.length >= MIN_READABLE;
}

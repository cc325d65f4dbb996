/** Finds encoded texts within a text. */

/** Shorter runs of base64 or hexadecimal hold no sentence. */
const MIN_RUN = 24;
/** Most encodings of one text within each other. */
const MAX_LAYERS = 3;
/** Longest run to decode. */
const MAX_RUN = 16 * 1024;
/** Largest number of texts to decode. */
const MAX_TEXTS = 64;
/** Number of percent escapes that makes an encoding. */
const MIN_ESCAPES = 4;
/** Shortest text to examine. */
const MIN_TEXT = 12;
/** Share of letters and spaces that makes bytes a text. */
const MIN_READABLE = 0.85;

const IN_BASE64 = table(/[A-Za-z0-9+/_-]/);
const IN_PERCENT = table(/[A-Za-z0-9.~+%_-]/);

function table(member: RegExp): Uint8Array {
  return Uint8Array.from({ length: 128 }, (_each, code) =>
    member.test(String.fromCharCode(code)) ? 1 : 0,
  );
}

/** Decodes base64, hexadecimal and percent escapes that result in a readable text. */
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
    else if (isMixed(run)) yield* layers(run);
  }
  if (!text.includes('%')) return;
  for (const run of runs(text, IN_PERCENT)) {
    if (run.split('%').length > MIN_ESCAPES) yield unpercented(run);
  }
}

/** What a run of base64 holds, and what is in that if it is base64 again. */
function* layers(run: string): Generator<string> {
  let decoded = run;
  for (let layer = 0; layer < MAX_LAYERS; layer += 1) {
    decoded = Buffer.from(decoded, 'base64').toString('utf8').trim();
    if (!/^[A-Za-z0-9+/_-]+=*$/.test(decoded)) {
      yield decoded;
      return;
    }
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

/** Whether a run mixes kinds of characters. Long names and paths rarely do. */
function isMixed(run: string): boolean {
  return /[A-Z]/.test(run) && /[a-z]/.test(run) && !run.includes('--');
}

function unpercented(run: string): string {
  return run
    .replaceAll('+', ' ')
    .replace(/%([0-9a-fA-F]{2})/g, (_all, hex: string) => String.fromCharCode(parseInt(hex, 16)));
}

/** Whether the text consists mostly of separated words. */
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

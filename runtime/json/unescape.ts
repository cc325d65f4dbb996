const SHORT: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' };
/** Characters of \u0000 and of \n. */
const LONG_ESCAPE = 6;
const SHORT_ESCAPE = 2;

/** Resolves the escapes of JSON that arrives in pieces. Accepts invalid JSON, and keeps at most one escape. */
export class JsonUnescape {
  /** The start of an unfinished escape. */
  #rest = '';

  /** The text that the piece adds. */
  push(piece: string): string {
    const json = this.#rest + piece;
    this.#rest = '';
    let shown = '';
    let at = 0;
    for (;;) {
      const escape = json.indexOf('\\', at);
      if (escape < 0) return shown + json.slice(at);
      shown += json.slice(at, escape);
      const letter = json[escape + 1] ?? '';
      at = escape + (letter === 'u' ? LONG_ESCAPE : SHORT_ESCAPE);
      if (at > json.length) {
        this.#rest = json.slice(escape);
        return shown;
      }
      shown += letter === 'u' ? character(json.slice(escape + 2, at)) : (SHORT[letter] ?? letter);
    }
  }
}

function character(digits: string): string {
  return String.fromCharCode(Number.parseInt(digits, 16));
}

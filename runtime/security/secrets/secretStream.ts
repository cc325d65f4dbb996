import type { SecretScanner } from './secretScanner.ts';

/** New characters until the next scan. */
const STEP = 16 * 1024;
/** Characters to scan twice: more than the longest secret, a private key, has. */
const TAIL = 12 * 1024;

/** Searches for secrets in a text that arrives in pieces. Holds STEP + TAIL characters and the newest piece. */
export class SecretStream {
  readonly #scanner: Promise<SecretScanner>;
  readonly #kinds = new Set<string>();
  /** Scanned text that may begin a secret. */
  #tail = '';
  #fresh: string[] = [];
  #freshLength = 0;
  /** Number of characters before the tail. */
  #cleared = 0;

  constructor(scanner: Promise<SecretScanner>) {
    this.#scanner = scanner;
  }

  /** Kinds of secrets found. */
  get kinds(): string[] {
    return [...this.#kinds];
  }

  /** Number of characters received. */
  get length(): number {
    return this.#cleared + this.#tail.length + this.#freshLength;
  }

  /** Number of characters from the start in which no undetected secret begins. */
  get cleared(): number {
    return this.#cleared;
  }

  /** Whether a scan is due. */
  get isDue(): boolean {
    return this.#freshLength >= STEP;
  }

  add(text: string): void {
    if (text === '') return;
    this.#fresh.push(text);
    this.#freshLength += text.length;
  }

  /** Scans the new text unless a scan is running. `final`: no more will come. */
  async look(final = false): Promise<void> {
    const scanner = await this.#scanner;
    const text = this.#tail + this.#fresh.join('');
    // The next scan takes the text that arrives meanwhile.
    this.#tail = text;
    this.#fresh = [];
    this.#freshLength = 0;
    const matches = await scanner.find(text);
    const kept = final ? text.length : Math.max(0, text.length - TAIL);
    for (const { kind, start, end } of matches) {
      // A match that reaches the end may continue as something else. The next scan repeats it if it is in the tail.
      if (final || end < text.length || start < kept) this.#kinds.add(kind);
    }
    this.#tail = text.slice(kept);
    this.#cleared += kept;
  }
}

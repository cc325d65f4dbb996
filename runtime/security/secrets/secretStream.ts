import type { SecretScanner } from './secretScanner.ts';

/** New characters after which a text is looked at again. */
const STEP = 16 * 1024;
/** Characters that are looked at twice: more than a secret of any rule has, the largest of which is a private key. */
const TAIL = 12 * 1024;

/** Looks for secrets in a text that comes in pieces. It keeps STEP and TAIL characters of it, and the newest piece. */
export class SecretStream {
  readonly #scanner: Promise<SecretScanner>;
  readonly #kinds = new Set<string>();
  /** What was looked at and may be the beginning of a secret. */
  #tail = '';
  #fresh: string[] = [];
  #freshLength = 0;
  /** Characters up to the tail. */
  #cleared = 0;

  constructor(scanner: Promise<SecretScanner>) {
    this.#scanner = scanner;
  }

  /** Kinds of secrets that were found. */
  get kinds(): string[] {
    return [...this.#kinds];
  }

  /** Characters that have come. */
  get length(): number {
    return this.#cleared + this.#tail.length + this.#freshLength;
  }

  /** Characters from the beginning in which no secret begins that was not found. */
  get cleared(): number {
    return this.#cleared;
  }

  /** Whether it is time to look. */
  get isDue(): boolean {
    return this.#freshLength >= STEP;
  }

  add(text: string): void {
    if (text === '') return;
    this.#fresh.push(text);
    this.#freshLength += text.length;
  }

  /** Looks at what has come; not while it looks already. `final`: no more will come. */
  async look(final = false): Promise<void> {
    const scanner = await this.#scanner;
    const text = this.#tail + this.#fresh.join('');
    // What comes meanwhile is looked at the next time.
    this.#tail = text;
    this.#fresh = [];
    this.#freshLength = 0;
    const matches = await scanner.find(text);
    const kept = final ? text.length : Math.max(0, text.length - TAIL);
    for (const { kind, start, end } of matches) {
      // What reaches up to the end may go on and be something else; it is looked at again, if it is in the tail.
      if (final || end < text.length || start < kept) this.#kinds.add(kind);
    }
    this.#tail = text.slice(kept);
    this.#cleared += kept;
  }
}

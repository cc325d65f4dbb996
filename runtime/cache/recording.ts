export interface Head {
  status: number;
  statusText: string;
  headers: string[];
  /** Whether an error event may follow the body. */
  appendable: boolean;
}

/** The received part of an answer, for readers at different speeds. */
export class Recording {
  head: Head | undefined;
  /** Whether the body is complete. */
  ended = false;
  readonly #maxBytes: number;
  #chunks: Buffer[] = [];
  #dropped = 0;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Whether it is too large to keep whole. */
  get overflowed(): boolean {
    return this.#bytes > this.#maxBytes;
  }

  /** Number of chunks so far. */
  get length(): number {
    return this.#dropped + this.#chunks.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  add(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
  }

  /** Chunk number `index`, from 0, which must not be forgotten yet. */
  chunk(index: number): Buffer {
    return this.#chunks[index - this.#dropped]!;
  }

  /** Forgets the answer, for another one. */
  clear(): void {
    this.head = undefined;
    this.ended = false;
    this.#chunks = [];
    this.#dropped = 0;
    this.#bytes = 0;
  }

  /** Frees all chunks so far; every reader must have them. */
  forget(): void {
    this.#dropped = this.length;
    this.#chunks = [];
  }

  /** A copy of the body. */
  body(): Buffer {
    return Buffer.concat(this.#chunks);
  }
}

/** Status and headers of an answer. */
export interface Head {
  status: number;
  statusText: string;
  headers: string[];
  /** Whether an error event may follow the body. */
  appendable: boolean;
}

/** What has come of an answer so far, for those who read it at their own pace. */
export class Recording {
  head: Head | undefined;
  /** Whether the body has come to its end. */
  ended = false;
  readonly #maxBytes: number;
  #chunks: Buffer[] = [];
  #dropped = 0;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Whether it is too large to be kept whole. */
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

  /** A chunk by its number, from 0; it must not have been forgotten. */
  chunk(index: number): Buffer {
    return this.#chunks[index - this.#dropped]!;
  }

  /** Lets go of all chunks so far; everybody must have read them. */
  forget(): void {
    this.#dropped = this.length;
    this.#chunks = [];
  }

  /** The body in memory of its own. */
  body(): Buffer {
    return Buffer.concat(this.#chunks);
  }
}

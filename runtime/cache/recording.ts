export interface Head {
  status: number;
  statusText: string;
  headers: string[];
  /** Whether an error event may follow the body. */
  appendable: boolean;
}

/** Smaller chunks are joined: each Buffer costs some 200 bytes of its own. */
const SMALL = 4096;

/** The received part of an answer, for readers at different speeds. */
export class Recording {
  head: Head | undefined;
  /** Whether the body is complete. */
  ended = false;
  readonly #maxBytes: number;
  #chunks: Buffer[] = [];
  /** Bytes in use of the last chunk, if that is a block of small ones. */
  #used: number | undefined;
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
    this.#bytes += chunk.length;
    const block = this.#used === undefined ? undefined : this.#chunks.at(-1);
    if (block && this.#used! + chunk.length <= block.length) {
      this.#used! += chunk.copy(block, this.#used);
      return;
    }
    this.#endBlock();
    if (chunk.length >= SMALL) {
      this.#chunks.push(chunk);
      return;
    }
    const next = Buffer.allocUnsafeSlow(SMALL);
    this.#used = chunk.copy(next);
    this.#chunks.push(next);
  }

  /** Chunk number `index`, from 0; undefined for one that is forgotten. The last one may grow. */
  chunk(index: number): Buffer | undefined {
    const chunk = this.#chunks[index - this.#dropped];
    return index === this.length - 1 ? chunk?.subarray(0, this.#used) : chunk;
  }

  #endBlock(): void {
    const last = this.#chunks.pop();
    if (last) this.#chunks.push(last.subarray(0, this.#used));
    this.#used = undefined;
  }

  /** Forgets the answer, for another one. */
  clear(): void {
    this.head = undefined;
    this.ended = false;
    this.#chunks = [];
    this.#used = undefined;
    this.#dropped = 0;
    this.#bytes = 0;
  }

  /** Frees all chunks so far; every reader must have them. */
  forget(): void {
    this.#dropped = this.length;
    this.#chunks = [];
    this.#used = undefined;
  }

  /** A copy of the body. */
  body(): Buffer {
    this.#endBlock();
    return Buffer.concat(this.#chunks);
  }
}

/** Smaller chunks are joined: each Buffer costs some 200 bytes of its own. */
const SMALL = 4096;
/** Largest block of joined chunks. Blocks grow with the body, so that a small body reserves little. */
const MAX_BLOCK = 64 * 1024;

/** Collects bytes. Takes little more memory than their size, however small the chunks are. */
export class CollectedBytes {
  #chunks: Buffer[] = [];
  #block: Buffer | undefined;
  #used = 0;
  #size = 0;

  /** Number of bytes so far. */
  get size(): number {
    return this.#size;
  }

  add(chunk: Buffer): void {
    this.#size += chunk.length;
    // Does not copy a body that arrives in one piece.
    if (this.#chunks.length === 0 || chunk.length >= SMALL) {
      this.#endBlock();
      this.#chunks.push(chunk);
      return;
    }
    if (this.#block && this.#used + chunk.length > this.#block.length) this.#endBlock();
    this.#block ??= Buffer.allocUnsafeSlow(Math.min(MAX_BLOCK, Math.max(SMALL, this.#size)));
    this.#used += chunk.copy(this.#block, this.#used);
  }

  /** All bytes, in one piece from now on. */
  joined(): Buffer {
    this.#endBlock();
    if (this.#chunks.length !== 1) this.#chunks = [Buffer.concat(this.#chunks, this.#size)];
    return this.#chunks[0]!;
  }

  /** All bytes; empties the collection. */
  take(): Buffer {
    const bytes = this.joined();
    this.clear();
    return bytes;
  }

  clear(): void {
    this.#chunks = [];
    this.#block = undefined;
    this.#used = 0;
    this.#size = 0;
  }

  #endBlock(): void {
    if (!this.#block) return;
    // Copies a block that is mostly empty to one of its size.
    const whole = this.#used > this.#block.length / 2;
    const bytes = this.#block.subarray(0, this.#used);
    this.#chunks.push(whole ? bytes : Buffer.from(bytes));
    this.#block = undefined;
    this.#used = 0;
  }
}

/** Chunks that are smaller are put together: each has some 200 bytes of its own around it. */
const SMALL = 4096;
/** Largest block of small chunks. Blocks grow with the body, so that little is set aside for a little one. */
const MAX_BLOCK = 64 * 1024;

/** Bytes as they come. However small the chunks are, they take little more than their own size. */
export class CollectedBytes {
  #chunks: Buffer[] = [];
  #block: Buffer | undefined;
  #used = 0;
  #size = 0;

  add(chunk: Buffer): void {
    this.#size += chunk.length;
    // A body that comes in one piece is not copied.
    if (this.#chunks.length === 0 || chunk.length >= SMALL) {
      this.#endBlock();
      this.#chunks.push(chunk);
      return;
    }
    if (this.#block && this.#used + chunk.length > this.#block.length) this.#endBlock();
    this.#block ??= Buffer.allocUnsafeSlow(Math.min(MAX_BLOCK, Math.max(SMALL, this.#size)));
    this.#used += chunk.copy(this.#block, this.#used);
  }

  /** All bytes. Nothing is kept. */
  take(): Buffer {
    this.#endBlock();
    const chunks = this.#chunks;
    const size = this.#size;
    this.clear();
    return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size);
  }

  clear(): void {
    this.#chunks = [];
    this.#block = undefined;
    this.#used = 0;
    this.#size = 0;
  }

  #endBlock(): void {
    if (!this.#block) return;
    // A block that is mostly empty gives way to one of its size.
    const whole = this.#used > this.#block.length / 2;
    const bytes = this.#block.subarray(0, this.#used);
    this.#chunks.push(whole ? bytes : Buffer.from(bytes));
    this.#block = undefined;
    this.#used = 0;
  }
}

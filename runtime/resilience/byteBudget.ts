/** Bounds the bytes that all peers together may have this process keep: bodies of requests, and parts of answers. */
export class ByteBudget {
  readonly #max: () => number;
  #used = 0;

  /** `max`: the bound in force, in bytes. */
  constructor(max: () => number) {
    this.#max = max;
  }

  get used(): number {
    return this.#used;
  }

  /** Takes bytes if there is room for them. Whether there was. */
  take(bytes: number): boolean {
    if (this.#used + bytes > this.#max()) return false;
    this.#used += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#used -= bytes;
  }
}

/** The bytes of one holder, who gives the rest of them back together. */
export class ByteAccount {
  readonly #budget: ByteBudget;
  #bytes = 0;

  constructor(budget: ByteBudget) {
    this.#budget = budget;
  }

  /** Takes bytes if there is room for them. Whether there was. */
  take(bytes: number): boolean {
    if (!this.#budget.take(bytes)) return false;
    this.#bytes += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#bytes -= bytes;
    this.#budget.give(bytes);
  }

  /** Gives all bytes back. */
  close(): void {
    this.give(this.#bytes);
  }
}

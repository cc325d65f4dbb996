/** Numbers and bytes that follow from a seed (mulberry32). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** At least 0 and below 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number below `bound`. */
  below(bound: number): number {
    return Math.floor(this.next() * bound);
  }

  chance(share: number): boolean {
    return this.next() < share;
  }

  pick<T>(of: readonly T[]): T {
    return of[this.below(of.length)]!;
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.below(256)));
  }

  /** The bytes with some of them changed, lost, repeated or added, at up to four places. */
  mutate(bytes: Buffer): Buffer {
    let mutated = bytes;
    for (let i = this.below(4); i >= 0; i -= 1) {
      const at = this.below(mutated.length + 1);
      const [before, after] = [mutated.subarray(0, at), mutated.subarray(at)];
      const lost = after.subarray(1 + this.below(16));
      const added = this.chance(0.5) ? this.bytes(1 + this.below(8)) : this.#nasty();
      const parts = this.pick([
        [before],
        [before, added, after],
        [before, added, lost],
        [before, lost],
        [before, after.subarray(0, 64), after],
      ]);
      mutated = Buffer.concat(parts);
    }
    return mutated;
  }

  #nasty(): Buffer {
    return Buffer.from(
      this.pick(['\r\n', '\0', '"', '{', '[[[[', '-1', '1e999', '\\ud800', 'null', '\uFEFF', ': ']),
    );
  }
}

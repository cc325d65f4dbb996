import { byText } from '../desired/common/wording.ts';

/** Parts of a block. A block of twice the size is split. */
const SIZE = 64;

interface Block<T> {
  /** Sorted. */
  names: string[];
  parts: T[];
  /** Absent after a part changed. */
  total: T | undefined;
}

/**
 * Merges parts in the order of their names, incrementally. After a change of a part only its block is merged anew, and
 * then the results of all blocks.
 */
export class IncrementalMerge<T> {
  readonly #merge: (parts: readonly T[]) => T;
  readonly #size: number;
  readonly #blocks: Block<T>[] = [];

  /** @param merge must be associative */
  constructor(merge: (parts: readonly T[]) => T, size = SIZE) {
    this.#merge = merge;
    this.#size = size;
  }

  set(name: string, part: T): void {
    const at = this.#blockOf(name);
    const block = this.#blocks[at];
    if (block === undefined) {
      this.#blocks.push({ names: [name], parts: [part], total: undefined });
      return;
    }
    const { names, parts } = block;
    const index = firstFrom(names, name);
    const isKnown = names[index] === name;
    names.splice(index, isKnown ? 1 : 0, name);
    parts.splice(index, isKnown ? 1 : 0, part);
    block.total = undefined;
    if (names.length < 2 * this.#size) return;
    const size = this.#size;
    const rest = { names: names.splice(size), parts: parts.splice(size), total: undefined };
    this.#blocks.splice(at + 1, 0, rest);
  }

  delete(name: string): void {
    const at = this.#blockOf(name);
    const block = this.#blocks[at];
    const index = block ? firstFrom(block.names, name) : 0;
    if (block?.names[index] !== name) return;
    block.names.splice(index, 1);
    block.parts.splice(index, 1);
    block.total = undefined;
    if (block.names.length === 0) this.#blocks.splice(at, 1);
  }

  total(): T {
    return this.#merge(this.#blocks.map((block) => (block.total ??= this.#merge(block.parts))));
  }

  /** Index of the name's block: the last one whose first name is not greater, else the first block. */
  #blockOf(name: string): number {
    let [low, high] = [0, this.#blocks.length];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (byText(this.#blocks[middle]!.names[0]!, name) <= 0) low = middle;
      else high = middle;
    }
    return low;
  }
}

/** Index of the first name that is not less than `name`. */
function firstFrom(names: readonly string[], name: string): number {
  let [low, high] = [0, names.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (byText(names[middle]!, name) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

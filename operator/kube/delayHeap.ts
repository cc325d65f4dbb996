interface Entry {
  at: number;
  key: string;
}

/** Keys by the time at which they are due, earliest first: a binary heap. It may hold a key several times. */
export class DelayHeap {
  readonly #entries: Entry[] = [];

  peek(): Entry | undefined {
    return this.#entries[0];
  }

  push(at: number, key: string): void {
    const entries = this.#entries;
    let index = entries.push({ at, key }) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (entries[parent]!.at <= entries[index]!.at) return;
      this.#swap(parent, index);
      index = parent;
    }
  }

  pop(): Entry | undefined {
    const entries = this.#entries;
    const first = entries[0];
    const last = entries.pop();
    if (entries.length > 0) {
      entries[0] = last!;
      this.#sink();
    }
    return first;
  }

  #sink(): void {
    const entries = this.#entries;
    for (let index = 0; ;) {
      const left = 2 * index + 1;
      const right = left + 1;
      let least = index;
      if (left < entries.length && entries[left]!.at < entries[least]!.at) least = left;
      if (right < entries.length && entries[right]!.at < entries[least]!.at) least = right;
      if (least === index) return;
      this.#swap(least, index);
      index = least;
    }
  }

  #swap(a: number, b: number): void {
    const entries = this.#entries;
    [entries[a], entries[b]] = [entries[b]!, entries[a]!];
  }
}

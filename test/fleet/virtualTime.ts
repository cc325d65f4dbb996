import type { Clock } from '../../runtime/guard/clock.ts';

interface Event {
  at: number;
  order: number;
  run: (() => void) | undefined;
}

/** Turns of the microtask queue. */
export function turns(count: number): () => Promise<void> {
  return async () => {
    for (let turn = 0; turn < count; turn += 1) await Promise.resolve();
  };
}

/** Time for simulations, in milliseconds. Events run in their order, and no time passes between them. */
export class VirtualTime {
  now = 0;
  /** Sum of all steps of the wall clocks. */
  wallMs = 0;
  #order = 0;
  /** Binary heap, the earliest event first. */
  readonly #heap: Event[] = [];
  readonly #settled: () => Promise<void>;

  /** @param settled resolves when calls that wait for promises have continued */
  constructor(settled = turns(2)) {
    this.#settled = settled;
  }

  /** Runs something after `ms`. The result cancels it. */
  after(ms: number, run: () => void): () => void {
    const event: Event = { at: this.now + Math.max(0, ms), order: (this.#order += 1), run };
    this.#push(event);
    return () => (event.run = undefined);
  }

  /** Lets time pass. Calls that wait for promises continue between events. */
  async pass(ms: number): Promise<void> {
    const end = this.now + ms;
    while (this.#heap.length > 0 && this.#heap[0]!.at <= end) {
      const event = this.#pop();
      if (event.run === undefined) continue;
      this.now = Math.max(this.now, event.at);
      event.run();
      await this.#settled();
    }
    this.now = end;
  }

  /** The monotonic clock of one process that began `offset` ms earlier. */
  clock(offset: number): Clock {
    return {
      now: () => this.now + offset,
      date: () => new Date(Date.UTC(2026, 0) + this.now + this.wallMs),
      setTimer: (ms, fn) => this.after(ms, fn),
    };
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let at = heap.push(event) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (isBefore(heap[parent]!, event)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = event;
  }

  #pop(): Event {
    const heap = this.#heap;
    const first = heap[0]!;
    const last = heap.pop()!;
    if (heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1;
      if (isBefore(last, heap[child]!)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

import type { Clock } from '../kube/clock.ts';

interface Timer {
  at: number;
  callback: () => void;
}

/** A clock that only a test moves. */
export class FakeClock implements Clock {
  #wall = Date.UTC(2026, 0, 1);
  #monotonic = 0;
  readonly #timers = new Set<Timer>();

  now(): number {
    return this.#wall;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  after(ms: number, callback: () => void): () => void {
    const timer = { at: this.#monotonic + Math.max(0, ms), callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Number of timers that have not fired. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Moves on by `ms`. Each timer fires at its time, and its promises settle before the next one. */
  async advance(ms: number): Promise<void> {
    const end = this.#monotonic + ms;
    await settle();
    for (let timer = this.#due(end); timer; timer = this.#due(end)) {
      this.#move(timer.at - this.#monotonic);
      this.#timers.delete(timer);
      timer.callback();
      await settle();
    }
    this.#move(end - this.#monotonic);
    await settle();
  }

  /** Moves on by `ms` in one step, as a stalled event loop sees it: no timer fires before the end. */
  stall(ms: number): void {
    this.#move(ms);
  }

  /** Moves only the wall clock. */
  step(ms: number): void {
    this.#wall += ms;
  }

  #move(ms: number): void {
    this.#monotonic += Math.max(0, ms);
    this.#wall += Math.max(0, ms);
  }

  #due(end: number): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.at <= end && (!first || timer.at < first.at)) first = timer;
    }
    return first;
  }
}

/** Resolves when all work that needs no time and no I/O is done. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

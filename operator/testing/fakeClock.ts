import type { Clock } from '../kube/clock.ts';

interface Timer {
  at: number;
  callback: () => void;
}

/** A clock that stands still until a test moves it. */
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

  /** Timers that wait. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Moves on by `ms`; timers fire at their time, and what they set off runs before the next one. */
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

  /** Moves on by `ms` in one step, as a stalled event loop sees it: no timer fires on the way. */
  stall(ms: number): void {
    this.#move(ms);
  }

  /** The wall clock is set; nothing else moves. */
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

/** Lets everything that can go on without time or I/O go on. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

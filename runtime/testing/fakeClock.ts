import type { Clock } from '../guard/clock.ts';

interface Timer {
  at: number;
  fn: () => void;
}

/** A clock that only a test moves. */
export class FakeClock implements Clock {
  #time = 0;
  #wall: number;
  #timers: Timer[] = [];

  constructor(start = '2026-01-01T00:00:00.000Z') {
    this.#wall = Date.parse(start);
  }

  now(): number {
    return this.#time;
  }

  date(): Date {
    return new Date(this.#wall + this.#time);
  }

  setTimer(ms: number, fn: () => void): () => void {
    const timer = { at: this.#time + ms, fn };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((each) => each !== timer);
    };
  }

  /** Moves on by `ms`. Each timer fires at its time. */
  advance(ms: number): void {
    const end = this.#time + ms;
    for (let next = this.#due(end); next; next = this.#due(end)) {
      this.#timers = this.#timers.filter((each) => each !== next);
      this.#time = Math.max(this.#time, next.at);
      next.fn();
    }
    this.#time = end;
  }

  /** Moves on by `ms` without firing timers, as for a process that was stopped. */
  stall(ms: number): void {
    this.#time += ms;
  }

  /** Moves only the wall clock. */
  stepWall(ms: number): void {
    this.#wall += ms;
  }

  /** Number of timers that have not fired. */
  pending(): number {
    return this.#timers.length;
  }

  #due(end: number): Timer | undefined {
    const [first] = this.#timers.filter((each) => each.at <= end).sort((a, b) => a.at - b.at);
    return first;
  }
}

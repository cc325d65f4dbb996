import type { Clock } from '../guard/clock.ts';
import { MAX_TIMER_MS } from '../guard/clock.ts';

/** Something that is looked at when its time has come. */
export interface Watched {
  /** Looks at `now` and answers when to look again; undefined when that is over. */
  check(now: number): number | undefined;
}

/**
 * Coarse timers for many requests with one timer of the process (Varghese and Lauck, Hashed and
 * Hierarchical Timing Wheels, with the slots in a map). Something that is put off, such as the idle
 * time of a stream with each chunk, costs nothing here: it is asked when it would have been due and
 * then says when to look again. Times are rounded up to whole ticks.
 */
export class TimerWheel {
  readonly #clock: Clock;
  readonly #tickMs: number;
  readonly #slots = new Map<number, Set<Watched>>();
  readonly #slotOf = new Map<Watched, number>();
  #armedFor = Infinity;
  #disarm: (() => void) | undefined;

  constructor(clock: Clock, tickMs = 25) {
    this.#clock = clock;
    this.#tickMs = tickMs;
  }

  /** Things that are watched. */
  get size(): number {
    return this.#slotOf.size;
  }

  /** Looks at it at `at`, on the monotonic clock, instead of when it was to be looked at before. */
  watch(watched: Watched, at: number): void {
    this.unwatch(watched);
    const slot = Math.ceil(at / this.#tickMs);
    const members = this.#slots.get(slot);
    if (members) members.add(watched);
    else this.#slots.set(slot, new Set([watched]));
    this.#slotOf.set(watched, slot);
    this.#arm(slot);
  }

  /** Not to be looked at any more. */
  unwatch(watched: Watched): void {
    const slot = this.#slotOf.get(watched);
    if (slot === undefined) return;
    this.#slotOf.delete(watched);
    const members = this.#slots.get(slot);
    members?.delete(watched);
    if (members?.size === 0) this.#slots.delete(slot);
    if (this.#slotOf.size === 0) this.close();
  }

  /** Stops the timer. */
  close(): void {
    this.#disarm?.();
    this.#disarm = undefined;
    this.#armedFor = Infinity;
  }

  #arm(slot: number): void {
    if (slot >= this.#armedFor) return;
    this.#disarm?.();
    this.#armedFor = slot;
    const ms = Math.max(1, Math.ceil(slot * this.#tickMs - this.#clock.now()));
    this.#disarm = this.#clock.setTimer(Math.min(ms, MAX_TIMER_MS), () => this.#turn());
  }

  #turn(): void {
    this.#disarm = undefined;
    this.#armedFor = Infinity;
    const now = this.#clock.now();
    const due = [...this.#slots].filter(([slot]) => slot * this.#tickMs <= now);
    for (const [, members] of due) for (const watched of [...members]) this.#look(watched, now);
    let next = Infinity;
    for (const slot of this.#slots.keys()) next = Math.min(next, slot);
    if (next < Infinity) this.#arm(next);
  }

  #look(watched: Watched, now: number): void {
    if (!this.#slotOf.has(watched)) return;
    const again = watched.check(now);
    if (again === undefined) this.unwatch(watched);
    else if (this.#slotOf.has(watched)) this.watch(watched, Math.max(again, now + this.#tickMs));
  }
}

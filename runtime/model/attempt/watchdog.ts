import type { Clock } from '../../guard/clock.ts';
import { MAX_TIMER_MS } from '../../guard/clock.ts';

/** Something that is looked at when its time has come. */
export interface Watched {
  /** Looks at `now` and answers when to look again; undefined when that is over. */
  check(now: number): number | undefined;
  /** Kept by the wheel that watches it. */
  place?: Place;
}

/** A place among those that are watched; the same one each time. */
interface Place {
  readonly watched: Watched;
  /** When to look, in ticks. */
  tick: number;
  /** Index in the list; negative when it is not watched. */
  index: number;
}

/**
 * Coarse timers for many requests with one timer of the process, set for the earliest, which stays
 * set when that is over (Varghese and Lauck, Hashed and Hierarchical Timing Wheels, scheme 1: there
 * are hundreds of open requests, and turns are rare next to what is set and taken back). Something
 * that is put off, such as the idle time of a stream with each chunk, costs nothing here: it is
 * asked when it would have been due and then says when to look again. Times are rounded up to whole
 * ticks.
 */
export class TimerWheel {
  readonly #clock: Clock;
  readonly #tickMs: number;
  readonly #places: Place[] = [];
  #armedFor = Infinity;
  #disarm: (() => void) | undefined;

  constructor(clock: Clock, tickMs = 25) {
    this.#clock = clock;
    this.#tickMs = tickMs;
  }

  /** Things that are watched. */
  get size(): number {
    return this.#places.length;
  }

  /** Looks at it at `at`, on the monotonic clock, instead of when it was to be looked at before. */
  watch(watched: Watched, at: number): void {
    const tick = Math.ceil(at / this.#tickMs);
    const place = (watched.place ??= { watched, tick, index: -1 });
    place.tick = tick;
    if (place.index < 0) place.index = this.#places.push(place) - 1;
    if (tick < this.#armedFor) this.#arm(tick);
  }

  /** Not to be looked at any more. */
  unwatch({ place }: Watched): void {
    if (place === undefined || place.index < 0) return;
    const last = this.#places.pop()!;
    if (last !== place) {
      this.#places[place.index] = last;
      last.index = place.index;
    }
    place.index = -1;
  }

  /** Stops the timer. */
  close(): void {
    this.#disarm?.();
    this.#disarm = undefined;
    this.#armedFor = Infinity;
  }

  #arm(tick: number): void {
    this.#disarm?.();
    this.#armedFor = tick;
    const ms = Math.max(1, Math.ceil(tick * this.#tickMs - this.#clock.now()));
    this.#disarm = this.#clock.setTimer(Math.min(ms, MAX_TIMER_MS), () => this.#turn());
  }

  #turn(): void {
    this.#disarm = undefined;
    this.#armedFor = Infinity;
    const now = this.#clock.now();
    const due = this.#places.filter(({ tick }) => tick * this.#tickMs <= now);
    for (const place of due) this.#look(place, now);
    let next = Infinity;
    for (const { tick } of this.#places) next = Math.min(next, tick);
    if (next < this.#armedFor) this.#arm(next);
  }

  #look(place: Place, now: number): void {
    if (place.index < 0 || place.tick * this.#tickMs > now) return;
    const again = place.watched.check(now);
    if (again === undefined) this.unwatch(place.watched);
    else if (place.index >= 0) this.watch(place.watched, Math.max(again, now + this.#tickMs));
  }
}

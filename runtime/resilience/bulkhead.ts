import { rowOf } from './rows.ts';
import { WaitQueue } from './waitQueue.ts';
import type { Row } from './rows.ts';
import type { Place } from './waitQueue.ts';

export interface BulkheadSpec {
  /** Slots; Infinity for no bound. */
  maxConcurrent: number;
  maxQueued: number;
  /** Longest wait in the queue, in milliseconds. */
  acquireTimeoutMs: number;
}

/** Who waits for a slot. */
export interface SlotWaiter {
  /** It has a slot now and is to release it. */
  granted(now: number): void;
  /** Its time is over. */
  expired(now: number): void;
}

export type SlotPlace = Place<SlotWaiter>;

// Columns.
/** Slots taken. */
const ACTIVE = 0;
/** Slots that whoever comes now may take up to; WAITED_FOR while somebody waits. */
const FREE_TO = 1;
const WAITED_FOR = -1;
/** Numbers of a bulkhead in a row. */
export const BULKHEAD_CELLS = 2;

/** Takes a slot, if one is free and nobody is waiting for it. */
export function takeSlot(cells: Float64Array, at: number): boolean {
  if (cells[at + ACTIVE]! >= cells[at + FREE_TO]!) return false;
  cells[at + ACTIVE]! += 1;
  return true;
}

/** Gives a slot back; whether somebody waits for it, which takes `advance`. */
export function giveSlot(cells: Float64Array, at: number): boolean {
  cells[at + ACTIVE]! -= 1;
  return cells[at + FREE_TO] === WAITED_FOR;
}

/**
 * Bounded concurrency with a bounded queue (Nygard, Release It!, bulkheads). It has no timer:
 * slots are granted by `release` and `advance`, deadlines pass by `advance`.
 */
export class Bulkhead {
  private readonly cells: Float64Array;
  private readonly at: number;
  private spec: BulkheadSpec;
  /** Made when somebody waits for the first time. */
  private queue: WaitQueue<SlotWaiter> | undefined;
  private granting = false;

  constructor(spec: BulkheadSpec, { cells, at }: Row = rowOf(BULKHEAD_CELLS)) {
    this.cells = cells;
    this.at = at;
    this.spec = spec;
    this.note();
  }

  /** Slots taken. */
  get active(): number {
    return this.cells[this.at + ACTIVE]!;
  }

  get queued(): number {
    return this.queue?.length ?? 0;
  }

  /** Takes a slot, if one is free and nobody is waiting for it. */
  acquire(): boolean {
    return takeSlot(this.cells, this.at);
  }

  /** Waits for a slot, at most until `deadlineAt`; undefined when the queue is full. */
  wait(waiter: SlotWaiter, deadlineAt: number, now: number): SlotPlace | undefined {
    const { acquireTimeoutMs, maxQueued } = this.spec;
    this.queue ??= new WaitQueue();
    const until = Math.min(deadlineAt, now + acquireTimeoutMs);
    const place = this.queue.join(waiter, until, maxQueued);
    this.note();
    return place;
  }

  /** A waiter goes away. */
  leave(place: SlotPlace): void {
    this.queue?.leave(place);
    this.note();
  }

  /** Gives a slot back, to whoever is first. */
  release(now: number): void {
    if (giveSlot(this.cells, this.at)) this.advance(now);
  }

  /**
   * Another bound: who holds a slot keeps it, who waits keeps its place and its deadline. More slots
   * are granted by `advance`.
   */
  apply(spec: BulkheadSpec): void {
    this.spec = spec;
    this.note();
  }

  /** Who waits, first to last. */
  waiters(): SlotWaiter[] {
    return this.queue?.all().map(({ item }) => item) ?? [];
  }

  /** When somebody's wait ends; Infinity when nobody waits. */
  nextDeadline(): number {
    return this.queue?.nextDeadline() ?? Infinity;
  }

  /**
   * Ends the wait of those whose time is over and grants what is free. Not again from within: one
   * that is granted may release at once.
   */
  advance(now: number): void {
    if (this.granting || this.queue === undefined) return;
    this.granting = true;
    const late = this.queue.expire(now);
    this.note();
    for (const waiter of late) waiter.expired(now);
    while (this.active < this.spec.maxConcurrent) {
      const waiter = this.queue.shift();
      if (waiter === undefined) break;
      this.cells[this.at + ACTIVE]! += 1;
      this.note();
      waiter.granted(now);
    }
    this.granting = false;
  }

  /** Notes who may take a slot; to be called when the queue or the bound has changed. */
  private note(): void {
    const { cells, at, spec } = this;
    cells[at + FREE_TO] = this.queued > 0 ? WAITED_FOR : spec.maxConcurrent;
  }
}

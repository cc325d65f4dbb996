import { rowOf } from './rows.ts';
import type { Row } from './rows.ts';

/** Extent of a window: a time in milliseconds, or a number of calls. */
export type WindowSpec = { windowMs: number } | { calls: number };

/** Numbers per cell: the second, the calls that ended in it, and how many of those were hits. */
const STRIDE = 3;
const FIRST_CELLS = 4;
/** No bound: a small integer, because Infinity would be an object to look up at each call. */
const NONE = 2 ** 30 - 1;

// Columns: what a call touches that ends in the same second as the one before.
/** Calls in the window, and hits among them, as of the last record or expire. */
const CALLS = 0;
const HITS = 1;
/** The same of the newest cell, which is apart from the ring. */
const NEW_CALLS = 2;
const NEW_HITS = 3;
/** The second that calls can simply be added in; NaN when there is more to do. */
const ADDS_IN = 4;
/** Numbers of a window in a row. */
export const WINDOW_CELLS = 5;

/** Whether a call that is no hit is only to be counted: of a window without hits nothing follows. */
export function onlyAdds(cells: Float64Array, at: number, second: number): boolean {
  return cells[at + ADDS_IN] === second && cells[at + HITS] === 0;
}

/** Counts a call that is no hit, after `onlyAdds`. */
export function addMiss(cells: Float64Array, at: number): void {
  cells[at + CALLS]! += 1;
  cells[at + NEW_CALLS]! += 1;
}

/**
 * Sliding window of calls of which some are hits (failed, slow). Cells of one second each in a ring
 * that grows with the seconds that had calls and never beyond the window, so that old calls really
 * go, and none goes early by more than a second. A window of a number of calls keeps cells of calls
 * that are alike, so that exactly the oldest call goes. One kind turns into the other in place.
 */
export class SampleWindow {
  private readonly row: Float64Array;
  private readonly at: number;
  /** Second of the newest cell. */
  private second = 0;
  private cells: number[] | undefined;
  private head = 0;
  private length = 0;
  private seconds = NONE;
  private limit = NONE;

  constructor({ cells, at }: Row = rowOf(WINDOW_CELLS)) {
    this.row = cells;
    this.at = at;
    this.reset();
  }

  /** Calls in the window, as of the last record or expire. */
  get calls(): number {
    return this.row[this.at + CALLS]!;
  }

  /** Hits among them. */
  get hits(): number {
    return this.row[this.at + HITS]!;
  }

  /** Another extent. What is inside of it stays; what is outside goes with the next record. */
  apply(spec: WindowSpec): void {
    this.seconds = 'windowMs' in spec ? Math.ceil(spec.windowMs / 1000) : NONE;
    this.limit = 'calls' in spec ? spec.calls : NONE;
    this.row[this.at + ADDS_IN] = NaN;
  }

  /** Takes one call that ended at `now` milliseconds. */
  record(hit: boolean, now: number): void {
    const second = Math.floor(now / 1000);
    const one = hit ? 1 : 0;
    if (!this.joins(second, one)) this.begin(second);
    const { row, at } = this;
    row[at + NEW_CALLS]! += 1;
    row[at + NEW_HITS]! += one;
    row[at + CALLS]! += 1;
    row[at + HITS]! += one;
    this.drop(second);
    row[at + ADDS_IN] = this.limit === NONE ? second : NaN;
  }

  /** Lets go of what is outside. */
  expire(now: number): void {
    this.drop(Math.floor(now / 1000));
  }

  reset(): void {
    this.head = 0;
    this.length = 0;
    this.row.fill(0, this.at, this.at + WINDOW_CELLS);
    this.row[this.at + ADDS_IN] = NaN;
  }

  /** Whether the newest cell can take it. */
  private joins(second: number, one: number): boolean {
    const { row, at } = this;
    if (row[at + NEW_CALLS] === 0 || this.second !== second) return false;
    return this.limit === NONE || row[at + NEW_HITS] === row[at + NEW_CALLS]! * one;
  }

  private begin(second: number): void {
    const { row, at } = this;
    if (row[at + NEW_CALLS]! > 0) this.push();
    this.second = second;
    row[at + NEW_CALLS] = 0;
    row[at + NEW_HITS] = 0;
  }

  private push(): void {
    const { row, at } = this;
    const cells = this.roomy();
    const tail = (this.head + this.length * STRIDE) % cells.length;
    cells[tail] = this.second;
    cells[tail + 1] = row[at + NEW_CALLS]!;
    cells[tail + 2] = row[at + NEW_HITS]!;
    this.length += 1;
  }

  /** The ring with room for one more. */
  private roomy(): number[] {
    const { cells, head, length } = this;
    if (cells === undefined) return (this.cells = zeros(FIRST_CELLS * STRIDE));
    if (length * STRIDE < cells.length) return cells;
    const more = [...cells.slice(head), ...cells.slice(0, head), ...zeros(cells.length)];
    this.head = 0;
    return (this.cells = more);
  }

  private drop(second: number): void {
    if (this.limit < NONE) {
      while (this.calls > this.limit) this.dropCall();
      return;
    }
    const last = second - this.seconds;
    while (this.length > 0 && this.cells![this.head]! <= last) this.dropCell();
    if (this.length > 0 || this.row[this.at + NEW_CALLS] === 0 || this.second > last) return;
    this.reset();
  }

  private dropCell(): void {
    const cells = this.cells!;
    this.row[this.at + CALLS]! -= cells[this.head + 1]!;
    this.row[this.at + HITS]! -= cells[this.head + 2]!;
    this.head = (this.head + STRIDE) % cells.length;
    this.length -= 1;
  }

  /** The oldest call goes; of a cell from a window of time that mixes them, a hit first. */
  private dropCall(): void {
    const { row, at } = this;
    row[at + CALLS]! -= 1;
    if (this.length === 0) {
      const hit = row[at + NEW_HITS]! > 0 ? 1 : 0;
      row[at + NEW_CALLS]! -= 1;
      row[at + NEW_HITS]! -= hit;
      row[at + HITS]! -= hit;
      return;
    }
    const cells = this.cells!;
    const hit = cells[this.head + 2]! > 0 ? 1 : 0;
    cells[this.head + 1]! -= 1;
    cells[this.head + 2]! -= hit;
    row[at + HITS]! -= hit;
    if (cells[this.head + 1] === 0) this.dropCell();
  }
}

function zeros(length: number): number[] {
  return new Array<number>(length).fill(0);
}

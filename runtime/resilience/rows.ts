/** Where the numbers of something stand: in `cells`, from `at` on. */
export interface Row {
  readonly cells: Float64Array;
  readonly at: number;
}

/** Rows that are made room for at a time: at first, and when there are many. */
const CHUNK = 16;
const LARGE_CHUNK = 1024;
/** Numbers in a line of a cache. */
const LINE = 8;

/**
 * Hands out rows of `width` numbers, all 0, next to each other in memory: with thousands of
 * dependencies the time of a call is the number of places in memory that it touches. A row is never
 * handed out twice; its memory goes with the last of those that were made together with it.
 *
 * A dependency has one row: its circuit's numbers (its breaker's, which hold those of the rules that
 * open it, which hold those of their two windows), its bulkhead's and those of its first limit: its
 * bucket's numbers and its own. Further limits have rows of their own. What the columns are is said,
 * as constants, in the file of each: dependencyRow.ts, circuit.ts, breakerRow.ts, trip.ts,
 * sampleWindow.ts, bulkhead.ts; limiter.ts, bucket.ts. Rows begin where lines of a cache can.
 *
 * The classes keep their rules and what calls seldom need, and read and write the same numbers. The
 * functions beside them do the usual case by the numbers alone, so that a call that is just let
 * through and goes well touches no object of its dependency but the handle. They change nothing and answer false
 * where there is more to decide, and the call then goes the way of the classes.
 */
export class Rows {
  private readonly stride: number;
  private cells = new Float64Array();
  private next = 0;
  private chunk = CHUNK;

  constructor(width: number) {
    this.stride = Math.ceil(width / LINE) * LINE;
  }

  add(): Row {
    if (this.next === this.cells.length) {
      this.cells = new Float64Array(this.stride * this.chunk);
      this.next = 0;
      this.chunk = Math.min(2 * this.chunk, LARGE_CHUNK);
    }
    const at = this.next;
    this.next += this.stride;
    return { cells: this.cells, at };
  }
}

/** A row that stands alone. */
export function rowOf(width: number): Row {
  return { cells: new Float64Array(width), at: 0 };
}

/** Where the numbers of something stand: in `cells`, from `at` on. */
export interface Row {
  readonly cells: Float64Array;
  readonly at: number;
}

/** Rows that are made room for at a time. */
const CHUNK = 128;

/**
 * Hands out rows of `width` numbers, all 0, next to each other in memory: with thousands of
 * dependencies the time of a call is the number of places in memory that it touches. Each class
 * says itself what its columns are. A row is never handed out twice; its memory goes with the last
 * of those that were made together with it.
 */
export class Rows {
  private readonly width: number;
  private cells = new Float64Array();
  private next = 0;

  constructor(width: number) {
    this.width = width;
  }

  add(): Row {
    if (this.next === this.cells.length) {
      this.cells = new Float64Array(this.width * CHUNK);
      this.next = 0;
    }
    const at = this.next;
    this.next += this.width;
    return { cells: this.cells, at };
  }
}

/** A row that stands alone. */
export function rowOf(width: number): Row {
  return { cells: new Float64Array(width), at: 0 };
}

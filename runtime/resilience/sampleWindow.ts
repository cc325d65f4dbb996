/** Extent of a window: a time in milliseconds, or a number of calls. */
export type WindowSpec = { windowMs: number } | { calls: number };

/** Numbers per cell: the second, the calls that ended in it, and how many of those were hits. */
const STRIDE = 3;
const FIRST_CELLS = 4;
/** No bound: a small integer, because Infinity would be an object to look up at each call. */
const NONE = 2 ** 30 - 1;

/**
 * Sliding window of calls of which some are hits (failed, slow). Cells of one second each in a ring
 * that grows with the seconds that had calls and never beyond the window, so that old calls really
 * go, and none goes early by more than a second. A window of a number of calls keeps cells of calls
 * that are alike, so that exactly the oldest call goes. One kind turns into the other in place.
 */
export class SampleWindow {
  /** Calls in the window, and hits among them, as of the last record or expire. */
  calls = 0;
  hits = 0;
  // The newest cell is apart from the ring: most calls touch nothing else.
  private second = 0;
  private newCalls = 0;
  private newHits = 0;
  private cells: number[] | undefined;
  private head = 0;
  private length = 0;
  private seconds = NONE;
  private limit = NONE;

  /** Another extent. What is inside of it stays; what is outside goes with the next record. */
  apply(spec: WindowSpec): void {
    this.seconds = 'windowMs' in spec ? Math.ceil(spec.windowMs / 1000) : NONE;
    this.limit = 'calls' in spec ? spec.calls : NONE;
  }

  /** Takes one call that ended at `now` milliseconds. */
  record(hit: boolean, now: number): void {
    const second = Math.floor(now / 1000);
    const one = hit ? 1 : 0;
    if (!this.joins(second, one)) this.begin(second);
    this.newCalls += 1;
    this.newHits += one;
    this.calls += 1;
    this.hits += one;
    this.drop(second);
  }

  /** Lets go of what is outside. */
  expire(now: number): void {
    this.drop(Math.floor(now / 1000));
  }

  reset(): void {
    this.head = 0;
    this.length = 0;
    this.calls = 0;
    this.hits = 0;
    this.newCalls = 0;
    this.newHits = 0;
  }

  /** Whether the newest cell can take it. */
  private joins(second: number, one: number): boolean {
    if (this.newCalls === 0 || this.second !== second) return false;
    return this.limit === NONE || this.newHits === this.newCalls * one;
  }

  private begin(second: number): void {
    if (this.newCalls > 0) this.push();
    this.second = second;
    this.newCalls = 0;
    this.newHits = 0;
  }

  private push(): void {
    const cells = this.roomy();
    const at = (this.head + this.length * STRIDE) % cells.length;
    cells[at] = this.second;
    cells[at + 1] = this.newCalls;
    cells[at + 2] = this.newHits;
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
    if (this.length > 0 || this.newCalls === 0 || this.second > last) return;
    this.reset();
  }

  private dropCell(): void {
    const cells = this.cells!;
    this.calls -= cells[this.head + 1]!;
    this.hits -= cells[this.head + 2]!;
    this.head = (this.head + STRIDE) % cells.length;
    this.length -= 1;
  }

  /** The oldest call goes; of a cell from a window of time that mixes them, a hit first. */
  private dropCall(): void {
    this.calls -= 1;
    if (this.length === 0) {
      const hit = this.newHits > 0 ? 1 : 0;
      this.newCalls -= 1;
      this.newHits -= hit;
      this.hits -= hit;
      return;
    }
    const cells = this.cells!;
    const hit = cells[this.head + 2]! > 0 ? 1 : 0;
    cells[this.head + 1]! -= 1;
    cells[this.head + 2]! -= hit;
    this.hits -= hit;
    if (cells[this.head + 1] === 0) this.dropCell();
  }
}

function zeros(length: number): number[] {
  return new Array<number>(length).fill(0);
}

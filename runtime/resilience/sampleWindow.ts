/** Extent of a window: a time in milliseconds, or a number of calls. */
export type WindowSpec = { windowMs: number } | { calls: number };

/** Numbers per cell: the second, the calls that ended in it, and how many of those were hits. */
const STRIDE = 3;
const FIRST_CELLS = 8;

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
  private cells = new Int32Array(FIRST_CELLS * STRIDE);
  private head = 0;
  private length = 0;
  private seconds = Infinity;
  private limit = Infinity;

  /** Another extent. What is inside of it stays. */
  apply(spec: WindowSpec, now: number): void {
    this.seconds = 'windowMs' in spec ? Math.ceil(spec.windowMs / 1000) : Infinity;
    this.limit = 'calls' in spec ? spec.calls : Infinity;
    this.expire(now);
  }

  /** Takes one call that ended at `now` milliseconds. */
  record(hit: boolean, now: number): void {
    const second = Math.floor(now / 1000);
    const one = hit ? 1 : 0;
    if (!this.joins(second, one)) this.push(second);
    const at = this.offset(this.length - 1);
    this.cells[at + 1]! += 1;
    this.cells[at + 2]! += one;
    this.calls += 1;
    this.hits += one;
    this.expire(now);
  }

  /** Lets go of what is outside. */
  expire(now: number): void {
    if (this.limit < Infinity) {
      while (this.calls > this.limit) this.dropCall();
      return;
    }
    const last = Math.floor(now / 1000) - this.seconds;
    while (this.length > 0 && this.cells[this.head]! <= last) this.dropCell();
  }

  reset(): void {
    this.head = 0;
    this.length = 0;
    this.calls = 0;
    this.hits = 0;
  }

  /** Whether the last cell can take it. */
  private joins(second: number, one: number): boolean {
    if (this.length === 0) return false;
    const at = this.offset(this.length - 1);
    if (this.cells[at] !== second) return false;
    if (this.limit === Infinity) return true;
    return this.cells[at + 2] === this.cells[at + 1]! * one;
  }

  private push(second: number): void {
    if (this.length * STRIDE === this.cells.length) this.grow();
    this.length += 1;
    const at = this.offset(this.length - 1);
    this.cells[at] = second;
    this.cells[at + 1] = 0;
    this.cells[at + 2] = 0;
  }

  private grow(): void {
    const cells = new Int32Array(this.cells.length * 2);
    cells.set(this.cells.subarray(this.head));
    cells.set(this.cells.subarray(0, this.head), this.cells.length - this.head);
    this.cells = cells;
    this.head = 0;
  }

  private dropCell(): void {
    this.calls -= this.cells[this.head + 1]!;
    this.hits -= this.cells[this.head + 2]!;
    this.head = (this.head + STRIDE) % this.cells.length;
    this.length -= 1;
  }

  /** The oldest call goes; of a cell from a window of time that mixes them, a hit first. */
  private dropCall(): void {
    const hit = this.cells[this.head + 2]! > 0 ? 1 : 0;
    this.cells[this.head + 1]! -= 1;
    this.cells[this.head + 2]! -= hit;
    this.calls -= 1;
    this.hits -= hit;
    if (this.cells[this.head + 1] === 0) this.dropCell();
  }

  private offset(index: number): number {
    return (this.head + index * STRIDE) % this.cells.length;
  }
}

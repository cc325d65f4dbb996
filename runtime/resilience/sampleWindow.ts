/** Length of a window: a time in milliseconds, or a number of calls. */
export type WindowSpec = { windowMs: number } | { calls: number };

/** Calls that ended in the same second. */
interface Cell {
  readonly second: number;
  calls: number;
  hits: number;
  next: Cell | undefined;
}

/**
 * Sliding window of calls, some of which are hits (failed, slow). Calls are counted in cells, oldest
 * first. A window of time has a cell for each second that had calls, so no call leaves more than a
 * second early. In a window of calls a cell holds only hits or only misses, so exactly the oldest
 * call leaves. `apply` can turn one kind of window into the other.
 */
export class SampleWindow {
  /** Calls in the window as of the last `record` or `expire`. */
  calls = 0;
  /** How many of `calls` are hits. */
  hits = 0;
  private oldest: Cell | undefined;
  private newest: Cell | undefined;
  /** Length in seconds; 0 in a window of calls. */
  private seconds = 0;
  /** Length in calls; 0 in a window of time. */
  private maxCalls = 0;

  /** Sets another length. Calls outside of it leave at the next `record` or `expire`. */
  apply(spec: WindowSpec): void {
    this.seconds = 'windowMs' in spec ? Math.ceil(spec.windowMs / 1000) : 0;
    this.maxCalls = 'calls' in spec ? spec.calls : 0;
  }

  /** Adds one call that ended at `now`, in milliseconds. */
  record(hit: boolean, now: number): void {
    const second = Math.floor(now / 1000);
    const cell = this.cellFor(second, hit);
    cell.calls += 1;
    this.calls += 1;
    if (hit) {
      cell.hits += 1;
      this.hits += 1;
    }
    this.drop(second);
  }

  /** Removes the calls that have left the window by `now`. */
  expire(now: number): void {
    this.drop(Math.floor(now / 1000));
  }

  reset(): void {
    this.calls = 0;
    this.hits = 0;
    this.oldest = undefined;
    this.newest = undefined;
  }

  /** The newest cell if the call can join it, else a new one. */
  private cellFor(second: number, hit: boolean): Cell {
    const { newest } = this;
    if (newest?.second === second) {
      const alike = newest.hits === (hit ? newest.calls : 0);
      if (alike || this.maxCalls === 0) return newest;
    }
    const cell = { second, calls: 0, hits: 0, next: undefined };
    if (newest === undefined) this.oldest = cell;
    else newest.next = cell;
    this.newest = cell;
    return cell;
  }

  private drop(second: number): void {
    if (this.maxCalls > 0) {
      while (this.calls > this.maxCalls) this.dropCall(this.oldest!);
      return;
    }
    const last = second - this.seconds;
    while (this.oldest !== undefined && this.oldest.second <= last) this.dropCell(this.oldest);
  }

  private dropCell(cell: Cell): void {
    this.calls -= cell.calls;
    this.hits -= cell.hits;
    this.oldest = cell.next;
    if (cell.next === undefined) this.newest = undefined;
  }

  /** Drops one call. A cell from a window of time can mix hits and misses; then a hit goes first. */
  private dropCall(cell: Cell): void {
    this.calls -= 1;
    cell.calls -= 1;
    if (cell.hits > 0) {
      this.hits -= 1;
      cell.hits -= 1;
    }
    if (cell.calls === 0) this.dropCell(cell);
  }
}

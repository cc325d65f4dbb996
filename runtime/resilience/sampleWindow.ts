/** Length of a window: a time in milliseconds, or a number of calls. */
export type WindowSpec = { windowMs: number } | { calls: number };

/** Part of a window of time that one cell covers. No call leaves more than this part early. */
const CELL = 0.1;

/** Time that a cell of a window of calls covers, for a later window of time, in milliseconds. */
const CELL_OF_CALLS_MS = 1000;

/** Calls that ended within the time of one cell. */
interface Cell {
  /** When that time begins. */
  readonly from: number;
  calls: number;
  hits: number;
  next: Cell | undefined;
}

/**
 * Sliding window of calls, some of which are hits (failed, slow). Calls are counted in cells, oldest
 * first. In a window of time a cell covers a tenth of it and leaves when its beginning does: no call
 * stays longer than the window, and none leaves more than a tenth early. In a window of calls a cell
 * holds only hits or only misses, so exactly the oldest call leaves. `apply` keeps the cells that the
 * new window covers; it can turn one kind of window into the other.
 */
export class SampleWindow {
  /** Calls in the window as of the last `record` or `expire`. */
  calls = 0;
  /** How many of `calls` are hits. */
  hits = 0;
  #oldest: Cell | undefined;
  #newest: Cell | undefined;
  /** Length in milliseconds; 0 in a window of calls. */
  #windowMs = 0;
  /** Length in calls; 0 in a window of time. */
  #maxCalls = 0;
  #cellMs = 0;

  /** Sets another length. Calls outside of it leave at the next `record` or `expire`. */
  apply(spec: WindowSpec): void {
    this.#windowMs = 'windowMs' in spec ? spec.windowMs : 0;
    this.#maxCalls = 'calls' in spec ? spec.calls : 0;
    this.#cellMs = 'windowMs' in spec ? spec.windowMs * CELL : CELL_OF_CALLS_MS;
  }

  /** Adds one call that ended at `now`, in milliseconds. */
  record(hit: boolean, now: number): void {
    const cell = this.#cellFor(now, hit);
    cell.calls += 1;
    this.calls += 1;
    if (hit) {
      cell.hits += 1;
      this.hits += 1;
    }
    this.expire(now);
  }

  /** Removes the calls that have left the window by `now`. */
  expire(now: number): void {
    if (this.#maxCalls > 0) {
      while (this.calls > this.#maxCalls) this.#dropCall(this.#oldest!);
      return;
    }
    const last = now - this.#windowMs;
    while (this.#oldest !== undefined && this.#oldest.from <= last) this.#dropCell(this.#oldest);
  }

  reset(): void {
    this.calls = 0;
    this.hits = 0;
    this.#oldest = undefined;
    this.#newest = undefined;
  }

  /** The newest cell if the call can join it, else a new one. */
  #cellFor(now: number, hit: boolean): Cell {
    const newest = this.#newest;
    const from = now - (now % this.#cellMs);
    // After an edit, cells of the former length can begin anywhere.
    if (newest !== undefined && newest.from >= from) {
      const alike = newest.hits === (hit ? newest.calls : 0);
      if (alike || this.#maxCalls === 0) return newest;
    }
    const cell = { from, calls: 0, hits: 0, next: undefined };
    if (newest === undefined) this.#oldest = cell;
    else newest.next = cell;
    this.#newest = cell;
    return cell;
  }

  #dropCell(cell: Cell): void {
    this.calls -= cell.calls;
    this.hits -= cell.hits;
    this.#oldest = cell.next;
    if (cell.next === undefined) this.#newest = undefined;
  }

  /** Drops one call. A cell from a window of time can mix hits and misses; then a hit goes first. */
  #dropCall(cell: Cell): void {
    this.calls -= 1;
    cell.calls -= 1;
    if (cell.hits > 0) {
      this.hits -= 1;
      cell.hits -= 1;
    }
    if (cell.calls === 0) this.#dropCell(cell);
  }
}

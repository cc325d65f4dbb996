import { Durations } from '../../contract/durations.ts';

/** Largest number of kinds of errors; the rest count as other. */
const MAX_ERRORS = 32;
const TOP_ERRORS = 5;

export interface ErrorCount {
  type: string;
  count: number;
}

/** How an operation ended. `failed` is the kind of the error. */
export type End = 'ok' | 'clientError' | { failed: string };

/** Durations and errors of operations. Tallies add up. */
export class Tally {
  readonly durations = new Durations();
  failures = 0;
  /** Requests that were the client's fault, or that it gave up. They are no failures. */
  clientErrors = 0;
  totalMs = 0;
  minMs = Infinity;
  maxMs = 0;
  /** Time of the last operation on the monotonic clock, in milliseconds; -Infinity before the first. */
  lastAt = -Infinity;
  readonly #errors = new Map<string, number>();

  get count(): number {
    return this.durations.count;
  }

  /** `now`: the monotonic clock in milliseconds. */
  add(ms: number, end: End, now: number): void {
    this.durations.add(ms);
    this.totalMs += ms;
    this.minMs = Math.min(this.minMs, ms);
    this.maxMs = Math.max(this.maxMs, ms);
    this.lastAt = now;
    if (end === 'ok') return;
    if (end === 'clientError') {
      this.clientErrors += 1;
      return;
    }
    this.failures += 1;
    this.#addError(end.failed, 1);
  }

  merge(other: Tally): void {
    this.durations.merge(other.durations.buckets());
    this.failures += other.failures;
    this.clientErrors += other.clientErrors;
    this.totalMs += other.totalMs;
    this.minMs = Math.min(this.minMs, other.minMs);
    this.maxMs = Math.max(this.maxMs, other.maxMs);
    this.lastAt = Math.max(this.lastAt, other.lastAt);
    for (const [type, count] of other.#errors) this.#addError(type, count);
  }

  /** Most frequent first. */
  topErrors(): ErrorCount[] {
    const all = Array.from(this.#errors, ([type, count]) => ({ type, count }));
    return all.sort((a, b) => b.count - a.count).slice(0, TOP_ERRORS);
  }

  #addError(error: string, count: number): void {
    const known = this.#errors.has(error) || this.#errors.size < MAX_ERRORS;
    const type = known ? error : 'other';
    this.#errors.set(type, (this.#errors.get(type) ?? 0) + count);
  }
}

/** The sum of tallies. */
export function sumOf(tallies: Iterable<Tally>): Tally {
  const sum = new Tally();
  for (const tally of tallies) sum.merge(tally);
  return sum;
}

/** Number of cells in the window; the last one is the current. */
const CELLS = 10;
const CELL_MS = 30_000;

/** Length of the window in milliseconds, precise to one cell. */
export const WINDOW_MS = CELLS * CELL_MS;

/** Tallies since the start and of the last five minutes, at the cost of one. */
export class WindowTally {
  /** Operations that have left the window. */
  readonly #older = new Tally();
  #cells: { index: number; tally: Tally }[] = [];

  /** `now` is the monotonic clock in milliseconds. */
  add(ms: number, end: End, now: number): void {
    const index = Math.floor(now / CELL_MS);
    let cell = this.#cells.at(-1);
    if (cell?.index !== index) {
      this.#expire(index);
      cell = { index, tally: new Tally() };
      this.#cells.push(cell);
    }
    cell.tally.add(ms, end, now);
  }

  sinceStart(): Tally {
    return sumOf([this.#older, ...this.#cells.map(({ tally }) => tally)]);
  }

  recent(now: number): Tally {
    this.#expire(Math.floor(now / CELL_MS));
    return sumOf(this.#cells.map(({ tally }) => tally));
  }

  #expire(index: number): void {
    const first = index - CELLS + 1;
    for (const cell of this.#cells) if (cell.index < first) this.#older.merge(cell.tally);
    this.#cells = this.#cells.filter((cell) => cell.index >= first);
  }
}

/** Number of ticks in one measurement of utilization. */
const UTILIZATION_TICKS = 20;

/** Measures the delay of the event loop by how late a timer fires. */
export class EventLoop {
  readonly #now: () => number;
  readonly #timer: NodeJS.Timeout;
  readonly #everyMs: number;
  #due: number;
  #lagMs = 0;
  #since = performance.eventLoopUtilization();
  #ticks = 0;
  #utilization = 0;

  /** `now` is a monotonic clock in milliseconds. */
  constructor(now: () => number, everyMs = 250) {
    this.#now = now;
    this.#everyMs = everyMs;
    this.#due = now() + everyMs;
    this.#timer = setInterval(() => this.#tick(), everyMs).unref();
  }

  /** Delay of the last tick, or of the one that is due, in milliseconds. */
  get lagMs(): number {
    return Math.max(this.#lagMs, this.#now() - this.#due, 0);
  }

  /** Busy share of the last seconds, 0 to 1. */
  get utilization(): number {
    return this.#utilization;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const now = this.#now();
    this.#lagMs = Math.max(0, now - this.#due);
    this.#due = now + this.#everyMs;
    this.#ticks += 1;
    if (this.#ticks % UTILIZATION_TICKS === 0) this.#measure();
  }

  #measure(): void {
    const since = performance.eventLoopUtilization();
    this.#utilization = performance.eventLoopUtilization(since, this.#since).utilization;
    this.#since = since;
  }
}

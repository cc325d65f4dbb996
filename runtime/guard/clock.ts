/** Decisions use `now`; `date` is only for display. */
export interface Clock {
  /** Milliseconds on a clock that never goes back; only differences mean anything. */
  now(): number;
  /** The wall clock, which can be stepped at any time. */
  date(): Date;
  /** Calls `fn` once after at least `ms` (at most MAX_TIMER_MS). Returns a function that cancels it. */
  setTimer(ms: number, fn: () => void): () => void;
}

/** Node fires a longer timer at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/** Its timers do not keep the process alive. */
export const systemClock: Clock = {
  now: () => performance.now(),
  date: () => new Date(),
  setTimer: (ms, fn) => {
    const timer = setTimeout(fn, ms).unref();
    return () => clearTimeout(timer);
  },
};

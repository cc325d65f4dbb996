/** Where time comes from. Decisions use `now`; `date` is only for showing. */
export interface Clock {
  /** Milliseconds on a clock that never goes back; only differences mean anything. */
  now(): number;
  /** The wall clock, which can be stepped at any time. */
  date(): Date;
  /** Calls `fn` once after at least `ms` (at most MAX_TIMER_MS); the answer cancels it. */
  setTimer(ms: number, fn: () => void): () => void;
}

/** Node fires a longer timer at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/** The process's own clock. Its timers do not keep the process alive. */
export const systemClock: Clock = {
  now: () => performance.now(),
  date: () => new Date(),
  setTimer: (ms, fn) => {
    const timer = setTimeout(fn, ms).unref();
    return () => clearTimeout(timer);
  },
};

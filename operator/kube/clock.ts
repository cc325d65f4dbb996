import { addAbortListener } from 'node:events';

/** Source of time. Tests replace it. */
export interface Clock {
  /** Wall clock, milliseconds since 1970. It may step forwards or back. */
  now(): number;
  /** Milliseconds since a fixed moment. It never steps, and stops while the machine is suspended. */
  monotonic(): number;
  /** Calls `callback` once after `ms`; the returned function cancels it. */
  after(ms: number, callback: () => void): () => void;
}

/** setTimeout fires at once for longer times. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, callback) {
    let timer: NodeJS.Timeout;
    const arm = (left: number): void => {
      const step = Math.min(left, LONGEST_TIMEOUT_MS);
      timer = setTimeout(() => (left > step ? arm(left - step) : callback()), step);
    };
    arm(Math.max(0, ms));
    return () => clearTimeout(timer);
  },
};

/** Waits for `ms` or until the signal aborts. Never rejects. */
export function sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const finish = (): void => {
      cancel();
      aborts[Symbol.dispose]();
      resolve();
    };
    const cancel = clock.after(ms, finish);
    const aborts = addAbortListener(signal, finish);
  });
}

/** Does the work every `ms`, once at a time, until the signal aborts. The work must not reject. */
export async function repeat(
  clock: Clock,
  ms: number,
  signal: AbortSignal,
  work: () => Promise<void>,
): Promise<void> {
  for (;;) {
    await sleep(clock, ms, signal);
    if (signal.aborted) return;
    await work();
  }
}

/** A signal that aborts with its parent, or after a time with a TimeoutError. Must be disposed of. */
export interface Deadline extends Disposable {
  readonly signal: AbortSignal;
  /** Whether the time, not the parent, aborted the signal. */
  readonly expired: boolean;
}

/** Unlike AbortSignal.any, it leaves no listener on a parent that lives as long as the process. */
export function deadline(clock: Clock, ms: number, parent?: AbortSignal): Deadline {
  const controller = new AbortController();
  let expired = false;
  const cancel = clock.after(ms, () => {
    expired = true;
    controller.abort(new DOMException(`Not finished within ${ms} ms`, 'TimeoutError'));
  });
  const follow = (): void => controller.abort(parent?.reason);
  if (parent?.aborted) follow();
  const aborts = parent && addAbortListener(parent, follow);
  return {
    signal: controller.signal,
    get expired() {
      return expired;
    },
    [Symbol.dispose]() {
      cancel();
      aborts?.[Symbol.dispose]();
    },
  };
}

/** metav1.MicroTime. The API server accepts only exactly six digits after the second. */
export function microTime(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '000Z');
}

/** How long a call counts as recent, in milliseconds. */
export const RECENT_MS = 10_000;

const SECOND_MS = 1000;
const SECONDS = RECENT_MS / SECOND_MS;

/** Calls below which their shares say nothing. */
const LEAST_CALLS = 5;

/** The least share of calls that are served by an endpoint worth calling where no other serves. */
const LEAST_PERCENT = 10;

/** Calls that have ended, and how many of them were served. */
export interface CallCounts {
  calls: number;
  served: number;
}

/**
 * Whether what a failure would shut is the last endpoint that can serve, and does. `probes`, with the failed one, tell
 * that of a circuit or gate that is about to open up again; absent: the recent calls do.
 */
export type MustStay = (probes?: CallCounts) => boolean;

/** Whether any calls were served, and enough of all that further ones are worth making. */
export function serve({ calls, served }: CallCounts): boolean {
  return served > 0 && served * 100 >= LEAST_PERCENT * calls;
}

/** The calls of the last 10 s, and how many of them were served. Each leaves at most a second early. */
export class RecentCalls {
  /** Counts of the current second, which are not in the sums yet. */
  #second = 0;
  #calls = 0;
  #served = 0;
  /** Counts of the seconds before, by the last digit of the second. Made with the first that has any. */
  #bySecond: CallCounts[] | undefined;

  /** A call has ended, served or not. */
  record(served: boolean, now: number): void {
    const second = Math.floor(now / SECOND_MS);
    if (second !== this.#second) this.#turn(second);
    this.#calls += 1;
    if (served) this.#served += 1;
  }

  /** Whether enough calls were served that calls are worth making. */
  serve(now: number): boolean {
    const counts = this.counts(now);
    return counts.served >= LEAST_CALLS && serve(counts);
  }

  /** Whether more than half of the calls were not served. */
  mostlyFail(now: number): boolean {
    const { calls, served } = this.counts(now);
    return calls >= LEAST_CALLS && served * 2 < calls;
  }

  counts(now: number): CallCounts {
    const second = Math.floor(now / SECOND_MS);
    if (second !== this.#second) this.#turn(second);
    const sum = { calls: this.#calls, served: this.#served };
    for (const each of this.#bySecond ?? []) {
      sum.calls += each.calls;
      sum.served += each.served;
    }
    return sum;
  }

  /** Stores the counts of the last second, and drops counts that are too old. */
  #turn(second: number): void {
    const before = this.#second;
    this.#bySecond ??= Array.from({ length: SECONDS }, () => ({ calls: 0, served: 0 }));
    this.#bySecond[before % SECONDS] = { calls: this.#calls, served: this.#served };
    for (let s = Math.max(before + 1, second - SECONDS + 1); s <= second; s += 1) {
      this.#bySecond[s % SECONDS] = { calls: 0, served: 0 };
    }
    this.#second = second;
    this.#calls = 0;
    this.#served = 0;
  }
}

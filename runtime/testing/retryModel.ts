import type { RetryBudgetSpec } from '../resilience/retryBudget.ts';

/** An event of a dependency, with its time on the monotonic clock. */
interface Entry {
  at: number;
  count: number;
}

/** The events of one dependency. */
class Ledger {
  readonly requests: Entry[] = [];
  readonly taken: Entry[] = [];
}

function within(entries: readonly Entry[], windowMs: number, now: number): number {
  const cellMs = windowMs / 10;
  return entries
    .filter(({ at }) => Math.floor(at / cellMs) * cellMs > now - windowMs)
    .reduce((sum, { count }) => sum + count, 0);
}

/** Naive budgets, which keep every request and retry and count them all each time. */
export class ModelBudgets {
  spec: RetryBudgetSpec;
  readonly #ledgers = new Map<string, Ledger>();

  constructor(spec: RetryBudgetSpec) {
    this.spec = spec;
  }

  apply(spec: RetryBudgetSpec, present: readonly string[]): void {
    this.spec = spec;
    for (const name of this.#ledgers.keys())
      if (!present.includes(name)) this.#ledgers.delete(name);
  }

  get isOff(): boolean {
    return this.spec.budgetPercent === 0 && this.spec.minPerSecond === 0;
  }

  request(name: string, now: number): void {
    this.#of(name).requests.push({ at: now, count: 1 });
  }

  take(name: string, units: number, now: number): void {
    this.#of(name).taken.push({ at: now, count: units });
  }

  has(name: string, units: number, now: number): boolean {
    return this.#taken(name, now) + units <= this.#allowed(name, now);
  }

  used(name: string, now: number): number {
    const taken = this.#taken(name, now);
    return taken === 0 ? 0 : Math.min(1, taken / this.#allowed(name, now));
  }

  #taken(name: string, now: number): number {
    return within(this.#of(name).taken, 10_000, now);
  }

  #allowed(name: string, now: number): number {
    const requests = within(this.#of(name).requests, 10_000, now);
    const { budgetPercent, minPerSecond } = this.spec;
    return Math.floor((requests * budgetPercent) / 100) + 10 * minPerSecond;
  }

  #of(name: string): Ledger {
    if (!this.#ledgers.has(name)) this.#ledgers.set(name, new Ledger());
    return this.#ledgers.get(name)!;
  }
}

/** The share of successes among the calls of the last 30 s, counted from all calls. */
export class ModelShares {
  #calls: { name: string; at: number; ok: boolean }[] = [];
  /** How often each endpoint came back. */
  readonly #returns = new Map<string, number>();

  /** The endpoint came back after a configuration without it. */
  returned(name: string): void {
    this.#returns.set(name, this.returnsOf(name) + 1);
    this.#calls = this.#calls.filter((each) => each.name !== name);
  }

  returnsOf(name: string): number {
    return this.#returns.get(name) ?? 0;
  }

  /** A call has ended that began after so many returns. */
  record(name: string, ok: boolean, returns: number, now: number): void {
    if (returns === this.returnsOf(name)) this.#calls.push({ name, at: now, ok });
  }

  of(name: string, now: number): number {
    const own = this.#calls.filter((each) => each.name === name);
    const count = (some: typeof own): number =>
      within(
        some.map(({ at }) => ({ at, count: 1 })),
        30_000,
        now,
      );
    const all = count(own);
    return all === 0 ? 1 : count(own.filter(({ ok }) => ok)) / all;
  }
}

import { SampleWindow } from './sampleWindow.ts';

const WINDOW_MS = 10_000;

/** How many retries and moves the budget allows. */
export interface RetryBudgetSpec {
  /** Share of the requests of the last ten seconds, in percent. */
  budgetPercent: number;
  /** Allowed beside that, whatever the number of requests. */
  minPerSecond: number;
}

/**
 * Bounds the retries and moves that one dependency causes: a share of its recent requests plus a small rate (as in
 * Finagle's RetryBudget). When all its requests fail, the further attempts add at most that to the load.
 */
export class RetryBudget {
  #spec: RetryBudgetSpec;
  /** Requests, and units that were withdrawn; a unit is a hit. */
  readonly #window = new SampleWindow();

  constructor(spec: RetryBudgetSpec) {
    this.#spec = spec;
    this.#window.apply({ windowMs: WINDOW_MS });
  }

  /** Replaces the figures. What was withdrawn before still counts. */
  apply(spec: RetryBudgetSpec): void {
    this.#spec = spec;
  }

  /** Whether both figures are 0. Then no retry or move follows a call, not even a free one. */
  get isOff(): boolean {
    return this.#spec.budgetPercent === 0 && this.#spec.minPerSecond === 0;
  }

  /** Counts a request. */
  request(now: number): void {
    this.#window.record(false, now);
  }

  /** Takes `units` out of the budget; takes nothing and returns false if they are not left. */
  withdraw(units: number, now: number): boolean {
    this.#window.expire(now);
    if (this.#window.hits + units > this.#allowed()) return false;
    for (let i = 0; i < units; i += 1) this.#window.record(true, now);
    return true;
  }

  /** Used share of the budget, 0 to 1. */
  used(now: number): number {
    this.#window.expire(now);
    const { hits } = this.#window;
    return hits === 0 ? 0 : Math.min(1, hits / this.#allowed());
  }

  #allowed(): number {
    const { calls, hits } = this.#window;
    const { budgetPercent, minPerSecond } = this.#spec;
    return Math.floor(((calls - hits) * budgetPercent) / 100) + (minPerSecond * WINDOW_MS) / 1000;
  }
}

/** Without a retry configuration only moves draw on the budget. */
const NO_RETRY: RetryBudgetSpec = { budgetPercent: 0, minPerSecond: 1 };

/** One retry budget for each dependency of the model. */
export class RetryBudgets {
  readonly #budgets = new Map<string, RetryBudget>();
  #spec: RetryBudgetSpec = NO_RETRY;

  /** Replaces the figures and drops the budgets of other dependencies. */
  apply(spec: RetryBudgetSpec = NO_RETRY, dependencies: readonly string[]): void {
    this.#spec = spec;
    const present = new Set(dependencies);
    for (const [name, budget] of this.#budgets) {
      if (present.has(name)) budget.apply(spec);
      else this.#budgets.delete(name);
    }
    for (const name of present) this.of(name);
  }

  of(dependency: string): RetryBudget {
    const known = this.#budgets.get(dependency);
    if (known) return known;
    const budget = new RetryBudget(this.#spec);
    this.#budgets.set(dependency, budget);
    return budget;
  }

  /** Used share of each budget, 0 to 1. */
  used(now: number): { name: string; used: number }[] {
    return Array.from(this.#budgets, ([name, budget]) => ({ name, used: budget.used(now) }));
  }
}

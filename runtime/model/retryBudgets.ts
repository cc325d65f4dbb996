import { RetryBudget } from '../resilience/retryBudget.ts';
import type { RetryBudgetSpec } from '../resilience/retryBudget.ts';

/** Where the configuration says nothing about retries, only moves draw on the budget. */
const NO_RETRY: RetryBudgetSpec = { budgetPercent: 0, minPerSecond: 1 };

/** The retry budget of each dependency of the model. */
export class RetryBudgets {
  readonly #budgets = new Map<string, RetryBudget>();
  #spec: RetryBudgetSpec = NO_RETRY;

  /** Replaces the figures, and forgets what is not among the dependencies. */
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

import type { LimitStore, StoreOperation } from '../guard/limitStore.ts';
import type { StoredAnswer } from '../resilience/storedBucket.ts';

/** Buckets in memory, as Redis keeps them, with a clock of its own. */
export class MemoryLimitStore implements LimitStore {
  readonly buckets = new Map<string, { level: number; at: number }>();
  readonly batches: (readonly StoreOperation[])[] = [];
  up = true;
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  run(operations: readonly StoreOperation[]): Promise<StoredAnswer[]> {
    if (!this.up) return Promise.reject(new Error('it is down'));
    if (operations.length > 0) this.batches.push(operations);
    return Promise.resolve(operations.map((each) => this.#answer(each)));
  }

  #answer({ id, figures, owed, costs }: StoreOperation): StoredAnswer {
    const now = this.#now();
    const { amount, perMs, capacity } = figures;
    const kept = this.buckets.get(id) ?? { level: capacity, at: now };
    let level = Math.min(capacity, kept.level + ((now - kept.at) * amount) / perMs);
    level = Math.min(capacity, level - owed);
    let granted = 0;
    for (const cost of costs) {
      const needed = Math.min(cost, capacity);
      if (level < needed - 1e-6) break;
      level -= needed;
      granted += needed;
    }
    if (level >= capacity) this.buckets.delete(id);
    else this.buckets.set(id, { level, at: now });
    return { granted, level };
  }
}

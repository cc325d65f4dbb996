import { DDSketch } from '@datadog/sketches-js';

/** Pairs of a bucket's index and its count of durations. A sketch of the same accuracy can read them again. */
export type Buckets = number[][];

/** Largest relative error of a percentile. */
const ACCURACY = 0.02;
/** Shorter and longer durations count as these, in milliseconds. This bounds the number of buckets. */
const SHORTEST_MS = 0.001;
const LONGEST_MS = 1e9;
/** No bucket between these bounds has a larger index. */
const MAX_INDEX = 1000;

/** Percentiles of durations in milliseconds. Counts of several pods can be added (DDSketch, Masson et al., 2019). */
export class Durations {
  readonly #sketch = new DDSketch({ relativeAccuracy: ACCURACY });

  get count(): number {
    return this.#sketch.count;
  }

  add(ms: number): void {
    this.#sketch.accept(Math.min(LONGEST_MS, Math.max(SHORTEST_MS, ms)));
  }

  /** Adds the counts of another pod. Ignores invalid pairs. */
  merge(buckets: Buckets): void {
    const { mapping } = this.#sketch;
    for (const [index = Infinity, count = 0] of buckets) {
      if (count > 0 && Math.abs(index) <= MAX_INDEX)
        this.#sketch.accept(mapping.value(index), count);
    }
  }

  /** The duration that a share of all durations (0 to 1) does not exceed. 0 without durations. */
  percentile(share: number): number {
    return this.count === 0 ? 0 : this.#sketch.getValueAtQuantile(share);
  }

  buckets(): Buckets {
    const { bins, offset } = this.#sketch.store;
    return bins
      .flatMap((count, i) => (count > 0 ? [[i + offset, count] as const] : []))
      .map(([index, count]) => [index, count]);
  }
}

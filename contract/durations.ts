import { DDSketch } from '@datadog/sketches-js';

/** Numbers of durations by the index of their bucket, which a sketch of the same accuracy can be made of again. */
export type Buckets = number[][];

/** Largest relative error of a percentile. */
const ACCURACY = 0.02;
/** What is shorter or longer counts as this, in milliseconds, so that there is a bound on buckets. */
const SHORTEST_MS = 0.001;
const LONGEST_MS = 1e9;
/** Beyond all buckets between those two. */
const MAX_INDEX = 1000;

/** Durations in milliseconds, of which percentiles are asked; those of several pods add up (DDSketch, Masson et al., 2019). */
export class Durations {
  readonly #sketch = new DDSketch({ relativeAccuracy: ACCURACY });

  get count(): number {
    return this.#sketch.count;
  }

  add(ms: number): void {
    this.#sketch.accept(Math.min(LONGEST_MS, Math.max(SHORTEST_MS, ms)));
  }

  /** Adds what another one counted. What cannot have come from one is left out. */
  merge(buckets: Buckets): void {
    const { mapping } = this.#sketch;
    for (const [index = Infinity, count = 0] of buckets) {
      if (count > 0 && Math.abs(index) <= MAX_INDEX)
        this.#sketch.accept(mapping.value(index), count);
    }
  }

  /** Duration that this share of all stays below, from 0 to 1; 0 when there are none. */
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

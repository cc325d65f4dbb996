import type { WindowSpec } from '../resilience/sampleWindow.ts';

interface Sample {
  hit: boolean;
  cell: { from: number; samples: Sample[] };
}

/** A sliding window that keeps every sample and counts them all each time. */
export class NaiveWindow {
  /** Whether the order of hits and misses is lost: a window of time has become one of calls. */
  mixed = false;
  #samples: Sample[] = [];
  #spec: WindowSpec;

  constructor(spec: WindowSpec) {
    this.#spec = spec;
  }

  apply(spec: WindowSpec): void {
    this.mixed ||= 'calls' in spec && 'windowMs' in this.#spec;
    this.#spec = spec;
  }

  record(hit: boolean, now: number): void {
    const ofCalls = 'calls' in this.#spec;
    const cellMs = 'calls' in this.#spec ? 1000 : this.#spec.windowMs / 10;
    const from = now - (now % cellMs);
    const newest = this.#samples.at(-1)?.cell;
    const joins =
      newest !== undefined &&
      newest.from >= from &&
      (!ofCalls || newest.samples.every((each) => each.hit === hit));
    const cell = joins ? newest : { from, samples: [] };
    const sample = { hit, cell };
    cell.samples.push(sample);
    this.#samples.push(sample);
  }

  /** Drops samples outside of the window and returns the others. */
  expire(now: number): readonly { hit: boolean }[] {
    const spec = this.#spec;
    this.#samples =
      'calls' in spec
        ? this.#samples.slice(-spec.calls)
        : this.#samples.filter(({ cell }) => cell.from > now - spec.windowMs);
    for (const { cell } of this.#samples) {
      cell.samples = cell.samples.filter((each) => this.#samples.includes(each));
    }
    return this.#samples;
  }
}

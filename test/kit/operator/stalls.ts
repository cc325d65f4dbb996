import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';

const EVERY_MS = 10;

/** Stalls of an event loop, in ms. */
export interface Stalls {
  p999: number;
  max: number;
  /** The part in which the thread computed. The rest is waiting for a processor. */
  ownP999: number;
  ownMax: number;
}

interface Histograms {
  lag: RecordableHistogram;
  own: RecordableHistogram;
}

const histograms = (): Histograms => ({ lag: createHistogram(), own: createHistogram() });

/** Measures how late a timer fires in this process, and how much of that time the thread computed. */
export class StallWatch {
  readonly #sinceStart = histograms();
  readonly #sinceCall = histograms();
  #due = 0;
  #computed = 0;

  constructor() {
    this.#wait();
  }

  /** Stalls since the last call of this kind, or since the start. */
  stalls(since: 'LastCall' | 'Start'): Stalls {
    const { lag, own } = since === 'Start' ? this.#sinceStart : this.#sinceCall;
    const [p999, ownP999] = [lag, own].map((each) => each.percentile(99.9) / 1000);
    const [max, ownMax] = [lag, own].map((each) => each.max / 1000);
    if (since === 'LastCall') for (const each of [lag, own]) each.reset();
    return { p999: p999!, max: max!, ownP999: ownP999!, ownMax: ownMax! };
  }

  #wait(): void {
    this.#due = performance.now() + EVERY_MS;
    this.#computed = computedMs();
    setTimeout(() => this.#wake(), EVERY_MS).unref();
  }

  #wake(): void {
    const late = Math.max(0, performance.now() - this.#due);
    const own = Math.min(late, computedMs() - this.#computed);
    for (const { lag, own: ours } of [this.#sinceStart, this.#sinceCall]) {
      // The histogram accepts whole numbers from 1.
      lag.record(1 + Math.round(late * 1000));
      ours.record(1 + Math.round(own * 1000));
    }
    this.#wait();
  }
}

function computedMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

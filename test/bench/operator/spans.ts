import { setTimeout as pause } from 'node:timers/promises';
import { waitFor } from '../../cluster/common/step.ts';
import { percentile } from '../../kit/percentile.ts';

/** Longest wait for anything. */
export const LONG_MS = 900_000;

/** Milliseconds since 1970, of a clock that all processes share. */
export const now = (): number => performance.timeOrigin + performance.now();

/** Beginnings and ends by key. The end may become known first. */
export class Spans {
  readonly #begun = new Map<string, number>();
  readonly #ended = new Map<string, number>();

  begin(key: string, at = now()): void {
    this.#begun.set(key, at);
  }

  end(key: string, at = now()): void {
    if (!this.#ended.has(key)) this.#ended.set(key, at);
  }

  clear(): void {
    this.#begun.clear();
    this.#ended.clear();
  }

  /** Milliseconds of all spans with a beginning and an end. */
  get ms(): number[] {
    return [...this.#begun].flatMap(([key, at]) => {
      const ended = this.#ended.get(key);
      return ended === undefined ? [] : [ended - at];
    });
  }

  /** Resolves when `count` spans have ended. */
  async whenEnded(what: string, count: number): Promise<void> {
    let seen = 0;
    await waitFor(what, LONG_MS, () => (seen = this.ms.length) >= count).catch((error: Error) => {
      throw new Error(`${error.message}; ${seen} of ${count} did`);
    });
  }

  p(percent: number): number {
    return percentile(this.ms, percent);
  }
}

/** Starts pieces of work at an even rate, without waiting for their ends. */
export async function atRate(
  perSecond: number,
  count: number,
  work: (index: number) => Promise<void>,
): Promise<void> {
  const begun = now();
  const all: Promise<void>[] = [];
  for (let index = 0; index < count; index++) {
    const due = begun + (index * 1000) / perSecond;
    if (due > now()) await pause(due - now());
    all.push(work(index));
  }
  await Promise.all(all);
}

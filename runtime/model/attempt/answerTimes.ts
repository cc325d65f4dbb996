import type { Endpoint } from '../../../contract/generated/types.ts';

/** Answers from which on their times say what is usual. */
const LEAST_ANSWERS = 20;
/** Number of the last answers to remember. */
const KEPT_ANSWERS = 64;
const PERCENTILE = 0.95;
/** An answer is usual up to this many times the percentile. */
export const USUAL_FACTOR = 3;
/** Largest number of models, over all endpoints. Evicts the one used longest ago. */
const MAX_MODELS = 64;

/** Classes of answers by max_tokens: up to 16, 64, 256 and so on. */
const CLASSES = 8;
const SMALLEST_CLASS = 16;
const CLASS_FACTOR = 4;

/** Times of the unstreamed answers of one size class of a model at an endpoint. */
export class KindTimes {
  readonly #lastMs: number[] = [];
  #next = 0;
  /** As of the last answer; undefined if it is still to be computed. */
  #usualMs: number | undefined;
  #servedAt = -Infinity;

  /** Longest usual time of such an answer, in milliseconds; undefined before enough of them. */
  get usualMs(): number | undefined {
    if (this.#lastMs.length < LEAST_ANSWERS) return undefined;
    this.#usualMs ??= USUAL_FACTOR * percentile(this.#lastMs);
    return this.#usualMs;
  }

  /** Notes an answer that took `ms` and came at `now`, in milliseconds. */
  served(ms: number, now: number): void {
    this.#lastMs[this.#next] = ms;
    this.#next = (this.#next + 1) % KEPT_ANSWERS;
    this.#usualMs = undefined;
    this.#servedAt = now;
  }

  /** Whether an answer came after `time`. */
  servedAfter(time: number): boolean {
    return this.#servedAt > time;
  }
}

/** How long unstreamed answers take, by endpoint, model and size class. */
export class AnswerTimes {
  /** Classes by endpoint and model. */
  readonly #models = new Map<string, KindTimes[]>();

  /** The times of answers of one kind. They begin anew when the endpoint changes its address, provider or model. */
  of(
    { name, provider, baseURL }: Pick<Endpoint, 'name' | 'provider' | 'baseURL'>,
    model: string,
    maxTokens: number,
  ): KindTimes {
    const key = [name, provider, baseURL, model].join('\n');
    const classes = this.#models.get(key) ?? [];
    this.#models.delete(key);
    this.#models.set(key, classes);
    const [oldest] = this.#models.keys();
    if (this.#models.size > MAX_MODELS && oldest !== undefined) this.#models.delete(oldest);
    return (classes[sizeClass(maxTokens)] ??= new KindTimes());
  }
}

function sizeClass(maxTokens: number): number {
  let limit = SMALLEST_CLASS;
  let index = 0;
  while (maxTokens > limit && index < CLASSES - 1) {
    limit *= CLASS_FACTOR;
    index += 1;
  }
  return index;
}

/** Nearest-rank method. */
function percentile(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.ceil(PERCENTILE * sorted.length) - 1]!;
}

import type { RequestSize } from '../../protocols/protocol.ts';
import { BYTES_PER_TOKEN } from '../../protocols/usage.ts';
import type { Usage } from '../../protocols/usage.ts';

/** Expected tokens of a call, to reserve before it. */
export interface Estimate {
  inputTokens: number;
  /** The bound of output tokens. A reservation takes at most a full bucket. */
  outputTokens: number;
}

/** Weight of a new observation in the ratio. */
const WEIGHT = 0.1;
/** Bounds on the ratio, so that one odd answer cannot spoil the estimates for long. */
const MIN_RATIO = 0.05;
const MAX_RATIO = 4;
/** Largest number of models. Evicts the one used longest ago. */
const MAX_MODELS = 64;
/** Estimates the tokens of calls: bytes ÷ 3.5 × a ratio that it learns for each model from the usage in answers. */
export class TokenEstimator {
  readonly #ratios = new Map<string, number>();

  /** 1 before the first answer. */
  ratio(model: string): number {
    return this.#ratios.get(model) ?? 1;
  }

  estimate(model: string, { textBytes, mediaTokens, maxTokens }: RequestSize): Estimate {
    const text = Math.ceil((textBytes / BYTES_PER_TOKEN) * this.ratio(model));
    return { inputTokens: text + mediaTokens, outputTokens: maxTokens };
  }

  /**
   * Learns from the usage of a call. Skips requests with images or documents, which say nothing about text. What was
   * read from the provider's cache is text as well: the next request may not be there.
   */
  learn(model: string, { textBytes, mediaTokens }: RequestSize, usage: Usage): void {
    const { inputTokens, cacheReadTokens = 0 } = usage;
    if (inputTokens === undefined || mediaTokens > 0 || textBytes === 0) return;
    const seen = (inputTokens + cacheReadTokens) / (textBytes / BYTES_PER_TOKEN);
    const before = this.#ratios.get(model);
    const ratio = before === undefined ? seen : before + WEIGHT * (seen - before);
    this.#ratios.delete(model);
    this.#ratios.set(model, Math.min(MAX_RATIO, Math.max(MIN_RATIO, ratio)));
    const [oldest] = this.#ratios.keys();
    if (this.#ratios.size > MAX_MODELS && oldest !== undefined) this.#ratios.delete(oldest);
  }
}

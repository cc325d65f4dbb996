import type { ActualCost, Cost } from '../guard/admission.ts';
import { REFUND } from '../guard/admission.ts';

/** Tokens that the provider reports. An unreported figure is absent. */
export interface Usage {
  /** Input that counts against limits: uncached input and input written to the cache. */
  inputTokens?: number;
  outputTokens?: number;
  /** Input read from the cache. Limits do not count it. */
  cacheReadTokens?: number;
}

/** What an answer says of itself. */
export interface AnswerFacts {
  id: string | undefined;
  model: string | undefined;
  stopReason: string | undefined;
  /** Input that was written to the provider's cache. */
  cacheWriteTokens: number | undefined;
  /** Its blocks; absent unless asked for. */
  content?: unknown;
}

/** Bytes of text per token before anything is learned (a tokenizer would block the event loop). */
export const BYTES_PER_TOKEN = 3.5;

/** The usage where no attempt was made. */
export const NO_USAGE: Readonly<Cost> = { inputTokens: 0, outputTokens: 0 };

/** Sums the usage of all attempts of one request. */
export class TotalUsage {
  #inputTokens: number | undefined = 0;
  #outputTokens: number | undefined = 0;

  add(charge: ActualCost): void {
    if (charge === REFUND) return;
    const { inputTokens, outputTokens } = charge;
    this.#inputTokens = sum(this.#inputTokens, inputTokens);
    this.#outputTokens = sum(this.#outputTokens, outputTokens);
  }

  /** Leaves out a figure that one attempt did not learn, so that its reservation stays. */
  total(): Partial<Cost> {
    return {
      ...(this.#inputTokens !== undefined && { inputTokens: this.#inputTokens }),
      ...(this.#outputTokens !== undefined && { outputTokens: this.#outputTokens }),
    };
  }
}

function sum(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : a + b;
}

/** The parts of a request that decide the estimate of its tokens. */
export interface RequestSize {
  /** Bytes of the request without base64 sources. */
  textBytes: number;
  /** Tokens of its images and documents. */
  mediaTokens: number;
  /** The stated bound of output tokens, or a default. */
  maxTokens: number;
  /** Part of them that the request reserves for thinking. Absent: none. */
  thinkingTokens?: number | undefined;
}

/** Size of a request that neither produces nor counts tokens. */
export const NO_TOKENS: RequestSize = { textBytes: 0, mediaTokens: 0, maxTokens: 0 };

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

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

import type { ActualCost } from '../guard/admission.ts';
import { REFUND } from '../guard/admission.ts';

/** What the attempts of one request took together. */
export class TotalUsage {
  #inputTokens: number | undefined = 0;
  #outputTokens: number | undefined = 0;

  add(charge: ActualCost): void {
    if (charge === REFUND) return;
    const { inputTokens, outputTokens } = charge;
    this.#inputTokens = sum(this.#inputTokens, inputTokens);
    this.#outputTokens = sum(this.#outputTokens, outputTokens);
  }

  /** A figure that one of the attempts did not learn is absent: what was reserved stands. */
  total(): ActualCost {
    return {
      ...(this.#inputTokens !== undefined && { inputTokens: this.#inputTokens }),
      ...(this.#outputTokens !== undefined && { outputTokens: this.#outputTokens }),
    };
  }
}

function sum(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : a + b;
}

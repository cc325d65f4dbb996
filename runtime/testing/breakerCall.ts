import type { Breaker } from '../resilience/breaker.ts';
import type { BreakerRejection } from '../resilience/breaker.ts';
import type { Outcome } from '../resilience/outcome.ts';

/** A call that a breaker has admitted, with the state that a permit keeps for it. */
export class BreakerCall {
  readonly kind = 'Permit';
  readonly #breaker: Breaker;
  generation: number;
  readonly #began: number;
  #firstTokenAt: number | undefined;
  #settled = false;

  constructor(breaker: Breaker, generation: number, now: number) {
    this.#breaker = breaker;
    this.generation = generation;
    this.#began = now;
  }

  firstToken(now: number): void {
    if (this.#settled || this.#firstTokenAt !== undefined) return;
    this.#firstTokenAt = now;
    this.#breaker.firstToken(this.generation);
  }

  lasted(now: number): void {
    if (this.#settled || this.#firstTokenAt === undefined) return;
    this.generation = this.#breaker.lasted(this.generation, this.#firstTokenAt - this.#began, now);
  }

  /** `stays`: no streak may open the circuit. */
  settle(outcome: Outcome, now: number, stays = false): void {
    if (this.#settled) return;
    this.#settled = true;
    const { generation } = this;
    const firstTokenAt = this.#firstTokenAt;
    const ms = (firstTokenAt ?? now) - this.#began;
    this.#breaker.record(generation, outcome, ms, now, firstTokenAt !== undefined, () => stays);
  }
}

/** Asks a breaker to admit a call. */
export function acquire(breaker: Breaker, now: number): BreakerCall | BreakerRejection {
  const answer = breaker.acquire(now);
  return typeof answer === 'number' ? new BreakerCall(breaker, answer, now) : answer;
}

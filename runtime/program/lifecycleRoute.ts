import type { Lifecycle as Answer, Phase } from '../../contract/generated/program.ts';
import type { Clock } from '../guard/clock.ts';
import { checkedParameter } from './checks.ts';
import { LIMITED } from './localServer.ts';
import type { LocalRoutes } from './localServer.ts';

/** Longest wait for another phase, in milliseconds. */
export const LIFECYCLE_WAIT_MS = 60_000;
/** Requests that may wait for another phase. */
export const LIFECYCLE_WAITING = 32;

/** Tells the program in which phase the pod is. */
export class LifecycleRoute {
  readonly #clock: Pick<Clock, 'setTimer'>;
  readonly #phase: () => Phase;
  readonly #waiting = new Set<() => void>();

  constructor({ clock, phase }: { clock: Pick<Clock, 'setTimer'>; phase: () => Phase }) {
    this.#clock = clock;
    this.#phase = phase;
  }

  /** The phase is another one. */
  changed(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  routes(): LocalRoutes {
    return {
      'GET /v1/lifecycle': {
        answer: async ({ query, response }) => {
          const after = checkedParameter<Phase>('Phase', query, 'after');
          if ('failure' in after) return after;
          if (after.body === this.#phase()) {
            if (this.#waiting.size >= LIFECYCLE_WAITING) return { failure: LIMITED };
            await new Promise<void>((resolve) => {
              const wake = (): void => {
                cancel();
                this.#waiting.delete(wake);
                resolve();
              };
              const cancel = this.#clock.setTimer(LIFECYCLE_WAIT_MS, wake);
              this.#waiting.add(wake);
              response.on('close', wake);
            });
          }
          const answer: Answer = { phase: this.#phase() };
          return { json: answer };
        },
      },
    };
  }
}

import { MAX_TIMER_MS } from './guard/clock.ts';
import type { Clock } from './guard/clock.ts';
import { Cut } from './model/outcome.ts';

/** Where the process stands between start and exit. */
export type Phase = 'Running' | 'Leaving' | 'Draining' | 'Stopped';

export interface ShutdownTimes {
  /** Time in which Services learn that the pod is unready, in milliseconds. */
  endpointLagMs: number;
  /** Time for open requests after that, in milliseconds. */
  drainTimeoutMs: number;
}

export interface LifecycleDeps {
  clock: Clock;
  /** Called when a phase begins. */
  onPhase(phase: Phase, openRequests: number): void;
}

/** Time for requests that were cut to tell their callers, in milliseconds. */
const FAREWELL_MS = 2000;

/**
 * Leaves in order: unready at once, still taking requests while the cluster learns of it, then
 * only finishing what is open, then cutting what is left.
 */
export class Lifecycle {
  readonly #deps: LifecycleDeps;
  readonly #open = new Set<AbortController>();
  #phase: Phase = 'Running';
  #stopping: Promise<void> | undefined;
  #onIdle: (() => void) | undefined;

  constructor(deps: LifecycleDeps) {
    this.#deps = deps;
  }

  get phase(): Phase {
    return this.#phase;
  }

  /** Whether shutdown has begun: unready, and connections are not kept alive. */
  get leaving(): boolean {
    return this.#phase !== 'Running';
  }

  get openRequests(): number {
    return this.#open.size;
  }

  /** Counts a request in; undefined when no new work is taken. The answer counts it out. */
  enter(cut: AbortController): (() => void) | undefined {
    if (this.#phase === 'Draining' || this.#phase === 'Stopped') return undefined;
    this.#open.add(cut);
    return () => {
      this.#open.delete(cut);
      if (this.#open.size === 0) this.#onIdle?.();
    };
  }

  /** Resolves when the process may exit. Asked again, it changes nothing. */
  shutdown(times: ShutdownTimes): Promise<void> {
    this.#stopping ??= this.#shutdown(times);
    return this.#stopping;
  }

  async #shutdown({ endpointLagMs, drainTimeoutMs }: ShutdownTimes): Promise<void> {
    this.#enterPhase('Leaving');
    await this.#wait(endpointLagMs, false);
    this.#enterPhase('Draining');
    await this.#wait(drainTimeoutMs, true);
    this.#enterPhase('Stopped');
    for (const cut of this.#open) cut.abort(new Cut('Drain'));
    await this.#wait(FAREWELL_MS, true);
  }

  #enterPhase(phase: Phase): void {
    this.#phase = phase;
    this.#deps.onPhase(phase, this.#open.size);
  }

  /** Waits for a time, or shorter if it may end as soon as no request is open. */
  #wait(ms: number, untilIdle: boolean): Promise<void> {
    if (untilIdle && this.#open.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = this.#deps.clock.setTimer(Math.min(ms, MAX_TIMER_MS), () => {
        this.#onIdle = undefined;
        resolve();
      });
      if (!untilIdle) return;
      this.#onIdle = () => {
        cancel();
        this.#onIdle = undefined;
        resolve();
      };
    });
  }
}

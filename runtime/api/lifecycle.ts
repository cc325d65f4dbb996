import { MAX_TIMER_MS } from '../guard/clock.ts';
import type { Clock } from '../guard/clock.ts';
import { Cut } from '../errors/fault.ts';

/** Where the process stands between start and exit. */
export type Phase = 'Running' | 'Leaving' | 'Draining' | 'Stopped';

export interface ShutdownTimes {
  /** Time in which Services learn that the pod is unready, in milliseconds. */
  endpointLagMs: number;
  /** Time for open requests after that, in milliseconds. */
  drainTimeoutMs: number;
  /** Time for all handlers together after that, in milliseconds. Default 2000. */
  handlerTimeoutMs?: number;
}

/** Puts away what outlives the process. `signal` is aborted when its time is up. */
export type ShutdownHandler = (signal: AbortSignal) => Promise<void>;

/** A request that can be cut short. */
export interface Cuttable {
  abort(cut: Cut): void;
}

/** How a handler ended; skipped is one that had no time left. */
export type HandlerEnd = 'Done' | 'Failed' | 'TimedOut' | 'Skipped';

export interface LifecycleDeps {
  clock: Clock;
  /** Called when a phase begins. */
  onPhase(phase: Phase, openRequests: number): void;
  /** Called when a handler has ended. */
  onHandler(name: string, end: HandlerEnd, error?: unknown): void;
}

/** Time for requests that were cut to tell their clients, in milliseconds. */
const FAREWELL_MS = 2000;
/** Time for handlers where the configuration names none, in milliseconds. */
const HANDLERS_MS = 2000;

/**
 * Leaves in order: unready at once, still taking requests while the cluster learns of it, then
 * only finishing what is open, then cutting what is left, then running the handlers one after another.
 */
export class Lifecycle {
  readonly #deps: LifecycleDeps;
  readonly #open = new Set<Cuttable>();
  readonly #handlers: { name: string; run: ShutdownHandler }[] = [];
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
  enter(cut: Cuttable): (() => void) | undefined {
    if (this.#phase === 'Draining' || this.#phase === 'Stopped') return undefined;
    this.#open.add(cut);
    return () => {
      this.#open.delete(cut);
      if (this.#open.size === 0) this.#onIdle?.();
    };
  }

  /** Has a handler run at the end, after those that were registered before it. */
  register(name: string, run: ShutdownHandler): void {
    this.#handlers.push({ name, run });
  }

  /** Resolves when the process may exit. Asked again, it changes nothing. */
  shutdown(times: ShutdownTimes): Promise<void> {
    this.#stopping ??= this.#shutdown(times);
    return this.#stopping;
  }

  async #shutdown(times: ShutdownTimes): Promise<void> {
    const { endpointLagMs, drainTimeoutMs, handlerTimeoutMs = HANDLERS_MS } = times;
    this.#enterPhase('Leaving');
    await this.#wait(endpointLagMs, false);
    this.#enterPhase('Draining');
    await this.#wait(drainTimeoutMs, true);
    this.#enterPhase('Stopped');
    for (const cut of this.#open) cut.abort(new Cut('Drain'));
    await this.#wait(FAREWELL_MS, true);
    await this.#handle(handlerTimeoutMs);
  }

  /** A handler that fails, or that takes all the time there is, keeps none of the others from being told of. */
  async #handle(timeoutMs: number): Promise<void> {
    const overdue = new AbortController();
    const { promise: timeIsUp, resolve } = Promise.withResolvers<HandlerEnd>();
    const cancel = this.#deps.clock.setTimer(Math.min(timeoutMs, MAX_TIMER_MS), () => {
      overdue.abort();
      resolve('TimedOut');
    });
    for (const { name, run } of this.#handlers) {
      let error: unknown;
      const ended: HandlerEnd | Promise<HandlerEnd> = overdue.signal.aborted
        ? 'Skipped'
        : run(overdue.signal).then(
            (): HandlerEnd => 'Done',
            (why: unknown): HandlerEnd => {
              error = why;
              return 'Failed';
            },
          );
      this.#deps.onHandler(name, await Promise.race([ended, timeIsUp]), error);
    }
    cancel();
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

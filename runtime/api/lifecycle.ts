import { MAX_TIMER_MS } from '../guard/clock.ts';
import type { Clock } from '../guard/clock.ts';
import { Cut } from '../errors/fault.ts';

export type Phase = 'Running' | 'Leaving' | 'Draining' | 'Stopped';

export interface ShutdownTimes {
  /** Time for Services to learn that the pod is unready, in milliseconds. */
  endpointLagMs: number;
  /** Time for open requests after the lag, in milliseconds. */
  drainTimeoutMs: number;
  /** Time for all handlers together after the drain, in milliseconds. */
  handlerTimeoutMs: number;
}

/** Stores what outlives the process. `signal` aborts when the time is up. */
export type ShutdownHandler = (signal: AbortSignal) => Promise<void>;

export interface Cuttable {
  abort(cut: Cut): void;
}

/** How a handler ended. `Skipped`: no time was left for it. */
export type HandlerEnd = 'Done' | 'Failed' | 'TimedOut' | 'Skipped';

export interface LifecycleDeps {
  clock: Clock;
  onPhase(phase: Phase, openRequests: number): void;
  onHandler(name: string, end: HandlerEnd, error?: unknown): void;
}

/** Time for cut requests to tell their clients, in milliseconds. */
const FAREWELL_MS = 2000;
/** Time in which a pod is deleted with its namespace, in milliseconds. */
const DELETION_MS = 60_000;

/**
 * Shuts down in order: becomes unready, serves on until the cluster knows, finishes open requests, cuts the rest, then
 * runs the handlers one after another.
 */
export class Lifecycle {
  readonly #deps: LifecycleDeps;
  readonly #open = new Set<Cuttable>();
  readonly #handlers: { name: string; run: ShutdownHandler }[] = [];
  #phase: Phase = 'Running';
  #stopping: Promise<void> | undefined;
  #onIdle: (() => void) | undefined;
  /** When the namespace was deleted, on the monotonic clock. */
  #deletedAt = -Infinity;
  #onDeleted: (() => void) | undefined;

  constructor(deps: LifecycleDeps) {
    this.#deps = deps;
  }

  get phase(): Phase {
    return this.#phase;
  }

  /** Whether shutdown has begun: the pod is unready and does not keep connections alive. */
  get leaving(): boolean {
    return this.#phase !== 'Running';
  }

  get openRequests(): number {
    return this.#open.size;
  }

  /** Counts a request until the returned function is called; undefined when the pod takes no new work. */
  enter(cut: Cuttable): (() => void) | undefined {
    if (this.#phase === 'Draining' || this.#phase === 'Stopped') return undefined;
    this.#open.add(cut);
    return () => {
      this.#open.delete(cut);
      if (this.#open.size === 0) this.#onIdle?.();
    };
  }

  /** Adds a handler. Handlers run in the order of their registration. */
  register(name: string, run: ShutdownHandler): void {
    this.#handlers.push({ name, run });
  }

  /** The namespace is deleted. A shutdown within the next minute does not wait for Services, which go too. */
  namespaceDeleted(): void {
    this.#deletedAt = this.#deps.clock.now();
    this.#onDeleted?.();
  }

  /** Resolves when the process may exit. Further calls change nothing. */
  shutdown(times: ShutdownTimes): Promise<void> {
    this.#stopping ??= this.#shutdown(times);
    return this.#stopping;
  }

  async #shutdown(times: ShutdownTimes): Promise<void> {
    const { endpointLagMs, drainTimeoutMs, handlerTimeoutMs } = times;
    this.#enterPhase('Leaving');
    await this.#waitForServices(endpointLagMs);
    this.#enterPhase('Draining');
    await this.#waitUntilIdle(drainTimeoutMs);
    this.#enterPhase('Stopped');
    for (const cut of this.#open) cut.abort(new Cut('Drain'));
    await this.#waitUntilIdle(FAREWELL_MS);
    await this.#handle(handlerTimeoutMs);
  }

  /** Reports each handler, even after one that failed or used up the time. */
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

  /** Waits for a time, which the deletion of the namespace ends. */
  #waitForServices(ms: number): Promise<void> {
    const { clock } = this.#deps;
    if (clock.now() - this.#deletedAt < DELETION_MS) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = clock.setTimer(Math.min(ms, MAX_TIMER_MS), resolve);
    this.#onDeleted = () => {
      cancel();
      resolve();
    };
    return promise;
  }

  /** Waits until no request is open, for a time at most. */
  #waitUntilIdle(ms: number): Promise<void> {
    if (this.#open.size === 0) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    const end = (): void => {
      cancel();
      this.#onIdle = undefined;
      resolve();
    };
    const cancel = this.#deps.clock.setTimer(Math.min(ms, MAX_TIMER_MS), end);
    this.#onIdle = end;
    return promise;
  }
}

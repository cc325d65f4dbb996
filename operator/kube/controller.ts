import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { deadline, systemClock } from './clock.ts';
import type { Clock, Deadline } from './clock.ts';
import { ControllerMetrics } from './controllerMetrics.ts';
import { describeError, errorType, isConflict } from './errors.ts';
import { splitKey } from './key.ts';
import { Slices } from './slices.ts';
import { NO_TRACES, SPAN_ATTRIBUTES } from './span.ts';
import type { Span, Traces } from './span.ts';
import { WorkQueue } from './workqueue.ts';

/**
 * Brings the cluster closer to the spec of the object with this key (`namespace/name`, or `name`). It must end soon
 * after the signal aborts. A rejection is retried with backoff.
 */
export type Reconcile = (
  key: string,
  signal: AbortSignal,
) => Promise<{ requeueAfterMs?: number } | void>;

export interface ControllerOptions {
  name: string;
  reconcile: Reconcile;
  logger: Logger;
  registry: Registry;
  /** Default: a new queue with the controller's name. */
  queue?: WorkQueue;
  /** Reconciles at the same time, never two of one key. Default 10. */
  concurrency?: number;
  /** For one reconcile. Default 60 s. */
  deadlineMs?: number;
  clock?: Clock;
  random?: () => number;
  /** Shared by the controllers of one process. Default: a new one. */
  slices?: Slices;
  /** Default: reconciles are not traced. */
  traces?: Traces;
}

/** Time for a reconcile to end after its signal aborts. Then its worker takes other keys. */
const GRACE_MS = 5_000;

type Ended = { kind: 'done'; requeueAfterMs?: number } | { kind: 'failed'; error: unknown };
type Outcome = Ended | { kind: 'overdue' };

/** Workers that take keys from a queue and reconcile them. */
export class Controller {
  readonly name: string;
  readonly queue: WorkQueue;
  readonly #reconcile: Reconcile;
  readonly #logger: Logger;
  readonly #metrics: ControllerMetrics;
  readonly #concurrency: number;
  readonly #deadlineMs: number;
  readonly #clock: Clock;
  readonly #slices: Slices;
  readonly #traces: Traces;

  constructor(options: ControllerOptions) {
    const { name, registry, clock, random } = options;
    this.name = name;
    this.queue = options.queue ?? new WorkQueue({ name, registry, clock, random });
    this.#reconcile = options.reconcile;
    this.#logger = options.logger;
    this.#concurrency = options.concurrency ?? 10;
    this.#metrics = new ControllerMetrics(registry, name, this.#concurrency);
    this.#deadlineMs = options.deadlineMs ?? 60_000;
    this.#clock = clock ?? systemClock;
    this.#slices = options.slices ?? new Slices(this.#clock);
    this.#traces = options.traces ?? NO_TRACES;
  }

  /**
   * Works until the signal aborts, and resolves when the last reconcile has ended. May be called again afterwards: the
   * queue keeps its keys.
   */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(Array.from({ length: this.#concurrency }, () => this.#work(signal)));
  }

  async #work(signal: AbortSignal): Promise<void> {
    for (;;) {
      const key = await this.queue.get(signal);
      if (key === undefined) return;
      // Checked again after each wait: other workers use up the same slice.
      while (this.#slices.isUsedUp) await this.#slices.next();
      await this.#process(key, signal);
    }
  }

  async #process(key: string, signal: AbortSignal): Promise<void> {
    const reconcileID = randomUUID();
    // A new child for each reconcile, because the level may change.
    const logger = this.#logger.child({ controller: this.name, ...splitKey(key), reconcileID });
    const started = this.#clock.monotonic();
    this.#metrics.started();
    using limit = deadline(this.#clock, this.#deadlineMs, signal);
    const work = this.#attempt(key, limit.signal, reconcileID);
    const outcome = await this.#outcomeOrOverdue(work);
    const seconds = (this.#clock.monotonic() - started) / 1000;
    if (outcome.kind === 'overdue') {
      this.#abandon(key, work, logger);
      this.#metrics.finished(seconds, 'error');
      return;
    }
    if (outcome.kind === 'done') this.#succeeded(key, outcome.requeueAfterMs, seconds);
    else if (signal.aborted) this.#interrupted(key);
    else this.#failed(key, outcome.error, limit, logger, seconds);
    this.queue.done(key);
  }

  #attempt(key: string, signal: AbortSignal, reconcileID: string): Promise<Ended> {
    const { namespace, name } = splitKey(key);
    const attributes = {
      [SPAN_ATTRIBUTES.controller]: this.name,
      [SPAN_ATTRIBUTES.namespace]: namespace,
      [SPAN_ATTRIBUTES.object]: name,
      [SPAN_ATTRIBUTES.reconcile]: reconcileID,
    };
    const work = (): Promise<Ended> => this.#outcome(key, signal);
    return this.#traces.run(`reconcile ${this.name}`, attributes, work, endSpan);
  }

  async #outcome(key: string, signal: AbortSignal): Promise<Ended> {
    try {
      const result = await this.#reconcile(key, signal);
      return { kind: 'done', requeueAfterMs: result?.requeueAfterMs };
    } catch (error) {
      return { kind: 'failed', error };
    }
  }

  #outcomeOrOverdue(work: Promise<Outcome>): Promise<Outcome> {
    return new Promise((resolve) => {
      const overdue = (): void => resolve({ kind: 'overdue' });
      const cancel = this.#clock.after(this.#deadlineMs + GRACE_MS, overdue);
      void work.then((outcome) => {
        cancel();
        resolve(outcome);
      });
    });
  }

  /** Frees the worker for other keys. The key stays in work, so that no second reconcile of it starts. */
  #abandon(key: string, work: Promise<Outcome>, logger: Logger): void {
    logger.error('Reconcile has not ended after its deadline; its worker takes other keys');
    this.#metrics.timedOut();
    void work.then((outcome) => {
      if (outcome.kind === 'done') this.#settle(key, outcome.requeueAfterMs);
      else this.queue.addRateLimited(key);
      this.queue.done(key);
    });
  }

  #succeeded(key: string, requeueAfterMs: number | undefined, seconds: number): void {
    this.#settle(key, requeueAfterMs);
    this.#metrics.finished(seconds, requeueAfterMs === undefined ? 'success' : 'requeue_after');
  }

  #settle(key: string, requeueAfterMs: number | undefined): void {
    this.queue.forget(key);
    if (requeueAfterMs !== undefined) this.queue.addAfter(key, requeueAfterMs);
  }

  /** The next run of the controller reconciles the key again. */
  #interrupted(key: string): void {
    this.queue.add(key);
    this.#metrics.interrupted();
  }

  #failed(key: string, error: unknown, limit: Deadline, logger: Logger, seconds: number): void {
    if (isConflict(error)) return this.#conflicted(key, logger, seconds);
    this.#metrics.finished(seconds, 'error');
    logger.error(describeError(error), 'Reconcile failed');
    if (limit.expired) this.#metrics.timedOut();
    this.queue.addRateLimited(key);
  }

  /** Another writer changed the object first. With optimistic locking this is usual, so it is no failure. */
  #conflicted(key: string, logger: Logger, seconds: number): void {
    this.#metrics.finished(seconds, 'requeue');
    logger.debug('Another writer changed the object; reconciled again');
    this.queue.addRateLimited(key);
  }
}

/** A conflict is no error: the reconcile is tried again. */
function endSpan(span: Span, outcome: Ended): void {
  const [result, error] = resultOf(outcome);
  span.set({ [SPAN_ATTRIBUTES.result]: result });
  span.end(error);
}

function resultOf(outcome: Ended): [result: string, error?: string] {
  if (outcome.kind === 'done')
    return [outcome.requeueAfterMs === undefined ? 'success' : 'requeue_after'];
  return isConflict(outcome.error) ? ['requeue'] : ['error', errorType(outcome.error)];
}

import type { Content } from '../../contract/generated/types.ts';
import { Cut } from '../errors/fault.ts';
import type { Clock } from '../guard/clock.ts';
import type { AttemptResult } from './attempt/attempt.ts';
import type { Candidate, Member } from './pool/pool.ts';
import { callKind } from './pool/route.ts';
import type { Granted, Move, Route } from './pool/route.ts';
import { waitForExchange, waitOutside } from './pause.ts';
import type { ModelRequest } from './request.ts';
import { movable, moveReason, retryReason, retryable, unitsOf } from './retry.ts';
import type { RetryBudgets } from '../resilience/retryBudget.ts';

/** An endpoint with at least this share of successes rescues requests for free. */
const HEALTHY_SHARE = 0.5;

/** A repeated attempt at the same endpoint. */
export interface Retry {
  dependency: string;
  /** Why the attempt before it failed. */
  reason: string;
  waitMs: number;
}

export interface NextAttemptDeps {
  clock: Clock;
  retryBudgets: RetryBudgets;
  /** From 0 up to but not 1. */
  random: () => number;
  onRetry(retry: Retry, request: ModelRequest): void;
}

/** What follows an attempt: another endpoint, or the same one after a wait in milliseconds. */
export type Step = { move: Move; to: Candidate } | { waitMs: number };

/**
 * Decides what follows each attempt of one request. The dependency that causes a retry or a move pays from its budget.
 * The first move is free while its target is healthy, so a healthy endpoint rescues every request.
 */
export class NextAttempt {
  readonly #deps: NextAttemptDeps;
  readonly #request: ModelRequest;
  readonly #route: Route;
  readonly #retries: Retries;

  constructor(deps: NextAttemptDeps, request: ModelRequest, route: Route) {
    const { content, ownTurn = false } = request;
    this.#deps = deps;
    this.#request = request;
    this.#route = route;
    this.#retries = new Retries(content.retry, ownTurn, deps.random);
  }

  /**
   * Moves at once if another endpoint is better or of the same priority. Else retries here while retries are left,
   * then moves to any usable endpoint. Undefined: nothing follows.
   */
  choose(result: AttemptResult, from: Member): Step | undefined {
    if (result.committed) return undefined;
    const { clock, retryBudgets } = this.#deps;
    const now = clock.now();
    const leftMs = this.#request.deadlineAt - now;
    if (leftMs <= 0) return undefined;
    const { model, models } = from.endpoint;
    const setsModel =
      this.#request.method === 'POST' && (model !== undefined || models !== undefined);
    const kind = movable(result, setsModel);
    const withdraw = (): boolean => retryBudgets.of(from.dependency).withdraw(unitsOf(result), now);
    const at = (move: Move | undefined): Step | undefined => move && this.#chosen(move, withdraw);
    const moved = at(this.#firstMove(kind, from));
    if (moved) return moved;
    const waitMs = this.#adds(from) ? undefined : this.#retries.next(result, leftMs, withdraw);
    if (waitMs !== undefined) return { waitMs };
    return kind === 'Yes' ? at({ from }) : undefined;
  }

  /** Takes a permit for the step; undefined if none is available. A Cut if the request was cut meanwhile. */
  async follow(
    step: Step,
    result: AttemptResult,
    from: Member,
  ): Promise<Granted | Cut | undefined> {
    if ('to' in step) return this.#move(step.move, step.to, moveReason(result));
    // The vote of the attempt may have opened the circuit.
    const { handle, credential } = from;
    const isOpen = handle.obstacle(credential, callKind(this.#request)) === 'CircuitBreakerOpen';
    const again = isOpen ? 'Refused' : await this.#repeat(result, from, step.waitMs);
    if (again !== 'Refused') return again;
    const move = { from };
    const to = this.#route.choose(move, () => true);
    return to && this.#move(move, to, moveReason(result));
  }

  /** Takes a permit at the same endpoint after a wait. Refused: the endpoint takes no call now. */
  async #repeat(
    result: AttemptResult,
    from: Member,
    waitMs: number,
  ): Promise<Granted | Cut | 'Refused' | undefined> {
    const { signal } = this.#request;
    const { clock } = this.#deps;
    let kept = await waitOutside(this.#request, clock, waitMs);
    const exchange = from.identity?.awaited;
    if (kept && exchange) kept = await waitForExchange(exchange, this.#request, clock);
    if (signal.reason instanceof Cut) return signal.reason;
    if (!kept) return undefined;
    const again = await this.#route.again(from);
    if (again) {
      const { dependency } = from;
      this.#deps.onRetry({ dependency, reason: retryReason(result), waitMs }, this.#request);
      return again;
    }
    return signal.aborted ? undefined : 'Refused';
  }

  /** Whether a retry would only add to those of the client, at an endpoint most of whose calls fail. */
  #adds({ handle }: Member): boolean {
    return this.#request.ownTurn !== true && handle.mostlyFails(callKind(this.#request));
  }

  #firstMove(kind: ReturnType<typeof movable>, from: Member): Move | undefined {
    switch (kind) {
      case 'No':
        return undefined;
      case 'Yes':
        return { from, equals: true };
      case 'Early':
        return { from };
      case 'OtherCredential':
        return { from, otherCredential: true };
      case 'LargerContext':
        return { from, contextTokensAbove: from.endpoint.contextTokens ?? Infinity };
    }
  }

  #chosen(move: Move, withdraw: () => boolean): Step | undefined {
    const budget = this.#deps.retryBudgets.of(move.from.dependency);
    const free = !budget.isOff && !this.#route.moved;
    const to = this.#route.choose(
      move,
      ({ successShare }) => (free && successShare >= HEALTHY_SHARE) || withdraw(),
    );
    return to && { move, to };
  }

  /** An endpoint that rejects the call costs nothing: asks the next one. */
  async #move(move: Move, first: Candidate, reason: string): Promise<Granted | undefined> {
    for (let to: Candidate | undefined = first; to; to = this.#route.choose(move, () => true)) {
      const granted = await this.#route.take(to, move, reason);
      if (granted) return granted;
    }
    return undefined;
  }
}

type RetrySpec = Content['retry'];

/**
 * Longest wait for a 429 while the client's request stays open, in milliseconds. After a longer one the client asks
 * again, and our own attempts would multiply its retries.
 */
const CLIENT_WAIT_MS = 1000;

/** Decides when an attempt is repeated at the same endpoint. */
export class Retries {
  readonly #spec: RetrySpec;
  /** Whether the agent itself makes the request. */
  readonly #ownTurn: boolean;
  readonly #random: () => number;
  #attempts = 0;
  #onceUsed = false;

  /** `random` gives numbers from 0 up to but not 1. */
  constructor(spec: RetrySpec, ownTurn: boolean, random: () => number) {
    this.#spec = spec;
    this.#ownTurn = ownTurn;
    this.#random = random;
  }

  /**
   * Wait before another attempt, in milliseconds; undefined: no further attempt. `leftMs`: time until the request's
   * deadline; a longer wait does not begin. `withdraw` takes the retry from the budget if it can.
   */
  next(result: AttemptResult, leftMs: number, withdraw: () => boolean): number | undefined {
    this.#attempts += 1;
    const spec = this.#spec;
    const kind = retryable(result);
    if (kind === 'No' || this.#attempts >= spec.maxAttempts) return undefined;
    if (kind === 'Once' && this.#onceUsed) return undefined;
    const wait = this.#wait(spec, result);
    if (wait === undefined || wait >= leftMs || !withdraw()) return undefined;
    this.#onceUsed ||= kind === 'Once';
    return wait;
  }

  /** Full jitter (AWS Architecture Blog, Exponential Backoff And Jitter), or the requested wait plus jitter. */
  #wait({ baseDelayMs, maxDelayMs }: RetrySpec, result: AttemptResult): number | undefined {
    const { retryAfterMs, shutMs } = result;
    if (retryAfterMs === undefined && shutMs === undefined) {
      return this.#random() * Math.min(maxDelayMs, baseDelayMs * 2 ** (this.#attempts - 1));
    }
    const asked = Math.max(retryAfterMs ?? 0, shutMs ?? 0);
    if (asked > maxDelayMs || this.#leavesToClient(result)) return undefined;
    return Math.min(maxDelayMs, asked + this.#random() * baseDelayMs);
  }

  #leavesToClient({ refusal, retryAfterMs = 0 }: AttemptResult): boolean {
    return !this.#ownTurn && refusal?.gate === 'RateLimited' && retryAfterMs > CLIENT_WAIT_MS;
  }
}

import { Cut } from '../errors/fault.ts';
import type { Clock } from '../guard/clock.ts';
import type { AttemptResult } from './attempt/attempt.ts';
import type { Candidate, Member } from './pool/pool.ts';
import type { Granted, Move, Route } from './pool/route.ts';
import { waitOutside } from './pause.ts';
import type { ModelRequest } from './request.ts';
import { Retries, movable, moveReason, retryReason, unitsOf } from './retry.ts';
import type { RetryBudgets } from './retryBudgets.ts';

/** An endpoint with this share of successes or more is healthy enough to rescue a request for free. */
const HEALTHY_SHARE = 0.5;

/** An attempt that is repeated at its endpoint. */
export interface Retry {
  dependency: string;
  /** What went wrong before. */
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

/** What follows an attempt: another endpoint, or the same one after so many milliseconds. */
type Next = { move: Move; to: Candidate } | { waitMs: number };

/**
 * Decides what follows each attempt of one request. The dependency that caused a retry or a move pays for it from its
 * budget. The first move is free while its target is healthy, so that a healthy endpoint rescues every request.
 */
export class NextAttempt {
  readonly #deps: NextAttemptDeps;
  readonly #request: ModelRequest;
  readonly #route: Route;
  readonly #retries: Retries;
  #next: Next | undefined;
  /** Where the last attempt went. */
  #at = '';

  constructor(deps: NextAttemptDeps, request: ModelRequest, route: Route) {
    const { content, ownTurn = false } = request;
    this.#deps = deps;
    this.#request = request;
    this.#route = route;
    this.#retries = new Retries(content.retry, ownTurn, deps.random);
  }

  /** An attempt begins. */
  begin({ dependency }: Member): void {
    if (dependency === this.#at) return;
    this.#at = dependency;
    this.#deps.retryBudgets.of(dependency).request(this.#deps.clock.now());
  }

  /** How many other endpoints the request could still move to now. */
  othersLeft(from: Member): number {
    const { isOff } = this.#deps.retryBudgets.of(from.dependency);
    return isOff ? 0 : this.#route.othersLeft(from);
  }

  /** Decides by how an attempt ended. */
  decide(result: AttemptResult, from: Member): void {
    this.#next = this.#choose(result, from);
  }

  /** Takes leave for what was decided; undefined when there is none to be had. A Cut when the request was cut meanwhile. */
  async go(result: AttemptResult, from: Member): Promise<Granted | Cut | undefined> {
    const next = this.#next;
    if (next === undefined) return undefined;
    if ('to' in next) return this.#move(next.move, next.to, moveReason(result));
    const { dependency } = from;
    const retry = { dependency, reason: retryReason(result), waitMs: next.waitMs };
    this.#deps.onRetry(retry, this.#request);
    const { signal } = this.#request;
    const kept = await waitOutside(this.#request, this.#deps.clock, next.waitMs);
    if (signal.reason instanceof Cut) return signal.reason;
    if (!kept) return undefined;
    const again = await this.#route.again(from);
    if (again || signal.aborted) return again;
    const move = { from };
    const to = this.#route.choose(move, () => true);
    return to && this.#move(move, to, moveReason(result));
  }

  /**
   * Another endpoint at once where that is better, or is as good: one of the same priority. Else the
   * same one again as long as retries are left, and then whichever is usable.
   */
  #choose(result: AttemptResult, from: Member): Next | undefined {
    const { clock, retryBudgets } = this.#deps;
    const leftMs = this.#request.deadlineAt - clock.now();
    if (leftMs <= 0) return undefined;
    const { model } = from.endpoint;
    const kind = movable(result, model !== undefined && this.#request.method === 'POST');
    const withdraw = (): boolean =>
      retryBudgets.of(from.dependency).withdraw(unitsOf(result), clock.now());
    const at = (move: Move | undefined): Next | undefined => move && this.#chosen(move, withdraw);
    const moved = at(this.#firstMove(kind, from));
    if (moved) return moved;
    const waitMs = this.#retries.next(result, leftMs, withdraw);
    if (waitMs !== undefined) return { waitMs };
    return kind === 'Yes' ? at({ from }) : undefined;
  }

  /** The move that comes before a retry. */
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

  #chosen(move: Move, withdraw: () => boolean): Next | undefined {
    const budget = this.#deps.retryBudgets.of(move.from.dependency);
    const free = !budget.isOff && !this.#route.moved;
    const to = this.#route.choose(
      move,
      ({ successShare }) => (free && successShare >= HEALTHY_SHARE) || withdraw(),
    );
    return to && { move, to };
  }

  /** An endpoint that takes no call after all costs nothing, so that the next one may be asked in its place. */
  async #move(move: Move, first: Candidate, reason: string): Promise<Granted | undefined> {
    for (let to: Candidate | undefined = first; to; to = this.#route.choose(move, () => true)) {
      const granted = await this.#route.take(to, move, reason);
      if (granted) return granted;
    }
    return undefined;
  }
}

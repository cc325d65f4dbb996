import { lengthened } from '../resilience/jitter.ts';
import type { GateState } from '../resilience/gates.ts';
import type { Jitter } from '../resilience/jitter.ts';
import type { ActualCost, Asked, AskedCall, Remaining, Resource } from './admission.ts';
import type { Rejection } from '../errors/rejection.ts';
import { REFUND } from './admission.ts';
import { ProviderShare } from './providerShare.ts';
import type { GuardContext } from './guardContext.ts';
import type { GivenShare } from './providerShare.ts';
import type { WallTime } from './wallTime.ts';

/** A limit that a provider states, for status and metrics. */
export interface ProviderLimitStatus {
  dependency: string;
  /** Absent: all models without a state of their own. */
  model?: string;
  resource: Resource;
  /** Estimate of the remaining tokens. */
  remaining: number;
  /** Absent if the provider did not state it. */
  limit?: number;
  /** When the limit is full again, RFC 3339. */
  reset: string;
  /** Tokens that this pod may take now. Absent: all that remain. */
  share?: number;
  /** Whether the leader sets the share. Otherwise it is the safe share. */
  led?: boolean;
}

/** A limit as the leader knows it: its state for all pods, and the share of this pod. */
export interface ToldShare extends GivenShare {
  resource: Resource;
  limit: number;
  remaining: number;
  resetMs: number;
  /** Age of the statement that the state comes from. */
  ageMs: number;
}

/** Report on a limit, for the leader. */
export interface ToldUse {
  resource: Resource;
  share: ProviderShare;
}

type Shared = Pick<GuardContext, 'gates' | 'providers'>;

interface Known {
  resource: Resource;
  /** Infinity if the provider did not state it. */
  limit: number;
  remaining: number;
  statedAt: number;
  resetAt: number;
  /** Lengthens each wait, so that the pods of an agent do not return together. */
  spread: number;
  /** Needs of all calls admitted since the statement. */
  taken: number;
  /** Undefined if no other pod uses the limit, or its size is unknown. */
  share: ProviderShare | undefined;
}

type Figures = Omit<Known, 'resource' | 'share' | 'spread'>;

/** Providers round tokens to whole thousands, so a call needs at least this much. */
const TOKEN_UNIT = 1000;

/**
 * The limits that a provider enforces on one credential, as its responses state them. Each is a token
 * bucket that refills steadily and is full at its reset
 * (https://platform.claude.com/docs/en/api/rate-limits). A newer statement replaces an older one.
 * After its reset, or after maxProviderWaitMs, a limit is forgotten until the provider states it again.
 * Below half of a limit, this pod takes only its share of it.
 */
export class ProviderLimits {
  readonly #target: string;
  readonly #context: Shared;
  readonly #jitter: Jitter;
  #known: Known[] = [];
  readonly #shares = new Map<Resource, ProviderShare>();
  /** End of the wait that the provider asked another pod for. */
  #heldUntil = -Infinity;

  constructor(target: string, context: Shared, jitter: Jitter) {
    this.#target = target;
    this.#context = context;
    this.#jitter = jitter;
  }

  /**
   * Learns a statement. `since` is the admission of the call whose answer states it. A statement without a
   * reset says nothing about later calls.
   */
  learn(stated: readonly Remaining[], now: number, since = now): void {
    for (const { resource, remaining, limit = Infinity, resetMs = 0 } of stated) {
      this.#known = this.#known.filter((each) => each.resource !== resource);
      const share = limit < Infinity ? this.#shareOf(resource) : undefined;
      if (share) share.own = { limit, remaining, at: now, resetAt: now + resetMs, since };
      if (resetMs <= 0) share?.end();
      else
        this.#know(
          { resource, remaining, limit, statedAt: now, resetAt: now + resetMs, share },
          now,
        );
    }
  }

  /** Applies the leader's share, and its statement if that is newer than this pod's own. */
  follow({ resource, limit, remaining, resetMs, ageMs, ...given }: ToldShare, now: number): void {
    const share = this.#shareOf(resource);
    if (share === undefined) return;
    const own = this.#known.find((each) => each.resource === resource);
    if (own === undefined || own.statedAt < now - ageMs) {
      this.#known = this.#known.filter((each) => each !== own);
      this.#know({ resource, remaining, limit, statedAt: now, resetAt: now + resetMs, share }, now);
    }
    share.give(given, now);
  }

  /** Holds calls back, because the provider asked another pod to wait. */
  hold(ms: number, now: number): void {
    const wait = Math.min(ms, this.#context.gates.maxProviderWaitMs);
    this.#heldUntil = Math.max(this.#heldUntil, now + lengthened(wait, this.#jitter.share()));
  }

  /** Forgets all statements, because the credential has changed. */
  forget(): void {
    this.#known = [];
    this.#shares.clear();
    this.#heldUntil = -Infinity;
  }

  /** Admits a call that every limit covers. Credentials that clients pass on have limits of their own. */
  acquire(asked: AskedCall | undefined, now: number): Rejection | undefined {
    if (asked?.credential?.mounted === false) return undefined;
    if (this.#known.length === 0 && now >= this.#heldUntil) return undefined;
    this.#known = this.#live(now);
    const at = Math.max(
      this.#heldUntil,
      ...this.#known.map((each) => this.#readyAt(each, asked, now)),
    );
    const admitted = now >= at;
    for (const each of this.#known) {
      const tokens = needed(each, asked);
      if (admitted) each.taken += tokens;
      each.share?.ask(tokens, admitted, now);
    }
    if (admitted) return undefined;
    return { reason: 'RateLimited', target: this.#target, retryAfterMs: at - now };
  }

  /** Counts the need of a call that did not even ask, because the limits would reject the smallest call. */
  skipped(now: number): void {
    for (const each of this.#live(now)) each.share?.ask(needed(each, undefined), false, now);
  }

  /** Ends an admitted call with what it used. */
  settle(asked: AskedCall | undefined, actual: ActualCost | undefined, now: number): void {
    if (actual === undefined || this.#shares.size === 0) return;
    for (const each of this.#known) {
      const used = usedOf(each.resource, actual);
      if (used !== undefined) each.share?.take(used - needed(each, asked), now);
    }
  }

  /** Reason and end of the time in which even the smallest call is rejected; undefined if it is admitted. */
  pause(now: number): GateState | undefined {
    const ends = this.#live(now).map((each) => this.#readyAt(each, undefined, now));
    const until = Math.max(this.#heldUntil, ...ends);
    return now < until ? { reason: 'RateLimited', until } : undefined;
  }

  /** Limits to report to the leader: those with little left, and those with a share of the leader. */
  uses(now: number): ToldUse[] {
    return this.#live(now).flatMap(({ resource, share, ...known }) => {
      if (share === undefined) return [];
      const isTold = share.isLed(now) || isScarce(known, now);
      return isTold ? { resource, share } : [];
    });
  }

  status(now: number, wallTime: WallTime): ProviderLimitStatus[] {
    return this.#live(now).map((each) => ({
      dependency: this.#target,
      resource: each.resource,
      remaining: Math.max(0, Math.floor(level(each, now))),
      ...(each.limit < Infinity && { limit: each.limit }),
      reset: wallTime.format(each.resetAt),
      ...(each.share !== undefined &&
        isScarce(each, now) && {
          share: Math.max(0, Math.floor(each.share.held(now))),
          led: each.share.isLed(now),
        }),
    }));
  }

  #shareOf(resource: Resource): ProviderShare | undefined {
    const { providers } = this.#context;
    if (!providers.isShared) return undefined;
    const share = this.#shares.get(resource) ?? new ProviderShare(() => providers.ask());
    this.#shares.set(resource, share);
    return share;
  }

  #know(stated: Omit<Known, 'spread' | 'taken'>, now: number): void {
    const known = { ...stated, spread: this.#jitter.share(), taken: 0 };
    this.#known.push(known);
    const { share, limit, remaining } = known;
    if (share === undefined) return;
    if (!isScarce(known, now)) share.end();
    else {
      share.state({ limit, remaining, perMs: rate(known) }, this.#context.providers.maxPods, now);
    }
  }

  #live(now: number): Known[] {
    return this.#known.filter((each) => now < this.#endOf(each));
  }

  /** Time at which the limit covers a call or is forgotten; a whole millisecond. */
  #readyAt(known: Known, asked: Asked | undefined, now: number): number {
    const { remaining, taken, statedAt, spread, share } = known;
    const tokens = needed(known, asked);
    const missing = tokens - (remaining - taken);
    const wait = missing <= 0 ? 0 : lengthened(missing / rate(known), spread);
    const shareWait = share && isScarce(known, now) ? share.waitMs(tokens, now) : 0;
    const at = shareWait === 0 ? statedAt + wait : Math.max(statedAt + wait, now + shareWait);
    return at === statedAt ? at : Math.min(this.#endOf(known), at);
  }

  #endOf({ statedAt, resetAt, spread }: Known): number {
    const wait = Math.min(resetAt - statedAt, this.#context.gates.maxProviderWaitMs);
    return statedAt + lengthened(wait, spread);
  }
}

/** Whether a statement leaves room for no call at all. */
export function isNothingLeft(stated: readonly Remaining[]): boolean {
  return stated.some((each) => each.remaining < neededOf(each, undefined));
}

/** Whether a call is refused only because it needs more tokens than are left, so that smaller calls fit. */
export function isTooLarge(stated: readonly Remaining[], asked: Asked | undefined): boolean {
  return !isNothingLeft(stated) && stated.some((each) => each.remaining < neededOf(each, asked));
}

function neededOf({ resource, limit = Infinity }: Remaining, asked: Asked | undefined): number {
  return needed({ resource, limit }, asked);
}

/** Whether less than half of a limit is left. */
function isScarce(known: Figures, now: number): boolean {
  return known.limit < Infinity && level(known, now) < known.limit / 2;
}

/** Tokens that a call used; undefined if unknown. */
function usedOf(resource: Resource, actual: ActualCost): number | undefined {
  if (actual === REFUND) return 0;
  const { inputTokens, outputTokens } = actual;
  if (resource === 'InputTokens') return inputTokens;
  if (resource === 'OutputTokens') return outputTokens;
  if (resource === 'Requests' || inputTokens === undefined) return undefined;
  return inputTokens + (outputTokens ?? 0);
}

/** Tokens that a call needs: at most the limit, so that the limit covers every call at its reset. */
function needed(
  { resource, limit }: Pick<Known, 'resource' | 'limit'>,
  asked: Asked | undefined,
): number {
  if (resource === 'Requests') return 1;
  // The provider counts output tokens as it produces them, whatever max_tokens says.
  const input = resource === 'OutputTokens' ? 0 : (asked?.cost?.inputTokens ?? 0);
  return Math.min(Math.max(TOKEN_UNIT, input), limit);
}

/** Refill per millisecond; 0 if unknown. */
function rate({ remaining, limit, statedAt, resetAt }: Figures): number {
  const missing = limit - remaining;
  return missing > 0 && missing < Infinity ? missing / (resetAt - statedAt) : 0;
}

function level(known: Figures, now: number): number {
  return known.remaining + rate(known) * (now - known.statedAt) - known.taken;
}

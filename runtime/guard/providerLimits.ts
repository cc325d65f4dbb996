import type { GateState } from '../resilience/gates.ts';
import type { Asked, Rejection } from './admission.ts';
import type { HeldPermit } from './heldPermit.ts';
import type { Remaining, Resource } from './reservation.ts';
import type { Stage } from './stage.ts';
import type { WallTime } from './wallTime.ts';

/** A limit of the provider's own, as it is shown. */
export interface ProviderLimitStatus {
  dependency: string;
  resource: Resource;
  /** About what is left now. */
  remaining: number;
  /** Absent when it was not told. */
  limit?: number;
  /** When it is full again, RFC 3339. */
  reset: string;
}

interface Known {
  resource: Resource;
  /** Infinity when it was not told. */
  limit: number;
  remaining: number;
  toldAt: number;
  resetAt: number;
  /** Needed by calls that were let through since. */
  taken: number;
}

/** Tokens are told in whole thousands: of less than that nothing is known. */
const TOKEN_UNIT = 1000;

/**
 * The limits that a provider enforces on one credential, as its answers tell them: each is a token
 * bucket that refills steadily, from what was left to the limit at the time of its reset
 * (https://platform.claude.com/docs/en/api/rate-limits). Each answer replaces what the one before
 * said; after its reset a limit is forgotten until it is told again.
 */
export class ProviderLimits implements Stage {
  private readonly target: string;
  private known: Known[] = [];

  constructor(target: string) {
    this.target = target;
  }

  /** Takes up what an answer said. What has no reset says nothing about the time after it. */
  learn(told: readonly Remaining[], now: number): void {
    for (const { resource, remaining, limit = Infinity, resetMs = 0 } of told) {
      this.known = this.known.filter((each) => each.resource !== resource);
      if (resetMs <= 0) continue;
      const times = { toldAt: now, resetAt: now + resetMs };
      this.known.push({ resource, remaining, limit, taken: 0, ...times });
    }
  }

  /** Forgets everything, because the credential is another one now. */
  forget(): void {
    this.known = [];
  }

  /** Lets a call through if it has what it needs of every limit. Others' credentials do not count. */
  take({ asked }: HeldPermit, now: number): Rejection | undefined {
    if (this.known.length === 0 || asked?.credential?.mounted === false) return undefined;
    this.known = this.known.filter(({ resetAt }) => now < resetAt);
    const at = Math.max(...this.known.map((each) => readyAt(each, asked)));
    if (now < at) return { reason: 'RateLimited', target: this.target, retryAfterMs: at - now };
    for (const each of this.known) each.taken += needed(each, asked);
    return undefined;
  }

  /** Nobody waits for it: the provider may serve others meanwhile. */
  queue(): undefined {
    return undefined;
  }

  /** Until when not even the smallest call is let through; undefined when one would be. */
  pause(now: number): GateState | undefined {
    const live = this.known.filter(({ resetAt }) => now < resetAt);
    const until = Math.max(...live.map((each) => readyAt(each, undefined)));
    return now < until ? { reason: 'RateLimited', until } : undefined;
  }

  /** What holds now. */
  status(now: number, wallTime: WallTime): ProviderLimitStatus[] {
    const live = this.known.filter(({ resetAt }) => now < resetAt);
    return live.map((each) => ({
      dependency: this.target,
      resource: each.resource,
      remaining: Math.max(0, Math.floor(level(each, now))),
      ...(each.limit < Infinity && { limit: each.limit }),
      reset: wallTime.format(each.resetAt),
    }));
  }
}

/** What a call takes; no more than the limit, so that none is refused for ever. */
function needed({ resource, limit }: Known, asked: Asked | undefined): number {
  if (resource === 'Requests') return 1;
  // The provider counts output as it comes, whatever max_tokens says.
  const input = resource === 'OutputTokens' ? 0 : (asked?.cost?.inputTokens ?? 0);
  return Math.min(Math.max(TOKEN_UNIT, input), limit);
}

/** Units that come back per millisecond; 0 when that is not known. */
function rate({ remaining, limit, toldAt, resetAt }: Known): number {
  const missing = limit - remaining;
  return missing > 0 && missing < Infinity ? missing / (resetAt - toldAt) : 0;
}

function level(known: Known, now: number): number {
  return known.remaining + rate(known) * (now - known.toldAt) - known.taken;
}

/** When the level covers a call, at the latest at the reset; a whole millisecond. */
function readyAt(known: Known, asked: Asked | undefined): number {
  const { remaining, taken, toldAt, resetAt } = known;
  const missing = needed(known, asked) - (remaining - taken);
  return missing <= 0 ? toldAt : Math.ceil(Math.min(resetAt, toldAt + missing / rate(known)));
}

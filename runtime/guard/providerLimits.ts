import { lengthened } from '../resilience/jitter.ts';
import type { GateState } from '../resilience/gates.ts';
import type { Jitter } from '../resilience/jitter.ts';
import type { Asked, AskedCall, Remaining, Resource } from './admission.ts';
import type { Rejection } from '../errors/rejection.ts';
import type { GuardContext } from './guardContext.ts';
import type { WallTime } from './wallTime.ts';

/** A limit that a provider states, for status and metrics. */
export interface ProviderLimitStatus {
  dependency: string;
  /** Absent: of all models without state of their own. */
  model?: string;
  resource: Resource;
  /** Estimate of what is left now. */
  remaining: number;
  /** Absent if the provider did not state it. */
  limit?: number;
  /** When the limit is full again, RFC 3339. */
  reset: string;
}

interface Known {
  resource: Resource;
  /** Infinity if the provider did not state it. */
  limit: number;
  remaining: number;
  statedAt: number;
  resetAt: number;
  /** By how much each wait is lengthened, so that the pods of an agent do not return together. */
  spread: number;
  /** What the calls admitted since then need. */
  taken: number;
}

/** Providers state tokens in whole thousands, so a call needs at least that much to be left. */
const TOKEN_UNIT = 1000;

/**
 * The limits that a provider enforces on one credential, as its responses state them. Each is a token
 * bucket that refills steadily and is full at its reset
 * (https://platform.claude.com/docs/en/api/rate-limits). A newer statement replaces an older one.
 * After its reset, or after gates.maxWait, a limit is forgotten until the provider states it again.
 */
export class ProviderLimits {
  private readonly target: string;
  private readonly context: Pick<GuardContext, 'gates'>;
  private readonly jitter: Jitter;
  private known: Known[] = [];

  constructor(target: string, context: Pick<GuardContext, 'gates'>, jitter: Jitter) {
    this.target = target;
    this.context = context;
    this.jitter = jitter;
  }

  /** A statement without a reset says nothing about later calls. */
  learn(stated: readonly Remaining[], now: number): void {
    for (const { resource, remaining, limit = Infinity, resetMs = 0 } of stated) {
      this.known = this.known.filter((each) => each.resource !== resource);
      if (resetMs <= 0) continue;
      const times = { statedAt: now, resetAt: now + resetMs };
      const spread = this.jitter.share();
      this.known.push({ resource, remaining, limit, taken: 0, ...times, spread });
    }
  }

  /** Forgets everything, because the credential is a new one. */
  forget(): void {
    this.known = [];
  }

  /** Admits a call that every limit covers. Credentials that clients pass on have limits of their own. */
  acquire(asked: AskedCall | undefined, now: number): Rejection | undefined {
    if (this.known.length === 0 || asked?.credential?.mounted === false) return undefined;
    this.known = this.live(now);
    const at = Math.max(...this.known.map((each) => this.readyAt(each, asked)));
    if (now < at) return { reason: 'RateLimited', target: this.target, retryAfterMs: at - now };
    for (const each of this.known) each.taken += needed(each, asked);
    return undefined;
  }

  /** Until when even the smallest call is rejected; undefined if it is admitted. */
  pause(now: number): GateState | undefined {
    const until = Math.max(...this.live(now).map((each) => this.readyAt(each, undefined)));
    return now < until ? { reason: 'RateLimited', until } : undefined;
  }

  status(now: number, wallTime: WallTime): ProviderLimitStatus[] {
    return this.live(now).map((each) => ({
      dependency: this.target,
      resource: each.resource,
      remaining: Math.max(0, Math.floor(level(each, now))),
      ...(each.limit < Infinity && { limit: each.limit }),
      reset: wallTime.format(each.resetAt),
    }));
  }

  private live(now: number): Known[] {
    return this.known.filter((each) => now < this.endOf(each));
  }

  /** When the limit covers a call, at the latest when it is forgotten; a whole millisecond. */
  private readyAt(known: Known, asked: Asked | undefined): number {
    const { remaining, taken, statedAt, spread } = known;
    const missing = needed(known, asked) - (remaining - taken);
    if (missing <= 0) return statedAt;
    return Math.min(this.endOf(known), statedAt + lengthened(missing / rate(known), spread));
  }

  private endOf({ statedAt, resetAt, spread }: Known): number {
    const wait = Math.min(resetAt - statedAt, this.context.gates.maxWaitMs);
    return statedAt + lengthened(wait, spread);
  }
}

/** What a call needs; at most the limit, so that every call is admitted at the reset. */
function needed({ resource, limit }: Known, asked: Asked | undefined): number {
  if (resource === 'Requests') return 1;
  // The provider counts output tokens as it produces them, whatever max_tokens says.
  const input = resource === 'OutputTokens' ? 0 : (asked?.cost?.inputTokens ?? 0);
  return Math.min(Math.max(TOKEN_UNIT, input), limit);
}

/** Refill per millisecond; 0 if unknown. */
function rate({ remaining, limit, statedAt, resetAt }: Known): number {
  const missing = limit - remaining;
  return missing > 0 && missing < Infinity ? missing / (resetAt - statedAt) : 0;
}

function level(known: Known, now: number): number {
  return known.remaining + rate(known) * (now - known.statedAt) - known.taken;
}

import { Jitter, lengthened } from './jitter.ts';
import type { MustStay } from './recentCalls.ts';
import { Streak } from './streak.ts';

/** Why no calls are made with a credential. */
export type GateReason = 'RateLimited' | 'SpendLimit' | 'Unauthorized';

export interface GateSpec {
  /** The longest time, in milliseconds, until a shut gate admits a call, before that is refused. */
  maxProviderWaitMs: number;
}

export interface GateRejection {
  readonly kind: 'Rejection';
  readonly reason: GateReason;
  readonly retryAfterMs: number;
}

/** A gate as it is shown. */
export interface GateState {
  reason: GateReason;
  /** When the gate admits the next call; absent once it does. */
  until?: number;
}

/** A refusal of a call. */
export interface GateRefusal {
  reason: GateReason;
  /** Stated time to wait, in milliseconds; undefined without one. */
  ms: number | undefined;
  /** Whether the refused call was admitted while the gate was opening. */
  probe: boolean;
  /** Whether it shuts an open gate, however many were refused before. */
  atOnce: boolean;
  /** Whether an open or opening gate must stay so where `atOnce` does not shut it. */
  mustStay?: MustStay;
}

/** What of a gate outlives the process. Times are relative, because clocks do not outlive it. */
export interface GateSnapshot {
  reason: GateReason;
  /** Time since the gate was shut. */
  shutForMs: number;
  statedMs?: number;
  refused: number;
  spread: number;
}

interface Shut {
  reason: GateReason;
  shutAt: number;
  /** How long the provider asks to wait; undefined if it does not say. */
  statedMs: number | undefined;
  /** How often it was shut while opening in the same way: with a stated time, or without one. */
  refused: number;
  /** By how much the wait is lengthened, so that the pods of an agent do not return together. */
  spread: number;
  /** Set once it has admitted a call after its wait. */
  opening: Opening | undefined;
}

interface Opening {
  since: number;
  /** Calls under way. */
  calls: number;
  /** Calls served, and refused, so far. */
  served: number;
  refused: number;
}

/** A credential that was refused. */
interface Gate {
  /** Refusals in a row. */
  streak: Streak;
  shut: Shut | undefined;
}

/** A call may find a place at any moment while the gate opens. */
const OPENING_MS = 1000;
/** The first and the longest wait where the provider states none. */
export const FIRST_WAIT_MS = 1000;
export const LONGEST_WAIT_MS = 5000;
/** Refusals in a row that shut a gate where hardly any call was refused before; see Streak. */
const REFUSALS = 5;
/** Largest saved number of doublings. A file is checked as if a stranger had written it. */
const MAX_REFUSED = 10;
/** Calls at a time that an opening gate admits, by its age. After the last one it is open. */
const PLACES: readonly { untilMs: number; calls: number }[] = [
  { untilMs: 1000, calls: 1 },
  { untilMs: 2000, calls: 2 },
  { untilMs: 4000, calls: 4 },
];
const OPEN_AFTER_MS = 4000;
const OPEN_AFTER_SERVED = 3;

/**
 * The gates of one dependency, one for each credential that it refused.
 *
 * A gate shuts at once for a refusal that says why it does, or when refusals in a row are no chance. After its
 * wait it opens within seconds: it admits one call at a time, two after a second, four after two, and all after four
 * or once three calls were served. A refusal meanwhile shuts it again, for twice as long, unless it must stay.
 * The wait is the stated time, at most maxWait, or one second without a stated time, at most five. At most `max`
 * credentials are known; the one that was refused first makes room.
 */
export class Gates {
  readonly #gates = new Map<string, Gate>();
  readonly #spec: () => GateSpec;
  readonly #jitter: Jitter;
  readonly #max: number;

  /** `spec` is in force at any time, also for shut gates. */
  constructor(spec: () => GateSpec, jitter = new Jitter(), max = 1000) {
    this.#spec = spec;
    this.#jitter = jitter;
    this.#max = max;
  }

  /** Admits a call with a credential, perhaps as a probe of an opening gate, or rejects it. */
  enter(credential: string, now: number): GateRejection | 'Open' | 'Probe' {
    const shut = this.#shutGate(credential, now);
    if (shut === undefined) return 'Open';
    const { reason } = shut;
    const until = this.#until(shut);
    if (now < until) return { kind: 'Rejection', reason, retryAfterMs: until - now };
    if (!hasPlace(shut, now)) return { kind: 'Rejection', reason, retryAfterMs: OPENING_MS };
    shut.opening ??= { since: now, calls: 0, served: 0, refused: 0 };
    shut.opening.calls += 1;
    return 'Probe';
  }

  /** Whether `enter` admits every call as `Open`. Can be false although all gates are open by now. */
  get isEmpty(): boolean {
    return this.#gates.size === 0;
  }

  /** Whether no gate is shut. */
  isClean(now: number): boolean {
    return this.#gates.keys().every((credential) => this.state(credential, now) === undefined);
  }

  /** Whether `enter` would reject a call. */
  isShut(credential: string, now: number): boolean {
    const shut = this.#shutGate(credential, now);
    return shut !== undefined && (now < this.#until(shut) || !hasPlace(shut, now));
  }

  /** A probe has been answered, or has ended, without shutting the gate again. */
  probeEnded(credential: string, served: boolean): void {
    const gate = this.#gates.get(credential);
    const opening = gate?.shut?.opening;
    if (gate === undefined || opening === undefined) return;
    // A probe of an earlier opening can end now.
    opening.calls = Math.max(0, opening.calls - 1);
    if (!served) return;
    opening.served += 1;
    if (opening.served === 1) gate.streak.settle();
    if (opening.served >= OPEN_AFTER_SERVED) gate.shut = undefined;
  }

  /** A call with the credential was served. */
  accepted(credential: string): void {
    const gate = this.#gates.get(credential);
    if (gate === undefined) return;
    gate.streak.succeeded();
    if (gate.shut === undefined && gate.streak.isClean) this.#gates.delete(credential);
  }

  /** A call was refused. Returns the time until the gate admits a call; 0 while it is open. */
  refused(credential: string, refusal: GateRefusal, now: number): number {
    const before = this.#shutGate(credential, now);
    const gate = this.#keep(credential);
    gate.streak.failed();
    if (before === undefined && !shuts(gate.streak, refusal)) return 0;
    if (before?.opening !== undefined && staysOpening(before.opening, refusal)) return 0;
    gate.shut = this.#next(before, refusal, now);
    return Math.max(0, this.#until(gate.shut) - now);
  }

  /**
   * A new credential replaces `before`. If the gate of `before` is shut and no call was served with it since, the gate of
   * the new one begins to open at once.
   */
  replace(before: string, credential: string, now: number): void {
    const shut = this.#shutGate(before, now);
    this.#gates.delete(before);
    if (shut === undefined || isServed(shut)) return;
    const shutAt = now - FIRST_WAIT_MS;
    const at = { shutAt, statedMs: undefined, refused: 0, spread: 0, opening: undefined };
    this.#keep(credential).shut = { reason: shut.reason, ...at };
  }

  /** What to keep of a gate over a restart; undefined if it is open. */
  snapshot(credential: string, now: number): GateSnapshot | undefined {
    const shut = this.#shutGate(credential, now);
    if (shut === undefined) return undefined;
    const { reason, shutAt, statedMs, refused, spread } = shut;
    const stated = statedMs === undefined ? undefined : { statedMs };
    return { reason, shutForMs: now - shutAt, ...stated, refused, spread };
  }

  /** Shuts a gate as it was saved `ageMs` ago, unless that credential already has one. */
  restore(credential: string, saved: GateSnapshot, ageMs: number, now: number): void {
    const { reason, shutForMs, statedMs, refused, spread } = saved;
    const figures = [shutForMs, statedMs ?? 0, refused, spread];
    const sound = figures.every((figure) => Number.isFinite(figure) && figure >= 0);
    if (this.#gates.has(credential) || !sound || refused > MAX_REFUSED) return;
    const shutAt = now - shutForMs - ageMs;
    const at = { shutAt, statedMs, refused, spread: Math.min(spread, 1), opening: undefined };
    this.#keep(credential).shut = { reason, ...at };
  }

  /** Undefined if the gate is open, or its time is over, or a call was served while it opens. */
  state(credential: string, now: number): GateState | undefined {
    const shut = this.#shutGate(credential, now);
    if (shut === undefined) return undefined;
    const until = this.#until(shut);
    if (now < until) return { reason: shut.reason, until };
    if (isServed(shut)) return undefined;
    return this.#isOver(shut, now) ? undefined : { reason: shut.reason };
  }

  /** The gate after a refusal; `before` itself if the refusal changes nothing. */
  #next(before: Shut | undefined, { reason, ms, probe }: GateRefusal, now: number): Shut {
    const alike = before !== undefined && (before.statedMs === undefined) === (ms === undefined);
    const after = { reason, shutAt: now, statedMs: ms, opening: undefined };
    if (before === undefined || probe) {
      return { ...after, refused: alike ? before.refused + 1 : 0, spread: this.#jitter.share() };
    }
    // Calls that are refused at the same time extend the wait only by a later stated end.
    const { refused, spread } = before;
    const later: Shut = { ...after, refused: alike ? refused : 0, spread };
    return ms !== undefined && this.#until(later) > this.#until(before) ? later : before;
  }

  /** What is known of a credential, which was refused last now. */
  #keep(credential: string): Gate {
    const known = this.#gates.get(credential) ?? { streak: new Streak(), shut: undefined };
    this.#gates.delete(credential);
    if (this.#gates.size >= this.#max) this.#gates.delete(this.#gates.keys().next().value!);
    this.#gates.set(credential, known);
    return known;
  }

  /** The gate of a credential unless it is open. */
  #shutGate(credential: string, now: number): Shut | undefined {
    const gate = this.#gates.get(credential);
    const { opening } = gate?.shut ?? {};
    if (gate !== undefined && opening !== undefined && now >= opening.since + OPEN_AFTER_MS) {
      gate.shut = undefined;
    }
    return gate?.shut;
  }

  /** Whether the time for which it was shut is over, and no call has asked since. */
  #isOver({ reason, shutAt, statedMs, spread, opening }: Shut, now: number): boolean {
    if (opening !== undefined) return false;
    if (statedMs === undefined) return reason === 'RateLimited';
    return now >= shutAt + lengthened(statedMs, spread);
  }

  /** A whole millisecond. */
  #until({ shutAt, statedMs, refused, spread }: Shut): number {
    const { maxProviderWaitMs } = this.#spec();
    const doublings = 2 ** refused;
    const wait =
      statedMs === undefined
        ? Math.min(FIRST_WAIT_MS * doublings, LONGEST_WAIT_MS, maxProviderWaitMs)
        : Math.min(statedMs, maxProviderWaitMs * doublings);
    return shutAt + lengthened(wait, spread);
  }
}

function shuts(streak: Streak, { atOnce, mustStay }: GateRefusal): boolean {
  return atOnce || (streak.exceeds(REFUSALS) && mustStay?.() !== true);
}

/** Whether a refused probe leaves the gate opening, which it then counts. */
function staysOpening(opening: Opening, { probe, atOnce, mustStay }: GateRefusal): boolean {
  if (!probe || atOnce) return false;
  opening.calls = Math.max(0, opening.calls - 1);
  opening.refused += 1;
  const { served, refused } = opening;
  return mustStay?.({ calls: served + refused, served }) === true;
}

function isServed({ opening }: Shut): boolean {
  return opening !== undefined && opening.served > 0;
}

function hasPlace({ opening }: Shut, now: number): boolean {
  if (opening === undefined) return true;
  const age = now - opening.since;
  return opening.calls < PLACES.find(({ untilMs }) => age < untilMs)!.calls;
}

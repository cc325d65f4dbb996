import { Jitter, lengthened } from './jitter.ts';

/** Why no calls are made with a credential. */
export type GateReason = 'RateLimited' | 'SpendLimit' | 'Unauthorized';

export interface GateSpec {
  /** The longest time, in milliseconds, until a shut gate admits a call, before that is refused. */
  maxWaitMs: number;
}

export interface GateRejection {
  readonly kind: 'Rejection';
  readonly reason: GateReason;
  readonly retryAfterMs: number;
}

/** A gate as it is shown. */
export interface GateState {
  reason: GateReason;
  /** When the gate admits the next call; absent while a probe runs. */
  until?: number;
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

interface Gate {
  reason: GateReason;
  shutAt: number;
  /** How long the provider asks to wait; undefined if it does not say. */
  statedMs: number | undefined;
  /** Probes in a row that were refused in the same way: with a stated time, or without one. */
  refused: number;
  /** By how much the wait is lengthened, so that the pods of an agent do not return together. */
  spread: number;
  probing: boolean;
}

/** A gate can open at any moment while a probe runs. */
const PROBING_MS = 1000;
/** The first wait where the provider states none. */
export const FIRST_WAIT_MS = 1000;

/**
 * The gates of one dependency, one for each credential that it refused.
 *
 * A gate with a stated time opens after it. A gate without one admits a single call, the probe, after
 * a second, and opens when the probe is served; each refused probe doubles the wait, up to maxWait. A
 * gate with a stated time longer than maxWait admits a probe after maxWait, and each refused probe
 * doubles that, until the stated time is the shorter one. At most `max` gates are kept; the one that
 * was shut first makes room.
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

  /** Admits a call with a credential, perhaps as the probe, or rejects it. */
  enter(credential: string, now: number): GateRejection | 'Open' | 'Probe' {
    const gate = this.#shutGate(credential, now);
    if (gate === undefined) return 'Open';
    const { reason } = gate;
    const until = this.#until(gate);
    if (now < until) return { kind: 'Rejection', reason, retryAfterMs: until - now };
    if (gate.probing) return { kind: 'Rejection', reason, retryAfterMs: PROBING_MS };
    gate.probing = true;
    return 'Probe';
  }

  /** Whether `enter` admits every call as `Open`. Can be false although all gates are open by now. */
  get isEmpty(): boolean {
    return this.#gates.size === 0;
  }

  /** Whether no gate is shut. */
  isClean(now: number): boolean {
    return this.#gates.keys().every((credential) => this.#shutGate(credential, now) === undefined);
  }

  /** Whether `enter` would reject a call. */
  isShut(credential: string, now: number): boolean {
    const gate = this.#shutGate(credential, now);
    return gate !== undefined && (now < this.#until(gate) || gate.probing);
  }

  /** The probe has ended without shutting the gate again. */
  leave(credential: string, served: boolean): void {
    const gate = this.#gates.get(credential);
    if (!gate) return;
    if (served) this.#gates.delete(credential);
    else gate.probing = false;
  }

  /**
   * Shuts the gate for `ms`, or until a probe is served; `probe`: whether the probe shuts it. Returns
   * the time until it admits a call.
   */
  shut(
    credential: string,
    reason: GateReason,
    { ms, probe }: { ms: number | undefined; probe: boolean },
    now: number,
  ): number {
    const before = this.#shutGate(credential, now);
    const next = this.#next(before, reason, { ms, probe }, now);
    if (next !== before) this.#keep(credential, next);
    return Math.max(0, this.#until(next) - now);
  }

  /**
   * A new credential replaces `before`. If the gate of `before` is shut, the gate of the new one
   * admits a probe at once.
   */
  replace(before: string, credential: string, now: number): void {
    const gate = this.#shutGate(before, now);
    this.#gates.delete(before);
    if (gate === undefined) return;
    const shutAt = now - FIRST_WAIT_MS;
    const at = { shutAt, statedMs: undefined, refused: 0, spread: 0, probing: false };
    this.#gates.set(credential, { reason: gate.reason, ...at });
  }

  /** What to keep of a gate over a restart; undefined if it is open. */
  snapshot(credential: string, now: number): GateSnapshot | undefined {
    const gate = this.#shutGate(credential, now);
    if (gate === undefined) return undefined;
    const { reason, shutAt, statedMs, refused, spread } = gate;
    const stated = statedMs === undefined ? undefined : { statedMs };
    return { reason, shutForMs: now - shutAt, ...stated, refused, spread };
  }

  /** Shuts a gate as it was saved `ageMs` ago, unless that credential already has one. */
  restore(credential: string, saved: GateSnapshot, ageMs: number, now: number): void {
    const { reason, shutForMs, statedMs, refused, spread } = saved;
    const figures = [shutForMs, statedMs ?? 0, refused, spread];
    if (this.#gates.has(credential) || !figures.every((figure) => figure >= 0)) return;
    const shutAt = now - shutForMs - ageMs;
    const within = Math.min(spread, 1);
    this.#keep(credential, { reason, shutAt, statedMs, refused, spread: within, probing: false });
  }

  /** Undefined if the gate is open. */
  state(credential: string, now: number): GateState | undefined {
    const gate = this.#shutGate(credential, now);
    if (gate === undefined) return undefined;
    const until = this.#until(gate);
    return { reason: gate.reason, ...(now < until && { until }) };
  }

  /** The gate after a refusal; `before` itself if the refusal changes nothing. */
  #next(
    before: Gate | undefined,
    reason: GateReason,
    { ms, probe }: { ms: number | undefined; probe: boolean },
    now: number,
  ): Gate {
    const alike = before !== undefined && (before.statedMs === undefined) === (ms === undefined);
    const after = { reason, shutAt: now, statedMs: ms };
    if (before === undefined || probe) {
      const refused = alike ? before.refused + 1 : 0;
      return { ...after, refused, spread: this.#jitter.share(), probing: false };
    }
    // Calls that are refused at the same time extend the wait only by a later stated end.
    const { refused, spread, probing } = before;
    const later: Gate = { ...after, refused: alike ? refused : 0, spread, probing };
    return ms !== undefined && this.#until(later) > this.#until(before) ? later : before;
  }

  #keep(credential: string, gate: Gate): void {
    this.#gates.delete(credential);
    if (this.#gates.size >= this.#max) this.#gates.delete(this.#gates.keys().next().value!);
    this.#gates.set(credential, gate);
  }

  /** The gate of a credential unless it is open. A gate opens when its stated time is over. */
  #shutGate(credential: string, now: number): Gate | undefined {
    const gate = this.#gates.get(credential);
    if (gate === undefined || now < this.#until(gate) || this.#needsProbe(gate)) return gate;
    this.#gates.delete(credential);
    return undefined;
  }

  #needsProbe({ statedMs, refused }: Gate): boolean {
    return statedMs === undefined || statedMs > this.#spec().maxWaitMs * 2 ** refused;
  }

  /** A whole millisecond. */
  #until({ shutAt, statedMs, refused, spread }: Gate): number {
    const { maxWaitMs } = this.#spec();
    const doublings = 2 ** refused;
    const wait =
      statedMs === undefined
        ? Math.min(FIRST_WAIT_MS * doublings, maxWaitMs)
        : Math.min(statedMs, maxWaitMs * doublings);
    return shutAt + lengthened(wait, spread);
  }
}

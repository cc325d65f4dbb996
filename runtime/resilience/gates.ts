/** Why no calls are made with a credential. */
export type GateReason = 'RateLimited' | 'SpendLimit' | 'Unauthorized';

/** How long a gate without a stated end stays shut: twice as long each time. */
export interface GateSpec {
  openDurationMs: number;
  maxOpenDurationMs: number;
}

export interface GateRejection {
  readonly kind: 'Rejection';
  readonly reason: GateReason;
  readonly retryAfterMs: number;
}

/** A gate as it is shown. */
export interface GateState {
  reason: GateReason;
  /** When the next call is let through; absent while one is under way to see. */
  until?: number;
}

/** What of a gate outlives the process. Times are relative, because clocks do not outlive it. */
export interface GateSnapshot {
  reason: GateReason;
  /** Time until a call is let through; 0 or less when one may be. */
  forMs: number;
  stated: boolean;
  again: number;
}

interface Gate {
  reason: GateReason;
  until: number;
  /** Whether the end was stated; then all are let through after it. */
  stated: boolean;
  /** Times that it was shut again by a call that was let through to see. */
  again: number;
  /** Whether a call is under way to see. */
  probing: boolean;
}

/** How soon to ask again while a call is under way to see. */
const PROBING_MS = 1000;

/**
 * The gates of one dependency, one for each credential that it refused. A gate with a stated end
 * opens then; one without lets one call through at a time after openDuration, doubling to
 * maxOpenDuration with each that is refused, and opens when one is served. Bounded: of too many,
 * the one that was shut first goes.
 */
export class Gates {
  private readonly gates = new Map<string, Gate>();
  private readonly max: number;

  constructor(max = 1000) {
    this.max = max;
  }

  /** Gates that are shut or not tried yet. */
  get size(): number {
    return this.gates.size;
  }

  /** Asks to call with a credential: a rejection, or whether the call is one to see. */
  enter(credential: string, now: number): GateRejection | 'Open' | 'Probe' {
    const gate = this.gates.get(credential);
    if (gate === undefined) return 'Open';
    const { reason, until } = gate;
    if (now < until) {
      return { kind: 'Rejection', reason, retryAfterMs: Math.ceil(until - now) };
    }
    if (gate.stated) {
      this.gates.delete(credential);
      return 'Open';
    }
    if (gate.probing) return { kind: 'Rejection', reason, retryAfterMs: PROBING_MS };
    gate.probing = true;
    return 'Probe';
  }

  /** Whether `enter` would reject a call now. */
  isShut(credential: string, now: number): boolean {
    const gate = this.gates.get(credential);
    return gate !== undefined && (now < gate.until || gate.probing);
  }

  /** A call that was let through to see has ended without shutting the gate again. */
  leave(credential: string, served: boolean): void {
    const gate = this.gates.get(credential);
    if (!gate) return;
    if (served) this.gates.delete(credential);
    else gate.probing = false;
  }

  /** Shuts the gate for `ms`, or until it is tried; `probe`: by a call that was let through to see. */
  shut(
    credential: string,
    reason: GateReason,
    { ms, probe, spec }: { ms: number | undefined; probe: boolean; spec: GateSpec },
    now: number,
  ): void {
    const before = this.gates.get(credential);
    const stated = ms !== undefined;
    // Of calls that are refused at the same time, none makes it longer but by a stated end.
    if (before && !probe && now + (ms ?? 0) <= before.until) return;
    const again = (before?.again ?? 0) + (probe ? 1 : 0);
    const until = now + (ms ?? Math.min(spec.openDurationMs * 2 ** again, spec.maxOpenDurationMs));
    this.gates.delete(credential);
    if (this.gates.size >= this.max) this.gates.delete(this.gates.keys().next().value!);
    this.gates.set(credential, { reason, until, stated, again, probing: false });
  }

  /**
   * Another credential takes the place of one. If that one's gate is shut, a single call with the
   * new one is let through at once to see, and it opens when that is served.
   */
  replace(before: string, credential: string, now: number): void {
    const gate = this.gates.get(before);
    if (gate === undefined) return;
    this.gates.delete(before);
    if (gate.stated && now >= gate.until) return;
    const { reason } = gate;
    this.gates.set(credential, { reason, until: now, stated: false, again: 0, probing: false });
  }

  /** What is to be kept of a credential's gate; undefined when it is open. */
  snapshot(credential: string, now: number): GateSnapshot | undefined {
    const gate = this.gates.get(credential);
    if (!gate || (gate.stated && now >= gate.until)) return undefined;
    const { reason, until, stated, again } = gate;
    return { reason, forMs: until - now, stated, again };
  }

  /** Shuts a gate as it was saved `ageMs` ago, unless that credential has one by now. */
  restore(credential: string, saved: GateSnapshot, ageMs: number, now: number): void {
    const until = now + saved.forMs - ageMs;
    if (Number.isNaN(until) || this.gates.has(credential)) return;
    if (saved.stated && now >= until) return;
    const { reason, stated, again } = saved;
    this.gates.set(credential, { reason, until, stated, again, probing: false });
  }

  /** How the gate of a credential stands; undefined when it is open. */
  state(credential: string, now: number): GateState | undefined {
    const gate = this.gates.get(credential);
    if (!gate || (gate.stated && now >= gate.until)) return undefined;
    return { reason: gate.reason, ...(now < gate.until && { until: gate.until }) };
  }
}

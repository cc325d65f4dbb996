/** Why no calls are made with a credential. */
export type GateReason = 'RateLimited' | 'SpendLimit' | 'Unauthorized';

/** How long a gate without a stated end stays shut; doubles each time. */
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
  /** When the gate admits the next call; absent while a probe runs. */
  until?: number;
}

/** What of a gate outlives the process. Times are relative, because clocks do not outlive it. */
export interface GateSnapshot {
  reason: GateReason;
  /** Time until the gate admits a call; 0 or less if it does now. */
  forMs: number;
  stated: boolean;
  again: number;
}

interface Gate {
  reason: GateReason;
  until: number;
  /** Whether the provider stated the end; after it the gate is open for all calls. */
  stated: boolean;
  /** How often a probe has shut it again. */
  again: number;
  probing: boolean;
}

/** A gate can open at any moment while a probe runs. */
const PROBING_MS = 1000;

/**
 * The gates of one dependency, one for each credential that it refused. A gate with a stated end
 * opens then. A gate without one admits a single call, the probe, after openDuration. It opens when
 * the probe is served; when the probe is refused, the time doubles, up to maxOpenDuration. At most
 * `max` gates are kept; the one that was shut first makes room.
 */
export class Gates {
  private readonly gates = new Map<string, Gate>();
  private readonly max: number;

  constructor(max = 1000) {
    this.max = max;
  }

  /** Admits a call with a credential, perhaps as the probe, or rejects it. */
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

  /** Whether `enter` admits every call as `Open`. Can be false although all gates are open by now. */
  get isEmpty(): boolean {
    return this.gates.size === 0;
  }

  /** Whether no gate holds calls back or waits for a probe. */
  isClean(now: number): boolean {
    for (const { stated, until } of this.gates.values()) if (!stated || now < until) return false;
    return true;
  }

  /** Whether `enter` would reject a call. */
  isShut(credential: string, now: number): boolean {
    const gate = this.gates.get(credential);
    return gate !== undefined && (now < gate.until || gate.probing);
  }

  /** The probe has ended without shutting the gate again. */
  leave(credential: string, served: boolean): void {
    const gate = this.gates.get(credential);
    if (!gate) return;
    if (served) this.gates.delete(credential);
    else gate.probing = false;
  }

  /** Shuts the gate for `ms`, or until a probe is served; `probe`: whether the probe shuts it. */
  shut(
    credential: string,
    reason: GateReason,
    { ms, probe, spec }: { ms: number | undefined; probe: boolean; spec: GateSpec },
    now: number,
  ): void {
    const before = this.gates.get(credential);
    const stated = ms !== undefined;
    // Calls that are refused at the same time extend the wait only by a later stated end.
    if (before && !probe && now + (ms ?? 0) <= before.until) return;
    const again = (before?.again ?? 0) + (probe ? 1 : 0);
    const until = now + (ms ?? Math.min(spec.openDurationMs * 2 ** again, spec.maxOpenDurationMs));
    this.gates.delete(credential);
    if (this.gates.size >= this.max) this.gates.delete(this.gates.keys().next().value!);
    this.gates.set(credential, { reason, until, stated, again, probing: false });
  }

  /**
   * A new credential replaces `before`. If the gate of `before` is shut, the gate of the new one
   * admits a probe at once.
   */
  replace(before: string, credential: string, now: number): void {
    const gate = this.gates.get(before);
    if (gate === undefined) return;
    this.gates.delete(before);
    if (gate.stated && now >= gate.until) return;
    const { reason } = gate;
    this.gates.set(credential, { reason, until: now, stated: false, again: 0, probing: false });
  }

  /** What to keep of a gate over a restart; undefined if it is open. */
  snapshot(credential: string, now: number): GateSnapshot | undefined {
    const gate = this.gates.get(credential);
    if (!gate || (gate.stated && now >= gate.until)) return undefined;
    const { reason, until, stated, again } = gate;
    return { reason, forMs: until - now, stated, again };
  }

  /** Shuts a gate as it was saved `ageMs` ago, unless that credential already has one. */
  restore(credential: string, saved: GateSnapshot, ageMs: number, now: number): void {
    const until = now + saved.forMs - ageMs;
    if (Number.isNaN(until) || this.gates.has(credential)) return;
    if (saved.stated && now >= until) return;
    const { reason, stated, again } = saved;
    this.gates.set(credential, { reason, until, stated, again, probing: false });
  }

  /** Undefined if the gate is open. */
  state(credential: string, now: number): GateState | undefined {
    const gate = this.gates.get(credential);
    if (!gate || (gate.stated && now >= gate.until)) return undefined;
    return { reason: gate.reason, ...(now < gate.until && { until: gate.until }) };
  }
}

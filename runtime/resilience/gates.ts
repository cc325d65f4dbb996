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

  /** Opens the gate of a credential, because it is not used any more. */
  open(credential: string): void {
    this.gates.delete(credential);
  }

  /** How the gate of a credential stands; undefined when it is open. */
  state(credential: string, now: number): GateState | undefined {
    const gate = this.gates.get(credential);
    if (!gate || (gate.stated && now >= gate.until)) return undefined;
    return { reason: gate.reason, ...(now < gate.until && { until: gate.until }) };
  }
}

import { Gates } from '../resilience/gates.ts';
import { Circuit } from './circuit.ts';
import { ConcurrencyLimiter } from './concurrencyLimiter.ts';
import { UNBOUNDED } from './guardSpec.ts';
import { Permit } from './permit.ts';
import { ProviderLimits } from './providerLimits.ts';
import { acquireAll } from './queuedPermit.ts';
import { RateLimits } from './rateLimits.ts';
import type { GateStatus } from '../../contract/generated/types.ts';
import type { GateReason, GateSnapshot } from '../resilience/gates.ts';
import type { Jitter } from '../resilience/jitter.ts';
import type { Outcome } from '../resilience/outcome.ts';
import { NO_HASH } from './admission.ts';
import type { ActualCost, AskedCall, Availability, Credential, Remaining } from './admission.ts';
import type { Rejection } from '../errors/rejection.ts';
import type { CircuitSnapshot, OnTransition } from './circuit.ts';
import type { GuardContext } from './guardContext.ts';
import type { BoundsSpec, DependencySpec } from './guardSpec.ts';
import type { Admission, Issuer, Waiting } from './permit.ts';
import type { ProviderLimitStatus } from './providerLimits.ts';
import type { Bound } from './queuedPermit.ts';

const NO_CREDENTIAL: Credential = { hash: NO_HASH, mounted: true };

const REASONS = {
  RateLimited: 'RateLimited',
  SpendLimit: 'SpendLimit',
  Unauthorized: 'CredentialRefused',
} as const;

/** What of a mounted credential's gate outlives the process. */
export interface SavedGate extends GateSnapshot {
  dependency: string;
  /** By its hash. */
  credential: string;
}

/**
 * The guards around one dependency, in this order: gate, circuit, concurrency, rate limits, limits
 * of the provider. A dependency that leaves the configuration and comes back is the same object. It
 * starts with a new circuit, new gates and new limits, but calls still in flight count in its
 * bulkhead.
 */
export class Dependency implements Issuer {
  readonly name: string;
  readonly context: GuardContext;
  /** Whether the configuration in force has it. */
  present = true;
  circuit: Circuit;
  rateLimits: RateLimits;
  readonly concurrency: ConcurrencyLimiter;
  private readonly onTransition: OnTransition;
  private gates: Gates;
  private readonly jitter: Jitter;
  /** Calls that probe a gate. */
  private readonly probes = new Set<Permit>();
  /** Hash of the mounted credential that was used last. */
  private mounted = '';
  /** Undefined until the provider states a limit. */
  private provider: ProviderLimits | undefined;
  private bounds: readonly Bound[] = [];

  constructor(name: string, context: GuardContext, onTransition: OnTransition) {
    this.name = name;
    this.context = context;
    this.onTransition = onTransition;
    this.jitter = context.jitter(`${name}/gates`);
    this.circuit = this.newCircuit();
    this.gates = this.newGates();
    this.concurrency = new ConcurrencyLimiter(name, UNBOUNDED.concurrency, context);
    this.rateLimits = new RateLimits(name, context);
  }

  /** The configuration no longer has it. Calls that wait are admitted without its bounds. */
  remove(now: number): void {
    this.present = false;
    this.applyBounds(UNBOUNDED, now);
    this.advance(now);
  }

  /** The configuration has it again. */
  restart(): void {
    this.present = true;
    this.circuit = this.newCircuit();
    this.rateLimits = new RateLimits(this.name, this.context);
    this.concurrency.resetStats();
    this.gates = this.newGates();
    this.probes.clear();
    this.mounted = '';
    this.provider = undefined;
  }

  apply(spec: DependencySpec, now: number): void {
    this.applyBounds(spec, now);
    // After the bounds, because a transition is reported; before waiting calls go on.
    if (this.circuit.apply(spec.circuit, now)) this.openGates();
    this.advance(now);
  }

  /** Continues what another process saved of the circuit. Call it after the gates are restored. */
  restoreCircuit(saved: CircuitSnapshot, age: { ms: number; maxMs: number }, now: number): void {
    if (this.circuit.restore(saved, age, now)) this.openGates();
  }

  /** Makes the transitions that are due and answers waiting calls that need not wait longer. */
  advance(now: number): void {
    this.circuit.advance(now);
    this.context.arm(this.circuit.nextDeadline(now));
    this.concurrency.advance(now);
    this.rateLimits.advance(now);
  }

  /** Asks to make one call. Only a call with `asked` waits. Throws once the dependency is removed. */
  acquire(): Admission;
  acquire(asked: AskedCall | undefined): Admission | Waiting;
  acquire(asked?: AskedCall): Admission | Waiting {
    if (!this.present) throw new Error(`the configuration in force has no dependency ${this.name}`);
    const now = this.context.now();
    const credential = asked?.credential ?? NO_CREDENTIAL;
    if (credential.mounted) this.useCredential(credential.hash, now);
    const gate = this.gates.enter(credential.hash, now);
    if (typeof gate === 'object') {
      return { kind: 'Rejection', rejection: this.gateShut(gate.reason, gate.retryAfterMs) };
    }
    const generation = this.circuit.acquire(now, asked?.votes);
    if (typeof generation === 'object') {
      if (gate === 'Probe') this.gates.leave(credential.hash, false);
      return { kind: 'Rejection', rejection: this.circuitOpen(generation.retryAfterMs) };
    }
    const permit = new Permit(this, asked, this.circuit, generation, now);
    if (gate === 'Probe') this.probes.add(permit);
    return acquireAll(permit, this.bounds, now);
  }

  /** How a call with this credential would fare; limits are left out, because its cost decides there. */
  availability(credential: Credential = NO_CREDENTIAL, votes = true): Availability | undefined {
    if (!this.present) return undefined;
    const now = this.context.now();
    const calls = this.circuit.inFlight;
    if (this.isGated(credential, now) || !this.circuit.admits(now, votes)) {
      return { state: 'Shut', calls };
    }
    const state = this.concurrency.hasRoom ? 'Usable' : 'Full';
    return votes && this.circuit.isHalfOpen(now) ? { state, calls, probe: true } : { state, calls };
  }

  /** A new mounted credential: a shut gate admits a probe with it, stated limits are forgotten. */
  useCredential(hash: string, now: number): void {
    if (hash === this.mounted) return;
    this.gates.replace(this.mounted, hash, now);
    this.provider?.forget();
    this.mounted = hash;
  }

  /** The provider states its own limits for a credential, given by its hash; call it at once. */
  learn(stated: readonly Remaining[], credential: string): void {
    if (!this.present || stated.length === 0 || credential !== this.mounted) return;
    const now = this.context.now();
    if (this.provider === undefined) {
      this.provider = new ProviderLimits(this.name, this.context, this.jitter);
      this.bounds = [...this.bounds, this.provider];
    }
    this.provider.learn(stated, now);
  }

  firstToken(permit: Permit, now: number): void {
    this.leaveGate(permit, true);
    const { circuit, generation } = permit;
    if (circuit) permit.generation = circuit.firstToken(generation, permit.durationMs(now), now);
  }

  /**
   * Shuts the gate of the call's credential and rejects waiting calls with that credential. Returns
   * the time until the gate admits a call.
   */
  shutGate(permit: Permit, reason: GateReason, ms: number | undefined, now: number): number {
    const { hash, mounted } = permit.asked?.credential ?? NO_CREDENTIAL;
    // A client without a credential shares its gate with all others without one.
    if (!mounted && hash === NO_HASH) return 0;
    const probe = this.probes.delete(permit);
    const wait = this.gates.shut(hash, reason, { ms, probe }, now);
    this.recheckWaiting(now);
    return wait;
  }

  settle(permit: Permit, outcome: Outcome, actual: ActualCost | undefined, now: number): void {
    this.leaveGate(permit, outcome.vote === 'ok');
    // The vote comes first: a waiting call that this one makes room for meets the circuit after it.
    permit.circuit?.settle(permit.generation, outcome, permit.durationMs(now), now);
    this.rateLimits.settle(permit.reservation, actual, now);
    if (permit.inBulkhead) this.concurrency.release(now);
  }

  recheck(permit: Permit, now: number): Rejection | undefined {
    const { circuit, generation } = permit;
    const shut = this.gateRejection(permit.asked?.credential ?? NO_CREDENTIAL, now);
    if (shut || circuit?.isStale(generation) !== true) return shut;
    const again = circuit.acquireAgain(generation, now);
    if (typeof again === 'number') {
      permit.generation = again;
      return undefined;
    }
    permit.circuit = undefined;
    return this.circuitOpen(again.retryAfterMs);
  }

  /** Rejects waiting calls that the gate or the circuit would reject now. */
  recheckWaiting(now: number): void {
    this.concurrency.recheck(now);
    this.rateLimits.recheck(now);
  }

  /** Limits that the provider states, as far as they hold now. */
  providerLimits(now: number): ProviderLimitStatus[] {
    return this.provider?.status(now, this.context.wallTime) ?? [];
  }

  gate(now: number): GateStatus {
    const state = this.gates.state(this.mounted, now) ?? this.provider?.pause(now);
    const until = state?.until;
    return {
      dependency: this.name,
      gate: state?.reason ?? 'None',
      ...(until !== undefined && { until: this.context.wallTime.format(until) }),
    };
  }

  /** What to keep of the mounted credential's gate; undefined if it is open. */
  snapshotGate(now: number): SavedGate | undefined {
    const gate = this.gates.snapshot(this.mounted, now);
    return gate && { dependency: this.name, credential: this.mounted, ...gate };
  }

  /**
   * Shuts the gate as it was saved `ageMs` ago. It belongs to the credential that was mounted then,
   * so another one is probed as after any change of the credential.
   */
  restoreGate(saved: SavedGate, ageMs: number, now: number): void {
    const { credential } = saved;
    if (this.mounted !== '' && this.mounted !== credential) return;
    this.mounted = credential;
    this.gates.restore(credential, saved, ageMs, now);
  }

  private applyBounds({ concurrency, limits }: BoundsSpec, now: number): void {
    this.concurrency.apply(concurrency);
    this.rateLimits.apply(limits, concurrency.maxQueued, now);
    // The bulkhead counts calls even without a bound, so that a later bound knows of them.
    const bounds: Bound[] = [this.concurrency];
    if (limits.length > 0) bounds.push(this.rateLimits);
    if (this.provider !== undefined) bounds.push(this.provider);
    this.bounds = bounds;
  }

  /** A reset of the circuit opens the gates of all credentials and ends the provider's pause. */
  private openGates(): void {
    this.gates = this.newGates();
    this.probes.clear();
    this.provider?.forget();
  }

  private newGates(): Gates {
    return new Gates(() => this.context.gates, this.jitter);
  }

  private newCircuit(): Circuit {
    const { name, context, onTransition } = this;
    const jitter = context.jitter(name);
    return new Circuit(name, context.wallTime, context.now(), onTransition, jitter);
  }

  /** The call has ended or been served; if it probes a gate, this decides the gate. */
  private leaveGate(permit: Permit, served: boolean): void {
    if (this.probes.size === 0 || !this.probes.delete(permit)) return;
    this.gates.leave((permit.asked?.credential ?? NO_CREDENTIAL).hash, served);
  }

  private isGated({ hash, mounted }: Credential, now: number): boolean {
    const paused = mounted && this.provider?.pause(now) !== undefined;
    return paused || this.gates.isShut(hash, now);
  }

  private gateRejection({ hash }: Credential, now: number): Rejection | undefined {
    const state = this.gates.state(hash, now);
    if (state?.until === undefined) return undefined;
    return this.gateShut(state.reason, Math.ceil(state.until - now));
  }

  private gateShut(reason: GateReason, retryAfterMs: number): Rejection {
    return { reason: REASONS[reason], target: this.name, retryAfterMs };
  }

  private circuitOpen(retryAfterMs: number): Rejection {
    const { policy } = this.circuit;
    const rejection = { reason: 'CircuitBreakerOpen' as const, target: this.name, retryAfterMs };
    return policy === undefined ? rejection : { ...rejection, policy };
  }
}

import { REJECTED } from '../resilience/breaker.ts';
import { Gates } from '../resilience/gates.ts';
import { giveSlot, takeSlot } from '../resilience/bulkhead.ts';
import { BulkheadStage } from './bulkheadStage.ts';
import { CallPermit } from './callPermit.ts';
import { enterClosed } from './circuit.ts';
import { ASK, BY_SLOT, BY_SLOT_AND_LIMIT, LIMIT, SLOTS, TAKES } from './dependencyRow.ts';
import { takeRequest } from './limiter.ts';
import { LimiterSet } from './limiterSet.ts';
import { ProviderLimits } from './providerLimits.ts';
import { pass } from './waitingAdmission.ts';
import type {
  Circuit as CircuitConfiguration,
  GateStatus,
  Limit,
} from '../../contract/generated/types.ts';
import type { BulkheadSpec } from '../resilience/bulkhead.ts';
import type { GateReason, GateSnapshot } from '../resilience/gates.ts';
import type { Rows } from '../resilience/rows.ts';
import type {
  Admission,
  AskedCall,
  Credential,
  Rejection,
  Standing,
  Waiting,
} from './admission.ts';
import type { Circuit } from './circuit.ts';
import type { Directory, Handle, HandleTarget } from './handle.ts';
import type { ProviderLimitStatus } from './providerLimits.ts';
import type { Remaining } from './reservation.ts';
import type { Stage } from './stage.ts';
import type { WallTime } from './wallTime.ts';

/** Of a call that nobody gave a credential for. */
const NO_CREDENTIAL: Credential = { hash: '', mounted: true };

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

/** What all dependencies of a guard share. */
export interface Shared {
  directory: Directory;
  /** Told when time is to be let pass at the latest. */
  arm: (at: number) => void;
  /** For the numbers of limits. */
  limitRows: Rows;
}

/** What stands around one dependency: gate, circuit, concurrency, buckets, in this order. */
export class Dependency implements HandleTarget {
  /** What calls come by; it holds what every call touches. */
  readonly handle: Handle;
  gone = false;
  private readonly cells: Float64Array;
  private readonly at: number;
  /** Made when the first one is shut. */
  private gates: Gates | undefined;
  /** Where the numbers of its limit stand, if it has one and no other. */
  private limitCells: Float64Array | undefined;
  private limitAt = 0;
  /** Whether its bounds are just those: slots and at most one limit. */
  private simple = true;
  private readonly slotsAt: number;
  /** Calls that were let through to see if a gate can be opened. */
  private probes: Set<CallPermit> | undefined;
  readonly directory: Directory;
  readonly name: string;
  readonly circuit: Circuit;
  readonly bulkhead: BulkheadStage;
  readonly limits: LimiterSet;
  private stages: readonly Stage[];
  /** Limits of the provider itself on that credential; made when the first one is told. */
  private provider: ProviderLimits | undefined;

  constructor(
    circuit: Circuit,
    concurrency: BulkheadSpec,
    handle: Handle,
    { directory, arm, limitRows }: Shared,
  ) {
    const { cells, at } = handle;
    handle.dependency = this;
    this.directory = directory;
    this.handle = handle;
    this.cells = cells;
    this.at = at;
    this.slotsAt = at + SLOTS;
    this.name = circuit.dependency;
    this.circuit = circuit;
    this.bulkhead = new BulkheadStage(this.name, concurrency, arm, { cells, at: this.slotsAt });
    this.limits = new LimiterSet(this.name, arm, limitRows, { cells, at: at + LIMIT });
    this.stages = [this.bulkhead];
  }

  /** The configuration in force has it no more. Calls that are under way end as they would. */
  leave(): void {
    this.gone = true;
    this.note();
  }

  /** What bounds calls; the circuit has its own, because it tells of what it does. */
  apply(concurrency: BulkheadSpec, limits: readonly Limit[], now: number): void {
    this.bulkhead.apply(concurrency);
    this.limits.apply(limits, concurrency.maxQueued, now);
    // Also without a bound, so that one that comes later knows of all calls that are under way.
    const stages: Stage[] = [this.bulkhead];
    if (limits.length > 0) stages.push(this.limits);
    if (this.provider !== undefined) stages.push(this.provider);
    this.stages = stages;
    this.simplify();
  }

  /** Looks whether its bounds are slots and at most one limit, which a call takes without the stages. */
  private simplify(): void {
    const [limiter, another] = this.limits.limiters;
    this.simple = another === undefined && this.provider === undefined;
    this.limitCells = limiter?.row.cells;
    this.limitAt = limiter?.row.at ?? 0;
    this.note();
  }

  /** Notes what a call takes by the numbers alone; to be called when that may change. */
  private note(): void {
    const { cells, at, gates, gone, simple, limitCells, limitAt } = this;
    let takes = ASK;
    if (simple && !gone && gates === undefined) {
      if (limitCells === undefined) takes = BY_SLOT;
      else if (limitCells === cells && limitAt === at + LIMIT) takes = BY_SLOT_AND_LIMIT;
    }
    cells[at + TAKES] = takes;
  }

  /** Hash of the mounted credential that was used last. */
  private get mounted(): string {
    return this.handle.mounted;
  }

  /** The policy of the circuit. */
  applyCircuit(circuit: CircuitConfiguration | undefined, now: number): void {
    this.circuit.apply(circuit, now);
  }

  acquire(asked: AskedCall | undefined, now: number): Admission | Waiting {
    const credential = asked?.credential ?? NO_CREDENTIAL;
    if (credential.mounted && credential.hash !== this.mounted) this.use(credential.hash, now);
    const gate = this.gates === undefined ? 'Open' : this.gates.enter(credential.hash, now);
    if (typeof gate === 'object') return this.refuse(gate.reason, gate.retryAfterMs);
    const generation = this.enter(now);
    if (generation === REJECTED) {
      if (gate === 'Probe') this.gates!.leave(credential.hash, false);
      return { kind: 'Rejection', rejection: this.circuitOpen() };
    }
    const permit = new CallPermit(asked, this.handle, generation, now);
    if (gate === 'Probe') this.probe(permit);
    return this.bound(permit, now);
  }

  /** Asks the circuit; of one that lets every call through nothing but its numbers is touched. */
  private enter(now: number): number {
    const generation = enterClosed(this.cells, this.at);
    return generation === REJECTED ? this.circuit.enter(now) : generation;
  }

  /** Takes what bounds a call that the circuit has let through. */
  bound(permit: CallPermit, now: number): Admission | Waiting {
    return this.takeSimply(permit, now) ? permit : pass(permit, this.stages, now);
  }

  /** Takes what a call needs by numbers alone; false, and nothing is taken, where that is not possible. */
  private takeSimply(permit: CallPermit, now: number): boolean {
    const { cells, slotsAt, limitCells, limitAt } = this;
    if (!this.simple || !takeSlot(cells, slotsAt)) return false;
    if (limitCells !== undefined && !takeRequest(limitCells, limitAt, now)) {
      giveSlot(cells, slotsAt);
      return false;
    }
    permit.holds(limitCells, limitAt);
    return true;
  }

  /** How a call with this credential would fare. Limits are left out: what a call costs decides there. */
  standing(credential: Credential | undefined, now: number): Standing {
    const { circuit, bulkhead } = this;
    const { hash } = credential ?? NO_CREDENTIAL;
    const spent = credential?.mounted !== false && this.provider?.pause(now) !== undefined;
    const gated = spent || this.gates?.isShut(hash, now) === true;
    if (gated || !circuit.admits(now)) return { state: 'Shut', calls: circuit.calls };
    return { state: bulkhead.hasRoom ? 'Usable' : 'Full', calls: circuit.calls };
  }

  private probe(permit: CallPermit): void {
    (this.probes ??= new Set()).add(permit);
  }

  /** The mounted credential is another one now: one call sees if what refused the other serves it. */
  use(mounted: string, now: number): void {
    if (mounted === this.mounted) return;
    this.gates?.replace(this.mounted, mounted, now);
    this.provider?.forget();
    for (const limiter of this.limits.limiters) limiter.forget(now);
    this.handle.mounted = mounted;
  }

  /** The provider's answer to a call with this credential has told of its own limits. */
  learn(told: readonly Remaining[], credential: string, now: number): void {
    if (told.length === 0 || credential !== this.mounted) return;
    for (const limiter of this.limits.limiters) for (const each of told) limiter.learn(each, now);
    if (this.provider === undefined) {
      this.provider = new ProviderLimits(this.name);
      this.stages = [...this.stages, this.provider];
      this.simplify();
    }
    this.provider.learn(told, now);
  }

  /** Limits of the provider itself, as far as they hold now. */
  providerLimits(now: number, wallTime: WallTime): ProviderLimitStatus[] {
    return this.provider?.status(now, wallTime) ?? [];
  }

  /** Shuts the gate of a credential; calls with it that wait are refused. */
  shutGate(permit: CallPermit, reason: GateReason, ms: number | undefined, now: number): void {
    const { hash } = permit.asked?.credential ?? NO_CREDENTIAL;
    const spec = this.circuit.openDurations();
    this.gated().shut(hash, reason, { ms, probe: this.probes?.delete(permit) === true, spec }, now);
    this.recheck(now);
  }

  /** A call has ended; perhaps it was to see whether a gate can be opened. */
  leaveGate(permit: CallPermit, served: boolean): void {
    if (this.probes?.delete(permit) !== true) return;
    this.gates?.leave((permit.asked?.credential ?? NO_CREDENTIAL).hash, served);
  }

  /** Why a call with this credential is not let through the gate now. */
  gateRejection(credential: Credential | undefined, now: number): Rejection | undefined {
    const state = this.gates?.state((credential ?? NO_CREDENTIAL).hash, now);
    if (state?.until === undefined) return undefined;
    return this.gateShut(state.reason, Math.ceil(state.until - now));
  }

  /** What the circuit has just answered. */
  circuitOpen(): Rejection {
    const { policy, retryAfterMs } = this.circuit;
    const rejection = { reason: 'CircuitBreakerOpen' as const, target: this.name, retryAfterMs };
    return policy === undefined ? rejection : { ...rejection, policy };
  }

  /** Refuses those who wait for what they could not use any more. */
  recheck(now: number): void {
    this.bulkhead.recheck(now);
    this.limits.recheck(now);
  }

  gate(now: number, wallTime: WallTime): GateStatus {
    const state = this.gates?.state(this.mounted, now) ?? this.provider?.pause(now);
    return {
      dependency: this.name,
      gate: state?.reason ?? 'None',
      ...(state?.until !== undefined && { until: wallTime.format(state.until) }),
    };
  }

  /** What is to be kept of the mounted credential's gate; undefined when it is open. */
  snapshotGate(now: number): SavedGate | undefined {
    const gate = this.gates?.snapshot(this.mounted, now);
    return gate && { dependency: this.name, credential: this.mounted, ...gate };
  }

  /**
   * Takes up the gate that was saved `ageMs` ago. It is for the credential that was mounted then, so
   * that another one is tried as after any change of it.
   */
  restoreGate(saved: SavedGate, ageMs: number, now: number): void {
    const { credential } = saved;
    if (this.mounted !== '' && this.mounted !== credential) return;
    this.handle.mounted = credential;
    this.gated().restore(credential, saved, ageMs, now);
  }

  private gated(): Gates {
    if (this.gates === undefined) {
      this.gates = new Gates();
      this.note();
    }
    return this.gates;
  }

  private refuse(reason: GateReason, retryAfterMs: number): Admission {
    return { kind: 'Rejection', rejection: this.gateShut(reason, retryAfterMs) };
  }

  private gateShut(reason: GateReason, retryAfterMs: number): Rejection {
    return { reason: REASONS[reason], target: this.name, retryAfterMs };
  }
}

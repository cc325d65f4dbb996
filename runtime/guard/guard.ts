import { setImmediate } from 'node:timers/promises';
import { INBOUND } from '../../contract/link.ts';
import { Rows } from '../resilience/rows.ts';
import { Alarm } from './alarm.ts';
import { BulkheadStage } from './bulkheadStage.ts';
import { Circuit } from './circuit.ts';
import { Dependency } from './dependency.ts';
import { Handles } from './handles.ts';
import { InboundPermit, GuardContext } from './heldPermit.ts';
import { LIMIT_CELLS } from './limiter.ts';
import { LimiterSet } from './limiterSet.ts';
import { concurrency, Rollout } from './rollout.ts';
import { TransitionLog } from './transitionLog.ts';
import { pass } from './waitingAdmission.ts';
import { WallTime } from './wallTime.ts';
import type {
  CircuitStatus,
  Content,
  GateStatus,
  LimitStatus,
  Transition,
} from '../../contract/generated/types.ts';
import type { BreakerTransition } from '../resilience/breaker.ts';
import type { BulkheadSpec } from '../resilience/bulkhead.ts';
import type { Admission, Asked, AskedCall, Credential, Standing, Waiting } from './admission.ts';
import type { CircuitSnapshot } from './circuit.ts';
import type { Clock } from './clock.ts';
import type { SavedGate } from './dependency.ts';
import type { Directory, Handle } from './handle.ts';
import type { LimitSnapshot } from './limiter.ts';
import type { ProviderLimitStatus } from './providerLimits.ts';
import type { Remaining } from './reservation.ts';
import type { Planned } from './rollout.ts';
import type { GuardStats } from './stats.ts';

export interface GuardOptions {
  clock: Clock;
  /** Told of each transition, with the circuit as it is after it. It must not throw. */
  onTransition?: (transition: Transition, circuit: CircuitStatus) => void;
  /** How a large configuration is put in force; absent: so that the event loop is not held up. */
  slices?: Slices;
}

/** Work is done in slices, between which everybody else has a turn. */
export interface Slices {
  /** Dependencies that are brought up to date at a time. */
  size: number;
  /** Resolves when the next slice may begin. */
  pause(): Promise<void>;
}

/** What of a guard outlives the process. */
export interface GuardSnapshot {
  /** RFC 3339. */
  savedAt: string;
  circuits: CircuitSnapshot[];
  /** Shut gates of mounted credentials, by hash. */
  gates?: SavedGate[];
  /** Buckets that are not full; those by key are not kept. */
  limits?: LimitSnapshot[];
}

/** Some milliseconds at a time, also on a busy computer. */
const SLICES: Slices = { size: 24, pause: () => setImmediate() };
/** What it costs to look at an element of a configuration, where bringing up a dependency costs 1. */
const LOOK = 1 / 64;
/** Buckets by key that take as long as one dependency. */
const KEYS_PER_UNIT = 500;

/**
 * Decides which requests an agent takes and which calls it makes, by the configuration in force.
 * Everything is synchronous; nothing is thrown but for a programming error. A new configuration
 * keeps the state of circuits by dependency and of buckets by target and name.
 */
export class Guard {
  private readonly onTransition: GuardOptions['onTransition'];
  private readonly clock: Clock;
  private readonly context: GuardContext;
  private readonly wallTime: WallTime;
  private readonly alarm: Alarm;
  private readonly limitRows = new Rows(LIMIT_CELLS);
  private readonly handles: Handles;
  private readonly directory: Directory = {
    reach: (name) => this.reach(name),
    unknown: (name) => this.unknown(name),
  };
  private readonly log = new TransitionLog();
  private dependencies = new Map<string, Dependency>();
  private readonly inboundLimits: LimiterSet;
  private readonly inboundBulkhead: BulkheadStage;
  private readonly inbound: readonly [LimiterSet, BulkheadStage];
  /** Configuration in force that some dependencies are still to be brought up to. */
  private rollout: Rollout | undefined;
  /** Of the configuration that was applied last; undefined when it is done. */
  private newest: Generator<number, void> | undefined;
  private readonly slices: Slices;
  /**
   * Resolves when the configuration that was applied last is in force for every dependency, also
   * those that nobody asks for, or when another one has taken its place.
   */
  applied: Promise<void> = Promise.resolve();
  private closed = false;

  constructor({ clock, onTransition, slices = SLICES }: GuardOptions) {
    this.clock = clock;
    this.slices = slices;
    this.context = new GuardContext(clock);
    this.handles = new Handles(this.context);
    this.onTransition = onTransition;
    this.wallTime = new WallTime(clock);
    this.alarm = new Alarm(clock, () => this.advance(this.context.now()));
    this.inboundLimits = new LimiterSet(INBOUND, this.arm);
    this.inboundBulkhead = new BulkheadStage(INBOUND, concurrency({}), this.arm);
    this.inbound = [this.inboundLimits, this.inboundBulkhead];
  }

  /**
   * Puts a configuration in force. One of a usual size is in force when this returns, for whoever
   * asks; dependencies that nobody asks for, and very large configurations, follow in slices (see
   * `applied`). Elements that this runtime lacks a feature for are left out; see `supported`. A
   * circuit that is left out has the defaults.
   */
  apply(content: Content): void {
    const steps = this.steps(new Rollout(content));
    // Whatever was on its way before is forgotten, because this takes every dependency anew.
    this.newest = steps;
    this.applied = this.slice(steps) ? Promise.resolve() : this.finish(steps);
  }

  /** Whether the configuration that was applied last is still on its way. */
  get applying(): boolean {
    return this.newest !== undefined;
  }

  /** Asks to take a request of the agent's API: limits, then the bulkhead. Waits only if `asked`. */
  admitInbound(): Admission;
  admitInbound(asked: Asked): Admission | Waiting;
  admitInbound(asked?: Asked): Admission | Waiting {
    return pass(
      new InboundPermit(this.context, asked, this.inboundLimits),
      this.inbound,
      this.context.now(),
    );
  }

  /**
   * A dependency, such as model/primary, to be called many times: by its handle a call is spared the
   * look-up. It stays good over configurations. Undefined when there is none such now.
   */
  dependency(name: string): Handle | undefined {
    return this.reach(name)?.handle;
  }

  /** Asks to call a dependency, such as model/primary. Waits only if `asked`. */
  acquire(dependency: string): Admission;
  acquire(dependency: string, asked: AskedCall): Admission | Waiting;
  acquire(dependency: string, asked?: AskedCall): Admission | Waiting {
    const found = this.reach(dependency);
    if (found === undefined) throw this.unknown(dependency);
    return found.handle.acquire(asked);
  }

  /** Whether the configuration in force has this dependency. */
  has(dependency: string): boolean {
    return this.reach(dependency) !== undefined;
  }

  /** How a dependency would take a call, without asking it; undefined when there is none such. */
  standing(dependency: string, credential?: Credential): Standing | undefined {
    return this.reach(dependency)?.standing(credential, this.context.now());
  }

  /** The credential mounted for a dependency is another one now; what is known of the one before goes. */
  useCredential(dependency: string, hash: string): void {
    this.reach(dependency)?.use(hash, this.context.now());
  }

  /** What a provider says of its own limits on the credential that is mounted, by its hash. */
  learn(dependency: string, told: readonly Remaining[], credential: string): void {
    this.reach(dependency)?.learn(told, credential, this.context.now());
  }

  /** What providers have said of their own limits, as far as it holds now. */
  providerLimits(): ProviderLimitStatus[] {
    const now = this.context.now();
    const { wallTime } = this;
    return [...this.dependencies.values()].flatMap((each) => each.providerLimits(now, wallTime));
  }

  /** State of every circuit now. */
  circuits(): CircuitStatus[] {
    const now = this.context.now();
    this.advance(now);
    return Array.from(this.dependencies.values(), ({ circuit }) => circuit.status(now));
  }

  /** State of every limit now, those on inbound requests first. */
  limits(): LimitStatus[] {
    const now = this.context.now();
    return this.limiters().map((limiter) => limiter.status(now));
  }

  /** The gate of every dependency's mounted credential now, shut or not. */
  gates(): GateStatus[] {
    const now = this.context.now();
    return Array.from(this.dependencies.values(), (each) => each.gate(now, this.wallTime));
  }

  /** The last 64 transitions, oldest first, numbered from 1. */
  transitions(): Transition[] {
    this.advance(this.context.now());
    return this.log.list();
  }

  /** Counters and gauges for metrics. */
  stats(): GuardStats {
    const now = this.context.now();
    this.advance(now);
    const dependencies = [...this.dependencies.values()];
    const bulkheads = [this.inboundBulkhead, ...dependencies.map(({ bulkhead }) => bulkhead)];
    return {
      circuits: dependencies.map(({ circuit }) => circuit.stats(now)),
      limits: this.limiters().map((limiter) => limiter.stats(now)),
      bulkheads: bulkheads.flatMap((each) => each.stats() ?? []),
      settledTwice: this.context.settledTwice,
    };
  }

  /** What is to be kept over a restart, as plain JSON. */
  snapshot(): GuardSnapshot {
    const now = this.context.now();
    const dependencies = [...this.dependencies.values()];
    return {
      savedAt: this.clock.date().toISOString(),
      circuits: dependencies.flatMap(({ circuit }) => circuit.snapshot(now) ?? []),
      gates: dependencies.flatMap((each) => each.snapshotGate(now) ?? []),
      limits: [this.inboundLimits, ...dependencies.map(({ limits }) => limits)].flatMap((set) =>
        set.snapshot(now),
      ),
    };
  }

  /**
   * Takes up what another process saved, after the first configuration was applied. States older
   * than maxAgeMs, or of dependencies that are gone, are left aside. It tells of no transitions
   * but those that are due since. A bucket has its level of then and what came since, never more
   * than it has now.
   */
  restore({ savedAt, circuits, ...others }: GuardSnapshot, maxAgeMs: number): void {
    const now = this.context.now();
    const ms = this.clock.date().getTime() - Date.parse(savedAt);
    for (const saved of circuits) {
      this.reach(saved.dependency)?.circuit.restore(saved, { ms, maxMs: maxAgeMs }, now);
    }
    if (ms >= 0 && ms <= maxAgeMs) this.restoreOthers(others, ms, now);
    this.advance(now);
  }

  /** Stops the timer. What is asked afterwards is still answered. */
  close(): void {
    this.closed = true;
    this.alarm.clear();
  }

  private applyInbound({ bound, limits }: Planned): void {
    const now = this.context.now();
    this.inboundBulkhead.apply(bound);
    this.inboundLimits.apply(limits, bound.maxQueued, now);
    this.advanceStages(this.inboundLimits, this.inboundBulkhead, now);
  }

  /** Puts a configuration in force, step by step; answers what each has cost. */
  private *steps(rollout: Rollout): Generator<number, void> {
    const sorting = rollout.sorting();
    while (sorting.next().done !== true) yield LOOK;
    // From here on whoever asks is answered by it.
    this.rollout = rollout;
    this.context.rolling = true;
    this.applyInbound(rollout.inbound);
    for (const [name, each] of this.dependencies) yield rollout.has(name) ? LOOK : this.drop(each);
    for (const name of rollout.names()) yield this.put(name, rollout.take(name));
    const inOrder = new Map<string, Dependency>();
    for (const name of rollout.names()) {
      inOrder.set(name, this.dependencies.get(name)!);
      yield LOOK;
    }
    this.dependencies = inOrder;
    this.rollout = undefined;
    this.context.rolling = false;
    this.newest = undefined;
  }

  /** Works for one slice; whether all is done, or another configuration has taken its place. */
  private slice(steps: Generator<number, void>): boolean {
    for (let left = this.slices.size; left > 0;) {
      const { done, value } = steps.next();
      // Whoever hears of transitions may have put another one in force.
      if (done === true || this.newest !== steps) return true;
      left -= value;
    }
    return false;
  }

  private async finish(steps: Generator<number, void>): Promise<void> {
    do await this.slices.pause();
    while (this.newest === steps && !this.slice(steps));
  }

  /** The dependency as the configuration in force has it. */
  private reach(name: string): Dependency | undefined {
    if (this.rollout !== undefined) {
      if (!this.rollout.has(name)) return undefined;
      this.put(name, this.rollout.take(name));
    }
    return this.dependencies.get(name);
  }

  /** Lets go of a dependency, so that nobody waits for ever for what is gone. */
  private drop(dependency: Dependency): number {
    const now = this.context.now();
    this.dependencies.delete(dependency.name);
    dependency.leave();
    dependency.apply(concurrency({}), [], now);
    this.advanceOne(dependency, now);
    return 1;
  }

  /** Puts what is planned in force for one dependency, if there is anything; answers the cost. */
  private put(name: string, planned: Planned | undefined): number {
    if (planned === undefined) return 0;
    let dependency = this.dependencies.get(name);
    if (dependency === undefined) {
      dependency = this.make(name, planned.bound);
      this.dependencies.set(name, dependency);
    }
    const now = this.context.now();
    dependency.apply(planned.bound, planned.limits, now);
    // After the bounds, because this tells of transitions, and before anybody who waits goes on.
    dependency.applyCircuit(planned.circuit, now);
    this.advanceOne(dependency, now);
    return 1 + dependency.limits.keys / KEYS_PER_UNIT;
  }

  private make(name: string, bound: BulkheadSpec): Dependency {
    const { context, arm, wallTime, limitRows, directory } = this;
    const handle = this.handles.add();
    const told = (...args: Parameters<typeof this.changed>): void => this.changed(...args);
    const circuit = new Circuit(name, undefined, context.now(), wallTime, told, handle);
    return new Dependency(circuit, bound, handle, { directory, arm, limitRows });
  }

  private changed(
    circuit: Circuit,
    { from, to, reason, at }: BreakerTransition,
    time: string,
  ): void {
    const { dependency, policy } = circuit;
    const found =
      this.rollout?.has(dependency) === false ? undefined : this.dependencies.get(dependency);
    // A call may outlive its dependency's place in the configuration; nobody is to hear of it.
    if (found?.circuit !== circuit) return;
    const which = { dependency, ...(policy !== undefined && { policy }) };
    const transition = this.log.add({ time, ...which, from, to, reason });
    this.armFor(circuit, at);
    if (to === 'Open') found.recheck(at);
    this.onTransition?.(transition, circuit.status(at));
  }

  /** Lets time pass for everything, so that states change and waits end without traffic. */
  private advance(now: number): void {
    for (const each of this.dependencies.values()) this.advanceOne(each, now);
    this.advanceStages(this.inboundLimits, this.inboundBulkhead, now);
  }

  private advanceOne({ circuit, bulkhead, limits }: Dependency, now: number): void {
    circuit.advance(now);
    this.armFor(circuit, now);
    this.advanceStages(limits, bulkhead, now);
  }

  private advanceStages(limits: LimiterSet, bulkhead: BulkheadStage, now: number): void {
    this.arm(bulkhead.advance(now));
    if (limits.nextAt <= now) limits.advance(now);
    this.arm(limits.nextAt);
  }

  private armFor(circuit: Circuit, now: number): void {
    const deadline = circuit.nextDeadline(now);
    if (deadline !== undefined) this.arm(deadline);
  }

  private readonly arm = (at: number): void => {
    if (at < Infinity && !this.closed) this.alarm.set(at);
  };

  private restoreOthers(
    { gates = [], limits = [] }: Pick<GuardSnapshot, 'gates' | 'limits'>,
    ageMs: number,
    now: number,
  ): void {
    for (const saved of gates) this.reach(saved.dependency)?.restoreGate(saved, ageMs, now);
    for (const [target, saved] of Map.groupBy(limits, (each) => each.target)) {
      this.limitsOf(target)?.restore(saved, ageMs, now);
    }
  }

  private limitsOf(target: string): LimiterSet | undefined {
    return target === INBOUND ? this.inboundLimits : this.reach(target)?.limits;
  }

  private limiters(): LimiterSet['limiters'] {
    const sets = Array.from(this.dependencies.values(), ({ limits }) => limits);
    return [this.inboundLimits, ...sets].flatMap((set) => set.limiters);
  }

  private unknown(dependency: string): Error {
    const known = [...this.dependencies.keys()].join(', ') || 'none';
    return new Error(
      `no dependency ${dependency} in the configuration in force (there is: ${known})`,
    );
  }
}

import { INBOUND } from '../../contract/link.ts';
import { Alarm } from './alarm.ts';
import { BulkheadStage } from './bulkheadStage.ts';
import { Circuit } from './circuit.ts';
import { Dependency } from './dependency.ts';
import { InboundPermit, Office } from './heldPermit.ts';
import { LimiterSet } from './limiterSet.ts';
import { dependenciesOf, supported } from './supported.ts';
import { TransitionLog } from './transitionLog.ts';
import { pass } from './waitingAdmission.ts';
import { WallTime } from './wallTime.ts';
import type {
  CircuitStatus,
  Content,
  GateStatus,
  Limit,
  LimitStatus,
  Transition,
} from '../../contract/generated/types.ts';
import type { BreakerTransition } from '../resilience/breaker.ts';
import type { BulkheadSpec } from '../resilience/bulkhead.ts';
import type { Admission, Asked, AskedCall, Credential, Standing, Waiting } from './admission.ts';
import type { CircuitSnapshot } from './circuit.ts';
import type { Clock } from './clock.ts';
import type { Remaining } from './reservation.ts';
import type { GuardStats } from './stats.ts';
import type { Unsupported } from './supported.ts';

export interface GuardOptions {
  clock: Clock;
  /** Told of each transition, with the circuit as it is after it. It must not throw. */
  onTransition?: (transition: Transition, circuit: CircuitStatus) => void;
}

/** What of a guard outlives the process. */
export interface GuardSnapshot {
  /** RFC 3339. */
  savedAt: string;
  circuits: CircuitSnapshot[];
}

/** Bounds of a queue where the configuration names none. */
const QUEUE = { maxQueued: 100, acquireTimeoutMs: 5000 };

/**
 * Decides which requests an agent takes and which calls it makes, by the configuration in force.
 * Everything is synchronous; nothing is thrown but for a programming error. A new configuration
 * keeps the state of circuits by dependency and of buckets by target and name.
 */
export class Guard {
  private readonly onTransition: GuardOptions['onTransition'];
  private readonly clock: Clock;
  private readonly office: Office;
  private readonly wallTime: WallTime;
  private readonly alarm: Alarm;
  private readonly log = new TransitionLog();
  private dependencies = new Map<string, Dependency>();
  private readonly inboundLimits: LimiterSet;
  private readonly inboundBulkhead: BulkheadStage;
  private readonly inbound: readonly [LimiterSet, BulkheadStage];
  private closed = false;

  constructor({ clock, onTransition }: GuardOptions) {
    this.clock = clock;
    this.office = new Office(clock);
    this.onTransition = onTransition;
    this.wallTime = new WallTime(clock);
    this.alarm = new Alarm(clock, () => this.advance(this.office.now()));
    this.inboundLimits = new LimiterSet(INBOUND, this.arm);
    this.inboundBulkhead = new BulkheadStage(INBOUND, concurrency({}), this.arm);
    this.inbound = [this.inboundLimits, this.inboundBulkhead];
  }

  /**
   * Puts a configuration in force, at once and whole, and answers the elements that are left out
   * because this runtime lacks a feature they need. A circuit that is left out has the defaults.
   */
  apply(content: Content): Unsupported[] {
    const now = this.office.now();
    const { circuits, limits, unsupported, ...called } = supported(content);
    const policies = new Map(circuits.map((each) => [each.dependency, each]));
    const byTarget = Map.groupBy(limits, (each: Limit) => each.target);
    const before = this.dependencies;
    this.dependencies = new Map();
    for (const { name, maxConcurrent } of dependenciesOf(called)) {
      const bound = concurrency(content, maxConcurrent);
      const dependency = before.get(name) ?? this.dependency(name, bound, now);
      this.dependencies.set(name, dependency);
      dependency.apply(bound, byTarget.get(name) ?? [], now);
    }
    for (const [name, each] of before) {
      // Nobody is to wait for ever for what is gone.
      if (!this.dependencies.has(name)) each.apply(concurrency({}), [], now);
    }
    const bound = concurrency(content, content.bulkhead?.maxConcurrent);
    this.inboundBulkhead.apply(bound, now);
    this.inboundLimits.apply(byTarget.get(INBOUND) ?? [], bound.maxQueued, now);
    // Last, because this tells of transitions and whoever listens may look at everything.
    for (const [name, each] of this.dependencies) each.applyCircuit(policies.get(name), now);
    this.advance(now);
    return unsupported;
  }

  /** Asks to take a request of the agent's API: limits, then the bulkhead. Waits only if `asked`. */
  admitInbound(): Admission;
  admitInbound(asked: Asked): Admission | Waiting;
  admitInbound(asked?: Asked): Admission | Waiting {
    return pass(
      new InboundPermit(this.office, asked, this.inboundLimits),
      this.inbound,
      this.office.now(),
    );
  }

  /** Asks to call a dependency, such as model/primary. Waits only if `asked`. */
  acquire(dependency: string): Admission;
  acquire(dependency: string, asked: AskedCall): Admission | Waiting;
  acquire(dependency: string, asked?: AskedCall): Admission | Waiting {
    const found = this.dependencies.get(dependency);
    if (found === undefined) throw new Error(this.unknown(dependency));
    return found.acquire(asked, this.office.now());
  }

  /** Whether the configuration in force has this dependency. */
  has(dependency: string): boolean {
    return this.dependencies.has(dependency);
  }

  /** How a dependency would take a call, without asking it; undefined when there is none such. */
  standing(dependency: string, credential?: Credential): Standing | undefined {
    return this.dependencies.get(dependency)?.standing(credential, this.office.now());
  }

  /** The credential mounted for a dependency is another one now: gates of the one before open. */
  useCredential(dependency: string, hash: string): void {
    this.dependencies.get(dependency)?.use(hash);
  }

  /** What a provider says is left of its own limits: a bucket never holds more than that. */
  learn(dependency: string, told: readonly Remaining[]): void {
    const now = this.office.now();
    for (const limiter of this.dependencies.get(dependency)?.limits.limiters ?? []) {
      for (const each of told) limiter.learn(each, now);
    }
  }

  /** State of every circuit now. */
  circuits(): CircuitStatus[] {
    const now = this.office.now();
    this.advance(now);
    return Array.from(this.dependencies.values(), ({ circuit }) => circuit.status(now));
  }

  /** State of every limit now, those on inbound requests first. */
  limits(): LimitStatus[] {
    const now = this.office.now();
    return this.limiters().map((limiter) => limiter.status(now));
  }

  /** The gate of every dependency's mounted credential now, shut or not. */
  gates(): GateStatus[] {
    const now = this.office.now();
    return Array.from(this.dependencies.values(), (each) => each.gate(now, this.wallTime));
  }

  /** The last 64 transitions, oldest first, numbered from 1. */
  transitions(): Transition[] {
    this.advance(this.office.now());
    return this.log.list();
  }

  /** Counters and gauges for metrics. */
  stats(): GuardStats {
    const now = this.office.now();
    this.advance(now);
    const dependencies = [...this.dependencies.values()];
    const bulkheads = [this.inboundBulkhead, ...dependencies.map(({ bulkhead }) => bulkhead)];
    return {
      circuits: dependencies.map(({ circuit }) => circuit.stats(now)),
      limits: this.limiters().map((limiter) => limiter.stats(now)),
      bulkheads: bulkheads.flatMap((each) => each.stats() ?? []),
      settledTwice: this.office.settledTwice,
    };
  }

  /** What is to be kept over a restart, as plain JSON. */
  snapshot(): GuardSnapshot {
    const now = this.office.now();
    const circuits = Array.from(
      this.dependencies.values(),
      ({ circuit }) => circuit.snapshot(now) ?? [],
    ).flat();
    return { savedAt: this.clock.date().toISOString(), circuits };
  }

  /**
   * Takes up what another process saved, after the first configuration was applied. States older
   * than maxAgeMs, or of dependencies that are gone, are left aside. It tells of no transitions
   * but those that are due since.
   */
  restore({ savedAt, circuits }: GuardSnapshot, maxAgeMs: number): void {
    const now = this.office.now();
    const ms = this.clock.date().getTime() - Date.parse(savedAt);
    for (const saved of circuits) {
      this.dependencies.get(saved.dependency)?.circuit.restore(saved, { ms, maxMs: maxAgeMs }, now);
    }
    this.advance(now);
  }

  /** Stops the timer. What is asked afterwards is still answered. */
  close(): void {
    this.closed = true;
    this.alarm.clear();
  }

  private dependency(name: string, bound: BulkheadSpec, now: number): Dependency {
    const circuit = new Circuit(name, undefined, now, this.wallTime, (...args) =>
      this.changed(...args),
    );
    return new Dependency(circuit, bound, { office: this.office, arm: this.arm });
  }

  private changed(
    circuit: Circuit,
    { from, to, reason, at }: BreakerTransition,
    time: string,
  ): void {
    const { dependency, policy } = circuit;
    const found = this.dependencies.get(dependency);
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
    for (const { circuit, bulkhead, limits } of this.dependencies.values()) {
      circuit.advance(now);
      this.armFor(circuit, now);
      this.advanceStages(limits, bulkhead, now);
    }
    this.advanceStages(this.inboundLimits, this.inboundBulkhead, now);
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

  private limiters(): LimiterSet['limiters'] {
    const sets = Array.from(this.dependencies.values(), ({ limits }) => limits);
    return [this.inboundLimits, ...sets].flatMap((set) => set.limiters);
  }

  private unknown(dependency: string): string {
    const known = [...this.dependencies.keys()].join(', ') || 'none';
    return `no dependency ${dependency} in the configuration in force (there is: ${known})`;
  }
}

/** How many may pass at a time, and how long others may wait for that. */
function concurrency({ bulkhead }: Pick<Content, 'bulkhead'>, max = Infinity): BulkheadSpec {
  const { maxQueued, acquireTimeoutMs } = bulkhead ?? QUEUE;
  return { maxConcurrent: max, maxQueued, acquireTimeoutMs };
}

import { INBOUND } from '../../contract/link.ts';
import { IGNORED } from '../resilience/outcome.ts';
import { Alarm } from './alarm.ts';
import { Circuit } from './circuit.ts';
import { LimiterSet } from './limiterSet.ts';
import { dependencyOf, supported } from './supported.ts';
import { TransitionLog } from './transitionLog.ts';
import { WallTime } from './wallTime.ts';
import type {
  CircuitStatus,
  Content,
  Limit,
  LimitStatus,
  Transition,
} from '../../contract/generated/types.ts';
import type { BreakerPermit, BreakerTransition } from '../resilience/breaker.ts';
import type { Outcome } from '../resilience/outcome.ts';
import type {
  ActualCost,
  Admission,
  Asked,
  AskedCall,
  GateReason,
  Permit,
  Waiting,
} from './admission.ts';
import type { Clock } from './clock.ts';
import type { GuardStats } from './stats.ts';
import type { Unsupported } from './supported.ts';

export interface GuardOptions {
  clock: Clock;
  /** Told of each transition, with the circuit as it is after it. It must not throw. */
  onTransition?: (transition: Transition, circuit: CircuitStatus) => void;
}

/** What stands around one dependency, from the outside in. */
interface Dependency {
  circuit: Circuit;
  limits: LimiterSet;
}

/**
 * Decides which requests an agent takes and which calls it makes, by the configuration in force.
 * Everything is synchronous; nothing is thrown but for a programming error. A new configuration
 * keeps the state of circuits by dependency and of buckets by target and name.
 */
export class Guard {
  private readonly clock: Clock;
  private readonly onTransition: GuardOptions['onTransition'];
  private readonly wallTime: WallTime;
  private readonly alarm: Alarm;
  private readonly log = new TransitionLog();
  private readonly tally = { settledTwice: 0 };
  private dependencies = new Map<string, Dependency>();
  private inbound: LimiterSet;
  private closed = false;

  constructor({ clock, onTransition }: GuardOptions) {
    this.clock = clock;
    this.onTransition = onTransition;
    this.wallTime = new WallTime(clock);
    this.alarm = new Alarm(clock, () => this.advance(clock.now()));
    this.inbound = new LimiterSet(INBOUND, [], undefined, clock.now());
  }

  /**
   * Puts a configuration in force, at once and whole, and answers the elements that are left out
   * because this runtime lacks a feature they need. A circuit that is left out has the defaults.
   */
  apply(content: Content): Unsupported[] {
    const now = this.clock.now();
    const { endpoints, circuits, limits, unsupported } = supported(content);
    const policies = new Map(circuits.map((each) => [each.dependency, each]));
    const byTarget = Map.groupBy(limits, (each: Limit) => each.target);
    const before = this.dependencies;
    this.dependencies = new Map();
    for (const name of endpoints.map(dependencyOf)) {
      const known = before.get(name);
      const limitSet = new LimiterSet(name, byTarget.get(name) ?? [], known?.limits, now);
      const circuit = known?.circuit ?? this.circuit(name, now);
      this.dependencies.set(name, { circuit, limits: limitSet });
    }
    this.inbound = new LimiterSet(INBOUND, byTarget.get(INBOUND) ?? [], this.inbound, now);
    // Last, because this tells of transitions and whoever listens may look at everything.
    for (const [name, { circuit }] of this.dependencies) circuit.apply(policies.get(name), now);
    this.advance(now);
    return unsupported;
  }

  /** Asks to take a request of the agent's API. */
  admitInbound(): Admission;
  admitInbound(asked: Asked): Admission | Waiting;
  admitInbound(_asked?: Asked): Admission | Waiting {
    const rejection = this.inbound.acquire(this.clock.now());
    if (rejection) return { kind: 'Rejection', rejection };
    return new InboundPermit(this.tally);
  }

  /** Asks to call a dependency, such as model/primary. */
  acquire(dependency: string): Admission;
  acquire(dependency: string, asked: AskedCall): Admission | Waiting;
  acquire(dependency: string, _asked?: AskedCall): Admission | Waiting {
    const found = this.dependencies.get(dependency);
    if (!found) throw new Error(this.unknown(dependency));
    const { circuit, limits } = found;
    const now = this.clock.now();
    const answer = circuit.acquire(now);
    if (answer.kind === 'Rejection') return circuitOpen(circuit, answer.retryAfterMs);
    const rejection = limits.acquire(now);
    if (rejection) {
      circuit.settle(answer, IGNORED, now);
      return { kind: 'Rejection', rejection };
    }
    return new CallPermit(circuit, answer, this.clock, this.tally);
  }

  /** State of every circuit now. */
  circuits(): CircuitStatus[] {
    const now = this.clock.now();
    this.advance(now);
    return Array.from(this.dependencies.values(), ({ circuit }) => circuit.status(now));
  }

  /** State of every limit now, those on inbound requests first. */
  limits(): LimitStatus[] {
    const now = this.clock.now();
    return this.limiters().map((limiter) => limiter.status(now));
  }

  /** The last 64 transitions, oldest first, numbered from 1. */
  transitions(): Transition[] {
    this.advance(this.clock.now());
    return this.log.list();
  }

  /** Counters and gauges for metrics. */
  stats(): GuardStats {
    const now = this.clock.now();
    this.advance(now);
    return {
      circuits: Array.from(this.dependencies.values(), ({ circuit }) => circuit.stats(now)),
      limits: this.limiters().map((limiter) => limiter.stats(now)),
      settledTwice: this.tally.settledTwice,
    };
  }

  /** Stops the timer. What is asked afterwards is still answered. */
  close(): void {
    this.closed = true;
    this.alarm.clear();
  }

  private circuit(dependency: string, now: number): Circuit {
    return new Circuit(dependency, undefined, now, this.wallTime, (circuit, transition, time) =>
      this.changed(circuit, transition, time),
    );
  }

  private changed(
    circuit: Circuit,
    { from, to, reason, at }: BreakerTransition,
    time: string,
  ): void {
    const { dependency, policy } = circuit;
    // A call may outlive its dependency's place in the configuration; nobody is to hear of it.
    if (this.dependencies.get(dependency)?.circuit !== circuit) return;
    const which = { dependency, ...(policy !== undefined && { policy }) };
    const transition = this.log.add({ time, ...which, from, to, reason });
    this.arm(circuit, at);
    this.onTransition?.(transition, circuit.status(at));
  }

  /** Lets time pass for every circuit, so that states change without traffic. */
  private advance(now: number): void {
    for (const { circuit } of this.dependencies.values()) {
      circuit.advance(now);
      this.arm(circuit, now);
    }
  }

  private arm(circuit: Circuit, now: number): void {
    const deadline = circuit.nextDeadline(now);
    if (deadline !== undefined && !this.closed) this.alarm.set(deadline);
  }

  private limiters(): LimiterSet['limiters'] {
    const sets = Array.from(this.dependencies.values(), ({ limits }) => limits);
    return [this.inbound, ...sets].flatMap((set) => set.limiters);
  }

  private unknown(dependency: string): string {
    const known = [...this.dependencies.keys()].join(', ') || 'none';
    return `no dependency ${dependency} in the configuration in force (there is: ${known})`;
  }
}

function circuitOpen({ dependency, policy }: Circuit, retryAfterMs: number): Admission {
  const rejection = { reason: 'CircuitBreakerOpen' as const, target: dependency, retryAfterMs };
  return {
    kind: 'Rejection',
    rejection: policy === undefined ? rejection : { ...rejection, policy },
  };
}

interface Tally {
  settledTwice: number;
}

/** Leave to serve one request. */
class InboundPermit implements Permit {
  readonly kind = 'Permit';
  private readonly tally: Tally;
  private settled = false;

  constructor(tally: Tally) {
    this.tally = tally;
  }

  get permit(): Permit {
    return this;
  }

  shutGate(): void {
    // Requests have no gate.
  }

  firstToken(): void {
    // Nothing that bounds requests depends on it.
  }

  settle(_outcome: Outcome, _actual?: ActualCost): void {
    if (this.settled) this.tally.settledTwice += 1;
    this.settled = true;
  }
}

/** Leave to make one call to a dependency. */
class CallPermit implements Permit {
  readonly kind = 'Permit';
  private readonly circuit: Circuit;
  private readonly inner: BreakerPermit;
  private readonly clock: Clock;
  private readonly tally: Tally;
  private settled = false;

  constructor(circuit: Circuit, inner: BreakerPermit, clock: Clock, tally: Tally) {
    this.circuit = circuit;
    this.inner = inner;
    this.clock = clock;
    this.tally = tally;
  }

  get permit(): Permit {
    return this;
  }

  shutGate(_reason: GateReason, _ms?: number): void {
    // No gates yet.
  }

  firstToken(): void {
    this.inner.firstToken(this.clock.now());
  }

  settle(outcome: Outcome, _actual?: ActualCost): void {
    if (this.settled) {
      this.tally.settledTwice += 1;
      return;
    }
    this.settled = true;
    this.circuit.settle(this.inner, outcome, this.clock.now());
  }
}

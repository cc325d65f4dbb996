import { INBOUND } from '../../contract/link.ts';
import { MAX_CIRCUITS } from './circuitRoom.ts';
import { Dependency } from './dependency.ts';
import { GuardContext } from './guardContext.ts';
import { guardSpec } from './guardSpec.ts';
import { Inbound } from './inbound.ts';
import { loadOf } from './load.ts';
import type { GuardLoad } from './load.ts';
import { TransitionLog } from './transitionLog.ts';
import type {
  CircuitStatus,
  Content,
  FleetCircuitOrder,
  GateStatus,
  Limit,
  LimitStatus,
  ProviderUse,
  Transition,
} from '../../contract/generated/types.ts';
import type { CircuitSnapshot, OnTransition } from './circuit.ts';
import type { Clock } from './clock.ts';
import type { SavedGate } from './providerGates.ts';
import type { ProviderFleet } from './providerFleet.ts';
import type { ProviderLimitStatus } from './providerLimits.ts';
import type { FleetLimit, FleetMember } from './fleetMember.ts';
import { NO_STORE } from './limitStore.ts';
import type { LimitStore } from './limitStore.ts';
import type { GuardListener } from './guardListener.ts';
import { NO_LEADER } from './leader.ts';
import type { Leader } from './leader.ts';
import type { LimitSnapshot } from './rateLimit.ts';
import type { RateLimits } from './rateLimits.ts';
import type { CircuitStats, GuardStats } from './stats.ts';

export interface GuardOptions {
  clock: Clock;
  /** Differs from pod to pod, and so does when their circuits probe. Absent: nothing is spread. */
  seed?: string;
  /** Default: no leader. */
  leader?: Leader;
  /** Holds buckets that all pods share. Default: none, so that it is never reached. */
  store?: LimitStore;
  /** Default: nothing listens. */
  listener?: GuardListener;
}

/** Of one report; the bounds of the contract. */
const MAX_USES = 256;
const MAX_GATES = 128;

/** What of a guard outlives the process. */
export interface GuardSnapshot {
  /** RFC 3339. */
  savedAt: string;
  /** Provider, address and model of each dependency. Circuits and gates of others are not restored. */
  of?: Readonly<Record<string, string>>;
  circuits: CircuitSnapshot[];
  /** Shut gates of mounted credentials, by hash. */
  gates?: SavedGate[];
  /** Buckets that are not full; buckets by key are not kept. */
  limits?: LimitSnapshot[];
}

/**
 * Decides which requests the agent serves and which calls it makes. All decisions are synchronous
 * values. A new configuration keeps the state of circuits by dependency and model and of buckets by target
 * and name.
 */
export class Guard {
  /** Bounds the requests of the agent's API. */
  readonly inbound: Inbound;
  readonly #listener: GuardListener;
  readonly #context: GuardContext;
  readonly #log = new TransitionLog();
  /** Dependencies of the configuration in force, in its order. */
  #dependencies: ReadonlyMap<string, Dependency> = new Map();
  #content: Content | undefined;
  #programTools: readonly string[] = [];
  /** Those of all limits in force that the leader of the fleet grants. */
  #fleetLimits: readonly FleetLimit[] = [];
  /** Every dependency that a configuration had so far, because callers and calls in flight hold it. */
  readonly #known = new Map<string, Dependency>();

  constructor({ clock, seed, leader = NO_LEADER, store = NO_STORE, listener = {} }: GuardOptions) {
    this.#listener = listener;
    this.#context = new GuardContext(
      { clock, seed, leader, store, listener },
      {
        advance: () => this.#advance(this.#context.now()),
        fleetLimits: () => this.#fleetLimits,
        providerUses: () => this.#providerUses(),
        followProviders: (shares) => {
          for (const each of this.#all()) each.gates.follow(shares, this.#context.now());
        },
        storeRecovered: (now) => {
          for (const limits of this.#allLimits()) limits.wake(now);
        },
        storeChanged: (up, reason) => listener.limitStore?.(up, reason),
      },
    );
    this.inbound = new Inbound(this.#context);
  }

  /**
   * Puts a configuration in force, whole. Elements that need a feature which this runtime lacks are
   * left out; see `supported`. A dependency whose circuit is left out has the default one.
   */
  apply(content: Content): void {
    this.#content = content;
    const now = this.#context.now();
    const { inbound, dependencies: specs, endpoints } = guardSpec(content, this.#programTools);
    const before = this.#dependencies;
    this.#context.store.timeoutMs = storeTimeoutMs(content.limits);
    this.#context.gates = content.gates;
    this.#context.providers.maxPods = content.providerLimits.maxPods;
    this.#dependencies = new Map(Array.from(specs.keys(), (name) => [name, this.#obtain(name)]));
    this.inbound.apply(inbound, now);
    for (const [name, dependency] of before) if (!specs.has(name)) dependency.remove(now);
    for (const [name, spec] of specs) this.#dependencies.get(name)!.apply(spec, now);
    this.#context.room.apply(endpoints, now);
    this.#fleetLimits = this.#allLimits().flatMap((limits) => limits.ofFleet());
  }

  /** Guards the tools of the program, each as a dependency of its own, from now on. */
  setProgramTools(names: readonly string[]): void {
    this.#programTools = names;
    if (this.#content) this.apply(this.#content);
  }

  /** What ties this process to the leader of the fleet. */
  get fleet(): FleetMember {
    return this.#context.fleet;
  }

  /** What ties this process to the leader of the fleet for the limits that providers state. */
  get providers(): ProviderFleet {
    return this.#context.providers;
  }

  /**
   * A dependency such as model/primary; undefined if the configuration in force has none such. The
   * object stays the same over configurations.
   */
  dependency(name: string): Dependency | undefined {
    return this.#dependencies.get(name);
  }

  /** The credential that is mounted for a dependency, by its hash. */
  useCredential(dependency: string, hash: string): void {
    this.#dependencies.get(dependency)?.gates.useCredential(hash, this.#context.now());
  }

  /** Limits that providers state, as far as they hold now. */
  providerLimits(): ProviderLimitStatus[] {
    const now = this.#context.now();
    return this.#all().flatMap((dependency) => dependency.gates.limits(now));
  }

  circuits(): CircuitStatus[] {
    const now = this.#context.now();
    this.#advance(now);
    return this.#all().flatMap(({ models }) => models.all().map((state) => state.status(now)));
  }

  /** Follows orders of the fleet's leader, and returns the circuits that they are for. */
  followFleet(orders: readonly FleetCircuitOrder[]): CircuitStatus[] {
    const now = this.#context.now();
    return orders.flatMap(
      (order) => this.#dependencies.get(order.dependency)?.follow(order, now) ?? [],
    );
  }

  /** Counts of each circuit, in the order of `circuits`. */
  circuitStats(): CircuitStats[] {
    const now = this.#context.now();
    return this.#all().flatMap(({ models }) =>
      models.all().map(({ circuit }) => circuit.stats(now)),
    );
  }

  /** What the pod has to do; undefined where nothing bounds its requests. */
  load(): GuardLoad | undefined {
    const endpoints = this.#all().filter(({ name }) => name.startsWith('model/'));
    return loadOf(
      this.inbound.concurrency.stats(),
      endpoints.map((endpoint) => ({
        bulkhead: endpoint.concurrency.stats(),
        state: endpoint.availability()?.state,
      })),
    );
  }

  /** All limits, those on requests of the agent's API first. */
  limits(): LimitStatus[] {
    const now = this.#context.now();
    return this.#allLimits().flatMap(({ limits }) => limits.map((limit) => limit.status(now)));
  }

  /** The gate of every dependency's mounted credential, shut or not. */
  gates(): GateStatus[] {
    const now = this.#context.now();
    return this.#all().map((dependency) => dependency.gates.status(now));
  }

  /** The last 64 transitions, oldest first, numbered from 1. */
  transitions(): Transition[] {
    this.#advance(this.#context.now());
    return this.#log.list();
  }

  /** Counters and gauges for metrics. */
  stats(): GuardStats {
    const now = this.#context.now();
    this.#advance(now);
    const dependencies = this.#all();
    const { store } = this.#context;
    const isStored = this.#allLimits().some(({ limits }) => limits.some((each) => each.isStored));
    return {
      ...(isStored && { store: store.stats() }),
      circuits: dependencies.map(({ models }) => models.stats(now)),
      limits: this.#allLimits().flatMap(({ limits }) => limits.map((limit) => limit.stats(now))),
      bulkheads: [this.inbound, ...dependencies].flatMap((each) => each.concurrency.stats() ?? []),
      settledTwice: this.#context.settledTwice,
    };
  }

  /** What to keep over a restart, as plain JSON. */
  snapshot(): GuardSnapshot {
    const now = this.#context.now();
    const dependencies = this.#all();
    return {
      savedAt: this.#context.date().toISOString(),
      of: Object.fromEntries(
        dependencies.flatMap(({ name, of }) => (of === undefined ? [] : [[name, of]])),
      ),
      circuits: dependencies.flatMap(({ models }) => models.snapshot(now)),
      gates: dependencies.flatMap((dependency) => dependency.gates.snapshot(now)),
      limits: this.#allLimits().flatMap((limits) => limits.snapshot(now)),
    };
  }

  /**
   * Continues what another process saved. Call it after the first `apply`. States older than
   * `maxAgeMs`, of unknown dependencies, or of another provider, address or model are ignored. Only transitions that became due since then
   * are reported. A bucket gets its saved level and the refill since, but never more than it has.
   */
  restore(saved: GuardSnapshot, maxAgeMs: number): void {
    const now = this.#context.now();
    const ms = this.#context.date().getTime() - Date.parse(saved.savedAt);
    if (ms >= 0 && ms <= maxAgeMs) this.#restoreGatesAndLimits(saved, ms, now);
    for (const each of saved.circuits.slice(0, MAX_CIRCUITS)) {
      this.#same(each, saved)?.restoreCircuit(each, { ms, maxMs: maxAgeMs }, now);
    }
    this.#advance(now);
  }

  /** Stops the timer. The guard still answers. */
  close(): void {
    this.#context.close();
  }

  #all(): Dependency[] {
    return [...this.#dependencies.values()];
  }

  #providerUses(): Pick<ProviderUse, 'limits' | 'gates'> {
    const now = this.#context.now();
    const uses = this.#all().map((dependency) => dependency.gates.uses(now));
    return {
      limits: uses.flatMap(({ limits }) => limits).slice(0, MAX_USES),
      gates: uses.flatMap(({ gates }) => gates).slice(0, MAX_GATES),
    };
  }

  #allLimits(): RateLimits[] {
    return [this.inbound, ...this.#all()].map(({ rateLimits }) => rateLimits);
  }

  #obtain(name: string): Dependency {
    const known = this.#known.get(name);
    if (known?.present === false) known.restart();
    if (known !== undefined) return known;
    const dependency = new Dependency(name, this.#context, this.#transitioned);
    this.#known.set(name, dependency);
    return dependency;
  }

  readonly #transitioned: OnTransition = (circuit, { from, to, reason, at }, time) => {
    const { dependency: name, model, policy } = circuit;
    const dependency = this.#dependencies.get(name);
    // A call can outlive its dependency; a transition of the old circuit is not reported.
    if (dependency?.models.has(circuit) !== true) return;
    const which = {
      dependency: name,
      ...(model !== undefined && { model }),
      ...(policy !== undefined && { policy }),
    };
    const transition = this.#log.add({ time, ...which, from, to, reason });
    this.#context.arm(circuit.nextDeadline(at));
    if (to === 'Open') dependency.recheckWaiting(at);
    this.#listener.transition?.(transition, circuit.status(at));
  };

  #advance(now: number): void {
    for (const dependency of this.#dependencies.values()) dependency.advance(now);
    this.inbound.advance(now);
  }

  /** The dependency of a saved state, if it is still the same provider, address and model. */
  #same({ dependency }: { dependency: string }, { of }: GuardSnapshot): Dependency | undefined {
    const found = this.#dependencies.get(dependency);
    return found?.of !== undefined && found.of === of?.[dependency] ? found : undefined;
  }

  #restoreGatesAndLimits(saved: GuardSnapshot, ageMs: number, now: number): void {
    const { gates = [], limits = [] } = saved;
    for (const gate of gates.slice(0, MAX_GATES)) {
      this.#same(gate, saved)?.gates.restore(gate, ageMs, now);
    }
    for (const [target, levels] of Map.groupBy(limits, (each) => each.target)) {
      const found = target === INBOUND ? this.inbound : this.#dependencies.get(target);
      found?.rateLimits.restore(levels, ageMs, now);
    }
  }
}

/** How long the store may take; limits of several policies share its connection. */
function storeTimeoutMs(limits: readonly Limit[]): number {
  const times = limits.flatMap(({ fleet }) =>
    fleet?.store === 'Redis' ? [fleet.storeTimeoutMs] : [],
  );
  return Math.min(...times);
}

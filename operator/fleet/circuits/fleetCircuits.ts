import type {
  Circuit,
  CircuitStatus,
  FleetCircuitOrder,
} from '../../../contract/generated/types.ts';
import { FleetCircuit, type FleetState, type PodView } from './fleetCircuit.ts';
import type { FleetSpec } from './votes.ts';

/** The part of a pod's report that circuits of the fleet need. */
export interface FleetPod {
  uid: string;
  /** Name of the pod. */
  pod: string;
  connected: boolean;
  /** Whether the snapshot came over the current link. */
  fresh?: boolean;
  boot?: string;
  snapshot?: { circuits: readonly CircuitStatus[] };
}

/** A circuit of the fleet for status and debug pages. */
export interface FleetCircuitStatus {
  dependency: string;
  model?: string;
  policy?: string;
  state: FleetState['state'];
  /** RFC 3339. */
  since: string;
  reason?: string;
  /** Pods that vote out of those with calls, such as 2/3. */
  votes: string;
  /** Name of the pod that probes. */
  prober?: string;
  /** RFC 3339. */
  nextProbe?: string;
}

export interface FleetCircuitsDeps {
  clock: { now(): number; monotonic(): number };
  /** Unique name of this leader. */
  session: string;
  send(agentKey: string, uid: string, orders: FleetCircuitOrder[]): void;
  onState(agentKey: string, state: FleetState['state']): void;
  onProbe(agentKey: string, outcome: string): void;
}

interface Agent {
  specs: ReadonlyMap<string, FleetSpec>;
  pods: readonly FleetPod[];
  circuits: Map<string, Named>;
}

interface Named {
  dependency: string;
  model: string | undefined;
  circuit: FleetCircuit;
}

const isFleet = (circuit: Circuit): circuit is FleetSpec => circuit.fleet !== undefined;

/** The circuits of scope Fleet of all agents. Only a leader has any. */
export class FleetCircuits {
  readonly #deps: FleetCircuitsDeps;
  readonly #agents = new Map<string, Agent>();
  #count = 0;

  constructor(deps: FleetCircuitsDeps) {
    this.#deps = deps;
  }

  /** Replaces the rules of an agent's circuits. A changed reset token closes a circuit. */
  configure(agentKey: string, circuits: readonly Circuit[]): void {
    const specs = new Map(circuits.filter(isFleet).map((each) => [each.dependency, each]));
    const agent = this.#agents.get(agentKey);
    if (agent === undefined) {
      if (specs.size === 0) return;
      this.#agents.set(agentKey, { specs, pods: [], circuits: new Map() });
      return;
    }
    for (const [key, { dependency, circuit }] of agent.circuits) {
      const spec = specs.get(dependency);
      const before = agent.specs.get(dependency)?.resetToken;
      if (spec === undefined || spec.resetToken !== before) agent.circuits.delete(key);
      else circuit.apply(spec);
    }
    agent.specs = specs;
    if (specs.size === 0) this.#agents.delete(agentKey);
  }

  forget(agentKey: string): void {
    this.#agents.delete(agentKey);
  }

  has(agentKey: string): boolean {
    return this.#agents.has(agentKey);
  }

  /** Takes the reports of all pods of an agent and sends the orders that are due. */
  update(agentKey: string, pods: readonly FleetPod[]): void {
    const agent = this.#agents.get(agentKey);
    if (agent === undefined) return;
    agent.pods = pods;
    this.#addReported(agentKey, agent);
    this.#decide(agentKey, agent, [...agent.circuits.values()]);
  }

  /** Makes transitions that time alone causes. Must be called often enough for probes to be on time. */
  tick(): void {
    for (const [key, agent] of this.#agents) {
      const busy = [...agent.circuits.values()].filter(({ circuit }) => circuit.isBusy);
      if (busy.length > 0) this.#decide(key, agent, busy);
    }
  }

  /** The state of each circuit. */
  states(): FleetState['state'][] {
    return [...this.#agents.values()].flatMap(({ circuits }) =>
      [...circuits.values()].map(({ circuit }) => circuit.state().state),
    );
  }

  of(agentKey: string): FleetCircuitStatus[] {
    const agent = this.#agents.get(agentKey);
    if (agent === undefined) return [];
    return [...agent.circuits.values()].map((named) => this.#statusOf(agent, named));
  }

  /** Adds circuits of scope Fleet that pods report, and removes those that no pod reports any more. */
  #addReported(agentKey: string, agent: Agent): void {
    const reported = reportedBy(agent.pods);
    if (agent.pods.some(({ connected }) => connected)) {
      for (const [key, { circuit }] of agent.circuits) {
        if (!reported.has(key) && !circuit.isBusy) agent.circuits.delete(key);
      }
    }
    for (const [key, { dependency, fleet }] of reported) {
      const spec = agent.specs.get(dependency);
      if (spec === undefined || agent.circuits.has(key)) continue;
      const circuit = this.#create(agentKey, spec);
      agent.circuits.set(key, { dependency, model: fleet?.model, circuit });
    }
  }

  #create(agentKey: string, spec: FleetSpec): FleetCircuit {
    const { session, clock } = this.#deps;
    const leader = `${session}.`;
    const own = `${leader}${(this.#count += 1)}.`;
    const names = {
      next: () => `${own}${(this.#count += 1)}`,
      isOfLeader: (number: string) => number.startsWith(leader),
      isOwn: (number: string) => number.startsWith(own),
    };
    return new FleetCircuit(spec, clock.monotonic(), names, {
      onState: (state) => this.#deps.onState(agentKey, state),
      onProbe: (outcome) => this.#deps.onProbe(agentKey, outcome),
    });
  }

  #decide(agentKey: string, agent: Agent, circuits: readonly Named[]): void {
    const now = this.#deps.clock.monotonic();
    const due = new Map<string, FleetCircuitOrder[]>();
    for (const { dependency, model, circuit } of circuits) {
      if (this.#isOverridden(agent.specs.get(dependency))) {
        agent.circuits.delete(keyOf({ dependency, model }));
        continue;
      }
      circuit.update(
        agent.pods.map((pod) => viewOf(pod, dependency, model)),
        now,
      );
      for (const [uid, order] of circuit.orders(now)) {
        const orders = due.get(uid) ?? [];
        orders.push({ dependency, ...(model !== undefined && { model }), ...order });
        due.set(uid, orders);
      }
    }
    for (const [uid, orders] of due) this.#deps.send(agentKey, uid, orders);
  }

  /** During an override pods need no orders: each applies it by itself. */
  #isOverridden(spec: FleetSpec | undefined): boolean {
    if (spec?.override === undefined) return false;
    const { expiresAt } = spec.override;
    return expiresAt === undefined || this.#deps.clock.now() < Date.parse(expiresAt);
  }

  #statusOf(agent: Agent, { dependency, model, circuit }: Named): FleetCircuitStatus {
    const { state, since, reason, votes, prober, nextProbeAt } = circuit.state();
    const policy = agent.specs.get(dependency)?.policy;
    const name = agent.pods.find(({ uid }) => uid === prober)?.pod;
    return {
      dependency,
      ...(model !== undefined && { model }),
      ...(policy !== undefined && { policy }),
      ...{ state, since: this.#wallTime(since), votes: `${votes.failing}/${votes.active}` },
      ...(reason !== undefined && { reason }),
      ...(name !== undefined && { prober: name }),
      ...(nextProbeAt !== undefined && { nextProbe: this.#wallTime(nextProbeAt) }),
    };
  }

  #wallTime(at: number): string {
    const { clock } = this.#deps;
    return new Date(Math.round(clock.now() - clock.monotonic() + at)).toISOString();
  }
}

function reportedBy(pods: readonly FleetPod[]): Map<string, CircuitStatus> {
  const linked = pods.filter(({ connected }) => connected);
  const circuits = linked.flatMap(({ snapshot }) => snapshot?.circuits ?? []);
  return new Map(
    circuits
      .filter(({ fleet }) => fleet !== undefined)
      .map((each) => [keyOf({ dependency: each.dependency, model: each.fleet?.model }), each]),
  );
}

function viewOf(pod: FleetPod, dependency: string, model: string | undefined): PodView {
  const { uid, boot } = pod;
  const linked = pod.connected && pod.fresh === true;
  const own = (pod.snapshot?.circuits ?? []).filter((each) => each.dependency === dependency);
  const found =
    own.find(({ fleet }) => fleet !== undefined && fleet.model === model) ??
    own.find(({ fleet }) => fleet?.model === undefined && fleet?.shared !== true);
  if (found?.fleet === undefined) return { uid, boot, linked };
  const report = found.fleet;
  const ownOpen = found.state !== 'Closed' && report.order === undefined;
  return { uid, boot, linked, circuit: { report, ownOpen } };
}

const keyOf = ({ dependency, model }: Pick<Named, 'dependency' | 'model'>): string =>
  JSON.stringify([dependency, model]);

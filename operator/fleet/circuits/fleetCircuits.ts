import type {
  Circuit,
  CircuitStatus,
  Content,
  FleetCircuitOrder,
} from '../../../contract/generated/types.ts';
import type { FleetContext, FleetPods, FleetService, PodReport } from '../fleetService.ts';
import { FleetCircuit, type FleetState, type PodView } from './fleetCircuit.ts';
import type { FleetSpec } from './votes.ts';

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

/** Called on changes of the circuits, for metrics. */
export interface CircuitEvents {
  onState(state: FleetState['state']): void;
  onProbe(outcome: string): void;
}

interface Named {
  dependency: string;
  model: string | undefined;
  circuit: FleetCircuit;
}

/** Probes begin at most this late. */
const TICK_MS = 250;

const isFleet = (circuit: Circuit): circuit is FleetSpec => circuit.fleet !== undefined;

/** Whether a circuit of the agent has scope Fleet. */
export const hasFleetCircuits = ({ circuits }: Content): boolean => circuits.some(isFleet);

/** The circuits of scope Fleet of one agent. A new leader knows only what pods report to it. */
export class FleetCircuits implements FleetService {
  readonly #context: FleetContext;
  readonly #events: CircuitEvents;
  readonly #circuits = new Map<string, Named>();
  #specs: ReadonlyMap<string, FleetSpec> = new Map();
  #pods: readonly PodReport[] = [];
  #tickAt = -Infinity;

  constructor(context: FleetContext, events: CircuitEvents) {
    this.#context = context;
    this.#events = events;
  }

  /** Replaces the rules of the circuits. A changed reset token closes a circuit. */
  configure({ circuits }: Content): void {
    const specs = new Map(circuits.filter(isFleet).map((each) => [each.dependency, each]));
    for (const [key, { dependency, circuit }] of this.#circuits) {
      const spec = specs.get(dependency);
      const before = this.#specs.get(dependency)?.resetToken;
      if (spec === undefined || spec.resetToken !== before) this.#circuits.delete(key);
      else circuit.apply(spec);
    }
    this.#specs = specs;
    this.#update();
  }

  pods(pods: FleetPods): void {
    this.#pods = pods().map(({ report }) => report);
    this.#update();
  }

  /** Makes transitions that time alone causes. */
  tick(): number {
    const now = this.#context.clock.monotonic();
    const busy = [...this.#circuits.values()].filter(({ circuit }) => circuit.isBusy);
    if (busy.length === 0) return Infinity;
    if (now >= this.#tickAt) {
      this.#tickAt = now + TICK_MS;
      this.#decide(busy);
    }
    return this.#tickAt;
  }

  status(): FleetCircuitStatus[] {
    return [...this.#circuits.values()].map((named) => this.#statusOf(named));
  }

  #update(): void {
    this.#addReported();
    this.#decide([...this.#circuits.values()]);
  }

  /** Adds circuits of scope Fleet that pods report, and removes those that no pod reports any more. */
  #addReported(): void {
    const reported = reportedBy(this.#pods);
    if (this.#pods.some(({ connected }) => connected)) {
      for (const [key, { circuit }] of this.#circuits) {
        if (!reported.has(key) && !circuit.isBusy) this.#circuits.delete(key);
      }
    }
    for (const [key, { dependency, fleet }] of reported) {
      const spec = this.#specs.get(dependency);
      if (spec === undefined || this.#circuits.has(key)) continue;
      this.#circuits.set(key, { dependency, model: fleet?.model, circuit: this.#create(spec) });
    }
  }

  #create(spec: FleetSpec): FleetCircuit {
    const { session, clock } = this.#context;
    const nextNumber = (): number => this.#context.nextNumber();
    const leader = `${session}.`;
    const own = `${leader}${nextNumber()}.`;
    const names = {
      next: () => `${own}${nextNumber()}`,
      isOfLeader: (number: string) => number.startsWith(leader),
      isOwn: (number: string) => number.startsWith(own),
    };
    return new FleetCircuit(spec, clock.monotonic(), names, {
      onState: (state) => {
        this.#events.onState(state);
        this.#context.changed();
      },
      onProbe: (outcome) => this.#events.onProbe(outcome),
    });
  }

  #decide(circuits: readonly Named[]): void {
    const now = this.#context.clock.monotonic();
    const due = new Map<string, FleetCircuitOrder[]>();
    for (const { dependency, model, circuit } of circuits) {
      if (this.#isOverridden(this.#specs.get(dependency))) {
        this.#circuits.delete(keyOf({ dependency, model }));
        continue;
      }
      circuit.update(
        this.#pods.map((pod) => viewOf(pod, dependency, model)),
        now,
      );
      for (const [uid, order] of circuit.orders(now)) {
        const orders = due.get(uid) ?? [];
        orders.push({ dependency, ...(model !== undefined && { model }), ...order });
        due.set(uid, orders);
      }
    }
    for (const [uid, orders] of due) {
      this.#context.send(uid, { type: 'FleetCircuits', orders });
    }
  }

  /** During an override pods need no orders: each applies it by itself. */
  #isOverridden(spec: FleetSpec | undefined): boolean {
    if (spec?.override === undefined) return false;
    const { expiresAt } = spec.override;
    return expiresAt === undefined || this.#context.clock.now() < Date.parse(expiresAt);
  }

  #statusOf({ dependency, model, circuit }: Named): FleetCircuitStatus {
    const { state, since, reason, votes, prober, nextProbeAt } = circuit.state();
    const policy = this.#specs.get(dependency)?.policy;
    const name = this.#pods.find(({ uid }) => uid === prober)?.pod;
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
    const { clock } = this.#context;
    return new Date(Math.round(clock.now() - clock.monotonic() + at)).toISOString();
  }
}

function reportedBy(pods: readonly PodReport[]): Map<string, CircuitStatus> {
  const linked = pods.filter(({ connected }) => connected);
  const circuits = linked.flatMap(({ snapshot }) => snapshot?.circuits ?? []);
  return new Map(
    circuits
      .filter(({ fleet }) => fleet !== undefined)
      .map((each) => [keyOf({ dependency: each.dependency, model: each.fleet?.model }), each]),
  );
}

function viewOf(pod: PodReport, dependency: string, model: string | undefined): PodView {
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

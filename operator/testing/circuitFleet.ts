import type {
  Circuit,
  Content,
  FleetCircuitOrder,
  Snapshot,
} from '../../contract/generated/types.ts';
import { Guard } from '../../runtime/guard/guard.ts';
import { FakeClock } from '../../runtime/testing/fakeClock.ts';
import { circuitOf, content } from '../../runtime/testing/guardFixture.ts';
import { FleetCircuits } from '../fleet/circuits/fleetCircuits.ts';
import type { FleetCommand, FleetPod } from '../fleet/fleetService.ts';
import { afterHello, afterReport, type PodFacts, type PodReport } from '../links/report.ts';

export const DEPENDENCY = 'model/primary';
/** Duration of a call, and interval of reports, in milliseconds. */
const CALL_MS = 40;
const REPORT_MS = 1000;
/** Time between two steps of the simulation. */
const STEP_MS = 10;

/** A circuit whose scope is the fleet. */
export function fleetCircuit(parts: Partial<Circuit> = {}): Circuit {
  return circuitOf({
    policy: 'fleet',
    openDurationMs: 5000,
    maxOpenDurationMs: 5000,
    fleet: { quorumPercent: 50 },
    ...parts,
  });
}

export interface Transition {
  at: number;
  pod: string;
  from: string;
  to: string;
  reason: string;
  /** Number of pods with a failed call in the last minute. */
  failing: number;
  linked: boolean;
}

interface Leader {
  term: number;
  circuits: FleetCircuits;
}

interface Message {
  at: number;
  deliver: () => void;
}

/** A pod with the real guard, its link and its clients. */
class SimulatedPod {
  readonly name: string;
  guard!: Guard;
  boot = 0;
  /** Leader at the other end of its link; undefined without a link. */
  leader: Leader | undefined;
  report!: PodReport;
  announced = 0;
  badNetwork = false;
  /** Whether its calls go to another endpoint while this one takes none. */
  hasFallback = false;
  /** Time between two calls of its clients; Infinity: none. */
  everyMs = 200;
  nextCallAt = 0;
  heardAt = 0;
  readonly served = { ok: 0, failed: 0, rejected: 0 };
  /** Messages in both directions, in order. */
  readonly wire: Message[] = [];

  constructor(name: string) {
    this.name = name;
  }
}

/** Pods with their real guards and the real decisions of a leader, in virtual time. */
export class CircuitFleet {
  readonly clock = new FakeClock();
  readonly pods: SimulatedPod[] = [];
  readonly transitions: Transition[] = [];
  /** Time of the last failed call, by pod. Includes pods that are gone. */
  readonly failedAt = new Map<string, number>();
  /** Failed probes for the fleet. */
  readonly failedProbes: { at: number; pod: string }[] = [];
  providerIsUp = true;
  delayMs = 2;
  leader!: Leader;
  #circuit: Circuit;
  #ends: { at: number; end: () => void }[] = [];
  #made = 0;

  constructor(count: number, circuit = fleetCircuit()) {
    this.#circuit = circuit;
    this.lead();
    for (let i = 0; i < count; i++) this.add();
  }

  /** Begins the term of another leader. Links to the former one are lost. */
  lead(): void {
    const term = (this.leader?.term ?? 0) + 1;
    let numbers = 0;
    for (const pod of this.pods) this.cut(pod);
    const leader: Leader = {
      term,
      circuits: new FleetCircuits(
        {
          clock: { now: () => this.clock.date().getTime(), monotonic: () => this.clock.now() },
          session: `${term}`,
          random: () => 0.5,
          beforeMs: undefined,
          term: () => term,
          leads: () => true,
          nextNumber: () => (numbers += 1),
          send: (uid, command) => this.#send(leader, uid, ordersOf(command)),
          changed: () => undefined,
        },
        { onState: () => undefined, onProbe: () => undefined },
      ),
    };
    leader.circuits.configure({ circuits: [this.#circuit] } as Content);
    this.leader = leader;
    for (const pod of this.pods) this.connect(pod);
  }

  add(): SimulatedPod {
    const pod = new SimulatedPod(`pod-${(this.#made += 1)}`);
    this.#start(pod);
    this.pods.push(pod);
    this.connect(pod);
    return pod;
  }

  remove(pod: SimulatedPod): void {
    this.cut(pod);
    pod.guard.close();
    this.pods.splice(this.pods.indexOf(pod), 1);
    this.#update();
  }

  /** Kills its container and starts it again. */
  restart(pod: SimulatedPod): void {
    this.cut(pod);
    pod.guard.close();
    this.#start(pod);
    this.connect(pod);
  }

  reload(circuit: Circuit): void {
    this.#circuit = circuit;
    this.leader.circuits.configure({ circuits: [circuit] } as Content);
    for (const pod of this.pods) pod.guard.apply(content({ circuits: [circuit] }));
  }

  cut(pod: SimulatedPod): void {
    if (pod.leader === undefined) return;
    pod.leader = undefined;
    pod.wire.length = 0;
    pod.report = { ...pod.report, connected: false };
    this.#update();
  }

  connect(pod: SimulatedPod): void {
    if (pod.leader !== undefined) return;
    pod.leader = this.leader;
    pod.announced = this.leader.term;
    pod.report = afterHello(pod.report, hello(pod), '');
    this.#tell(pod, snapshotOf(pod.guard));
  }

  /** State of each pod's circuit. */
  states(): string[] {
    return this.pods.map(({ guard }) => guard.circuits()[0]!.state);
  }

  run(ms: number): void {
    const end = this.clock.now() + ms;
    while (this.clock.now() < end) this.#step();
  }

  #step(): void {
    this.clock.advance(STEP_MS);
    const now = this.clock.now();
    const due = this.#ends.filter(({ at }) => at <= now);
    this.#ends = this.#ends.filter(({ at }) => at > now);
    for (const { end } of due) end();
    for (const pod of this.pods) {
      while (pod.wire[0] !== undefined && pod.wire[0].at <= now) pod.wire.shift()!.deliver();
      if (now >= pod.nextCallAt) this.#call(pod, now);
      if (now % REPORT_MS === 0) this.#reportFigures(pod);
    }
    this.leader.circuits.tick();
  }

  #start(pod: SimulatedPod): void {
    pod.boot += 1;
    pod.report = {
      ...{ namespace: 'default', agent: 'triage', pod: pod.name, uid: pod.name },
      ...{ connected: false, incompatible: false, since: '', features: [] },
    };
    const guard = new Guard({
      clock: this.clock,
      seed: pod.name,
      listener: {
        transition: (transition, circuit) => {
          if (pod.guard === guard) this.#noteTransition(pod, transition);
          this.#tell(pod, { type: 'Transition', transition, circuit });
        },
      },
    });
    guard.apply(content({ circuits: [this.#circuit] }));
    pod.guard = guard;
  }

  #noteTransition(
    pod: SimulatedPod,
    { from, to, reason }: Pick<Transition, 'from' | 'to' | 'reason'>,
  ): void {
    const at = this.clock.now();
    const failing = [...this.failedAt.values()].filter((each) => at - each < 60_000).length;
    const linked = pod.leader !== undefined;
    this.transitions.push({ at, pod: pod.name, from, to, reason, failing, linked });
    if (reason.startsWith('by the fleet: probe')) this.failedProbes.push({ at, pod: pod.name });
  }

  #call(pod: SimulatedPod, now: number): void {
    pod.nextCallAt = now + pod.everyMs;
    const dependency = pod.guard.dependency(DEPENDENCY)!;
    if (pod.hasFallback && dependency.availability()?.state === 'Shut') return;
    const admission = dependency.acquire();
    if (admission.kind === 'Rejection') {
      pod.served.rejected += 1;
      return;
    }
    const end = (): void => {
      const fails = pod.badNetwork || !this.providerIsUp;
      pod.served[fails ? 'failed' : 'ok'] += 1;
      if (fails) this.failedAt.set(pod.name, this.clock.now());
      admission.permit.settle(
        fails ? { vote: 'failure', class: 'ServerError', message: 'HTTP 500' } : { vote: 'ok' },
      );
    };
    this.#ends.push({ at: now + CALL_MS, end });
  }

  #reportFigures(pod: SimulatedPod): void {
    this.#tell(pod, { type: 'Counters', limits: [], circuits: pod.guard.circuits() });
  }

  #tell(pod: SimulatedPod, message: PodFacts): void {
    if (pod.leader === undefined) return;
    const copy = structuredClone(message);
    this.#wire(pod, () => {
      pod.report = afterReport(pod.report, copy);
      this.#update();
    });
  }

  #send(leader: Leader, uid: string, orders: FleetCircuitOrder[]): void {
    const pod = this.pods.find(({ name }) => name === uid);
    if (pod?.leader !== leader) return;
    this.#wire(pod, () => {
      if (leader.term < pod.announced) return;
      pod.heardAt = this.clock.now();
      const circuits = pod.guard.followFleet(orders);
      this.#tell(pod, { type: 'Counters', limits: [], circuits });
    });
  }

  #wire(pod: SimulatedPod, deliver: () => void): void {
    const last = pod.wire.at(-1)?.at ?? 0;
    pod.wire.push({ at: Math.max(last, this.clock.now() + this.delayMs), deliver });
  }

  #update(): void {
    this.leader.circuits.pods(() =>
      this.pods.map(({ name, report }): FleetPod => ({ report, target: { name } })),
    );
  }
}

function ordersOf(command: FleetCommand): FleetCircuitOrder[] {
  return command.type === 'FleetCircuits' ? command.orders : [];
}

function hello({ name, boot }: SimulatedPod): Parameters<typeof afterHello>[1] {
  return {
    ...{ contract: 1, features: [], runtimeVersion: '', boot: `${boot}`, startedAt: '' },
    ...{ pod: { namespace: 'default', name, uid: name }, highestTerm: 0 },
  };
}

function snapshotOf(guard: Guard): Snapshot {
  return {
    ...{ type: 'Snapshot', configuration: { unsupported: [] }, circuits: guard.circuits() },
    ...{ limits: [], transitions: [], missingCredentials: [] },
  };
}

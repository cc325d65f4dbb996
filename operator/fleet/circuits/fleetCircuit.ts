import type { FleetCircuitOrder } from '../../../contract/generated/types.ts';
import { countVotes, quorum, type FleetSpec, type PodCircuit, type Votes } from './votes.ts';

/** The facts on a pod that one circuit of the fleet needs. */
export interface PodView {
  uid: string;
  boot?: string | undefined;
  /** Whether its report came over the current link. */
  linked: boolean;
  /** Absent if the pod does not report the circuit. */
  circuit?: PodCircuit;
}

export type Order = Omit<FleetCircuitOrder, 'dependency' | 'model'>;

/** State of a circuit of the fleet. Times are monotonic milliseconds. */
export interface FleetState {
  state: 'Closed' | 'Open' | 'Probing' | 'Closing';
  since: number;
  reason?: string;
  votes: Pick<Votes, 'failing' | 'active'>;
  /** UID of the pod that probes. */
  prober?: string;
  nextProbeAt?: number;
}

/** Generates and recognises the numbers of orders and grants. */
export interface Names {
  /** A new number at each call. */
  next: () => string;
  /** Whether this circuit generated it. */
  isOwn: (number: string) => boolean;
  /** Whether a circuit of this leader generated it. */
  isOfLeader: (number: string) => boolean;
}

/** Called on changes of a circuit of the fleet, for metrics. */
export interface FleetEvents {
  onState(state: FleetState['state']): void;
  onProbe(outcome: 'Failed' | 'Succeeded' | 'Unused' | 'Lost'): void;
}

/** The right of one pod to probe. */
interface Grant {
  number: string;
  uid: string;
  boot: string | undefined;
  at: number;
  /** Whether it was taken back, because the pod had no call. */
  revoked?: boolean;
  /** When the pod lost its link. */
  lostAt?: number;
}

interface Closed {
  kind: 'Closed';
}
interface Open {
  kind: 'Open';
  openedAt: number;
  reopened: number;
  reason: string;
  nextProbeAt: number;
  grant?: Grant;
  lastProber?: string;
  /** Failed probes by pod. */
  failures: Map<string, number>;
}
interface Closing {
  kind: 'Closing';
  from: number;
  reason: string;
  /** The pod that probed is released first. */
  first: string;
}

interface Sent {
  boot: string | undefined;
  key: string;
  order: Order;
  at: number;
}

/** Percentages of the pods that are released, one after another, while the circuit closes. */
const STEPS = [10, 25, 50];
/** Time for which a pod without a link follows its last order. */
export const ORDER_LIFETIME_MS = 30_000;
/** An order is repeated three times within its lifetime. */
const REPEAT_MS = ORDER_LIFETIME_MS / 3;

/**
 * The leader's circuit of one dependency for all pods of an agent. It opens when the sums of the pods' reports meet a
 * rule of the policy and a quorum of pods votes. While it is open one pod probes. After a failed probe another pod does.
 * It reads no clock and does no I/O: `update` takes the pods' reports, and `orders` returns the messages to send. A new
 * leader that finds pods under orders of a former one continues from there.
 */
export class FleetCircuit {
  #spec: FleetSpec;
  readonly #events: FleetEvents;
  readonly #names: Names;
  #phase: Closed | Open | Closing = { kind: 'Closed' };
  #since: number;
  readonly #begunAt: number;
  /** When a linked pod reported the circuit last. */
  #heardAt: number;
  #pods: readonly PodView[] = [];
  readonly #sent = new Map<string, Sent>();
  /** Whether this leader has decided on the circuit. Before, it may take over the decision of the former leader. */
  #decided = false;
  #closedAt = -Infinity;
  /** Number of failed probes when the circuit closed. */
  #reopenedBefore = 0;
  #lastReason: string | undefined;
  /** The votes by which it opened. */
  #openedBy: Votes = { failing: 0, active: 0 };

  constructor(spec: FleetSpec, now: number, names: Names, events: FleetEvents) {
    this.#spec = spec;
    this.#since = now;
    this.#begunAt = now;
    this.#heardAt = now;
    this.#names = names;
    this.#events = events;
  }

  /** Replaces the policy and keeps the state. */
  apply(spec: FleetSpec): void {
    this.#spec = spec;
  }

  /** Whether its state may change without a report. */
  get isBusy(): boolean {
    return this.#phase.kind !== 'Closed';
  }

  /** Takes the facts on all pods and makes the transitions that are due. */
  update(pods: readonly PodView[], now: number): void {
    this.#pods = pods;
    for (const [uid, { boot }] of this.#sent) {
      const pod = this.#pod(uid);
      if (pod?.linked !== true || pod.boot !== boot) this.#sent.delete(uid);
    }
    this.#endWithoutPods(now);
    if (this.#phase.kind === 'Closed') this.#whileClosed(now);
    if (this.#phase.kind === 'Open') this.#whileOpen(this.#phase, now);
    if (this.#phase.kind === 'Closing') this.#whileClosing(this.#phase, now);
  }

  /** The orders to send now, by pod. They count as sent. */
  orders(now: number): Map<string, Order> {
    const due = new Map<string, Order>();
    for (const pod of this.#linked()) {
      const order = this.#due(pod, now);
      if (order !== undefined) due.set(pod.uid, order);
    }
    return due;
  }

  state(): FleetState {
    const phase = this.#phase;
    const since = this.#since;
    const lastReason = this.#lastReason;
    const { failing, active } = phase.kind === 'Closed' ? this.#votes() : this.#openedBy;
    const grant = phase.kind === 'Open' ? phase.grant : undefined;
    const state = grant === undefined ? phase.kind : 'Probing';
    return {
      ...{ state, since, votes: { failing, active } },
      ...(lastReason !== undefined && { reason: lastReason }),
      ...(grant && { prober: grant.uid }),
      ...(phase.kind === 'Open' && !grant && { nextProbeAt: phase.nextProbeAt }),
    };
  }

  #votes(): Votes {
    const alone = this.#linked().filter(({ circuit }) => circuit.report.order === undefined);
    return countVotes(
      this.#spec,
      alone.map(({ circuit }) => circuit),
    );
  }

  #whileClosed(now: number): void {
    if (!this.#decided && this.#takeOver(now)) return;
    const votes = this.#votes();
    if (votes.reason !== undefined) this.#open(votes, this.#decayed(now), now);
  }

  #whileOpen(phase: Open, now: number): void {
    this.#readFormerOrders(phase, now);
    if (phase.grant) this.#followGrant(phase, phase.grant, now);
    if (this.#phase !== phase || phase.grant || now < phase.nextProbeAt) return;
    if (this.#awaitsProber(now)) return;
    const pod = this.#choose(phase);
    if (pod === undefined) return;
    phase.grant = { number: this.#names.next(), uid: pod.uid, boot: pod.boot, at: now };
    this.#events.onState('Probing');
  }

  #whileClosing(phase: Closing, now: number): void {
    // A pod that still has its order reports counts from before.
    const released = this.#released(phase, now)
      .flatMap(({ circuit }) => circuit ?? [])
      .filter(({ report }) => report.order === undefined);
    const fewest = Math.min(2, released.length);
    const votes = countVotes(this.#spec, released, fewest);
    if (votes.reason !== undefined && released.length > 0) {
      this.#open(votes, this.#reopenedBefore, now);
      return;
    }
    if (now - phase.from < this.#spec.recovery.rampUpMs) return;
    this.#phase = { kind: 'Closed' };
    this.#entered('Closed', phase.reason, now);
  }

  #open(votes: Votes, reopened: number, now: number): void {
    const { reason = '' } = votes;
    this.#openedBy = votes;
    const nextProbeAt = now + this.#duration(reopened);
    const failures = new Map<string, number>();
    this.#phase = { kind: 'Open', openedAt: now, reopened, reason, nextProbeAt, failures };
    this.#decided = true;
    this.#entered('Open', reason, now);
  }

  #close(phase: Open, uid: string, now: number): void {
    const needed = this.#spec.halfOpen.successThreshold;
    const reason = `${needed} of ${needed} probes succeeded`;
    this.#reopenedBefore = phase.reopened;
    this.#closedAt = now;
    this.#phase = { kind: 'Closing', from: now, reason, first: uid };
    this.#entered('Closing', reason, now);
  }

  /** Closes when no linked pod has had the circuit until all orders lapsed. The pods, if there are any, decide alone. */
  #endWithoutPods(now: number): void {
    if (this.#linked().length > 0) this.#heardAt = now;
    if (!this.isBusy || now < this.#heardAt + ORDER_LIFETIME_MS + REPEAT_MS) return;
    this.#phase = { kind: 'Closed' };
    this.#entered('Closed', 'no linked pod has the circuit', now);
  }

  #entered(state: FleetState['state'], reason: string, now: number): void {
    this.#since = now;
    this.#lastReason = reason;
    this.#events.onState(state);
  }

  /** Handles the outcome of the granted probe. */
  #followGrant(phase: Open, grant: Grant, now: number): void {
    const pod = this.#pod(grant.uid);
    if (pod === undefined || (pod.linked && pod.boot !== grant.boot)) {
      this.#lose(phase, grant, now);
    } else if (!pod.linked) {
      grant.lostAt ??= now;
      // The pod may still probe by this order for its lifetime. After that it decides alone.
      if (now >= grant.lostAt + ORDER_LIFETIME_MS) this.#lose(phase, grant, now);
    } else {
      delete grant.lostAt;
      this.#settleGrant(phase, grant, pod, now);
    }
  }

  #settleGrant(phase: Open, grant: Grant, { circuit }: PodView, now: number): void {
    const probe = circuit?.report.probe;
    const outcome = probe?.grant === grant.number ? probe.outcome : undefined;
    if (outcome === 'Failed') this.#failed(phase, grant, now);
    else if (outcome === 'Succeeded') {
      this.#events.onProbe('Succeeded');
      this.#close(phase, grant.uid, now);
    } else this.#reconsider(phase, grant, outcome === 'Running', now);
  }

  #failed(phase: Open, { uid }: Grant, now: number): void {
    phase.reopened += 1;
    phase.failures.set(uid, (phase.failures.get(uid) ?? 0) + 1);
    this.#endGrant(phase, uid, now + this.#duration(phase.reopened));
    this.#events.onProbe('Failed');
    this.#entered('Open', phase.reason, now);
  }

  /** The outcome of the probe is unknown, so it counts as failed at this time. */
  #lose(phase: Open, { uid }: Grant, now: number): void {
    this.#endGrant(phase, uid, now + this.#duration(phase.reopened));
    this.#events.onProbe('Lost');
    this.#events.onState('Open');
  }

  #endGrant(phase: Open, uid: string, nextProbeAt: number): void {
    delete phase.grant;
    phase.lastProber = uid;
    phase.nextProbeAt = nextProbeAt;
  }

  /** Takes the grant back from a pod without calls, if another pod has calls. */
  #reconsider(phase: Open, grant: Grant, runs: boolean, now: number): void {
    if (runs) {
      grant.revoked = false;
      grant.at = now;
    } else if (grant.revoked === true) {
      if (!this.#hasTaken(grant.uid, 'Open')) return;
      delete phase.grant;
      phase.lastProber = grant.uid;
      this.#events.onProbe('Unused');
    } else if (now - grant.at >= REPEAT_MS) {
      grant.revoked = this.#candidates().some(({ uid }) => uid !== grant.uid);
    }
  }

  /** Chooses the prober: a pod with calls under our orders, with the fewest failures, and not the last prober. */
  #choose({ failures, lastProber }: Open): PodView | undefined {
    const all = this.#candidates().sort((a, b) => {
      const tries = (failures.get(a.uid) ?? 0) - (failures.get(b.uid) ?? 0);
      return tries !== 0 ? tries : b.circuit.report.asked - a.circuit.report.asked;
    });
    return all.find(({ uid }) => uid !== lastProber) ?? all[0];
  }

  #candidates(): (PodView & { circuit: PodCircuit })[] {
    return this.#linked().filter(
      ({ uid, circuit }) => circuit.report.asked > 0 && this.#hasTaken(uid, 'Open'),
    );
  }

  /** Whether the pod has accepted our last order and that order has this state. */
  #hasTaken(uid: string, state: Order['state']): boolean {
    const sent = this.#sent.get(uid)?.order;
    const report = this.#pod(uid)?.circuit?.report;
    return sent?.state === state && report?.number === sent.number;
  }

  /** Continues from the former leader's state, if a quorum of pods is under its orders. */
  #takeOver(now: number): boolean {
    const heard = this.#linked();
    const held = heard.filter((pod) => this.#formerOrder(pod) !== undefined);
    if (held.length < quorum(this.#spec, heard.length)) return false;
    const orders = held.map((pod) => this.#formerOrder(pod)!);
    this.#decided = true;
    this.#openedBy = { failing: held.length, active: heard.length };
    const { reason } = orders[0]!;
    if (orders.every(({ closing }) => closing === true)) {
      this.#phase = { kind: 'Closing', from: now, reason, first: heard[0]!.uid };
      this.#entered('Closing', reason, now);
      return true;
    }
    const openedAt = now - Math.max(...orders.map(({ openForMs }) => openForMs));
    const reopened = Math.max(...orders.map((order) => order.reopened));
    const failures = new Map<string, number>();
    this.#phase = { kind: 'Open', openedAt, reopened, reason, nextProbeAt: now, failures };
    this.#entered('Open', reason, now);
    this.#since = openedAt;
    return true;
  }

  /** Learns from the pods who probes for the former leader, and when the next probe is due. */
  #readFormerOrders(phase: Open, now: number): void {
    for (const pod of this.#linked()) {
      const order = this.#formerOrder(pod);
      if (order === undefined) continue;
      phase.nextProbeAt = Math.max(phase.nextProbeAt, now + order.probeInMs);
      const { probe } = pod.circuit.report;
      if (phase.grant || order.state !== 'Probe' || probe === undefined) continue;
      phase.grant = { number: probe.grant, uid: pod.uid, boot: pod.boot, at: now };
    }
  }

  /** Whether a pod that has not reported yet may still probe for the former leader. */
  #awaitsProber(now: number): boolean {
    if (now >= this.#begunAt + ORDER_LIFETIME_MS) return false;
    return this.#linked().some((pod) => {
      const prober = this.#formerOrder(pod)?.prober;
      return prober !== undefined && this.#pod(prober)?.linked !== true;
    });
  }

  #isOwn(number: string | undefined): boolean {
    return number !== undefined && this.#names.isOwn(number);
  }

  #formerOrder({ circuit }: PodView): PodCircuit['report']['order'] {
    const { order, number } = circuit?.report ?? {};
    return number !== undefined && this.#names.isOfLeader(number) ? undefined : order;
  }

  #due(pod: PodView & { circuit: PodCircuit }, now: number): Order | undefined {
    const sent = this.#sent.get(pod.uid);
    const next = this.#orderFor(pod, sent, now);
    if (next === undefined) return undefined;
    const { openForMs: _, probeInMs: __, ...fixed } = next;
    const key = JSON.stringify([fixed, this.#phase.kind === 'Open' && this.#phase.nextProbeAt]);
    const same = sent?.key === key;
    if (same && (next.state === 'Closed' || now - sent.at < REPEAT_MS)) return undefined;
    const order = { ...next, number: same ? sent.order.number : this.#names.next() };
    this.#sent.set(pod.uid, { boot: pod.boot, key, order, at: now });
    return order;
  }

  /** The order that the pod should have; undefined if it needs none. */
  #orderFor(
    pod: PodView & { circuit: PodCircuit },
    sent: Sent | undefined,
    now: number,
  ): Omit<Order, 'number'> | undefined {
    const phase = this.#phase;
    if (phase.kind === 'Open') return this.#openOrder(phase, pod, now);
    const held = phase.kind === 'Closing' && !this.#released(phase, now).includes(pod);
    if (held) return this.#closingOrder(phase, now);
    const hasOrder = sent !== undefined && sent.order.state !== 'Closed';
    if (!hasOrder && !this.#mayRelease(pod)) return undefined;
    return { state: 'Closed', reason: this.#lastReason ?? 'the fleet is closed' };
  }

  /** An order of another leader or circuit expires by itself, unless this circuit has taken it over. */
  #mayRelease(pod: PodView & { circuit: PodCircuit }): boolean {
    const { order, number } = pod.circuit.report;
    if (order === undefined || !this.#decided) return false;
    return this.#formerOrder(pod) !== undefined || this.#isOwn(number);
  }

  #openOrder(phase: Open, { uid }: PodView, now: number): Omit<Order, 'number'> {
    const { grant, reason, reopened, openedAt, nextProbeAt } = phase;
    const probes = grant?.uid === uid && grant.revoked !== true;
    return {
      ...{ state: probes ? 'Probe' : 'Open', reason, reopened, lifetimeMs: ORDER_LIFETIME_MS },
      openForMs: Math.max(0, Math.round(now - openedAt)),
      probeInMs: grant ? 0 : Math.max(0, Math.ceil(nextProbeAt - now)),
      ...(probes && { grant: grant.number }),
      ...(grant && { prober: grant.uid }),
    };
  }

  #closingOrder({ reason, from }: Closing, now: number): Omit<Order, 'number'> {
    return {
      ...{ state: 'Open', reason, closing: true, lifetimeMs: ORDER_LIFETIME_MS },
      openForMs: Math.max(0, Math.round(now - from)),
      probeInMs: 0,
    };
  }

  /** The pods that are released by now; at least one. */
  #released({ from, first }: Closing, now: number): PodView[] {
    const linked = this.#linked();
    const { rampUpMs } = this.#spec.recovery;
    const step =
      rampUpMs === 0 ? STEPS.length : Math.floor(((now - from) * STEPS.length) / rampUpMs);
    const share = (STEPS[step] ?? 100) / 100;
    const order = linked.toSorted((a, b) => Number(b.uid === first) - Number(a.uid === first));
    return order.slice(0, Math.max(1, Math.ceil(share * linked.length)));
  }

  #linked(): (PodView & { circuit: PodCircuit })[] {
    return this.#pods.filter(
      (pod): pod is PodView & { circuit: PodCircuit } => pod.linked && pod.circuit !== undefined,
    );
  }

  #pod(uid: string): PodView | undefined {
    return this.#pods.find((pod) => pod.uid === uid);
  }

  /** The backoff of the open duration halves with each openDuration in the closed state. */
  #decayed(now: number): number {
    const halvings = Math.floor((now - this.#closedAt) / this.#spec.openDurationMs);
    return Math.max(0, this.#reopenedBefore - halvings);
  }

  #duration(reopened: number): number {
    const { openDurationMs, maxOpenDurationMs } = this.#spec;
    return Math.min(openDurationMs * 2 ** reopened, maxOpenDurationMs);
  }
}

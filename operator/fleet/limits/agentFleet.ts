import { FLEET } from '../../../contract/link.ts';
import type {
  FleetReport,
  Grant,
  Limit,
  LimitGrant,
  Release,
} from '../../../contract/generated/types.ts';
import { FleetBucket } from './fleetBucket.ts';
import type { BucketFigures, FleetSpec, Granted } from './fleetBucket.ts';
import { Pledges } from './pledges.ts';

/** A pod of the agent. */
export interface FleetPod {
  uid: string;
  /** Whether its containers may run. */
  runs: boolean;
}

/** Which limit of the agent. */
export type LimitKey = Pick<Limit, 'target' | 'name' | 'resource'>;

/** What the leader has granted of an agent's limits. */
export interface FleetFigures {
  /** Name of the process that leads. */
  leader: string;
  /** Pods that leave their share to the leader, and all. */
  pods: { linked: number; total: number };
  limits: (LimitKey & BucketFigures)[];
}

interface Session {
  id: number;
  began: number;
  term: number;
  /** Of the last message. */
  number: number;
  /** When each message was sent. */
  sentAt: Map<number, number>;
  /** Number of the last report that came. */
  reported: number;
}

interface LimitState {
  key: LimitKey;
  /** As text, to notice a change. */
  spec: string;
  bucket: FleetBucket;
}

export interface AgentFleetOptions {
  /** The leader's term for the agent. */
  term: () => number;
  /** Whether this process still leads beyond doubt. */
  leads: () => boolean;
  nextSession: () => number;
  send: (uid: string, message: Grant | Release) => void;
}

/** Least time between two times at which waiting pods are served. */
const SERVE_MS = 50;

/** What the leader decides on the limits of one agent. Pure: the owner has the clock, the timer and the links. */
export class AgentFleet {
  readonly #options: AgentFleetOptions;
  readonly #pledges: Pledges;
  readonly #pods = new Map<string, FleetPod>();
  readonly #sessions = new Map<string, Session>();
  readonly #limits = new Map<string, LimitState>();
  /** Pods that have not told yet what another leader has granted them. */
  readonly #untold = new Set<string>();
  /** Pods that are linked and have no session before `#holdsUntil`. */
  readonly #held = new Set<string>();
  /** Until then sessions begin with all pods at once, as the leader before serves those without one. */
  #holdsUntil: number;
  #leaving = false;
  #configured = false;
  /** Whether pods that are new began under this leader. */
  #began: boolean;
  #servedAt = -Infinity;
  #grants = 0;

  /**
   * @param beforeMs for how long another leader, that has granted tokens of this agent's limits, may go on; undefined: no
   *   other leader has granted any
   */
  constructor(options: AgentFleetOptions, beforeMs: number | undefined, now: number) {
    const before = beforeMs !== undefined;
    this.#options = options;
    this.#holdsUntil = now + (beforeMs ?? 0);
    const since = this.#holdsUntil + FLEET.blockMs + FLEET.toleranceMs;
    this.#pledges = new Pledges(before ? since : now);
    this.#configured = !before;
    this.#began = !before;
  }

  /** Whether there are pods that take tokens of this leader, as far as it knows. */
  get hasSessions(): boolean {
    return this.#sessions.size > 0;
  }

  /** Messages that granted tokens so far. */
  get grants(): number {
    return this.#grants;
  }

  /** Whether there is anything to share. */
  get isIdle(): boolean {
    return this.#limits.size === 0;
  }

  /** Replaces the limits: those of the configuration that are the fleet's. */
  setLimits(limits: readonly Limit[], now: number): void {
    this.#refill(now);
    const before = new Map(this.#limits);
    this.#limits.clear();
    for (const limit of limits) {
      if (limit.fleet?.store !== 'Leader') continue;
      const { target, name, resource } = limit;
      const id = idOf(limit);
      const spec = specOf(limit, limit.fleet);
      const text = JSON.stringify(Object.values(spec).map(String));
      const known = before.get(id);
      if (known !== undefined && known.spec !== text) known.bucket.apply(spec, now);
      // A limit that is new under this leader has not been granted by another one.
      const level = this.#configured ? 'Full' : 'Empty';
      const bucket = known?.bucket ?? new FleetBucket(spec, this.#pledges, level, now);
      this.#limits.set(id, { key: { target, name, resource }, spec: text, bucket });
    }
    this.#configured = true;
  }

  /** Replaces the pods that there are. */
  setPods(pods: readonly FleetPod[], now: number): void {
    this.#refill(now);
    const byUid = new Map(pods.map((pod) => [pod.uid, pod]));
    for (const uid of this.#pods.keys()) if (!byUid.has(uid)) this.#remove(uid, now);
    for (const pod of pods) {
      if (!this.#pods.has(pod.uid)) this.#untold.add(pod.uid);
      this.#pods.set(pod.uid, pod);
    }
    this.#pledges.set(byUid, this.#began, now);
    this.#began = true;
    this.#settle(now);
    this.#beginHeld(now);
  }

  /** A pod is linked: begins a session with it. */
  connected(uid: string, now: number): void {
    if (this.#leaving) return;
    this.#held.add(uid);
    this.#beginHeld(now);
  }

  disconnected(uid: string): void {
    this.#held.delete(uid);
    this.#sessions.delete(uid);
  }

  /** Takes a pod's report, and grants what there is. */
  report(uid: string, report: FleetReport, now: number): void {
    const session = this.#sessionOf(uid, report);
    if (session === undefined || report.number <= session.reported) return;
    session.reported = report.number;
    this.#refill(now);
    const sentAt = session.sentAt.get(report.heard);
    if (sentAt !== undefined) this.#pledges.pledge(uid, sentAt, report.pledgedMs, now);
    for (const use of report.limits) {
      this.#limits.get(idOf(use))?.bucket.report(uid, use, report.number, now);
    }
    if (this.#untold.delete(uid)) this.#settle(now);
    const waits = report.limits.some(({ need }) => need > 0);
    this.#serve(now, waits ? uid : undefined);
  }

  /** Tells every pod that the leader is there. To be called each FLEET.heartbeatMs. */
  heartbeat(now: number): void {
    if (!this.#options.leads()) return;
    this.#beginHeld(now);
    const limits = [...this.#limits.values()];
    for (const [uid, { term }] of this.#sessions) {
      // A pod has shown a higher term meanwhile, and takes nothing of a lower one.
      if (term !== this.#options.term()) this.connected(uid, now);
      else this.#tell(uid, limits, now, { answer: true });
    }
  }

  /**
   * This process is to stop. It goes on granting to pods that have taken tokens of it for long enough to be known to the
   * next leader, until that one has them; so no other session begins.
   */
  leave(now: number): void {
    this.#leaving = true;
    this.#held.clear();
    for (const [uid, session] of this.#sessions) {
      if (session.began <= now - FLEET.pledgeMs) continue;
      this.#release(uid, session);
      this.#sessions.delete(uid);
    }
    this.heartbeat(now);
  }

  /** Serves pods that wait. To be called at `nextAt`. */
  serve(now: number): void {
    this.#serve(now, undefined);
  }

  /** When `serve` may have something to do; Infinity while no pod waits. */
  nextAt(now: number): number {
    let next = Infinity;
    for (const { bucket } of this.#limits.values()) {
      next = Math.min(next, bucket.nextAt(this.#isLinked, now));
    }
    return Math.max(next, this.#servedAt + SERVE_MS);
  }

  /** Ends all sessions, because this process leads no more. */
  release(): void {
    for (const [uid, session] of this.#sessions) this.#release(uid, session);
    this.#sessions.clear();
  }

  figures(now: number): (LimitKey & BucketFigures)[] {
    return [...this.#limits.values()].map(({ key, bucket }) => ({
      ...key,
      ...bucket.figures(now),
    }));
  }

  /** Pods that leave their share to the leader, and all. */
  pods(now: number): { linked: number; total: number } {
    const uids = [...this.#pods.keys()];
    const linked = uids.filter((uid) => this.#pledges.isPledged(uid, now)).length;
    return { linked, total: uids.length };
  }

  #release(uid: string, { id, term }: Session): void {
    this.#options.send(uid, { type: 'Release', term, session: id });
  }

  /** The session in which the pod reports, if it is one of this leader. */
  #sessionOf(uid: string, { term, session: id }: FleetReport): Session | undefined {
    const session = this.#sessions.get(uid);
    if (session?.id === id && session.term === term) return session;
    const hasAnother = session !== undefined && term > session.term;
    if (this.#leaving && hasAnother) this.#sessions.delete(uid);
    return undefined;
  }

  #beginHeld(now: number): void {
    const missing = [...this.#pods].some(
      ([uid, { runs }]) => runs && !this.#held.has(uid) && !this.#sessions.has(uid),
    );
    if (missing && now < this.#holdsUntil) return;
    this.#holdsUntil = -Infinity;
    const held = [...this.#held];
    this.#held.clear();
    for (const uid of held) this.#begin(uid, now);
  }

  #begin(uid: string, now: number): void {
    for (const { bucket } of this.#limits.values()) bucket.restart(uid);
    const id = this.#options.nextSession();
    const term = this.#options.term();
    this.#sessions.set(uid, { id, began: now, term, number: 0, sentAt: new Map(), reported: 0 });
    this.#tell(uid, [], now, { answer: true });
  }

  readonly #isLinked = (uid: string): boolean => this.#sessions.has(uid);

  #serve(now: number, waiting: string | undefined): void {
    if (!this.#options.leads()) return;
    this.#servedAt = now;
    const byPod = new Map<string, LimitState[]>();
    const add = (uid: string, limit: LimitState): void => {
      const known = byPod.get(uid);
      if (known === undefined) byPod.set(uid, [limit]);
      else known.push(limit);
    };
    for (const limit of this.#limits.values()) {
      const granted = limit.bucket.serve(this.#isLinked, now);
      this.#grants += granted.length;
      for (const { uid } of granted) add(uid, limit);
      if (waiting !== undefined && !granted.some(({ uid }) => uid === waiting)) add(waiting, limit);
    }
    for (const [uid, limits] of byPod) this.#tell(uid, limits, now);
    if (waiting === undefined) return;
    for (const { bucket } of this.#limits.values()) bucket.answered(waiting, now);
  }

  #tell(
    uid: string,
    limits: readonly LimitState[],
    now: number,
    asks: Pick<Grant, 'answer'> = {},
  ): void {
    const session = this.#sessions.get(uid)!;
    session.number += 1;
    session.sentAt.set(session.number, now);
    for (const [number, at] of session.sentAt) {
      if (at > now - FLEET.pledgeMs) break;
      session.sentAt.delete(number);
    }
    const { id, term, number, reported } = session;
    this.#options.send(uid, {
      type: 'Grant',
      term,
      session: id,
      number,
      ...(reported > 0 && { acknowledged: reported }),
      ...asks,
      ...(this.#leaving && { leaving: true }),
      limits: limits.flatMap(({ key, bucket }) => {
        const told = bucket.told(uid, now);
        return told === undefined ? [] : [limitGrant(key, told)];
      }),
    });
  }

  #remove(uid: string, now: number): void {
    this.#pods.delete(uid);
    this.disconnected(uid);
    this.#untold.delete(uid);
    for (const { bucket } of this.#limits.values()) bucket.remove(uid, now);
  }

  #settle(now: number): void {
    const open = [...this.#untold].some((uid) => this.#pods.get(uid)!.runs);
    if (!open && this.#configured) this.#pledges.settle(now);
  }

  #refill(now: number): void {
    for (const { bucket } of this.#limits.values()) bucket.refill(now);
  }
}

function idOf({ target, name, resource }: LimitKey): string {
  return JSON.stringify([target, name, resource]);
}

function specOf(
  { refill, capacity, resource, onLimit }: Limit,
  { withoutLeader, maxPods }: NonNullable<Limit['fleet']>,
): FleetSpec {
  return {
    amount: refill.amount,
    perMs: refill.perMs,
    capacity,
    whole: resource === 'Requests',
    rejects: onLimit === 'Reject',
    maxPods: withoutLeader === 'Deny' ? Infinity : maxPods,
  };
}

function limitGrant(key: LimitKey, { account, largest, waitMs, answered }: Granted): LimitGrant {
  const { block, granted } = account;
  return { ...key, block, granted, largest, answered, waitMs };
}

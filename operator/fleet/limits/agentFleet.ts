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

/** Identifies a limit of the agent. */
export type LimitKey = Pick<Limit, 'target' | 'name' | 'resource'>;

/** How the leader shares an agent's limits among its pods. */
export interface FleetFigures {
  /** Name of the leader's process. */
  leader: string;
  /** Pods that have pledged their share to the leader, and all pods. */
  pods: { linked: number; total: number };
  limits: (LimitKey & BucketFigures)[];
}

interface Session {
  id: number;
  began: number;
  term: number;
  /** Number of the last message. */
  number: number;
  /** When each message was sent. */
  sentAt: Map<number, number>;
  /** Number of the last received report. */
  reported: number;
}

interface LimitState {
  key: LimitKey;
  /** As text, to detect a change. */
  spec: string;
  bucket: FleetBucket;
}

export interface AgentFleetOptions {
  /** The leader's term for the agent. */
  term: () => number;
  /** Whether this process certainly still leads. */
  leads: () => boolean;
  nextSession: () => number;
  send: (uid: string, message: Grant | Release) => void;
}

/** Least time between two rounds of serving waiting pods. */
const SERVE_MS = 50;

/** The leader's decisions on the limits of one agent. Pure: the owner has the clock, the timer and the links. */
export class AgentFleet {
  readonly #options: AgentFleetOptions;
  readonly #pledges: Pledges;
  readonly #pods = new Map<string, FleetPod>();
  readonly #sessions = new Map<string, Session>();
  readonly #limits = new Map<string, LimitState>();
  /** Pods that have not reported yet what another leader granted them. */
  readonly #unreported = new Set<string>();
  /** Linked pods whose sessions wait for `#holdsUntil`. */
  readonly #held = new Set<string>();
  /** Before this time sessions begin only with all pods at once: the former leader still serves pods without one. */
  #holdsUntil: number;
  #leaving = false;
  #configured = false;
  /** Whether new pods certainly started under this leader. */
  #began: boolean;
  #servedAt = -Infinity;

  /**
   * @param beforeMs for how long a former leader of this agent may go on granting; undefined: there was none
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

  /** Whether pods take tokens from this leader. */
  get hasSessions(): boolean {
    return this.#sessions.size > 0;
  }

  /** Replaces the limits by those of scope Fleet in the configuration. */
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
      // No other leader has granted tokens of a limit that was added under this one.
      const level = this.#configured ? 'Full' : 'Empty';
      const bucket = known?.bucket ?? new FleetBucket(spec, this.#pledges, level, now);
      this.#limits.set(id, { key: { target, name, resource }, spec: text, bucket });
    }
    this.#configured = true;
  }

  /** Replaces the set of pods. */
  setPods(pods: readonly FleetPod[], now: number): void {
    this.#refill(now);
    const byUid = new Map(pods.map((pod) => [pod.uid, pod]));
    for (const uid of this.#pods.keys()) if (!byUid.has(uid)) this.#remove(uid, now);
    for (const pod of pods) {
      if (!this.#pods.has(pod.uid)) this.#unreported.add(pod.uid);
      this.#pods.set(pod.uid, pod);
    }
    this.#pledges.set(byUid, this.#began, now);
    this.#began = true;
    this.#settle(now);
    this.#beginHeld(now);
  }

  /** Begins a session with a pod that was linked. */
  connected(uid: string, now: number): void {
    if (this.#leaving) return;
    this.#held.add(uid);
    this.#beginHeld(now);
  }

  disconnected(uid: string): void {
    this.#held.delete(uid);
    this.#sessions.delete(uid);
  }

  /** Takes a pod's report and grants tokens. */
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
    if (this.#unreported.delete(uid)) this.#settle(now);
    const waits = report.limits.some(({ need }) => need > 0);
    this.#serve(now, waits ? uid : undefined);
  }

  /** Tells every pod that this process leads. Must be called every FLEET.heartbeatMs. */
  heartbeat(now: number): void {
    if (!this.#options.leads()) return;
    this.#beginHeld(now);
    const limits = [...this.#limits.values()];
    for (const [uid, { term }] of this.#sessions) {
      // The term has risen meanwhile, and pods accept nothing of a lower one.
      if (term !== this.#options.term()) this.connected(uid, now);
      else this.#tell(uid, limits, now, { answer: true });
    }
  }

  /**
   * Prepares the end of this process. It begins no sessions. It goes on granting in old sessions until the next leader
   * takes the pods over, and releases sessions younger than FLEET.pledgeMs.
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

  /** Serves waiting pods. Must be called at `nextAt`. */
  serve(now: number): void {
    this.#serve(now, undefined);
  }

  /** When `serve` may grant something; Infinity while no pod waits. */
  nextAt(now: number): number {
    let next = Infinity;
    for (const { bucket } of this.#limits.values()) {
      next = Math.min(next, bucket.nextAt(this.#isLinked, now));
    }
    return Math.max(next, this.#servedAt + SERVE_MS);
  }

  /** Ends all sessions when this process no longer leads. */
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

  /** Pods that have pledged their share to the leader, and all pods. */
  pods(now: number): { linked: number; total: number } {
    const uids = [...this.#pods.keys()];
    const linked = uids.filter((uid) => this.#pledges.isPledged(uid, now)).length;
    return { linked, total: uids.length };
  }

  #release(uid: string, { id, term }: Session): void {
    this.#options.send(uid, { type: 'Release', term, session: id });
  }

  /** The session of a report; undefined if it is not a current one of this leader. */
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
    this.#unreported.delete(uid);
    for (const { bucket } of this.#limits.values()) bucket.remove(uid, now);
  }

  #settle(now: number): void {
    const open = [...this.#unreported].some((uid) => this.#pods.get(uid)!.runs);
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

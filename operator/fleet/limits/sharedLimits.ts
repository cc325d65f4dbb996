import { limitAt, nextOverrideEnd } from '../../../contract/limitOverride.ts';
import { FLEET } from '../../../contract/link.ts';
import type {
  Content,
  FleetReport,
  Grant,
  Limit,
  LimitGrant,
} from '../../../contract/generated/types.ts';
import type {
  FleetContext,
  FleetMessage,
  FleetPods,
  FleetService,
  PodChange,
} from '../fleetService.ts';
import { FleetBucket } from './fleetBucket.ts';
import type { BucketFigures, FleetSpec, Granted } from './fleetBucket.ts';
import { SafeShares } from './safeShares.ts';

/** Identifies a limit of the agent. */
export type LimitKey = Pick<Limit, 'target' | 'name' | 'resource'>;

/** How the leader shares an agent's limits among its pods. */
export interface FleetFigures {
  /** Name of the leader's process. */
  leader: string;
  /** Pods that take tokens from the leader or rest, and all pods. */
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
  /** Whether the pod's safe shares would be enough, by its last report. */
  couldRest: boolean;
  /** Number of the message that lets the pod rest, and whether the pod does. */
  restedBy: number;
  rests: boolean;
}

interface LimitState {
  key: LimitKey;
  /** As text, to detect a change. */
  spec: string;
  bucket: FleetBucket;
  mayRest: boolean;
}

/** Least time between two rounds of serving waiting pods. */
const SERVE_MS = 50;
/** Announced by runtimes that take tokens from the leader. */
const FEATURE = 'Limit.Fleet';

/** The limits whose tokens the leader grants. */
export function ledLimits({ limits }: Content): Limit[] {
  return limits.filter(({ fleet }) => fleet?.store === 'Leader');
}

/** The limits of scope Fleet of one agent: the leader grants their tokens to the pods. */
export class SharedLimits implements FleetService {
  readonly #context: FleetContext;
  readonly #instance: string;
  readonly #onGrant: () => void;
  readonly #shares: SafeShares;
  #podsNow: FleetPods = () => [];
  /** By UID of the pod. */
  readonly #pods = new Map<string, { runs: boolean }>();
  readonly #sessions = new Map<string, Session>();
  readonly #limits = new Map<string, LimitState>();
  /** Pods that have not reported yet what another leader granted them. */
  readonly #unreported = new Set<string>();
  /** Linked pods whose sessions wait for `#holdsUntil`. */
  readonly #held = new Set<string>();
  /** Before this time sessions begin only with all pods at once: the former leader still serves pods without one. */
  #holdsUntil: number;
  #leaving = false;
  /**
   * Pods use their safe shares, which are enough, and send nothing. The first one that needs more wakes the agent. Pods
   * of a former leader may rest, so a leader that takes over begins like this.
   */
  #rests = false;
  /** Whether a pod needs more while this process may not lead. */
  #isWoken = false;
  #configured = false;
  /** The configuration in force. */
  #content: Content | undefined;
  /** When the next override of a limit ends, in milliseconds since the epoch. */
  #overrideEnds = Infinity;
  /** Whether new pods certainly started under this leader. */
  #began: boolean;
  #servedAt = -Infinity;
  #heartbeatAt: number;

  /**
   * @param instance name of this process
   * @param onGrant called after each block of tokens that a pod gets
   */
  constructor(context: FleetContext, instance: string, onGrant: () => void) {
    const { beforeMs, random, clock } = context;
    const now = clock.monotonic();
    const before = beforeMs !== undefined;
    this.#context = context;
    this.#instance = instance;
    this.#onGrant = onGrant;
    this.#holdsUntil = now + (beforeMs ?? 0);
    const since = this.#holdsUntil + FLEET.blockMs + FLEET.toleranceMs;
    this.#shares = new SafeShares(before ? since : now);
    this.#configured = !before;
    this.#began = !before;
    // A random start spreads the heartbeats of all agents.
    this.#heartbeatAt = now + random() * FLEET.heartbeatMs;
  }

  configure(content: Content): void {
    const now = this.#now();
    const date = this.#context.clock.now();
    this.#content = content;
    this.#overrideEnds = nextOverrideEnd(content.limits, date);
    this.#refill(now);
    const before = new Map(this.#limits);
    this.#limits.clear();
    for (const configured of ledLimits(content)) {
      const limit = limitAt(configured, date);
      const { target, name, resource } = limit;
      const id = idOf(limit);
      const spec = specOf(limit, limit.fleet!);
      const text = JSON.stringify(Object.values(spec).map(String));
      const known = before.get(id);
      if (known !== undefined && known.spec !== text) known.bucket.apply(spec, now);
      // No other leader has granted tokens of a limit that was added under this one.
      const level = this.#configured ? 'Full' : 'Empty';
      const bucket = known?.bucket ?? new FleetBucket(spec, this.#shares, level, now);
      const mayRest = limit.fleet!.withoutLeader === 'SafeShare';
      this.#limits.set(id, { key: { target, name, resource }, spec: text, bucket, mayRest });
    }
    this.#applyRest(before, now);
    this.#configured = true;
    this.#followLinks(now);
  }

  #applyRest(before: ReadonlyMap<string, LimitState>, now: number): void {
    if (!this.#configured) this.#rests = this.#mayRest;
    else if (this.#rests && !isSame(before, this.#limits)) this.#wake(now);
  }

  pods(pods: FleetPods, change: PodChange): void {
    this.#podsNow = pods;
    if (change === 'Counters') return;
    const now = this.#now();
    this.#refill(now);
    const byUid = new Map(
      pods().map(({ report, target }) => [report.uid, { runs: target.running ?? false }]),
    );
    for (const uid of this.#pods.keys()) if (!byUid.has(uid)) this.#remove(uid, now);
    for (const [uid, pod] of byUid) {
      if (!this.#pods.has(uid)) this.#unreported.add(uid);
      this.#pods.set(uid, pod);
    }
    this.#shares.set(byUid, this.#began, now);
    this.#began = true;
    this.#settle(now);
    this.#beginHeld(now);
    this.#followLinks(now);
  }

  /** Begins a session with each pod that has a new link, and ends those of pods without one. */
  #followLinks(now: number): void {
    const linked = this.#podsNow().filter(({ report }) => report.connected);
    const uids = new Set(linked.map(({ report }) => report.uid));
    for (const uid of [...this.#held, ...this.#sessions.keys()]) {
      if (!uids.has(uid)) this.#disconnected(uid);
    }
    // A session begins with the limits.
    if (this.#limits.size === 0) return;
    for (const { report } of linked) {
      const { uid, features } = report;
      const isKnown = this.#held.has(uid) || this.#sessions.has(uid);
      if (!isKnown && features.includes(FEATURE)) this.#hold(uid, now);
    }
  }

  /** Begins a session with the pod when that may be. */
  #hold(uid: string, now: number): void {
    if (this.#leaving) return;
    this.#held.add(uid);
    this.#beginHeld(now);
  }

  #disconnected(uid: string): void {
    this.#held.delete(uid);
    this.#sessions.delete(uid);
  }

  message(uid: string, message: FleetMessage): void {
    if (message.type === 'Fleet') this.#report(uid, message, this.#now());
  }

  /** Takes a pod's report and grants tokens. */
  #report(uid: string, report: FleetReport, now: number): void {
    const session = this.#sessionOf(uid, report);
    if (session === undefined || report.number <= session.reported) return;
    session.reported = report.number;
    session.couldRest = report.couldRest === true;
    session.rests = report.rests === true;
    this.#refill(now);
    for (const use of report.limits) {
      this.#limits.get(idOf(use))?.bucket.report(uid, use, report.number, now);
    }
    const sentAt = session.sentAt.get(report.heard);
    if (sentAt !== undefined) this.#shares.lend(uid, sentAt, report.pledgedMs, now);
    if (this.#unreported.delete(uid)) this.#settle(now);
    if (this.#rests) return this.#reportAtRest(session, report, now);
    const waits = report.limits.some(({ need }) => need > 0);
    this.#serve(now, waits ? uid : undefined);
  }

  tick(): number {
    const now = this.#now();
    const untilEnd = this.#overrideEnds - this.#context.clock.now();
    if (untilEnd <= 0) this.configure(this.#content!);
    if (now >= this.#heartbeatAt) {
      this.#heartbeatAt = now + FLEET.heartbeatMs;
      this.#heartbeat(now);
    }
    if (now >= this.#nextAt(now)) this.#serve(now, undefined);
    const endsAt = untilEnd > 0 ? now + untilEnd : Infinity;
    return Math.min(this.#heartbeatAt, this.#nextAt(now), endsAt);
  }

  /** Tells every pod that this process leads, unless they rest. */
  #heartbeat(now: number): void {
    if (!this.#context.leads()) return;
    this.#beginHeld(now);
    if (this.#isWoken) this.#wake(now);
    if (this.#canRest(now)) return this.#rest(now);
    const limits = [...this.#limits.values()];
    for (const [uid, { term }] of this.#sessions) {
      // The term is higher meanwhile, and pods accept nothing of a lower one.
      if (term !== this.#context.term()) this.#hold(uid, now);
      else if (!this.#rests) this.#tell(uid, limits, now, { answer: true });
    }
  }

  /**
   * Prepares the end of this process. It begins no sessions. It goes on granting in old sessions until the next leader
   * takes the pods over, and releases sessions younger than FLEET.pledgeMs. Pods that rest need nothing of it.
   */
  leave(): void {
    const now = this.#now();
    this.#leaving = true;
    this.#held.clear();
    if (this.#rests) return this.#dropRested();
    for (const [uid, session] of this.#sessions) {
      if (session.began <= now - FLEET.pledgeMs) continue;
      this.#release(uid, session);
      this.#sessions.delete(uid);
    }
    this.#heartbeat(now);
  }

  /** Whether pods still take tokens from this leader. */
  get isAwaited(): boolean {
    return this.#sessions.size > 0;
  }

  /** When waiting pods may get tokens; Infinity while none waits. */
  #nextAt(now: number): number {
    let next = Infinity;
    for (const { bucket } of this.#limits.values()) {
      next = Math.min(next, bucket.nextAt(this.#isLinked, now));
    }
    return Math.max(next, this.#servedAt + SERVE_MS);
  }

  /** Pods that rest go on when this process no longer leads. */
  end(why: 'Unused' | 'Deposed'): void {
    if (why === 'Unused' || !this.#rests) {
      for (const [uid, session] of this.#sessions) this.#release(uid, session);
    }
    this.#sessions.clear();
  }

  figures(): FleetFigures {
    const now = this.#now();
    const limits = [...this.#limits.values()].map(({ key, bucket }) => ({
      ...key,
      ...bucket.figures(now),
    }));
    return { leader: this.#instance, pods: this.#podFigures(now), limits };
  }

  #podFigures(now: number): FleetFigures['pods'] {
    const uids = [...this.#pods.keys()];
    const rests = (uid: string): boolean => this.#rests && this.#sessions.has(uid);
    const linked = uids.filter((uid) => this.#shares.isLent(uid, now) || rests(uid)).length;
    return { linked, total: uids.length };
  }

  #release(uid: string, { id, term }: Session): void {
    this.#context.send(uid, { type: 'Release', term, session: id });
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

  #begin(uid: string, now: number, began = now): void {
    for (const { bucket } of this.#limits.values()) bucket.restart(uid);
    const id = this.#context.nextNumber();
    const term = this.#context.term();
    const counts = { number: 0, reported: 0, couldRest: false, restedBy: 0, rests: false };
    this.#sessions.set(uid, { id, began, term, sentAt: new Map(), ...counts });
    this.#tell(uid, [], now, { answer: true, ...(this.#rests && { rest: true }) });
  }

  get #mayRest(): boolean {
    return this.#limits.size > 0 && [...this.#limits.values()].every(({ mayRest }) => mayRest);
  }

  #canRest(now: number): boolean {
    if (this.#rests || this.#leaving || !this.#mayRest || this.#sessions.size === 0) return false;
    const term = this.#context.term();
    const areEnough = [...this.#sessions].every(
      ([uid, session]) =>
        session.couldRest && session.term === term && this.#shares.isLent(uid, now),
    );
    const limits = [...this.#limits.values()];
    return areEnough && limits.every(({ bucket }) => bucket.canRest(this.#isLinked, now));
  }

  /** Leaves the linked pods their safe shares. */
  #rest(now: number): void {
    this.#rests = true;
    const uids = [...this.#sessions.keys()];
    const limits = [...this.#limits.values()];
    for (const { bucket } of limits) bucket.rest(uids, now);
    for (const uid of uids) {
      this.#shares.end(uid, now);
      this.#tell(uid, limits, now, { answer: true, rest: true });
    }
  }

  /** Asks all pods for their safe shares, because one needs more than its own. */
  #wake(now: number): void {
    this.#isWoken = !this.#context.leads();
    if (this.#isWoken) return;
    this.#rests = false;
    this.#shares.ask(this.#sessions.keys(), now);
    for (const [uid, { began }] of this.#sessions) this.#begin(uid, now, began);
  }

  #reportAtRest({ rests, restedBy }: Session, { heard }: FleetReport, now: number): void {
    if (!rests && heard >= restedBy) this.#wake(now);
    else if (this.#leaving) this.#dropRested();
  }

  /** A pod that has not said that it rests may still wait for this leader. */
  #dropRested(): void {
    for (const [uid, { rests }] of this.#sessions) if (rests) this.#sessions.delete(uid);
  }

  readonly #isLinked = (uid: string): boolean => !this.#rests && this.#sessions.has(uid);

  #serve(now: number, waiting: string | undefined): void {
    this.#servedAt = now;
    if (!this.#context.leads()) return;
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
    asks: Pick<Grant, 'answer' | 'rest'> = {},
  ): void {
    const session = this.#sessions.get(uid)!;
    session.number += 1;
    if (asks.rest === true) {
      session.restedBy = session.number;
      session.sentAt.clear();
    } else session.sentAt.set(session.number, now);
    for (const [number, at] of session.sentAt) {
      if (at > now - FLEET.pledgeMs) break;
      session.sentAt.delete(number);
    }
    const { id, term, number, reported } = session;
    this.#context.send(uid, {
      type: 'Grant',
      term,
      session: id,
      number,
      ...(reported > 0 && { acknowledged: reported }),
      ...asks,
      ...(this.#leaving && { leaving: true }),
      limits: limits.flatMap(({ key, bucket }) => {
        const grant = bucket.grantFor(uid, now);
        return grant === undefined ? [] : [{ ...limitGrant(key, grant), ...shareOf(grant, asks) }];
      }),
    });
    if (asks.answer !== true) this.#onGrant();
  }

  #remove(uid: string, now: number): void {
    this.#pods.delete(uid);
    this.#disconnected(uid);
    this.#unreported.delete(uid);
    for (const { bucket } of this.#limits.values()) bucket.remove(uid, now);
  }

  #settle(now: number): void {
    const open = [...this.#unreported].some((uid) => this.#pods.get(uid)!.runs);
    if (!open && this.#configured) this.#shares.settle(now);
  }

  #refill(now: number): void {
    for (const { bucket } of this.#limits.values()) bucket.refill(now);
  }

  #now(): number {
    return this.#context.clock.monotonic();
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

function isSame(
  before: ReadonlyMap<string, LimitState>,
  after: ReadonlyMap<string, LimitState>,
): boolean {
  const areKnown = [...after].every(([id, { spec, mayRest }]) => {
    const known = before.get(id);
    return known?.spec === spec && known.mayRest === mayRest;
  });
  return areKnown && before.size === after.size;
}

function shareOf({ account }: Granted, { rest }: Pick<Grant, 'rest'>): Pick<LimitGrant, 'share'> {
  return rest === true ? { share: account.share } : {};
}

function limitGrant(key: LimitKey, { account, largest, waitMs, answered }: Granted): LimitGrant {
  const { block, granted } = account;
  return { ...key, block, granted, largest, answered, waitMs };
}

import type { ProviderLimitUse } from '../../../contract/generated/types.ts';
import { FLEET } from '../../../contract/link.ts';
import { partsOf } from './shares.ts';

/** What one pod may take of a limit, in addition to what it has reported. */
export interface Share {
  amount: number;
  perMs: number;
  /** Of the pod's last report; absent before the first one. */
  count?: number;
  taken?: number;
}

/** What is left of a limit for all pods. */
export interface Level {
  limit: number;
  remaining: number;
  resetMs: number;
  ageMs: number;
}

/** A pod of the agent. */
export interface AccountPod {
  uid: string;
  /** Names its process. */
  boot?: string | undefined;
  linked: boolean;
}

interface Statement {
  limit: number;
  remaining: number;
  perMs: number;
  at: number;
}

/** One process of a pod that takes from the limit. */
interface Member {
  uid: string;
  boot: string | undefined;
  linked: boolean;
  /** Of the last report; undefined before the first one. */
  count: number | undefined;
  taken: number;
  /** What it had taken at the time of the statement. */
  base: number;
  reports: { at: number; taken: number }[];
  asked: number;
  askedAt: number;
  /** Tokens per millisecond that it asks for. */
  demand: number;
  need: number;
  neededAt: number;
  /** Its share and when that expires. */
  given: { at: number; amount: number; taken: number; perMs: number; until: number };
}

const NOTHING = { at: 0, amount: 0, taken: 0, perMs: 0, until: -Infinity };
/** Kept reports of each pod, which tell what it had taken when a call began. */
const KEPT_REPORTS = 32;
/** Time constant of the smoothed demand of a pod. */
const SMOOTHED_MS = 2000;
/** The leader shares a limit below this fraction. Pods ask for shares from half of the limit on. */
const SCARCE = 0.6;
/** Fraction of the rest that is divided by demand. The remainder is for calls that exceed the share of their pod. */
const DIVIDED = 0.8;
/** A refused call counts as demand that is to be served within this time. */
const SERVED_MS = 10_000;
/** Time for which the need of a refused call counts. */
const NEEDED_MS = 120_000;
const TOKEN_UNIT = 1000;

/**
 * The leader's account of one limit that a provider enforces on a credential, for all pods of an agent. The level is that
 * of the provider's newest statement, without what pods have taken since the call that it answered. The shares of pods
 * never add up to more.
 */
export class Account {
  readonly #unit: number;
  #statement: Statement | undefined;
  #members: Member[] = [];
  #maxPods = 1;
  /** Pods without a link. Each may take its safe share. */
  #alone = 0;

  constructor(resource: string) {
    this.#unit = resource === 'Requests' ? 1 : TOKEN_UNIT;
  }

  setPods(pods: readonly AccountPod[], maxPods: number, now: number): void {
    this.#maxPods = maxPods;
    this.#alone = pods.filter(({ linked }) => !linked).length;
    for (const member of this.#members) {
      member.linked = pods.some((pod) => pod.linked && isProcess(member, pod));
    }
    for (const pod of pods) {
      if (pod.linked && !this.#members.some((member) => isProcess(member, pod))) {
        this.#members.push(newMember(pod, now));
      }
    }
    // Drops members whose share has expired. What they have taken stays taken.
    this.#members = this.#members.filter((member) => {
      const stays = member.linked || now < member.given.until;
      if (!stays && this.#statement) this.#statement.remaining -= member.taken - member.base;
      return stays;
    });
  }

  report(uid: string, use: ProviderLimitUse, now: number): void {
    const member = this.#members.find((each) => each.uid === uid && each.linked);
    if (member === undefined) return;
    const { count, taken, asked, held } = use;
    if (member.count !== count) this.#begin(member, use, now);
    followNeed(member, use, now);
    member.taken = taken;
    followDemand(member, asked, now);
    member.reports.push({ at: now, taken });
    if (member.reports.length > KEPT_REPORTS) member.reports.shift();
    if (use.stated) this.#state(member, use.stated, now);
    // Before this leader gives it a share, the pod has one of a former leader, or its safe share.
    if (member.given === NOTHING) {
      const until = now + FLEET.blockMs;
      member.given = { at: now, amount: Math.max(0, held), taken, perMs: 0, until };
    }
  }

  /** Whether so little is left that pods must share it. */
  isScarce(now: number): boolean {
    const statement = this.#statement;
    return statement !== undefined && this.#level(now) < SCARCE * statement.limit;
  }

  /** New shares of all linked pods. */
  divide(now: number): Map<string, Share> {
    const members = this.#members.filter(({ linked }) => linked);
    const { perMs = 0 } = this.#statement ?? {};
    const flow = perMs * this.#shared();
    const pool = this.#available(now, members);
    const parts = partsOf(
      members.map(({ demand, need }) => Math.max(demand, need / SERVED_MS)),
      flow,
    );
    const amounts = this.#amounts(members, parts, pool, now);
    return new Map(
      members.map((member, i) => [
        member.uid,
        give(member, { amount: amounts[i]!, perMs: parts[i]! * flow }, now),
      ]),
    );
  }

  /** A new share of one pod, from what no other pod holds. */
  topUp(uid: string, now: number): Share | undefined {
    if (this.#statement === undefined) return undefined;
    const member = this.#members.find((each) => each.uid === uid && each.linked);
    if (member === undefined) return undefined;
    const { perMs } = this.#statement;
    const others = this.#members.filter((each) => each !== member && now < each.given.until);
    const pool = this.#available(now, [member]);
    const flow = others.reduce((left, { given }) => left - given.perMs, perMs * this.#shared());
    const { length: count } = this.#members.filter(({ linked }) => linked);
    const own = now < member.given.until ? member.given.perMs : perMs / count;
    const wanted = Math.max(
      heldBy(member, now),
      pool / count,
      pool >= member.need ? member.need : 0,
    );
    const amount = Math.min(pool, wanted);
    return give(member, { amount, perMs: Math.max(0, Math.min(own, flow)) }, now);
  }

  /** Undefined without a statement of the provider. */
  levelOf(now: number): Level | undefined {
    const statement = this.#statement;
    if (statement === undefined) return undefined;
    const { limit, perMs, at } = statement;
    const remaining = Math.max(0, this.#level(now));
    return { limit, remaining, resetMs: (limit - remaining) / perMs, ageMs: now - at };
  }

  /** Pods with a share: what each may take now, and what it asks for. */
  shares(now: number): { uid: string; held: number; perSecond: number; demand: number }[] {
    return this.#members
      .filter(({ given }) => now < given.until)
      .map((member) => ({
        uid: member.uid,
        held: heldBy(member, now),
        perSecond: member.given.perMs * 1000,
        demand: member.demand * 1000,
      }));
  }

  #begin(member: Member, { count, taken, asked }: ProviderLimitUse, now: number): void {
    Object.assign(member, newMember(member, now), { linked: true });
    Object.assign(member, { count, taken, asked, base: taken });
  }

  #state(
    from: Member,
    { limit, remaining, resetMs, ageMs, sinceMs, before }: NonNullable<ProviderLimitUse['stated']>,
    now: number,
  ): void {
    const at = now - ageMs;
    if (limit <= 0 || (this.#statement && at <= this.#statement.at)) return;
    const left = Math.min(remaining, limit);
    const perMs = resetMs > 0 ? (limit - left) / resetMs : 0;
    if (perMs <= 0) {
      // The limit is full.
      this.#statement = undefined;
      return;
    }
    this.#statement = { limit, remaining: left, perMs, at };
    const since = now - sinceMs;
    for (const member of this.#members) {
      member.base = member === from ? before : takenAt(member, since);
    }
  }

  /** The stated remainder with its refill, without what pods have taken since. */
  #level(now: number): number {
    if (this.#statement === undefined) return 0;
    const { limit, remaining, perMs, at } = this.#statement;
    const full = Math.min(limit, remaining + perMs * (now - at));
    return this.#members.reduce((left, { taken, base }) => left - (taken - base), full);
  }

  /** The fraction of the limit that is not reserved for pods without a link. */
  #shared(): number {
    return Math.max(0, 1 - this.#alone / this.#maxPods);
  }

  /** What neither other pods hold nor is reserved for pods without a link. */
  #available(now: number, members: readonly Member[]): number {
    const others = this.#members.filter((each) => !members.includes(each));
    const held = others.reduce((sum, each) => sum + heldBy(each, now), 0);
    return Math.max(0, this.#level(now) * this.#shared() - held);
  }

  #amounts(
    members: readonly Member[],
    parts: readonly number[],
    pool: number,
    now: number,
  ): number[] {
    // A pod keeps what it has saved for its next call.
    const kept = members.map((each) =>
      Math.min(Math.max(each.need, this.#unit), heldBy(each, now)),
    );
    const most = kept.reduce((sum, each) => sum + each, 0);
    const scale = Math.min(1, pool / most);
    const left = pool - most * scale;
    // Each pod gets one call, if there is one for each.
    const unit = left >= members.length * this.#unit ? this.#unit : 0;
    const divided = DIVIDED * (left - members.length * unit);
    return kept.map((each, i) => each * scale + unit + parts[i]! * divided);
  }
}

function newMember({ uid, boot, linked }: AccountPod, now: number): Member {
  return {
    ...{ uid, boot, linked, count: undefined, taken: 0, base: 0, reports: [] },
    ...{ asked: 0, askedAt: now, demand: 0, need: 0, neededAt: 0, given: NOTHING },
  };
}

const isProcess = (member: Member, { uid, boot }: AccountPod): boolean =>
  member.uid === uid && member.boot === boot;

function takenAt({ reports, taken }: Member, time: number): number {
  return (reports.findLast(({ at }) => at <= time) ?? reports[0])?.taken ?? taken;
}

/** The rest of a pod's share, as far as the pod has reported. */
function heldBy({ given, taken }: Member, now: number): number {
  if (now >= given.until) return 0;
  return Math.max(0, given.amount + given.perMs * (now - given.at) - (taken - given.taken));
}

function give(
  member: Member,
  { amount, perMs }: { amount: number; perMs: number },
  now: number,
): Share {
  const { count, taken } = member;
  member.given = { at: now, amount, taken, perMs, until: now + FLEET.blockMs };
  return { amount, perMs, ...(count !== undefined && { count, taken }) };
}

/** A refused call will be retried, so its need is kept for a while, until the pod has taken something. */
function followNeed(member: Member, { need, taken }: ProviderLimitUse, now: number): void {
  const isOver = taken > member.taken || now - member.neededAt > NEEDED_MS;
  if (need > 0) {
    member.need = isOver ? need : Math.max(need, member.need);
    member.neededAt = now;
  } else if (isOver) member.need = 0;
}

function followDemand(member: Member, asked: number, now: number): void {
  const ms = now - member.askedAt;
  if (ms <= 0) return;
  const weight = 1 - Math.exp(-ms / SMOOTHED_MS);
  const perMs = Math.max(0, asked - member.asked) / ms;
  member.demand += weight * (perMs - member.demand);
  member.asked = asked;
  member.askedAt = now;
}

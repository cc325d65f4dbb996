import { FLEET } from '../../contract/link.ts';
import { Block } from '../resilience/block.ts';
import type { BlockSpec, LeaderTimes } from '../resilience/block.ts';
import type {
  FleetReport,
  Grant,
  LimitGrant,
  LimitUse,
  Release,
} from '../../contract/generated/types.ts';
import type { Clock } from './clock.ts';
import type { Leader } from './leader.ts';

/** A limit of the fleet in this process. */
export interface FleetLimit {
  target: string;
  name: string;
  resource: string;
  block: Block;
  /** Admits waiting calls that its tokens cover. */
  wake(now: number): void;
}

/** Least time between two reports that the leader did not ask for, in milliseconds. */
const PACE_MS = 50;
/** The process gives back tokens that expire before the next heartbeat. */
const ENDING_MS = FLEET.heartbeatMs + 2 * FLEET.toleranceMs;
/** Number of reports to remember: more than one process sends while a token is valid. */
const KEPT_REPORTS = 256;

/**
 * Takes part in the limits of the fleet for this process: follows the sessions of leaders and the tokens that they grant.
 * With each answer a process pledges its safe share to the leader for a time. It uses the safe share only when that leader
 * leaves it, or after that time is over and all tokens of that leader have expired. So all pods together stay within the
 * limit, even if messages are lost or late. Times are monotonic.
 */
export class FleetMember {
  readonly #clock: Clock;
  readonly #leader: Leader;
  readonly #limits: () => readonly FleetLimit[];
  readonly #times: LeaderTimes;
  #term = -1;
  #session = 0;
  #heard = 0;
  /** End of the time for which an earlier leader may use the safe share. */
  #pledgedBefore = -Infinity;
  readonly #sentAt = new Map<number, number>();
  #lastAskedAt = -Infinity;
  #cancelAsk: (() => void) | undefined;
  /** While a leader that left the safe share to the process has not answered it yet. */
  #cancelRest: (() => void) | undefined;
  #closed = false;

  /** @param limits the fleet's limits in force */
  constructor(clock: Clock, leader: Leader, limits: () => readonly FleetLimit[]) {
    this.#clock = clock;
    this.#leader = leader;
    this.#limits = limits;
    const started = this.#now();
    this.#times = {
      pledgedUntil: -Infinity,
      // A leader that sees a new process may use its share for this long.
      safeFrom: started + FLEET.pledgeMs + FLEET.blockMs + FLEET.toleranceMs,
      rests: false,
      leaving: false,
      nextReport: 1,
      nextBlock: 1,
    };
  }

  /** Makes the tokens of a new limit. */
  block(spec: BlockSpec, now: number): Block {
    return new Block(spec, this.#times, () => this.#ask(), now);
  }

  /** Whether a leader grants tokens at present. */
  get isLed(): boolean {
    return this.#now() < this.#times.pledgedUntil;
  }

  /** Applies a message of a leader, whose term is not stale. Returns the reply to its sender. */
  apply(command: Grant | Release): FleetReport | undefined {
    const { term, session } = command;
    const now = this.#now();
    const begins = !this.#isCurrent(term, session);
    if (begins) {
      if (!this.#isNewer(term, session) || command.type === 'Release') return undefined;
      this.#begin(term, session, now);
    }
    if (command.type === 'Grant') {
      if (command.number <= this.#heard) return undefined;
      this.#hear(command.number, command.leaving === true);
      if (command.rest === true) this.#useSafeShares(command.limits, begins, now);
      else this.#grant(command, begins, now);
      return command.answer === true ? this.#report(now, ENDING_MS) : undefined;
    }
    for (const { block } of this.#limits()) block.endSafeShare(undefined, now);
    this.#setRests(false);
    this.#times.pledgedUntil = now;
    this.#times.safeFrom = now + FLEET.blockMs + FLEET.toleranceMs;
    this.#pledgedBefore = -Infinity;
    return undefined;
  }

  close(): void {
    this.#closed = true;
    this.#cancelAsk?.();
    this.#cancelAsk = undefined;
    this.#cancelRest?.();
  }

  #isCurrent(term: number, session: number): boolean {
    return term === this.#term && session === this.#session;
  }

  #isNewer(term: number, session: number): boolean {
    return term > this.#term || (term === this.#term && session > this.#session);
  }

  #begin(term: number, session: number, now: number): void {
    const { pledgedUntil, safeFrom, leaving } = this.#times;
    // A leader that leaves counts on nothing of this process any more when another one begins.
    if (term > this.#term && now < pledgedUntil && !leaving) this.#pledgedBefore = safeFrom;
    this.#term = term;
    this.#session = session;
    this.#heard = 0;
    for (const { block } of this.#limits()) block.begin(now);
  }

  /** A process that another leader still grants tokens reports so, and this leader grants it others. */
  #useSafeShares(limits: readonly LimitGrant[], begins: boolean, now: number): void {
    const isSafe = now >= this.#times.safeFrom;
    if (begins && !isSafe) return;
    const shares = new Map(limits.map((each) => [keyOf(each), each.share ?? 0]));
    for (const limit of this.#limits()) {
      limit.block.useSafeShare(isSafe ? undefined : (shares.get(keyOf(limit)) ?? 0), now);
    }
    if (!isSafe) {
      this.#times.pledgedUntil = now;
      this.#times.safeFrom = now;
    }
    this.#setRests(true);
    for (const limit of this.#limits()) limit.wake(now);
  }

  #setRests(rests: boolean): void {
    this.#times.rests = rests;
    this.#cancelRest?.();
    this.#cancelRest = undefined;
  }

  /** Goes on as without a leader if the one that is asked does not answer. */
  #awaitLeader(): void {
    this.#cancelRest ??= this.#clock.setTimer(FLEET.heartbeatMs, () => {
      this.#setRests(false);
      const now = this.#now();
      for (const limit of this.#limits()) {
        limit.block.leaderTimedOut(now);
        limit.wake(now);
      }
    });
  }

  #grant({ acknowledged, limits }: Grant, begins: boolean, now: number): void {
    for (const { block } of this.#limits()) {
      block.endSafeShare(begins ? now + FLEET.blockMs : undefined, now);
    }
    this.#setRests(false);
    this.#times.pledgedUntil = now + FLEET.pledgeMs + FLEET.toleranceMs;
    this.#times.safeFrom = this.#times.pledgedUntil + FLEET.blockMs;
    const reportedAt = this.#sentAt.get(acknowledged ?? 0) ?? -Infinity;
    const byKey = new Map(this.#limits().map((limit) => [keyOf(limit), limit]));
    for (const each of limits) {
      const limit = byKey.get(keyOf(each));
      if (limit?.block.number !== each.block) continue;
      const { granted, largest, waitMs, answered } = each;
      const until = reportedAt + FLEET.blockMs;
      limit.block.grant({ granted, largest, waitMs, answered, until }, now);
      limit.wake(now);
    }
  }

  #hear(number: number, leaving: boolean): void {
    const succeeds = this.#heard === 0 && this.#times.leaving;
    this.#heard = number;
    this.#times.leaving = leaving;
    // The previous leader gets this report too, and then stops early.
    if (succeeds) this.#ask();
  }

  /** Sends a report soon, but at most one in PACE_MS. */
  #ask(): void {
    if (this.#cancelAsk !== undefined || this.#closed || this.#heard === 0) return;
    const ms = Math.max(0, this.#lastAskedAt + PACE_MS - this.#now());
    // Waits until the current call is counted, so that the report includes it.
    this.#cancelAsk = this.#clock.setTimer(ms, () => {
      this.#cancelAsk = undefined;
      const now = this.#now();
      this.#lastAskedAt = now;
      if (!this.isLed && !this.#times.rests) return;
      const report = this.#report(now, 0);
      if (this.#times.rests && report.rests !== true) this.#awaitLeader();
      this.#leader.send(report);
    });
  }

  #report(now: number, endingMs: number): FleetReport {
    const number = this.#times.nextReport;
    this.#times.nextReport += 1;
    this.#sentAt.set(number, now);
    this.#sentAt.delete(number - KEPT_REPORTS);
    const all = this.#limits();
    const limits = all.map(({ target, name, resource, block }): LimitUse => ({
      ...{ target, name, resource },
      ...block.use(now, endingMs),
    }));
    const pledgedMs = Math.max(0, Math.min(MAX_PLEDGE_MS, this.#pledgedBefore - now));
    const term = this.#term;
    const session = this.#session;
    const heard = this.#heard;
    const report: FleetReport = { type: 'Fleet', term, session, number, heard, pledgedMs, limits };
    const enoughAt = now - FLEET.restAfterMs;
    const couldRest = this.isLed && all.every(({ block }) => block.enoughSince <= enoughAt);
    const rests = this.#times.rests && !all.some(({ block }) => block.isShort(now));
    return {
      ...report,
      ...(couldRest && all.length > 0 && { couldRest }),
      ...(rests && { rests }),
    };
  }

  #now(): number {
    return Math.floor(this.#clock.now());
  }
}

const MAX_PLEDGE_MS = FLEET.pledgeMs + FLEET.blockMs + FLEET.toleranceMs;

function keyOf({ target, name, resource }: Omit<FleetLimit, 'block' | 'wake'>): string {
  return JSON.stringify([target, name, resource]);
}

import { FLEET } from '../../contract/link.ts';
import { Block } from '../resilience/block.ts';
import type { BlockSpec, LeaderTimes } from '../resilience/block.ts';
import type { FleetReport, Grant, LimitUse, Release } from '../../contract/generated/types.ts';
import type { Clock } from './clock.ts';

/** A limit of the fleet in this process. */
export interface FleetLimit {
  target: string;
  name: string;
  resource: string;
  block: Block;
  /** Looks at the calls that wait for its tokens. */
  wake(now: number): void;
}

/** Least time between two reports that the process sends without being asked, in milliseconds. */
const PACE_MS = 50;
/** Tokens that end before the next heartbeat are given back. */
const ENDING_MS = FLEET.heartbeatMs + 2 * FLEET.toleranceMs;
/** Reports whose time is kept: more than the leader can have left unanswered while tokens are valid. */
const KEPT_REPORTS = 256;

/**
 * What ties the process to the leader of the fleet: the session, what is granted in it, and since when there is no
 * leader. A process pledges its safe share to the leader for a while with each answer; until that is over, and until
 * every token of that leader is void, it takes none of the safe share. The sum over all pods therefore stays within the
 * limit, whatever is lost or late. Times are monotonic.
 */
export class FleetMember {
  /** Sends a report to all leaders that are linked; set by whoever has the links. */
  send: (report: FleetReport) => void = () => undefined;
  /** The limits of the fleet in force; set by the guard. */
  limits: () => readonly FleetLimit[] = () => [];
  private readonly clock: Clock;
  private readonly times: LeaderTimes;
  private term = -1;
  private session = 0;
  private heard = 0;
  /** Until when a leader before may count on the safe share. */
  private pledgedBefore = -Infinity;
  private readonly sentAt = new Map<number, number>();
  private lastAskedAt = -Infinity;
  private cancelAsk: (() => void) | undefined;
  private closed = false;

  constructor(clock: Clock) {
    this.clock = clock;
    const started = this.now();
    this.times = {
      pledgedUntil: -Infinity,
      // A leader that sees a new process counts on its share for a while.
      safeFrom: started + FLEET.pledgeMs + FLEET.blockMs + FLEET.toleranceMs,
      leaving: false,
      nextReport: 1,
      nextBlock: 1,
    };
  }

  /** The tokens of another limit. */
  block(spec: BlockSpec, now: number): Block {
    return new Block(spec, this.times, () => this.ask(), now);
  }

  /** Whether a leader grants tokens at present. */
  get isLed(): boolean {
    return this.now() < this.times.pledgedUntil;
  }

  /**
   * Obeys the leader; the term is at least the highest that was announced.
   *
   * @returns the answer, for the sender
   */
  obey(command: Grant | Release): FleetReport | undefined {
    const { term, session } = command;
    const now = this.now();
    if (!this.isCurrent(term, session)) {
      if (!this.isNewer(term, session) || command.type === 'Release') return undefined;
      this.begin(term, session, now);
    }
    if (command.type === 'Grant') return this.grant(command, now);
    this.times.pledgedUntil = now;
    this.times.safeFrom = now + FLEET.blockMs + FLEET.toleranceMs;
    this.pledgedBefore = -Infinity;
    return undefined;
  }

  close(): void {
    this.closed = true;
    this.cancelAsk?.();
    this.cancelAsk = undefined;
  }

  private isCurrent(term: number, session: number): boolean {
    return term === this.term && session === this.session;
  }

  private isNewer(term: number, session: number): boolean {
    return term > this.term || (term === this.term && session > this.session);
  }

  private begin(term: number, session: number, now: number): void {
    const { pledgedUntil, safeFrom, leaving } = this.times;
    // A leader that leaves counts on nothing of this process any more when another one begins.
    if (term > this.term && now < pledgedUntil && !leaving) this.pledgedBefore = safeFrom;
    this.term = term;
    this.session = session;
    this.heard = 0;
    for (const { block } of this.limits()) block.begin(now);
  }

  private grant(
    { number, acknowledged, answer, leaving, limits }: Grant,
    now: number,
  ): FleetReport | undefined {
    if (number <= this.heard) return undefined;
    this.hear(number, leaving === true);
    this.times.pledgedUntil = now + FLEET.pledgeMs + FLEET.toleranceMs;
    this.times.safeFrom = this.times.pledgedUntil + FLEET.blockMs;
    const reportedAt = this.sentAt.get(acknowledged ?? 0) ?? -Infinity;
    const byKey = new Map(this.limits().map((limit) => [keyOf(limit), limit]));
    for (const each of limits) {
      const limit = byKey.get(keyOf(each));
      if (limit?.block.number !== each.block) continue;
      const { granted, largest, waitMs, answered } = each;
      const until = reportedAt + FLEET.blockMs;
      limit.block.grant({ granted, largest, waitMs, answered, until }, now);
      limit.wake(now);
    }
    return answer === true ? this.report(now, ENDING_MS) : undefined;
  }

  private hear(number: number, leaving: boolean): void {
    const succeeds = this.heard === 0 && this.times.leaving;
    this.heard = number;
    this.times.leaving = leaving;
    // The leader before hears it too, and stops sooner.
    if (succeeds) this.ask();
  }

  /** Sends a report soon, and not more often than the pace allows. */
  private ask(): void {
    if (this.cancelAsk !== undefined || this.closed || this.heard === 0) return;
    const ms = Math.max(0, this.lastAskedAt + PACE_MS - this.now());
    // Later than the call that asks, so that the report tells of it.
    this.cancelAsk = this.clock.setTimer(ms, () => {
      this.cancelAsk = undefined;
      const now = this.now();
      this.lastAskedAt = now;
      if (this.isLed) this.send(this.report(now, 0));
    });
  }

  private report(now: number, endingMs: number): FleetReport {
    const number = this.times.nextReport;
    this.times.nextReport += 1;
    this.sentAt.set(number, now);
    this.sentAt.delete(number - KEPT_REPORTS);
    const limits = this.limits().map(({ target, name, resource, block }): LimitUse => ({
      ...{ target, name, resource },
      ...block.use(now, endingMs),
    }));
    const pledgedMs = Math.max(0, Math.min(MAX_PLEDGE_MS, this.pledgedBefore - now));
    const { term, session, heard } = this;
    return { type: 'Fleet', term, session, number, heard, pledgedMs, limits };
  }

  private now(): number {
    return Math.floor(this.clock.now());
  }
}

const MAX_PLEDGE_MS = FLEET.pledgeMs + FLEET.blockMs + FLEET.toleranceMs;

function keyOf({ target, name, resource }: Omit<FleetLimit, 'block' | 'wake'>): string {
  return JSON.stringify([target, name, resource]);
}

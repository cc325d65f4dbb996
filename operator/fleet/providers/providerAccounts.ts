import type {
  ProviderGate,
  ProviderLimitShare,
  ProviderLimitUse,
  ProviderShares,
  ProviderUse,
} from '../../../contract/generated/types.ts';
import { FLEET } from '../../../contract/link.ts';
import { Account, type AccountPod, type Share } from './account.ts';

/** A limit of a provider as the debug page shows it. */
export interface ProviderAccountFigures {
  dependency: string;
  model?: string;
  votes?: false;
  resource: string;
  limit: number;
  /** Estimate of what is left for all pods. */
  remaining: number;
  /** What each pod may take now, what comes to it and what it asks for, in a second. */
  pods: { uid: string; held: number; perSecond: number; demand: number }[];
}

/** The same with the names of pods. */
export interface ProviderLimitFigures extends Omit<ProviderAccountFigures, 'pods'> {
  pods: ({ pod: string } & Omit<ProviderAccountFigures['pods'][number], 'uid'>)[];
}

export type SharesBody = Omit<ProviderShares, 'type' | 'term'>;

type Key = Omit<ProviderLimitUse, 'stated' | 'count' | 'taken' | 'asked' | 'need' | 'held'>;

interface Entry {
  key: Key;
  account: Account;
  heardAt: number;
}

/** Accounts of one agent at most; pods name them. */
const MAX_ACCOUNTS = 1024;
const MAX_GATES = 128;
/** A limit of which no pod has reported for so long is forgotten. */
const FORGOTTEN_MS = 60_000;
/** Ends of gates that differ by less are one. */
const SAME_MS = 500;

/**
 * The limits of providers that the pods of one agent share, as the leader has them. It reads no clock, and tells pods
 * by `send` alone.
 */
export class ProviderAccounts {
  private readonly send: (uid: string, shares: SharesBody) => void;
  private readonly entries = new Map<string, Entry>();
  /** Until when the provider refuses, and which pod said so. */
  private readonly gates = new Map<string, { gate: ProviderGate; until: number; from: string }>();
  private pods: readonly AccountPod[] = [];
  private maxPods = 1;

  constructor(send: (uid: string, shares: SharesBody) => void) {
    this.send = send;
  }

  setPods(pods: readonly AccountPod[], maxPods: number, now: number): void {
    const before = this.linked();
    this.pods = pods;
    this.maxPods = maxPods;
    for (const { account } of this.entries.values()) account.setPods(pods, maxPods, now);
    const gates = this.openGates(now);
    if (gates.length === 0) return;
    for (const uid of this.linked()) {
      if (!before.includes(uid)) this.send(uid, { limits: [], gates });
    }
  }

  /** Takes what a pod reports, and answers it where it lacks something. */
  report(uid: string, { limits, gates }: ProviderUse, now: number): void {
    if (!this.linked().includes(uid)) return;
    const due: ProviderLimitShare[] = [];
    for (const use of limits) {
      const entry = this.entryOf(use, now);
      if (entry === undefined) continue;
      const { account, key } = entry;
      account.report(uid, use, now);
      const share = account.topUp(uid, now);
      if (share) due.push(this.told(key, account, share, now));
    }
    if (due.length > 0) this.send(uid, { limits: due, gates: [] });
    this.hearGates(uid, gates, now);
  }

  /** Gives all pods their shares anew, and asks them to report. To be called each FLEET.heartbeatMs. */
  heartbeat(now: number): void {
    const due = new Map(this.linked().map((uid) => [uid, [] as ProviderLimitShare[]]));
    for (const [name, { key, account, heardAt }] of this.entries) {
      if (now - heardAt > FORGOTTEN_MS) this.entries.delete(name);
      else if (account.isScarce(now)) {
        for (const [uid, share] of account.divide(now)) {
          due.get(uid)?.push(this.told(key, account, share, now));
        }
      }
    }
    for (const [uid, limits] of due) {
      if (limits.length > 0)
        this.send(uid, { answer: true, limits: limits.slice(0, 256), gates: [] });
    }
  }

  /** Whether there is something to do at the next heartbeat. */
  get isBusy(): boolean {
    return this.entries.size > 0;
  }

  figures(now: number): ProviderAccountFigures[] {
    return [...this.entries.values()].flatMap(({ key, account }) => {
      const level = account.levelOf(now);
      if (level === undefined) return [];
      const { account: _, ...shown } = key;
      const { limit, remaining } = level;
      return { ...shown, limit, remaining: Math.floor(remaining), pods: account.shares(now) };
    });
  }

  private linked(): string[] {
    return this.pods.filter(({ linked }) => linked).map(({ uid }) => uid);
  }

  private entryOf(use: ProviderLimitUse, now: number): Entry | undefined {
    const { dependency, model, votes, account: name, resource } = use;
    const key: Key = {
      ...{ dependency, account: name, resource },
      ...(model !== undefined && { model }),
      ...(votes === false && { votes }),
    };
    const text = nameOf(key);
    let entry = this.entries.get(text);
    if (entry === undefined) {
      if (this.entries.size >= MAX_ACCOUNTS) return undefined;
      entry = { key, account: new Account(resource), heardAt: now };
      entry.account.setPods(this.pods, this.maxPods, now);
      this.entries.set(text, entry);
    }
    entry.heardAt = now;
    return entry;
  }

  private told(key: Key, account: Account, share: Share, now: number): ProviderLimitShare {
    return { ...key, ...account.levelOf(now)!, ...share, lifetimeMs: FLEET.blockMs };
  }

  /** A provider that refuses the rate for one pod refuses it for all with that credential. */
  private hearGates(from: string, gates: readonly ProviderGate[], now: number): void {
    for (const [name, { until }] of this.gates) if (until <= now) this.gates.delete(name);
    const news = gates.filter(({ forMs, ...key }) => {
      const name = nameOf(key);
      const until = now + forMs;
      const known = this.gates.get(name);
      if (known ? until <= known.until + SAME_MS : this.gates.size >= MAX_GATES) return false;
      this.gates.set(name, { gate: { ...key, forMs }, until, from });
      return true;
    });
    if (news.length === 0) return;
    for (const uid of this.linked()) if (uid !== from) this.send(uid, { limits: [], gates: news });
  }

  private openGates(now: number): ProviderGate[] {
    return [...this.gates.values()].flatMap(({ gate, until }) =>
      until > now ? { ...gate, forMs: until - now } : [],
    );
  }
}

const nameOf = ({
  dependency,
  model,
  votes,
  account,
  resource,
}: Omit<Key, 'resource'> & {
  resource?: string;
}): string => JSON.stringify([dependency, model, votes, account, resource]);

import type {
  Content,
  ProviderGate,
  ProviderLimitShare,
  ProviderLimitUse,
  ProviderShares,
  ProviderUse,
} from '../../../contract/generated/types.ts';
import { FLEET } from '../../../contract/link.ts';
import type {
  FleetContext,
  FleetMessage,
  FleetPods,
  FleetService,
  PodChange,
} from '../fleetService.ts';
import { Account, type AccountPod, type Share } from './account.ts';

/** A provider's limit for the debug page. */
export interface ProviderLimitFigures {
  dependency: string;
  model?: string;
  votes?: false;
  resource: string;
  limit: number;
  /** Estimate of what is left for all pods. */
  remaining: number;
  /** What each pod may take now, and per second what it gets and what it asks for. */
  pods: { pod: string; held: number; perSecond: number; demand: number }[];
}

type SharesBody = Omit<ProviderShares, 'type' | 'term'>;

type Key = Omit<ProviderLimitUse, 'stated' | 'count' | 'taken' | 'asked' | 'need' | 'held'>;

interface Entry {
  key: Key;
  account: Account;
  heardAt: number;
}

/** Most accounts of one agent. They are bounded because pods name them. */
const MAX_ACCOUNTS = 1024;
const MAX_GATES = 128;
/** An account without reports for this time is deleted. */
const FORGOTTEN_MS = 60_000;
/** Ends of gates that differ by less count as equal. */
const SAME_MS = 500;

/** The leader's accounts of the providers' limits that the pods of one agent share. */
export class ProviderAccounts implements FleetService {
  readonly #context: FleetContext;
  readonly #entries = new Map<string, Entry>();
  /** Until when the provider refuses requests, and which pod reported it. */
  readonly #gates = new Map<string, { gate: ProviderGate; until: number; from: string }>();
  #pods: readonly (AccountPod & { pod: string })[] = [];
  #maxPods = 1;
  /** Infinity while no pod shares a limit. */
  #heartbeatAt = Infinity;

  constructor(context: FleetContext) {
    this.#context = context;
  }

  configure({ providerLimits }: Content): void {
    this.#maxPods = providerLimits.maxPods;
    this.#divide();
  }

  pods(pods: FleetPods, change: PodChange): void {
    if (change === 'Counters') return;
    const before = this.#linked();
    this.#pods = pods().map(({ report: { uid, pod, boot, connected } }) => ({
      ...{ uid, pod, boot, linked: connected },
    }));
    this.#divide();
    const gates = this.#openGates(this.#now());
    if (gates.length === 0) return;
    for (const uid of this.#linked()) {
      if (!before.includes(uid)) this.#send(uid, { limits: [], gates });
    }
  }

  message(uid: string, message: FleetMessage): void {
    if (message.type === 'ProviderUse') this.#report(uid, message, this.#now());
  }

  tick(): number {
    const now = this.#now();
    if (now >= this.#heartbeatAt) {
      this.#heartbeatAt = Infinity;
      this.#heartbeat(now);
    }
    if (this.#entries.size > 0 && this.#heartbeatAt === Infinity) {
      this.#heartbeatAt = now + FLEET.heartbeatMs;
    }
    return this.#heartbeatAt;
  }

  /** Limits of which little is left, and how the pods share them. */
  figures(): ProviderLimitFigures[] {
    const now = this.#now();
    const names = new Map(this.#pods.map(({ uid, pod }) => [uid, pod]));
    return [...this.#entries.values()].flatMap(({ key, account }) => {
      const level = account.levelOf(now);
      if (level === undefined) return [];
      const { account: _, ...shown } = key;
      const { limit, remaining } = level;
      const pods = account
        .shares(now)
        .map(({ uid, ...share }) => ({ pod: names.get(uid) ?? uid, ...share }));
      return { ...shown, limit, remaining: Math.floor(remaining), pods };
    });
  }

  #divide(): void {
    const now = this.#now();
    for (const { account } of this.#entries.values()) {
      account.setPods(this.#pods, this.#maxPods, now);
    }
  }

  /** Takes a pod's report and answers with new shares. */
  #report(uid: string, { limits, gates }: ProviderUse, now: number): void {
    if (!this.#linked().includes(uid)) return;
    const due: ProviderLimitShare[] = [];
    for (const use of limits) {
      const entry = this.#entryOf(use, now);
      if (entry === undefined) continue;
      const { account, key } = entry;
      account.report(uid, use, now);
      const share = account.topUp(uid, now);
      if (share) due.push(this.#shareOf(key, account, share, now));
    }
    if (due.length > 0) this.#send(uid, { limits: due, gates: [] });
    this.#shareGates(uid, gates, now);
  }

  /** Sends all pods new shares and asks them to report. */
  #heartbeat(now: number): void {
    const due = new Map(this.#linked().map((uid) => [uid, [] as ProviderLimitShare[]]));
    for (const [name, { key, account, heardAt }] of this.#entries) {
      if (now - heardAt > FORGOTTEN_MS) this.#entries.delete(name);
      else if (account.isScarce(now)) {
        for (const [uid, share] of account.divide(now)) {
          due.get(uid)?.push(this.#shareOf(key, account, share, now));
        }
      }
    }
    for (const [uid, limits] of due) {
      if (limits.length > 0)
        this.#send(uid, { answer: true, limits: limits.slice(0, 256), gates: [] });
    }
  }

  #send(uid: string, shares: SharesBody): void {
    this.#context.send(uid, { type: 'ProviderShares', ...shares });
  }

  #now(): number {
    return this.#context.clock.monotonic();
  }

  #linked(): string[] {
    return this.#pods.filter(({ linked }) => linked).map(({ uid }) => uid);
  }

  #entryOf(use: ProviderLimitUse, now: number): Entry | undefined {
    const { dependency, model, votes, account: name, resource } = use;
    const key: Key = {
      ...{ dependency, account: name, resource },
      ...(model !== undefined && { model }),
      ...(votes === false && { votes }),
    };
    const text = nameOf(key);
    let entry = this.#entries.get(text);
    if (entry === undefined) {
      if (this.#entries.size >= MAX_ACCOUNTS) return undefined;
      entry = { key, account: new Account(resource), heardAt: now };
      entry.account.setPods(this.#pods, this.#maxPods, now);
      this.#entries.set(text, entry);
    }
    entry.heardAt = now;
    return entry;
  }

  #shareOf(key: Key, account: Account, share: Share, now: number): ProviderLimitShare {
    return { ...key, ...account.levelOf(now)!, ...share, lifetimeMs: FLEET.blockMs };
  }

  /** Passes gates on to the other pods: a provider that refuses one pod refuses all pods with that credential. */
  #shareGates(from: string, gates: readonly ProviderGate[], now: number): void {
    for (const [name, { until }] of this.#gates) if (until <= now) this.#gates.delete(name);
    const changed = gates.filter(({ forMs, ...key }) => {
      const name = nameOf(key);
      const until = now + forMs;
      const known = this.#gates.get(name);
      if (known ? until <= known.until + SAME_MS : this.#gates.size >= MAX_GATES) return false;
      this.#gates.set(name, { gate: { ...key, forMs }, until, from });
      return true;
    });
    if (changed.length === 0) return;
    for (const uid of this.#linked()) {
      if (uid !== from) this.#send(uid, { limits: [], gates: changed });
    }
  }

  #openGates(now: number): ProviderGate[] {
    return [...this.#gates.values()].flatMap(({ gate, until }) =>
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

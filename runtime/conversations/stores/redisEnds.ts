import type { createClient } from '@redis/client';

type Client = Pick<ReturnType<typeof createClient>, 'zAdd' | 'zRem' | 'zRangeByScore' | 'pTTL' | 'pExpire'>; // prettier-ignore

export interface RedisEndsDeps {
  /** Of the set that names conversations by the time at which each may have ended. */
  key: string;
  /** Where the conversation of an entry is kept. */
  conversationKey: (entry: string) => string;
  /** Uses a connection. Rejects when there is none. */
  use: <T>(use: (client: Client) => Promise<T>) => Promise<T>;
  /** Whether anybody is to be told. Otherwise nothing is noted. */
  isWanted: () => boolean;
  idleTimeoutMs: () => number;
  date: () => Date;
  /** A conversation has ended. */
  onEnded: (entry: string) => void;
}

/** Entries that one command asks for, and commands of one search. */
const BATCH = 100;
const MAX_BATCHES = 50;
/** The set outlives the last conversation by this, in milliseconds, so that pods that are away find it. */
const KEPT_MS = 3_600_000;

/**
 * Finds conversations that a Redis has forgotten because they were idle. Redis tells nobody for certain, so each
 * conversation has an entry in a sorted set, which all pods look through. Of those that find a conversation gone, the one
 * that takes its entry out tells. Each command has one key only, as a Redis cluster demands.
 */
export class RedisEnds {
  readonly #deps: RedisEndsDeps;

  constructor(deps: RedisEndsDeps) {
    this.#deps = deps;
  }

  /** Notes a conversation that is there or is about to be looked up. Whether it was not noted yet. Never rejects. */
  async note(entry: string): Promise<boolean> {
    const { key, use, isWanted, idleTimeoutMs } = this.#deps;
    if (!isWanted()) return false;
    const idleMs = idleTimeoutMs();
    try {
      const [added] = await use((client) =>
        Promise.all([
          client.zAdd(key, { score: this.#now() + idleMs, value: entry }, { condition: 'NX' }),
          client.pExpire(key, 2 * idleMs + KEPT_MS),
        ]),
      );
      return added === 1;
    } catch {
      return false;
    }
  }

  /** Forgets a conversation whose end is told otherwise, or that never was. Whether it was noted. */
  async forget(entry: string): Promise<boolean> {
    const { key, use } = this.#deps;
    return (await use((client) => client.zRem(key, entry))) === 1;
  }

  /** Tells of conversations that have ended since. Never rejects. */
  async search(): Promise<void> {
    const { key, use, isWanted } = this.#deps;
    if (!isWanted()) return;
    try {
      for (let batch = 0; batch < MAX_BATCHES; batch += 1) {
        const entries = await use((client) =>
          client.zRangeByScore(key, 0, this.#now(), { LIMIT: { offset: 0, count: BATCH } }),
        );
        await Promise.all(entries.map((entry) => this.#look(entry)));
        if (entries.length < BATCH) return;
      }
    } catch {
      // Redis will be asked again.
    }
  }

  async #look(entry: string): Promise<void> {
    const { key, conversationKey, use, onEnded, idleTimeoutMs } = this.#deps;
    const leftMs = await use((client) => client.pTTL(conversationKey(entry)));
    if (leftMs === GONE) {
      if (await this.forget(entry)) onEnded(entry);
      return;
    }
    const inMs = leftMs === NO_END ? idleTimeoutMs() : Math.max(1, leftMs);
    const later = { score: this.#now() + inMs, value: entry };
    await use((client) => client.zAdd(key, later, { condition: 'XX' }));
  }

  #now(): number {
    return this.#deps.date().getTime();
  }
}

/** What PTTL says of a key that is not there, and of one that stays. */
const GONE = -2;
const NO_END = -1;

import type { createClient } from '@redis/client';

type Client = Pick<ReturnType<typeof createClient>, 'zAdd' | 'zRem' | 'zRangeByScore' | 'pTTL' | 'pExpire' | 'eval'>; // prettier-ignore

export interface RedisEndsDeps {
  /** Key of the set of conversations, ordered by the time at which each may have expired. */
  key: string;
  /** Key of an entry's conversation. */
  conversationKey: (entry: string) => string;
  /** Uses a connection. Rejects without one. */
  use: <T>(use: (client: Client) => Promise<T>) => Promise<T>;
  /** Whether anybody wants to know of ends. Otherwise the set stays unchanged. */
  isWanted: () => boolean;
  idleTimeoutMs: () => number;
  date: () => Date;
  /** Resolves when the end is recorded. */
  onEnded: (entry: string) => Promise<void>;
}

/** Entries for each command, and commands for each search. */
const BATCH = 100;
const MAX_BATCHES = 50;
/** The set outlives the last conversation by this time in milliseconds, so that pods that are away find it. */
const KEPT_MS = 3_600_000;
/** Time for a pod to record an end, in milliseconds. After that another pod may. */
const CLAIM_MS = 30_000;

/** Moves the entry in ARGV[1] to the time ARGV[3] if it is due at ARGV[2]. 1 if it was. */
const CLAIM = `
  local due = redis.call('ZSCORE', KEYS[1], ARGV[1])
  if not due or tonumber(due) > tonumber(ARGV[2]) then return 0 end
  redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1])
  return 1`;

/**
 * Finds conversations that expired in Redis. Redis does not reliably notify, so each conversation has an entry in a
 * sorted set that all pods search. Several pods may find a conversation gone; the one that claims its entry reports it
 * and removes the entry when the report is recorded. A claim ends with time, so that the end of a conversation is
 * reported although that pod died. Each command has one key only, as a Redis cluster demands.
 */
export class RedisEnds {
  readonly #deps: RedisEndsDeps;

  constructor(deps: RedisEndsDeps) {
    this.#deps = deps;
  }

  /** Adds the entry of a conversation. Whether it is new. Never rejects. */
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

  /** Removes the entry of a conversation that ended otherwise or never existed. Whether there was one. */
  async forget(entry: string): Promise<boolean> {
    const { key, use } = this.#deps;
    return (await use((client) => client.zRem(key, entry))) === 1;
  }

  /** Reports conversations that ended since the last search. Never rejects. */
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
      // The next search asks Redis again.
    }
  }

  async #look(entry: string): Promise<void> {
    const { key, conversationKey, use, onEnded, idleTimeoutMs } = this.#deps;
    const leftMs = await use((client) => client.pTTL(conversationKey(entry)));
    if (leftMs === GONE) {
      if (!(await this.#claim(entry))) return;
      await onEnded(entry);
      await this.forget(entry);
      return;
    }
    const inMs = leftMs === NO_END ? idleTimeoutMs() : Math.max(1, leftMs);
    const later = { score: this.#now() + inMs, value: entry };
    await use((client) => client.zAdd(key, later, { condition: 'XX' }));
  }

  /** Whether this pod is the one to report the end. */
  async #claim(entry: string): Promise<boolean> {
    const now = this.#now();
    const args = [entry, String(now), String(now + CLAIM_MS)];
    const { key, use } = this.#deps;
    return (await use((client) => client.eval(CLAIM, { keys: [key], arguments: args }))) === 1;
  }

  #now(): number {
    return this.#deps.date().getTime();
  }
}

/** Answers of PTTL for a missing key and for one that does not expire. */
const GONE = -2;
const NO_END = -1;

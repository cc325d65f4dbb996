import type { Content } from '../../../contract/generated/types.ts';
import type { Clock } from '../../guard/clock.ts';
import { RedisInForce } from '../../redis/redisInForce.ts';
import type { RedisInForceDeps } from '../../redis/redisInForce.ts';
import { canonical, newBoot, ownedId, ownerOf } from './conversationId.ts';
import type { Owner } from './conversationId.ts';
import { MemoryStore } from './memoryStore.ts';
import { RedisStore } from './redisStore.ts';
import type { ConversationStore } from './store.ts';

export interface StoresDeps extends RedisInForceDeps {
  clock: Clock;
  /** IP address of this pod. */
  self: string;
  idleTimeoutMs: () => number;
  maxConversationBytes: number;
  /** Reports an expired conversation. For one in Redis only one pod calls it, and another one if that dies before it resolves. */
  onExpired: (id: string) => Promise<void>;
  /** Whether pods search for conversations that expired in Redis. */
  tellsExpired: () => boolean;
}

/** Chooses the store of conversations that the configuration names. */
export class Stores {
  readonly #here: Owner;
  readonly #memory: MemoryStore;
  readonly #redis: RedisInForce<RedisStore>;

  constructor(deps: StoresDeps) {
    this.#here = { address: canonical(deps.self), boot: newBoot() };
    this.#memory = new MemoryStore({
      clock: deps.clock,
      idleTimeoutMs: deps.idleTimeoutMs,
      newId: () => ownedId(this.#here),
      absenceOf: (id) => (this.#isForeign(id) ? 'Lost' : 'NotFound'),
      maxBytes: deps.maxConversationBytes,
      onExpired: deps.onExpired,
    });
    const { idleTimeoutMs, clock, tellsExpired, onExpired } = deps;
    // A running turn is stored where it began.
    this.#redis = new RedisInForce(deps, (connection, { namespace, name }) => {
      const prefix = `breakwater:${namespace}/${name}:`;
      return new RedisStore({
        ...connection,
        ...{ prefix, idleTimeoutMs, clock, tellsExpired, onExpired },
      });
    });
  }

  current(content: Content | undefined): ConversationStore {
    return (isInRedis(content) && this.#redis.of(content)) || this.#memory;
  }

  /** The store in Redis; undefined if the agent has none. */
  redis(content: Content | undefined): RedisStore | undefined {
    return this.#redis.of(content);
  }

  /** Address of another pod that has the conversation in memory; undefined if none has. */
  ownerOf(id: string, content: Content | undefined): string | undefined {
    if (isInRedis(content)) return undefined;
    const owner = ownerOf(id);
    return owner && owner.address !== this.#here.address ? owner.address : undefined;
  }

  /** Resolves when the store answers and rejects when it does not; undefined for the store in this process. */
  reach(content: Content | undefined): Promise<void> | undefined {
    return isInRedis(content) ? this.#redis.of(content)?.reach() : undefined;
  }

  /** Totals of the store in this process. */
  stats(): ReturnType<MemoryStore['stats']> {
    return this.#memory.stats();
  }

  /** Resolves when every running turn is stored in Redis. */
  async settle(): Promise<void> {
    await this.#redis.last?.settle();
  }

  async close(): Promise<void> {
    await Promise.all([this.#memory.close(), this.#redis.last?.close()]);
  }

  /** Whether another pod, or another process in this one, made the id. */
  #isForeign(id: string): boolean {
    const owner = ownerOf(id);
    if (!owner) return false;
    return owner.address !== this.#here.address || owner.boot !== this.#here.boot;
  }
}

function isInRedis(content: Content | undefined): boolean {
  return content?.conversation?.store === 'Redis';
}

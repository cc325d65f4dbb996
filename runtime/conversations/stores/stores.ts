import type { SecureContext } from 'node:tls';
import type { Logger } from 'pino';
import type { Content } from '../../../contract/generated/types.ts';
import type { Clock } from '../../guard/clock.ts';
import type { Credentials } from '../../model/pool/credentials.ts';
import type { Network } from '../../network/network.ts';
import { canonical, newBoot, ownedId, ownerOf } from './conversationId.ts';
import type { Owner } from './conversationId.ts';
import { MemoryStore } from './memoryStore.ts';
import { RedisStore } from './redisStore.ts';
import type { ConversationStore } from './store.ts';

export interface StoresDeps {
  clock: Clock;
  credentials: Pick<Credentials, 'read'>;
  /** IP address of this pod. */
  self: string;
  idleTimeoutMs: () => number;
  network: Pick<Network, 'way'>;
  /** Time to connect, in milliseconds. */
  connectMs: () => number;
  maxConversationBytes: number;
  /** A conversation was idle for too long, and is forgotten. Of one in Redis one pod is told. */
  onExpired: (id: string) => void;
  /** Whether pods are to find out which conversations Redis has forgotten. */
  tellsExpired: () => boolean;
  log: Logger;
}

/** The stores of conversations, of which the configuration says which is in force. */
export class Stores {
  readonly #deps: StoresDeps;
  readonly #here: Owner;
  readonly #memory: MemoryStore;
  #redis: { key: string; trusted: SecureContext | undefined; store: RedisStore } | undefined;

  constructor(deps: StoresDeps) {
    this.#deps = deps;
    this.#here = { address: canonical(deps.self), boot: newBoot() };
    this.#memory = new MemoryStore({
      clock: deps.clock,
      idleTimeoutMs: deps.idleTimeoutMs,
      newId: () => ownedId(this.#here),
      absenceOf: (id) => (this.#isForeign(id) ? 'Lost' : 'NotFound'),
      maxBytes: deps.maxConversationBytes,
      onExpired: deps.onExpired,
    });
  }

  current(content: Content | undefined): ConversationStore {
    return this.#redisStore(content) ?? this.#memory;
  }

  /** Address of the other pod that keeps a conversation in its memory; undefined when none does. */
  ownerOf(id: string, content: Content | undefined): string | undefined {
    if (content?.conversation?.redis) return undefined;
    const owner = ownerOf(id);
    return owner && owner.address !== this.#here.address ? owner.address : undefined;
  }

  /** Resolves when the store answers, rejects when it does not; undefined when it is in this process. */
  reach(content: Content | undefined): Promise<void> | undefined {
    return this.#redisStore(content)?.reach();
  }

  /** What is kept in this process's memory. */
  stats(): ReturnType<MemoryStore['stats']> {
    return this.#memory.stats();
  }

  /** Resolves when no turn is left that is still to be kept in Redis. */
  async settle(): Promise<void> {
    await this.#redis?.store.settle();
  }

  async close(): Promise<void> {
    await Promise.all([this.#memory.close(), this.#redis?.store.close()]);
  }

  /** Whether another pod, or another process in this one, made the id. */
  #isForeign(id: string): boolean {
    const owner = ownerOf(id);
    if (!owner) return false;
    return owner.address !== this.#here.address || owner.boot !== this.#here.boot;
  }

  #redisStore(content: Content | undefined): RedisStore | undefined {
    const redis = content?.conversation?.redis;
    if (!redis) return undefined;
    const { namespace, name } = content.agent;
    const prefix = `breakwater:${namespace}/${name}:`;
    const key = JSON.stringify([redis, prefix]);
    const { secureContext: trusted } = this.#deps.network.way;
    const last = this.#redis;
    if (last?.key !== key || last.trusted !== trusted) {
      // Turns under way are kept where they began.
      void last?.store.settle().then(() => last.store.close());
      this.#redis = { key, trusted, store: this.#makeRedis(redis, prefix, trusted) };
    }
    return this.#redis!.store;
  }

  #makeRedis(
    { url, password }: { url: string; password?: Parameters<Credentials['read']>[0] },
    prefix: string,
    secureContext: SecureContext | undefined,
  ): RedisStore {
    const { credentials, idleTimeoutMs, connectMs, clock, tellsExpired, onExpired, log } =
      this.#deps;
    return new RedisStore({
      url,
      secureContext,
      password: () => password && credentials.read(password),
      prefix,
      idleTimeoutMs,
      timeoutMs: connectMs,
      clock,
      tellsExpired,
      onExpired,
      log,
    });
  }
}

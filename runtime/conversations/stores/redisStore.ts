import { createHash, randomBytes } from 'node:crypto';
import { freeId } from './conversationId.ts';
import { RedisConnection } from '../../redis/connection.ts';
import type { RedisClient, RedisConnectionDeps } from '../../redis/connection.ts';
import type { Message } from '../messages/messages.ts';
import { SCRIPTS } from './redisScripts.ts';
import { StoreUnavailable } from './store.ts';
import type { Absence, ConversationStore, Kept, Lease, Ref, Taken } from './store.ts';

export interface RedisStoreDeps extends RedisConnectionDeps {
  /** What all keys begin with. */
  prefix: string;
  /** Time without a message after which a conversation is forgotten, in milliseconds. */
  idleTimeoutMs: () => number;
  date: () => Date;
}

/** A turn whose pod died blocks its conversation for no longer than this, in milliseconds. */
const LEASE_MS = 15_000;
/** Between two renewals of a lease. */
const RENEW_MS = 5000;

/**
 * Conversations in a Redis, which any pod carries on. Two keys each: the conversation, and the lease of a turn. The
 * client is part of both, so that another one finds nothing.
 */
export class RedisStore implements ConversationStore {
  readonly #deps: RedisStoreDeps;
  readonly #redis: RedisConnection;
  readonly #leases = new Set<RedisLease>();
  #reaching: Promise<void> | undefined;

  constructor(deps: RedisStoreDeps) {
    this.#deps = deps;
    this.#redis = new RedisConnection(deps);
  }

  async create(messages: readonly Message[], principal: string): Promise<Kept> {
    const now = this.#now();
    const kept = { id: freeId(), messages, createdAt: now, usedAt: now };
    const { idleTimeoutMs } = this.#deps;
    await this.#do((client) =>
      client.set(this.#keys({ id: kept.id, principal })[0], JSON.stringify(kept), {
        expiration: { type: 'PX', value: idleTimeoutMs() },
      }),
    );
    return kept;
  }

  async read(ref: Ref): Promise<Kept | Absence> {
    const text = await this.#do((client) => client.get(this.#keys(ref)[0]));
    return text === null ? 'NotFound' : (JSON.parse(String(text)) as Kept);
  }

  async take(ref: Ref): Promise<Taken> {
    const token = randomBytes(12).toString('base64url');
    const answer = await this.#run('take', ref, [token, String(LEASE_MS)]);
    if (answer === null) return { absence: 'NotFound' };
    if (answer === '') return { absence: 'Busy' };
    const kept = JSON.parse(answer as string) as Kept;
    const lease = new RedisLease(kept, this.#access(ref, token));
    this.#leases.add(lease);
    void lease.released.then(() => this.#leases.delete(lease));
    return { lease };
  }

  /** Resolves when every turn that was begun is kept, or could not be. */
  async settle(): Promise<void> {
    await Promise.all(Array.from(this.#leases, ({ released }) => released));
  }

  async remove(ref: Ref): Promise<'Removed' | Absence> {
    const removed = await this.#run('remove', ref, []);
    return removed === 1 ? 'Removed' : 'NotFound';
  }

  /** Resolves when Redis answers; rejects with StoreUnavailable. */
  reach(): Promise<void> {
    this.#reaching ??= this.#do((client) => client.ping())
      .then(() => undefined)
      .finally(() => {
        this.#reaching = undefined;
      });
    return this.#reaching;
  }

  close(): Promise<void> {
    return this.#redis.close();
  }

  /** What a lease does to its conversation; each says whether it still was the holder. */
  #access(ref: Ref, token: string): LeaseAccess {
    const { idleTimeoutMs } = this.#deps;
    return {
      renew: async () =>
        (await this.#run('renew', ref, [token, String(LEASE_MS), String(idleTimeoutMs())])) === 1,
      release: async (kept, messages) => {
        const next = messages && { ...kept, messages, usedAt: this.#now() };
        const text = next ? JSON.stringify(next) : '';
        return (await this.#run('release', ref, [token, text, String(idleTimeoutMs())])) === 1;
      },
    };
  }

  #run(script: keyof typeof SCRIPTS, ref: Ref, args: string[]): Promise<unknown> {
    return this.#do((client) =>
      client.eval(SCRIPTS[script], { keys: this.#keys(ref), arguments: args }),
    );
  }

  async #do<T>(use: (client: RedisClient) => Promise<T>): Promise<T> {
    try {
      return await this.#redis.use(use);
    } catch (error) {
      throw new StoreUnavailable((error as Error).message);
    }
  }

  /** In braces what decides the slot of a Redis cluster: both keys have to be in the same. */
  #keys({ id, principal }: Ref): [conversation: string, turn: string] {
    const conversation = `${this.#deps.prefix}conversation:{${id}}${ownerSuffix(principal)}`;
    return [conversation, `${conversation}:turn`];
  }

  #now(): string {
    return this.#deps.date().toISOString();
  }
}

interface LeaseAccess {
  renew(): Promise<boolean>;
  release(kept: Kept, messages: readonly Message[] | undefined): Promise<boolean>;
}

/** A lease that is renewed as long as its turn lasts. */
class RedisLease implements Lease {
  readonly conversation: Kept;
  readonly #access: LeaseAccess;
  /** Resolves when it was given back, or could not be. */
  readonly released: Promise<void>;
  readonly #onReleased: () => void;
  readonly #lost = new AbortController();
  readonly #timer: NodeJS.Timeout;
  #renewedAt = performance.now();
  #released = false;

  constructor(conversation: Kept, access: LeaseAccess) {
    this.conversation = conversation;
    this.#access = access;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.released = promise;
    this.#onReleased = resolve;
    this.#timer = setInterval(() => void this.#renew(), RENEW_MS).unref();
  }

  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  async release(messages?: readonly Message[]): Promise<void> {
    if (this.#released) return;
    this.#released = true;
    clearInterval(this.#timer);
    try {
      if (!(await this.#access.release(this.conversation, messages))) this.#lost.abort();
    } finally {
      this.#onReleased();
    }
  }

  async #renew(): Promise<void> {
    let held: boolean;
    try {
      held = await this.#access.renew();
    } catch {
      // Redis may come back before the lease runs out.
      held = performance.now() - this.#renewedAt < LEASE_MS - RENEW_MS;
      if (held) return;
    }
    if (held) this.#renewedAt = performance.now();
    else if (!this.#released) this.#lost.abort();
  }
}

/** Tells clients apart without naming them. */
function ownerSuffix(principal: string): string {
  if (principal === '') return '';
  return `:${createHash('sha256').update(principal).digest('base64url')}`;
}

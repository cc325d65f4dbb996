import { memoryOf } from '../../json/parsed.ts';
import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../../guard/clock.ts';
import { freeId } from './conversationId.ts';
import { RedisConnection } from '../../redis/connection.ts';
import type { RedisClient, RedisConnectionDeps, RedisUnavailable } from '../../redis/connection.ts';
import type { Message } from '../messages/messages.ts';
import { RedisEnds } from './redisEnds.ts';
import { SCRIPTS } from './redisScripts.ts';
import { StoreUnavailable } from './store.ts';
import type {
  Absence,
  CommandTrace,
  ConversationStore,
  Kept,
  Lease,
  LeaseLoss,
  Ref,
  Taken,
} from './store.ts';

export interface RedisStoreDeps extends RedisConnectionDeps {
  /** Prefix of all keys. */
  prefix: string;
  /** Time without a message until a conversation expires, in milliseconds. */
  idleTimeoutMs: () => number;
  clock: Clock;
  /** Whether `onExpired` has a listener. */
  tellsExpired: () => boolean;
  /** Reports an expired conversation. Only one pod calls it, and another one if that dies before it resolves. */
  onExpired: (id: string) => Promise<void>;
}

/** Longest time that the turn of a dead pod blocks its conversation, in milliseconds. */
const LEASE_MS = 15_000;
/** Interval between two renewals of a lease. */
const RENEW_MS = 5000;
/** Interval between two tries to store a turn. */
const RETRY_MS = 250;
const DEFAULT_PORT = 6379;
/** Interval between two searches for expired conversations. */
const SEARCH_MS = 10_000;

interface TracedCommand {
  operation: 'EVAL' | 'GET' | 'SET';
  script?: keyof typeof SCRIPTS;
  trace: CommandTrace | undefined;
}

/**
 * Conversations in a Redis, which any pod can continue. Each has two keys: the conversation, and the lease of a turn.
 * Both contain the client, so that no other client finds them.
 */
export class RedisStore implements ConversationStore {
  readonly #deps: RedisStoreDeps;
  readonly #redis: RedisConnection;
  readonly #server: { address: string; port: number };
  readonly #leases = new Set<RedisLease>();
  readonly #ends: RedisEnds;
  #reaching: Promise<void> | undefined;
  #cancelSearch: () => void = () => undefined;

  constructor(deps: RedisStoreDeps) {
    this.#deps = deps;
    const { prefix, clock, idleTimeoutMs, tellsExpired, onExpired } = deps;
    this.#ends = new RedisEnds({
      key: `${prefix}ends`,
      conversationKey: (entry) => this.#keys(parsedEntry(entry))[0],
      use: (use) => this.#do(use),
      isWanted: tellsExpired,
      idleTimeoutMs,
      date: () => clock.date(),
      onEnded: (entry) => onExpired(parsedEntry(entry).id),
    });
    this.#searchLater();
    const { hostname, port } = new URL(deps.url);
    this.#server = { address: hostname, port: Number(port || DEFAULT_PORT) };
    this.#redis = new RedisConnection(deps);
  }

  async create(
    messages: readonly Message[],
    principal: string,
    trace?: CommandTrace,
  ): Promise<Kept> {
    const now = this.#now();
    const kept = { id: freeId(), messages, createdAt: now, usedAt: now };
    const { idleTimeoutMs } = this.#deps;
    const owned = { id: kept.id, owner: ownerSuffix(principal) };
    const setting = this.#do(
      (client) =>
        client.set(this.#keys(owned)[0], JSON.stringify(kept), {
          expiration: { type: 'PX', value: idleTimeoutMs() },
        }),
      { operation: 'SET', trace },
    );
    await Promise.all([setting, this.#ends.note(entryOf(owned))]);
    return kept;
  }

  async read(ref: Ref): Promise<Kept | Absence> {
    const [key] = this.#keys(ownedOf(ref));
    const { trace } = ref;
    const text = await this.#do((client) => client.get(key), { operation: 'GET', trace });
    return text === null ? 'NotFound' : (JSON.parse(String(text)) as Kept);
  }

  async take(ref: Ref): Promise<Taken> {
    const token = randomBytes(12).toString('base64url');
    const takenAt = performance.now();
    const entry = entryOf(ownedOf(ref));
    // Adds the entry before the look-up, so that a concurrent deletion finds it.
    const noting = this.#ends.note(entry);
    const answer = await this.#run('take', ref, [token, String(LEASE_MS)]);
    const isNew = await noting;
    if (answer === null) {
      if (isNew) await this.#ends.forget(entry);
      return { absence: 'NotFound' };
    }
    if (answer === '') return { absence: 'Busy' };
    const kept = JSON.parse(answer as string) as Kept;
    const lease = new RedisLease(kept, this.#access(ref, token), takenAt);
    this.#leases.add(lease);
    void lease.released.then(() => this.#leases.delete(lease));
    return { lease };
  }

  /** Resolves when every running turn is stored or has failed to be. */
  async settle(): Promise<void> {
    await Promise.all(Array.from(this.#leases, ({ released }) => released));
  }

  async remove(ref: Ref): Promise<'Removed' | Absence> {
    await this.#ends.forget(entryOf(ownedOf(ref)));
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

  /** The first `maxBytes` of a text that is no conversation; undefined if there is none. */
  async readText(name: string, maxBytes: number): Promise<string | undefined> {
    const key = `${this.#deps.prefix}${name}`;
    const text = await this.#do((client) => client.getRange(key, 0, maxBytes - 1));
    return text ? String(text) : undefined;
  }

  /** Keeps a text for so many milliseconds. */
  async writeText(name: string, text: string, ttlMs: number): Promise<void> {
    const expiration = { type: 'PX', value: ttlMs } as const;
    await this.#do((client) => client.set(`${this.#deps.prefix}${name}`, text, { expiration }));
  }

  async close(): Promise<void> {
    this.#cancelSearch();
    await this.#redis.close();
  }

  /** Reports expired conversations. */
  searchEnded(): Promise<void> {
    return this.#ends.search();
  }

  #searchLater(): void {
    this.#cancelSearch = this.#deps.clock.setTimer(SEARCH_MS, () => {
      void this.searchEnded();
      this.#searchLater();
    });
  }

  /** Operations of a lease. */
  #access(ref: Ref, token: string): LeaseAccess {
    const { idleTimeoutMs } = this.#deps;
    return {
      // Part of no trace: it happens beside the turn.
      renew: async () =>
        lossOf(
          await this.#run('renew', { ...ref, trace: undefined }, [
            token,
            String(LEASE_MS),
            String(idleTimeoutMs()),
          ]),
        ),
      release: (kept, messages) => {
        const next = messages && { ...kept, messages, usedAt: this.#now() };
        const text = next ? JSON.stringify(next) : '';
        return async () =>
          lossOf(await this.#run('release', ref, [token, text, String(idleTimeoutMs())]));
      },
    };
  }

  #run(script: keyof typeof SCRIPTS, ref: Ref, args: string[]): Promise<unknown> {
    return this.#do(
      (client) => client.eval(SCRIPTS[script], { keys: this.#keys(ownedOf(ref)), arguments: args }),
      { operation: 'EVAL', script, trace: ref.trace },
    );
  }

  async #do<T>(use: (client: RedisClient) => Promise<T>, command?: TracedCommand): Promise<T> {
    const span = command && this.#spanOf(command);
    try {
      const answer = await this.#redis.use(use);
      span?.end();
      return answer;
    } catch (error) {
      const { code, message } = error as RedisUnavailable;
      span?.end(code);
      throw new StoreUnavailable(message);
    }
  }

  #spanOf({ trace, ...which }: TracedCommand): ReturnType<CommandTrace['command']> | undefined {
    return trace?.command({ system: 'redis', ...which, ...this.#server });
  }

  /** The braces decide the slot of a Redis cluster: both keys have to be in the same. */
  #keys({ id, owner }: Owned): [conversation: string, turn: string] {
    const conversation = `${this.#deps.prefix}conversation:{${id}}${owner}`;
    return [conversation, `${conversation}:turn`];
  }

  #now(): string {
    return this.#deps.clock.date().toISOString();
  }
}

/** Each resolves with why the lease is lost; undefined: it is not. */
interface LeaseAccess {
  renew(): Promise<LeaseLoss | undefined>;
  /** Makes a call that may be repeated until it resolves. */
  release(
    kept: Kept,
    messages: readonly Message[] | undefined,
  ): () => Promise<LeaseLoss | undefined>;
}

const LOSSES: Readonly<Record<number, LeaseLoss>> = { 0: 'Deleted', 2: 'Overtaken' };

/** What the answer of a script says of the lease. */
function lossOf(answer: unknown): LeaseLoss | undefined {
  return LOSSES[Number(answer)];
}

/** A lease that renews itself until its turn ends. */
class RedisLease implements Lease {
  readonly conversation: Kept;
  readonly bytes: number;
  readonly #access: LeaseAccess;
  /** Resolves when the lease is released or its release has failed. */
  readonly released: Promise<void>;
  readonly #onReleased: () => void;
  readonly #lost = new AbortController();
  readonly #timer: NodeJS.Timeout;
  /** When the last renewal that worked was sent. */
  #renewedAt: number;
  #released = false;

  constructor(conversation: Kept, access: LeaseAccess, takenAt: number) {
    this.#renewedAt = takenAt;
    this.conversation = conversation;
    this.bytes = memoryOf(conversation.messages);
    this.#access = access;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.released = promise;
    this.#onReleased = resolve;
    this.#timer = setInterval(() => void this.#renew(), RENEW_MS).unref();
  }

  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  /** Redis has bounds of its own. */
  reserve(): boolean {
    return true;
  }

  get loss(): LeaseLoss | undefined {
    return this.#lost.signal.aborted ? (this.#lost.signal.reason as LeaseLoss) : undefined;
  }

  async release(messages?: readonly Message[]): Promise<void> {
    if (this.#released) return;
    this.#released = true;
    clearInterval(this.#timer);
    try {
      const loss = await this.#store(messages);
      if (loss) this.#lost.abort(loss);
    } finally {
      this.#onReleased();
    }
  }

  /** Tries for as long as the lease lasts: a turn that is given up would be sent again, and call its tools twice. */
  async #store(messages: readonly Message[] | undefined): Promise<LeaseLoss | undefined> {
    const release = this.#access.release(this.conversation, messages);
    for (;;) {
      try {
        return await release();
      } catch (error) {
        if (!messages || this.#leftMs <= RETRY_MS) throw error;
        await delay(RETRY_MS);
      }
    }
  }

  get #leftMs(): number {
    return this.#renewedAt + LEASE_MS - performance.now();
  }

  async #renew(): Promise<void> {
    const at = performance.now();
    let loss: LeaseLoss | undefined;
    try {
      loss = await this.#access.renew();
      if (!loss) this.#renewedAt = at;
    } catch {
      // Redis may recover before the lease expires.
      if (this.#leftMs <= 0) loss = 'Unreachable';
    }
    if (loss && !this.#released) this.#lost.abort(loss);
  }
}

/** A conversation by its id and its key's suffix of the client. */
interface Owned {
  id: string;
  owner: string;
}

function ownedOf({ id, principal }: Ref): Owned {
  return { id, owner: ownerSuffix(principal) };
}

function entryOf({ id, owner }: Owned): string {
  return `${id}${owner}`;
}

function parsedEntry(entry: string): Owned {
  const colon = entry.indexOf(':');
  return colon < 0
    ? { id: entry, owner: '' }
    : { id: entry.slice(0, colon), owner: entry.slice(colon) };
}

/** Distinguishes clients without naming them. */
function ownerSuffix(principal: string): string {
  if (principal === '') return '';
  return `:${createHash('sha256').update(principal).digest('base64url')}`;
}

import { createHash } from 'node:crypto';
import type { Current } from '../snapshot/snapshot.ts';
import { setTimeout } from 'node:timers/promises';
import type { Content } from '../../contract/generated/types.ts';
import type { LimitStore, StoreOperation } from '../guard/limitStore.ts';
import type { StoredAnswer } from '../resilience/storedBucket.ts';
import { RedisConnection, RedisUnavailable } from './connection.ts';
import type { RedisClient } from './connection.ts';
import { LIMIT_SCRIPT } from './limitScript.ts';
import { RedisInForce } from './redisInForce.ts';
import type { RedisInForceDeps } from './redisInForce.ts';

export interface RedisLimitsDeps extends RedisInForceDeps {
  current: Pick<Current, 'content'>;
}

/** Time for sent commands before the process ends, in milliseconds. */
const CLOSE_MS = 500;
/** Writes a key that expires at once: a Redis can answer and yet refuse to write, such as one whose memory is full. */
const CHECK: StoreOperation = {
  id: 'check',
  figures: { amount: 1, perMs: 1, capacity: 1 },
  owed: 0,
  costs: [1],
};
const SHA1 = createHash('sha1').update(LIMIT_SCRIPT).digest('hex');

/** The buckets of limits in the Redis of the configuration. */
export class RedisLimits implements LimitStore {
  readonly #current: RedisLimitsDeps['current'];
  readonly #redis: RedisInForce<RedisConnection>;

  constructor(deps: RedisLimitsDeps) {
    this.#current = deps.current;
    this.#redis = new RedisInForce(deps, (connection) => new RedisConnection(connection));
  }

  /** Applies a configuration: connects before the first request, or leaves a Redis that is no longer used. */
  apply({ limits, redis }: Content): void {
    const isUsed = limits.some(({ fleet }) => fleet?.store === 'Redis');
    if (isUsed && redis) void this.run([]).catch(() => undefined);
    else this.#redis.leave();
  }

  async run(operations: readonly StoreOperation[]): Promise<StoredAnswer[]> {
    const { redis, prefix } = this.#connection();
    const asked = operations.length === 0 ? [CHECK] : operations;
    const keys = asked.map(({ id }) => `${prefix}${id}`);
    const args = asked.flatMap(({ figures, owed, costs }) =>
      [figures.amount, figures.perMs, figures.capacity, owed, costs.length, ...costs].map(String),
    );
    const answers = await redis.use((client) => evaluate(client, keys, args));
    return operations.map((_, i) => ({
      granted: Number(answers[2 * i]),
      level: Number(answers[2 * i + 1]),
    }));
  }

  async close(): Promise<void> {
    const redis = this.#redis.last;
    await Promise.race([redis?.settle(), setTimeout(CLOSE_MS, undefined, { ref: false })]);
    await redis?.close();
  }

  #connection(): { redis: RedisConnection; prefix: string } {
    const content = this.#current.content;
    const redis = this.#redis.of(content);
    if (!content || !redis) throw new RedisUnavailable('the agent has none');
    const { namespace, name } = content.agent;
    // The braces decide the slot of a Redis cluster: all keys of a script have to be in the same.
    return { redis, prefix: `breakwater:{${namespace}/${name}}:` };
  }
}

/** Names the script by its hash. Sends it only to a Redis that does not know it. */
async function evaluate(client: RedisClient, keys: string[], args: string[]): Promise<string[]> {
  const options = { keys, arguments: args };
  try {
    return (await client.evalSha(SHA1, options)) as string[];
  } catch (error) {
    if (!(error as Error).message.startsWith('NOSCRIPT')) throw error;
    return (await client.eval(LIMIT_SCRIPT, options)) as string[];
  }
}

import { createHash } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import type { SecureContext } from 'node:tls';
import type { Logger } from 'pino';
import type { Content } from '../../contract/generated/types.ts';
import type { LimitStore, StoreOperation } from '../guard/limitStore.ts';
import type { Credentials } from '../model/pool/credentials.ts';
import type { Network } from '../network/network.ts';
import type { StoredAnswer } from '../resilience/storedBucket.ts';
import { RedisConnection, RedisUnavailable } from './connection.ts';
import type { RedisClient } from './connection.ts';
import { LIMIT_SCRIPT } from './limitScript.ts';

export interface RedisLimitsDeps {
  content: () => Content | undefined;
  credentials: Pick<Credentials, 'read'>;
  network: Pick<Network, 'way'>;
  /** Time to connect, in milliseconds. */
  connectMs: () => number;
  log: Logger;
}

/** Time for what was sent before the process ends, in milliseconds. */
const CLOSE_MS = 500;
const SHA1 = createHash('sha1').update(LIMIT_SCRIPT).digest('hex');

/** The buckets of limits in the Redis that the configuration names for conversations. */
export class RedisLimits implements LimitStore {
  readonly #deps: RedisLimitsDeps;
  #last: { key: string; trusted: SecureContext | undefined; redis: RedisConnection } | undefined;

  constructor(deps: RedisLimitsDeps) {
    this.#deps = deps;
  }

  /** Another configuration is in force: connects before the first request, or leaves a Redis that is not used any more. */
  apply({ limits, conversation }: Content): void {
    const isUsed = limits.some(({ fleet }) => fleet?.store === 'Redis');
    if (isUsed && conversation?.redis) void this.run([]).catch(() => undefined);
    else this.#leave();
  }

  async run(operations: readonly StoreOperation[]): Promise<StoredAnswer[]> {
    const { redis, prefix } = this.#connection();
    if (operations.length === 0) {
      await redis.use((client) => client.ping());
      return [];
    }
    const keys = operations.map(({ id }) => `${prefix}${id}`);
    const args = operations.flatMap(({ figures, owed, costs }) =>
      [figures.amount, figures.perMs, figures.capacity, owed, costs.length, ...costs].map(String),
    );
    const told = await redis.use((client) => evaluate(client, keys, args));
    return operations.map((_, i) => ({
      granted: Number(told[2 * i]),
      level: Number(told[2 * i + 1]),
    }));
  }

  async close(): Promise<void> {
    const redis = this.#last?.redis;
    await Promise.race([redis?.settle(), setTimeout(CLOSE_MS, undefined, { ref: false })]);
    await redis?.close();
  }

  #leave(): void {
    const last = this.#last?.redis;
    this.#last = undefined;
    void last?.settle().then(() => last.close());
  }

  #connection(): { redis: RedisConnection; prefix: string } {
    const { content, network } = this.#deps;
    const { agent, conversation } = content() ?? {};
    const settings = conversation?.redis;
    if (!agent || !settings) throw new RedisUnavailable('the agent has none');
    const key = JSON.stringify(settings);
    const { secureContext: trusted } = network.way;
    if (this.#last?.key !== key || this.#last.trusted !== trusted) {
      this.#leave();
      this.#last = { key, trusted, redis: this.#connect(settings, trusted) };
    }
    // In braces what decides the slot of a Redis cluster: all keys of a script have to be in the same.
    return { redis: this.#last.redis, prefix: `breakwater:{${agent.namespace}/${agent.name}}:` };
  }

  #connect(
    { url, password }: NonNullable<NonNullable<Content['conversation']>['redis']>,
    secureContext: SecureContext | undefined,
  ): RedisConnection {
    const { credentials, connectMs, log } = this.#deps;
    return new RedisConnection({
      ...{ url, secureContext, log },
      password: () => password && credentials.read(password),
      timeoutMs: connectMs,
    });
  }
}

/** Names the script by its hash, and sends it only to a Redis that does not know it. */
async function evaluate(client: RedisClient, keys: string[], args: string[]): Promise<string[]> {
  const options = { keys, arguments: args };
  try {
    return (await client.evalSha(SHA1, options)) as string[];
  } catch (error) {
    if (!(error as Error).message.startsWith('NOSCRIPT')) throw error;
    return (await client.eval(LIMIT_SCRIPT, options)) as string[];
  }
}

import type { SecureContext } from 'node:tls';
import type { Logger } from 'pino';

export interface RedisConnectionDeps {
  url: string;
  /** What is trusted of a server with rediss; undefined: the system's authorities. */
  secureContext?: SecureContext | undefined;
  /** Asked for at each connection; undefined: none. */
  password: () => string | undefined;
  /** Time to connect and for each command, in milliseconds. */
  timeoutMs: () => number;
  log: Logger;
}

export type RedisClient = Awaited<ReturnType<typeof connectable>>;

/** Redis cannot be reached at present, or refuses. The message holds nothing of what was sent. */
export class RedisUnavailable extends Error {
  /** Why, such as ECONNREFUSED. */
  readonly code: string;

  constructor(code: string) {
    super(`Redis does not answer (${code})`);
    this.code = code;
  }
}

/** A connection that is opened when it is first needed, and then by itself whenever it was lost. */
export class RedisConnection {
  readonly #deps: RedisConnectionDeps;
  readonly #client: Promise<RedisClient>;
  readonly #underWay = new Set<Promise<unknown>>();

  constructor(deps: RedisConnectionDeps) {
    this.#deps = deps;
    this.#client = connectable(deps);
    // `use` reports it.
    this.#client.catch(() => undefined);
  }

  /** Sends commands. Rejects with RedisUnavailable. */
  async use<T>(commands: (client: RedisClient) => Promise<T>): Promise<T> {
    const done = this.#use(commands);
    this.#underWay.add(done);
    try {
      return await done;
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? (error as Error).name;
      throw new RedisUnavailable(code);
    } finally {
      this.#underWay.delete(done);
    }
  }

  /** Resolves when every command that was sent is answered, or is not going to be. */
  async settle(): Promise<void> {
    await Promise.allSettled(this.#underWay);
  }

  async close(): Promise<void> {
    const client = await this.#client;
    if (client.isOpen) client.destroy();
  }

  async #use<T>(commands: (client: RedisClient) => Promise<T>): Promise<T> {
    const client = await this.#client;
    await this.#ready(client);
    return commands(client);
  }

  /** Connects when it is first needed; afterwards the client does so by itself. */
  async #ready(client: RedisClient): Promise<void> {
    if (client.isReady) return;
    if (!client.isOpen) client.connect().catch(() => undefined);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(() => reject(new Error('timeout')), this.#deps.timeoutMs()).unref();
    client.once('ready', resolve);
    client.once('error', reject);
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      client.off('ready', resolve);
      client.off('error', reject);
    }
  }
}

/** A client that is not connected. Only agents with a Redis pay for its library. */
async function connectable(deps: RedisConnectionDeps) {
  const { url, password, timeoutMs, log } = deps;
  // The bundle has all of a CommonJS module under `default` only.
  const { default: redis } = await import('@redis/client');
  const timeout = timeoutMs();
  const client = redis.createClient({
    url,
    disableOfflineQueue: true,
    socket: { connectTimeout: timeout, ...secured(deps) },
    commandOptions: { timeout },
    credentialsProvider: {
      type: 'async-credentials-provider',
      credentials: () => Promise.resolve(credentials(password())),
    },
  });
  // Whoever asks is told; without a listener an error would end the process.
  client.on('error', (error: NodeJS.ErrnoException) => {
    const address = new URL(url).host;
    log.warn({ address, code: error.code ?? error.name }, 'Connection to Redis failed');
  });
  return client;
}

function secured({ url, secureContext }: RedisConnectionDeps): { tls?: true } {
  return secureContext && url.startsWith('rediss:') ? { tls: true, ...{ secureContext } } : {};
}

function credentials(password: string | undefined): { password?: string } {
  return password === undefined ? {} : { password };
}

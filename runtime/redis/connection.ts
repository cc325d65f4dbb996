import type { SecureContext } from 'node:tls';
import type { Logger } from 'pino';

export interface RedisConnectionDeps {
  url: string;
  /** Trusted authorities of a server with rediss; undefined: the system's. */
  secureContext?: SecureContext | undefined;
  /** Read at each connection; undefined: none. */
  password: () => string | undefined;
  /** Time to connect and for each command, in milliseconds. */
  timeoutMs: () => number;
  log: Logger;
}

export type RedisClient = Awaited<ReturnType<typeof connectable>>;

/** Redis is unreachable or refuses. The message contains nothing that was sent. */
export class RedisUnavailable extends Error {
  /** Cause, such as ECONNREFUSED. */
  readonly code: string;

  constructor(code: string) {
    super(`Redis does not answer (${code})`);
    this.code = code;
  }
}

/** A connection that opens at first use and reconnects by itself. */
export class RedisConnection {
  readonly #deps: RedisConnectionDeps;
  readonly #client: Promise<RedisClient>;
  readonly #underWay = new Set<Promise<unknown>>();

  constructor(deps: RedisConnectionDeps) {
    this.#deps = deps;
    this.#client = connectable(deps);
    // `use` reports the error.
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

  /** Resolves when each sent command has its answer or has failed. */
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

  /** Connects at first use; afterwards the client reconnects by itself. */
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

/** A client, not yet connected. Only agents with a Redis load its library. */
async function connectable(deps: RedisConnectionDeps) {
  const { url, password, timeoutMs, log } = deps;
  // The bundle exposes a CommonJS module only under `default`.
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
  // Each command reports the error too. Without a listener it would end the process.
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

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

/** Codes of errors after which only another connection helps. */
const STARTS_ANEW = new Set(['ETIMEDOUT', 'READONLY']);

/** Redis is unreachable or refuses. The message contains nothing that was sent. */
export class RedisUnavailable extends Error {
  /** Cause, such as ECONNREFUSED, or the code of Redis' error, such as OOM. */
  readonly code: string;

  constructor(code: string) {
    super(`Redis does not answer (${code})`);
    this.code = code;
  }
}

/**
 * A connection that opens at first use and reconnects by itself. It also starts anew after a command without an answer,
 * because the server may be gone without a word, and after one that a read-only server refused, because another server
 * has become the primary.
 */
export class RedisConnection {
  readonly #deps: RedisConnectionDeps;
  #client: Promise<RedisClient>;
  readonly #underWay = new Set<Promise<unknown>>();
  #closed = false;

  constructor(deps: RedisConnectionDeps) {
    this.#deps = deps;
    this.#client = this.#open();
  }

  /** Sends commands. Rejects with RedisUnavailable, after `timeoutMs` at the latest. */
  async use<T>(commands: (client: RedisClient) => Promise<T>): Promise<T> {
    const client = this.#client;
    const done = this.#inTime(this.#use(client, commands));
    this.#underWay.add(done);
    try {
      return await done;
    } catch (error) {
      const code = codeOf(error as Error);
      if (STARTS_ANEW.has(code)) await this.#drop(client, code);
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
    this.#closed = true;
    const client = await this.#client;
    if (client.isOpen) client.destroy();
  }

  async #use<T>(
    connecting: Promise<RedisClient>,
    commands: (client: RedisClient) => Promise<T>,
  ): Promise<T> {
    const client = await connecting;
    await this.#ready(client);
    return commands(client);
  }

  #open(): Promise<RedisClient> {
    const client = connectable(this.#deps);
    // `use` reports the error.
    client.catch(() => undefined);
    return client;
  }

  /** Ends the connection, and the commands under way on it. The next command opens another one. */
  async #drop(dropped: Promise<RedisClient>, code: string): Promise<void> {
    if (this.#closed || this.#client !== dropped) return;
    this.#client = this.#open();
    const { url, log } = this.#deps;
    log.warn({ address: new URL(url).host, code }, 'Connection to Redis starts anew');
    const client = await dropped;
    if (client.isOpen) client.destroy();
  }

  /** Connects at first use; afterwards the client reconnects by itself. */
  async #ready(client: RedisClient): Promise<void> {
    if (client.isReady) return;
    if (!client.isOpen) client.connect().catch(() => undefined);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    client.once('ready', resolve);
    client.once('error', reject);
    try {
      await promise;
    } finally {
      client.off('ready', resolve);
      client.off('error', reject);
    }
  }

  async #inTime<T>(answer: Promise<T>): Promise<T> {
    const { promise, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      // An answer that came while the process was busy is read before this.
      setImmediate(() => reject(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' })));
    }, this.#deps.timeoutMs()).unref();
    try {
      return await Promise.race([answer, promise]);
    } finally {
      clearTimeout(timer);
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
  let logged: string | undefined;
  client.on('ready', () => (logged = undefined));
  // Each command reports the error too. Without a listener it would end the process.
  client.on('error', (error: NodeJS.ErrnoException) => {
    const code = codeOf(error);
    if (code !== logged)
      log.warn({ address: new URL(url).host, code }, 'Connection to Redis failed');
    logged = code;
  });
  return client;
}

/** Redis begins an error with its code. Before version 7, an error of a script has the code of the command inside. */
function codeOf({ code, message, name }: NodeJS.ErrnoException): string {
  return code ?? (/ -([A-Z]+) /.exec(message) ?? /^([A-Z]+) /.exec(message))?.[1] ?? name;
}

function secured({ url, secureContext }: RedisConnectionDeps): { tls?: true } {
  return secureContext && url.startsWith('rediss:') ? { tls: true, ...{ secureContext } } : {};
}

function credentials(password: string | undefined): { password?: string } {
  return password === undefined ? {} : { password };
}

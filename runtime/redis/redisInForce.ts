import type { SecureContext } from 'node:tls';
import type { Logger } from 'pino';
import type { Content } from '../../contract/generated/types.ts';
import type { Credentials } from '../mounts/credentials.ts';
import type { Network } from '../network/network.ts';
import type { RedisConnectionDeps } from './connection.ts';

export interface RedisInForceDeps {
  credentials: Pick<Credentials, 'read'>;
  network: Pick<Network, 'settings'>;
  /** Time to connect, in milliseconds. */
  connectMs: () => number;
  log: Logger;
}

/** What uses a connection to Redis. */
interface RedisUser {
  /** Resolves when every command that was sent is answered. */
  settle(): Promise<void>;
  close(): Promise<void>;
}

/** Keeps one user of the configured Redis. Replaces it when its settings or the trusted authorities change. */
export class RedisInForce<T extends RedisUser> {
  readonly #deps: RedisInForceDeps;
  readonly #make: (connection: RedisConnectionDeps, agent: Content['agent']) => T;
  #last: { key: string; trusted: SecureContext | undefined; user: T } | undefined;

  constructor(
    deps: RedisInForceDeps,
    make: (connection: RedisConnectionDeps, agent: Content['agent']) => T,
  ) {
    this.#deps = deps;
    this.#make = make;
  }

  /** The user made last; undefined before the first. */
  get last(): T | undefined {
    return this.#last?.user;
  }

  /** The user for these settings; undefined where they name no Redis. */
  of(content: Content | undefined): T | undefined {
    const settings = content?.redis;
    if (!settings) return undefined;
    const { agent } = content;
    const { credentials, network, connectMs, log } = this.#deps;
    const key = JSON.stringify([settings, agent.namespace, agent.name]);
    const { secureContext: trusted } = network.settings;
    if (this.#last?.key !== key || this.#last.trusted !== trusted) {
      this.leave();
      const { url, password } = settings;
      const connection = {
        ...{ url, secureContext: trusted, timeoutMs: connectMs, log },
        password: () => password && credentials.read(password),
      };
      this.#last = { key, trusted, user: this.#make(connection, agent) };
    }
    return this.#last.user;
  }

  /** Closes the user once the commands that it sent are answered. */
  leave(): void {
    const user = this.#last?.user;
    this.#last = undefined;
    void user?.settle().then(() => user.close());
  }
}

import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { createClient } from '@redis/client';
import { until } from './until.ts';

type Client = Pick<ReturnType<typeof createClient>, 'keys' | 'zScore' | 'sendCommand'>;

/** A real Redis on a free port, without persistence. */
export class RealRedis {
  readonly port: number;
  readonly #password: string | undefined;
  readonly #bind: string[];
  #process: ChildProcess | undefined;

  private constructor(port: number, password: string | undefined, bind: string[]) {
    this.port = port;
    this.#password = password;
    this.#bind = bind;
  }

  /** `addresses`: further addresses to listen on, for other machines. */
  static async start(password?: string, addresses: string[] = []): Promise<RealRedis> {
    const redis = new RealRedis(await freePort(), password, ['127.0.0.1', ...addresses]);
    await redis.resume();
    return redis;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Starts it again, empty. */
  async resume(): Promise<void> {
    const security = this.#password === undefined ? [] : ['--requirepass', this.#password];
    const args = ['--port', String(this.port), '--save', '', '--appendonly', 'no', ...security];
    this.#process = spawn('redis-server', [...args, '--bind', ...this.#bind], { stdio: 'ignore' });
    const failed = once(this.#process, 'error').then(([error]) => {
      throw new Error(`redis-server (Debian: apt-get install redis-server): ${String(error)}`);
    });
    await Promise.race([failed, until(() => this.#answers())]);
    failed.catch(() => undefined);
  }

  async stop(): Promise<void> {
    const running = this.#process;
    this.#process = undefined;
    if (!running || running.exitCode !== null) return;
    const ended = once(running, 'exit');
    running.kill('SIGKILL');
    await ended;
  }

  /** Stops the process without closing its connections. */
  pause(): void {
    this.#process!.kill('SIGSTOP');
  }

  unpause(): void {
    this.#process!.kill('SIGCONT');
  }

  keys(): Promise<string[]> {
    return this.#ask((client) => client.keys('*'));
  }

  /** The score of a member of a sorted set; 0 for none. */
  async score(key: string, member: string): Promise<number> {
    return (await this.#ask((client) => client.zScore(key, member))) ?? 0;
  }

  /** Sends a command, such as one that configures it. */
  async command(...words: string[]): Promise<void> {
    await this.#ask((client) => client.sendCommand(words));
  }

  async #ask<T>(use: (client: Client) => Promise<T>): Promise<T> {
    const client = createClient({ url: this.url, password: this.#password ?? '' });
    await client.connect();
    try {
      return await use(client);
    } finally {
      client.destroy();
    }
  }

  async #answers(): Promise<boolean> {
    const client = createClient({
      url: this.url,
      ...(this.#password !== undefined && { password: this.#password }),
      socket: { reconnectStrategy: false },
    });
    client.on('error', () => undefined);
    try {
      await client.connect();
      client.destroy();
      return true;
    } catch {
      return false;
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

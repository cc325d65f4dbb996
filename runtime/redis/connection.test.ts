import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { RealRedis } from '../testing/redis.ts';
import { Cleanups } from '../testing/setup.ts';
import { RedisConnection } from './connection.ts';

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

async function redis(): Promise<RealRedis> {
  const server = await RealRedis.start();
  cleanups.add(() => server.stop());
  return server;
}

/** The address of a Service: passes each connection on to the Redis that is the primary when it opens. */
class Address {
  primary: RealRedis;
  /** Whether connections open and nothing passes, as when a node goes without a word. */
  isSilent = false;
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((socket) => this.#pass(socket));

  constructor(primary: RealRedis) {
    this.primary = primary;
  }

  static async of(primary: RealRedis): Promise<Address> {
    const address = new Address(primary);
    address.#server.listen(0, '127.0.0.1');
    await once(address.#server, 'listening');
    cleanups.add(async () => {
      for (const socket of address.#sockets) socket.destroy();
      address.#server.close();
      await once(address.#server, 'close');
    });
    return address;
  }

  get url(): string {
    return `redis://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Connections that are open. */
  get open(): number {
    return this.#sockets.size;
  }

  /** Lets nothing pass over the connections that are open. */
  silence(): void {
    for (const socket of this.#sockets) {
      socket.unpipe();
      socket.pause();
    }
  }

  #pass(socket: Socket): void {
    this.#keep(socket);
    if (this.isSilent) return;
    const onward = connect(this.primary.port, '127.0.0.1');
    this.#keep(onward);
    socket.pipe(onward).pipe(socket);
    socket.on('close', () => onward.destroy());
    onward.on('close', () => socket.destroy());
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => this.#sockets.delete(socket));
  }
}

function connectionTo(url: string, timeoutMs = 30_000): RedisConnection {
  const connection = new RedisConnection({
    url,
    password: () => undefined,
    timeoutMs: () => timeoutMs,
    log: pino({ level: 'silent' }),
  });
  cleanups.add(() => connection.close());
  return connection;
}

const write = (connection: RedisConnection): Promise<unknown> =>
  connection.use((client) => client.set('key', 'value'));

describe('a connection to Redis', () => {
  it('starts anew when the server is gone without a word', async () => {
    const address = await Address.of(await redis());
    const connection = connectionTo(address.url, 2000);
    await write(connection);
    address.silence();
    await expect(write(connection)).rejects.toThrow('Redis does not answer (ETIMEDOUT)');
    await expect(write(connection)).resolves.toBe('OK');
  });

  it('starts anew when the server accepts it and never answers', async () => {
    const address = await Address.of(await redis());
    address.isSilent = true;
    const connection = connectionTo(address.url, 2000);
    const answers = await Promise.allSettled([write(connection), write(connection)]);
    expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    address.isSilent = false;
    await expect(write(connection)).resolves.toBe('OK');
  });

  it('follows a failover although the former primary keeps it open', async () => {
    const [former, next] = [await redis(), await redis()];
    const address = await Address.of(former);
    const connection = connectionTo(address.url);
    await write(connection);
    await former.command('REPLICAOF', '127.0.0.1', String(next.port));
    address.primary = next;
    await expect(write(connection)).rejects.toThrow('Redis does not answer (READONLY)');
    await expect(write(connection)).resolves.toBe('OK');
    expect(await next.keys()).toEqual(['key']);
  });

  it('names the code of an error of Redis, and stays open', async () => {
    const server = await redis();
    const address = await Address.of(server);
    const connection = connectionTo(address.url);
    await write(connection);
    await server.command('CONFIG', 'SET', 'maxmemory', '1');
    await expect(write(connection)).rejects.toThrow('Redis does not answer (OOM)');
    expect(address.open).toBe(2);
  });
});

import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';

/** The port, or the next above it on which nothing listens on this computer. */
export async function freePort(port: number): Promise<number> {
  for (let next = port; next <= 65_535; next += 1) {
    if (await isFree(next)) return next;
  }
  throw new Error(`no port from ${port} on is free; choose a lower one with --port`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    // Without a host, so that it collides with a listener on any address.
    server.listen(port);
    await once(server, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}

/** Some port on which nothing listens on this computer. */
export async function unusedPort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

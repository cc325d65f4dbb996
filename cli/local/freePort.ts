import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';

/** The first free port of this computer at or above `port`. */
export async function freePort(port: number): Promise<number> {
  for (let next = port; next <= 65_535; next += 1) {
    if (await isFree(next)) return next;
  }
  throw new Error(`no port from ${port} on is free; choose a lower one with --port`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    // Listens on all addresses, to notice a listener on any of them.
    server.listen(port);
    await once(server, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}

/** Any free port of this computer. */
export async function unusedPort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

import { createServer } from 'node:net';

/**
 * Below the ports that the kernel gives to clients, so that no client takes a server's port before the server starts or
 * while it restarts.
 */
const PORTS = { first: 20_000, count: 12_000 };

const given = new Set<number>();

/** A port of this computer that was free a moment ago. No process gets the same one twice. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = PORTS.first + Math.floor(Math.random() * PORTS.count);
    if (given.has(port) || !(await isFree(port))) continue;
    given.add(port);
    return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.on('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import type { Cleanups } from './setup.ts';

export interface RawEndpoint {
  url: string;
  /** Number of requests so far. */
  requests: () => number;
}

/** Starts an endpoint that answers every request with these bytes and closes the connection. */
export async function rawEndpoint(
  cleanups: Cleanups,
  bytes: () => string | Buffer,
): Promise<RawEndpoint> {
  let requests = 0;
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    let request = '';
    socket.on('data', (chunk) => {
      request += chunk.toString('latin1');
      if (!/\r\n\r\n.*\}$/s.test(request)) return;
      requests += 1;
      socket.end(bytes());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.add(() => new Promise((resolve) => server.close(() => resolve())));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, requests: () => requests };
}

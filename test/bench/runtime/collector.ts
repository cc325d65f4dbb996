/**
 * A collector of traces with minimal cost: a process that accepts every export and keeps none. It tells its parent the
 * port.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const server = createServer((request, response) => {
  request.resume().on('end', () => response.end());
});
server.listen(0, '127.0.0.1', () => {
  process.send!({ port: (server.address() as AddressInfo).port });
});
process.once('disconnect', () => process.exit(0));

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { bounded } from '../listener/connections.ts';

/** A response of one of the operator's own paths. */
export interface Answer {
  status: number;
  contentType: string;
  body: string | Buffer;
}

export type Routes = Record<
  string,
  (query: URLSearchParams, method: string) => Answer | Promise<Answer>
>;

export const json = (status: number, value: unknown): Answer => ({
  status,
  contentType: 'application/json',
  body: `${JSON.stringify(value, undefined, 2)}\n`,
});

/**
 * Serves a fixed set of paths.
 *
 * @returns the listening server and its port
 */
export async function serve(
  routes: Routes,
  port: number,
  host?: string,
): Promise<{ server: Server; port: number }> {
  const server = createServer((request, response) => {
    const [path = '', query] = (request.url ?? '/').split('?');
    const route = Object.hasOwn(routes, path) ? routes[path]! : undefined;
    const answer =
      route === undefined
        ? json(404, { message: `There is no ${path}`, paths: Object.keys(routes) })
        : route(new URLSearchParams(query), request.method ?? 'GET');
    Promise.resolve(answer)
      .catch(() => json(500, { message: 'The answer could not be made' }))
      .then(({ status, contentType, body }) => {
        response.writeHead(status, { 'content-type': contentType });
        response.end(body);
      })
      .catch(() => response.destroy());
  });
  bounded(server);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return { server, port: (server.address() as AddressInfo).port };
}

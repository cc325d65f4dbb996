import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { Registry } from 'prom-client';
import type { HealthRoute } from './health.ts';

/** Metrics and health, for the cluster; not yet listening. */
export function metricsServer(registry: Registry, health: HealthRoute): Server {
  return createServer((request, response) => {
    if (health(request, response)) return;
    if (request.method !== 'GET' || request.url?.split('?', 1)[0] !== '/metrics') {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('See /metrics and /health.\n');
      return;
    }
    registry.metrics().then(
      (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
      () => response.writeHead(500).end(),
    );
  });
}

/** Pages of the debug port by path, with the method before it unless that is GET; each makes a value that is shown as JSON. */
export type DebugPages = Record<string, (query: URLSearchParams) => object | Promise<object>>;

/** Readable state for people, to be bound to loopback only; not yet listening. */
export function debugServer(pages: DebugPages): Server {
  const list = { pages: Object.keys(pages) };
  return createServer((request, response) => {
    const path = request.url?.split('?', 1)[0]?.replace(/\/+$/, '') ?? '';
    const name = request.method === 'GET' ? path : `${request.method} ${path}`;
    const known = Object.hasOwn(pages, name);
    const index = path === '' || path === '/debug';
    const query = new URLSearchParams(request.url?.split('?', 2)[1] ?? '');
    const show = async (): Promise<void> => {
      const value = known ? await pages[name]!(query) : list;
      response.writeHead(known || index ? 200 : 404, { 'content-type': 'application/json' });
      response.end(`${JSON.stringify(value, undefined, 2)}\n`);
    };
    show().catch(() => response.destroy());
  });
}

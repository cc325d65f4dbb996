import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { Registry } from 'prom-client';
import { bounded } from '../../listener/connections.ts';
import { sharedRendering } from '../../listener/sharedRendering.ts';
import type { HealthRoute } from './health.ts';

export interface MetricsServerDeps {
  registry: Registry;
  health: HealthRoute;
  /** Health for clients that may not scrape. */
  podHealth: HealthRoute;
  /** Answers the probes of the program's container. False for other requests. */
  probe: HealthRoute;
  /** Undefined: scraping needs no token. `authorization`: the required header; undefined: all scraping is refused. */
  guarded: () => { authorization: string | undefined } | undefined;
}

/** Metrics and health, for the cluster; not yet listening. */
export function metricsServer(deps: MetricsServerDeps): Server {
  const { registry, health, podHealth, probe, guarded } = deps;
  const page = sharedRendering(() => registry.metrics());
  const server = createServer((request, response) => {
    if (probe(request, response)) return;
    const asked = guarded();
    const mayScrape = asked === undefined || shows(request, asked.authorization);
    if ((mayScrape ? health : podHealth)(request, response)) return;
    if (request.method !== 'GET' || request.url?.split('?', 1)[0] !== '/metrics') {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('See /metrics and /health.\n');
      return;
    }
    if (!mayScrape) {
      const headers = { 'content-type': 'text/plain', 'www-authenticate': 'Bearer' };
      response.writeHead(401, headers).end('Show the token of spec.monitoring.auth.\n');
      return;
    }
    page().then(
      (bytes) => response.writeHead(200, { 'content-type': registry.contentType }).end(bytes),
      () => response.writeHead(500).end(),
    );
  });
  return bounded(server);
}

/** Takes the same time for every token. */
function shows({ headers }: IncomingMessage, asked: string | undefined): boolean {
  const hashOf = (text: string): Buffer => createHash('sha256').update(text).digest();
  const same = timingSafeEqual(hashOf(headers.authorization ?? ''), hashOf(asked ?? ''));
  return same && asked !== undefined;
}

/** Pages of the debug port by path, with the method in front unless it is GET. Each returns a value to show as JSON. */
export type DebugPages = Record<string, (query: URLSearchParams) => object | Promise<object>>;

/**
 * State for people, for loopback only; not yet listening. `token` is what they must show: the program of a pod reaches
 * loopback too. Undefined: nothing.
 */
export function debugServer(pages: DebugPages, token: () => string | undefined): Server {
  const list = { pages: Object.keys(pages) };
  const server = createServer((request, response) => {
    const asked = token();
    if (asked !== undefined && !shows(request, `Bearer ${asked}`)) {
      const headers = { 'content-type': 'text/plain', 'www-authenticate': 'Bearer' };
      response.writeHead(401, headers).end('Show the token of the ConfigMap of the agent.\n');
      return;
    }
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
  return bounded(server);
}

import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import { shownIn } from '../clients/clients.ts';
import type { Failure, Problem } from '../errors/failure.ts';
import type { SendError } from '../exchange/response.ts';
import { Bucket } from '../resilience/bucket.ts';
import { readBody } from './bodies.ts';

/** A request to the local API, with what its route takes of it. */
export interface LocalCall {
  request: IncomingMessage;
  response: ServerResponse;
  /** What stands for the placeholder in the path; empty without one. */
  name: string;
  query: URLSearchParams;
}

/** The answer of a route. Undefined: 204. */
export type LocalAnswer =
  { json: object } | { bytes: Buffer; headers: Record<string, string> } | { failure: Failure };

/** A route that reads the whole body. */
type Answer = (
  call: LocalCall,
  body: Buffer,
) => LocalAnswer | undefined | void | Promise<LocalAnswer | undefined>;

/** One route. `serve` answers by itself. */
export type LocalRoute = { answer: Answer } | { serve: (call: LocalCall) => Promise<void> };

/** Routes by method and path; `*` stands for one segment. */
export type LocalRoutes = Record<string, LocalRoute>;

export interface LocalServerDeps {
  routes: LocalRoutes;
  /** Undefined as long as the pod does not know it; then every request is refused. */
  token: () => string | undefined;
  /** Monotonic clock in milliseconds. */
  now: () => number;
  sendError: SendError;
  onRejected: (reason: Failure['reason']) => void;
  log: Logger;
}

/** Requests per second to the local API. */
export const LOCAL_REQUESTS_PER_SECOND = 2000;

const UNAUTHORIZED: Failure = {
  reason: 'Unauthorized',
  message: 'Show BREAKWATER_TOKEN as authorization: Bearer, or as x-api-key.',
};
export const LIMITED: Failure = {
  reason: 'ProgramRateLimited',
  message: 'The program calls the runtime more often than it may.',
  retryAfterMs: 1000,
};
const INTERNAL: Failure = { reason: 'Internal', message: 'The agent failed.' };
const NOT_FOUND: Failure = {
  reason: 'NotFound',
  message: 'The local API has no such path and method. contract/program.openapi.yaml has all.',
};

/** The API of the program, not yet listening. It is for loopback only. */
export function localServer(deps: LocalServerDeps): Server {
  const bucket = new Bucket(
    { amount: LOCAL_REQUESTS_PER_SECOND, perMs: 1000, capacity: LOCAL_REQUESTS_PER_SECOND },
    deps.now(),
  );
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    response.on('error', () => undefined);
    serve(deps, bucket, request, response).catch((err: unknown) => {
      deps.log.error({ err }, 'Request of the program failed unexpectedly');
      if (response.headersSent) response.destroy();
      else deps.sendError(response, INTERNAL);
    });
  };
  const server = createServer({ keepAliveTimeout: 75_000, maxHeaderSize: 64 * 1024 }, onRequest);
  server.on('checkExpectation', onRequest);
  return server;
}

async function serve(
  deps: LocalServerDeps,
  bucket: Bucket,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const refused = refusalOf(deps, bucket, request);
  if (refused) {
    // What it sends is of no use.
    response.shouldKeepAlive = false;
    return refuse(deps, response, refused);
  }
  const { pathname, searchParams: query } = new URL(request.url ?? '/', 'http://local');
  const found = routeOf(deps.routes, request.method, pathname);
  if (!found) return refuse(deps, response, NOT_FOUND);
  const call = { request, response, name: found.name, query };
  if ('serve' in found.route) return found.route.serve(call);
  const body = await readBody(request);
  if (body === 'Gone') return void response.destroy();
  if ('reason' in body) {
    response.shouldKeepAlive = false;
    return refuse(deps, response, body);
  }
  send(deps, response, await found.route.answer(call, body));
}

function refusalOf(
  { token, now }: LocalServerDeps,
  bucket: Bucket,
  request: IncomingMessage,
): Failure | undefined {
  const at = now();
  if (bucket.wait(1, at) > 0) return LIMITED;
  bucket.take(1, at);
  return isToken(shownIn(request.headers)?.credential, token()) ? undefined : UNAUTHORIZED;
}

/** Takes the same time for every token. */
function isToken(shown: string | undefined, token: string | undefined): boolean {
  const hashOf = (text: string): Buffer => createHash('sha256').update(text).digest();
  const same = timingSafeEqual(hashOf(shown ?? ''), hashOf(token ?? ''));
  return same && token !== undefined;
}

function refuse(deps: LocalServerDeps, response: ServerResponse, problem: Problem): void {
  if (problem === 'Gone') return void response.destroy();
  deps.onRejected(problem.reason);
  deps.sendError(response, problem);
}

function send(
  deps: LocalServerDeps,
  response: ServerResponse,
  answer: LocalAnswer | undefined | void,
): void {
  if (answer === undefined) return void response.writeHead(204).end();
  if ('failure' in answer) return refuse(deps, response, answer.failure);
  if ('json' in answer) {
    response.writeHead(200, { 'content-type': 'application/json' });
    return void response.end(JSON.stringify(answer.json));
  }
  const headers = { 'content-type': 'application/octet-stream', ...answer.headers };
  response.writeHead(200, { ...headers, 'content-length': answer.bytes.length }).end(answer.bytes);
}

/** The route of a request. A HEAD is no GET here. */
function routeOf(
  routes: LocalRoutes,
  method: string | undefined,
  path: string,
): { route: LocalRoute; name: string } | undefined {
  const plain = routes[`${method} ${path}`];
  if (plain && !path.includes('*')) return { route: plain, name: '' };
  const end = path.lastIndexOf('/');
  const route = routes[`${method} ${path.slice(0, end)}/*`];
  const name = decoded(path.slice(end + 1));
  return route && name !== undefined && name !== '' ? { route, name } : undefined;
}

function decoded(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}

import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Logger } from 'pino';
import { conversationRoute } from './conversationRequests.ts';
import type { Conversations } from './conversations.ts';
import type { Lifecycle } from './lifecycle.ts';
import { denied, routeKindOf } from './clients/allowance.ts';
import { hashedName, isRefusal } from './clients/clients.ts';
import type { Client, Clients } from './clients/clients.ts';
import { newRequestId, rawError, statusOf } from '../errors/failure.ts';
import { notFound } from './notFound.ts';
import { refuse, traceAnswer } from './response.ts';
import type { SendError, Served } from './response.ts';
import type { Failure } from '../errors/failure.ts';
import type { Messages } from './messages.ts';
import { modelRoute, providerRoute } from './requests.ts';
import type { RequestTrace } from '../observe/trace/requestTrace.ts';

/** A listener that can answer a request. Returns whether it did. */
export type Route = (request: IncomingMessage, response: ServerResponse) => boolean;

/** A malformed or incomplete request: its answer, and its source. */
export interface MalformedEnd {
  requestId: string;
  reason: string;
  status: number;
  address: string | undefined;
}

export interface AgentServerDeps {
  messages: Pick<Messages, 'handle'>;
  conversations: Pick<Conversations, 'handle'>;
  clients: Pick<Clients, 'identify' | 'held'>;
  sendError: SendError;
  lifecycle: Lifecycle;
  /** Credentials were accepted on a connection. */
  trust: (socket: Socket) => void;
  /** Health, also on this port. */
  health: Route;
  /** spec.routes as in force. */
  routes: () => readonly string[];
  /** Begins the trace of a request for a route, as metrics name it. */
  trace: (request: IncomingMessage, response: ServerResponse, route: string) => RequestTrace;
  /** Why no request can be served at present; undefined when they can. */
  unavailable: () => Failure | undefined;
  onServed(route: string, served: Served, seconds: number): void;
  /** Reports the answer to a malformed or incomplete request. */
  onMalformed: (end: MalformedEnd) => void;
  /** Why a request is refused by its address. */
  blockedSource: (request: IncomingMessage) => Failure | undefined;
  /** Why a request is refused by its client. */
  blockedClient: (client: Client) => Failure | undefined;
  /** A request was refused before anything was done for it. */
  onHeld: (request: IncomingMessage) => void;
  log: Logger;
  /** Time a client has for its headers and for its whole request, in milliseconds. */
  headersTimeoutMs?: number;
  requestTimeoutMs?: number;
}

const DRAINING: Failure = {
  reason: 'Draining',
  message: 'The agent is shutting down.',
  retryAfterMs: 1000,
};
const INTERNAL: Failure = { reason: 'Internal', message: 'The agent failed.' };

/** The agent's API, not yet listening. */
export function agentServer(deps: AgentServerDeps): Server {
  const server = createServer(
    {
      headersTimeout: deps.headersTimeoutMs ?? 15_000,
      requestTimeout: deps.requestTimeoutMs ?? 120_000,
      // Well above the idle time of usual clients and load balancers, who then close first.
      keepAliveTimeout: 75_000,
      connectionsCheckingInterval: 1000,
      maxHeaderSize: 64 * 1024,
    },
    (request, response) => {
      serve(deps, request, response).catch((error: unknown) => {
        deps.log.error({ err: error }, 'Request could not be counted');
        response.destroy();
      });
    },
  );
  server.on('clientError', (error, stream) => onClientError(error, stream, deps.onMalformed));
  return server;
}

async function serve(
  deps: AgentServerDeps,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  answers.set(request.socket, response);
  // A client that vanishes shows as a close; its error needs no other handling.
  response.on('error', () => undefined);
  if (deps.lifecycle.leaving) response.shouldKeepAlive = false;
  if (deps.health(request, response) || answerHead(request, response)) return;
  const held = deps.clients.held(request);
  if (held) {
    deps.onHeld(request);
    response.shouldKeepAlive = false;
    deps.onServed('other', refuse(deps.sendError, response, held), 0);
    return;
  }
  const began = performance.now();
  const handler = handlerOf(deps, request);
  const route = handler?.route ?? 'other';
  const trace = deps.trace(request, response, route);
  traceAnswer(response, trace.traceId);
  const served = handler
    ? await handle(deps, handler, { request, response, trace })
    : refuse(deps.sendError, response, notFound(request, deps.routes()));
  const seconds = (performance.now() - began) / 1000;
  trace.end({ ...served, ...(response.headersSent && { status: response.statusCode }) });
  deps.onServed(route, served, seconds);
}

interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
  trace: RequestTrace;
}

/** Serves the requests of one route. */
interface Handler {
  /** As metrics name it. */
  route: string;
  handle: Messages['handle'];
}

function handlerOf(
  { messages, conversations, routes }: AgentServerDeps,
  request: IncomingMessage,
): Handler | undefined {
  const route = modelRoute(request) ?? providerRoute(request, routes());
  if (route !== undefined) return { route, handle: (...args) => messages.handle(...args) };
  const found = conversationRoute(request);
  return found && { route: found.route, handle: (...args) => conversations.handle(found, ...args) };
}

/** Answers HEAD /, by which Claude Code checks that the agent is up. */
function answerHead({ method, url }: IncomingMessage, response: ServerResponse): boolean {
  if (method !== 'HEAD' || url !== '/') return false;
  response.writeHead(200).end();
  return true;
}

async function handle(
  deps: AgentServerDeps,
  handler: Handler,
  { request, response, trace }: Exchange,
): Promise<Served> {
  const { lifecycle, unavailable, sendError, log } = deps;
  const cut = new AbortController();
  const leave = lifecycle.enter(cut);
  if (!leave) {
    response.shouldKeepAlive = false;
    sendError(response, DRAINING);
    return { reason: 'Draining', failed: true };
  }
  try {
    const failure = unavailable() ?? deps.blockedSource(request);
    if (failure) return refuse(sendError, response, failure);
    const identity = deps.clients.identify(request);
    const found = identity instanceof Promise ? await identity : identity;
    const client = letIn(deps, handler, { request, response, trace }, found);
    const served = isRefusal(client)
      ? refuse(sendError, response, client)
      : await handler.handle(request, response, cut, client, trace);
    // The request is open until all that was written is sent.
    await finished(response);
    return served;
  } catch (error) {
    log.error({ ...trace.ids, err: error }, 'Request failed unexpectedly');
    if (response.headersSent) response.destroy();
    else sendError(response, INTERNAL);
    return { reason: 'Internal', failed: true };
  } finally {
    leave();
  }
}

/** The client if it may use the route, or why it may not. */
function letIn(
  { trust, blockedClient }: AgentServerDeps,
  handler: Handler,
  { request, trace }: Exchange,
  client: Client | Failure,
): Client | Failure {
  if (isRefusal(client)) {
    trace.listener.unidentified(client);
    return client;
  }
  identified(trace, client);
  if (client.authentication !== 'None') trust(request.socket);
  return blockedClient(client) ?? denialOf(client, handler, trace) ?? client;
}

/** Why a client that was let in may not use the route. */
function denialOf(
  { allowance }: Client,
  { route }: Handler,
  trace: RequestTrace,
): Failure | undefined {
  const denial = allowance?.route(routeKindOf(route));
  return denial && denied(trace, denial);
}

function identified(trace: RequestTrace, client: Client): void {
  const { name, principal, id } = client;
  trace.listener.identified(client);
  trace.identified(name, (plain) => {
    if (principal === '') return undefined;
    return plain ? id : hashedName(principal);
  });
}

function finished(response: ServerResponse): Promise<void> {
  if (response.writableFinished || response.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    // A finished response closes, too.
    response.on('close', resolve);
  });
}

/** The last answer begun on each connection. */
const answers = new WeakMap<Socket, ServerResponse>();

const MALFORMED: Failure = { reason: 'InvalidRequest', message: 'The request is not valid HTTP.' };
const SLOW: Failure = { reason: 'RequestTimeout', message: 'The request took too long to arrive.' };
const LARGE: Failure = {
  reason: 'HeadersTooLarge',
  message: 'The headers are larger than 64 KiB.',
};
const CLIENT_ERRORS: Record<string, Failure> = {
  ERR_HTTP_REQUEST_TIMEOUT: SLOW,
  HPE_HEADER_OVERFLOW: LARGE,
};

/** Answers a malformed or incomplete request, unless an answer is under way. */
function onClientError(
  error: NodeJS.ErrnoException,
  stream: Socket | NodeJS.WritableStream,
  onMalformed: AgentServerDeps['onMalformed'],
): void {
  const socket = stream as Socket;
  const answer = answers.get(socket);
  const answering = answer?.headersSent === true && !answer.writableFinished;
  // Clients and load balancers open connections ahead of requests: one over which nothing came asks for no answer.
  if (error.code === 'ECONNRESET' || !socket.writable || answering || socket.bytesRead === 0) {
    socket.destroy();
    return;
  }
  const failure = CLIENT_ERRORS[error.code ?? ''] ?? MALFORMED;
  const requestId = newRequestId();
  const { reason } = failure;
  onMalformed({ requestId, reason, status: statusOf(reason), address: socket.remoteAddress });
  socket.end(rawError(failure, requestId), () => socket.destroy());
}

import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Logger } from 'pino';
import type { Clients } from '../clients/clients.ts';
import { newRequestId, rawError, statusOf } from '../errors/failure.ts';
import type { Failure } from '../errors/failure.ts';
import { STARTING } from '../errors/problems.ts';
import { conversationRoute } from '../exchange/conversationRequests.ts';
import type { ConversationRoute } from '../exchange/conversationRequests.ts';
import type { Arrived } from '../exchange/exchange.ts';
import { notFound } from '../exchange/notFound.ts';
import { providerRoute } from '../exchange/requests.ts';
import {
  answerIn,
  headersOfTrace,
  protocolOf,
  refuse,
  requestIdOf,
  traceAnswer,
  traceHeaders,
} from '../exchange/response.ts';
import type { Ended, SendError, Served } from '../exchange/response.ts';
import type { RequestTrace } from '../observe/trace/requestTrace.ts';
import type { ModelRoute, Protocol } from '../protocols/protocol.ts';
import {
  holdsConversations,
  modelRoute,
  protocolsOf,
  refusingProtocol,
} from '../protocols/protocols.ts';
import type { Current, Snapshot } from '../snapshot/snapshot.ts';
import type { Lifecycle } from './lifecycle.ts';
import { STALLED_MS, cutStalledClients } from './stalledClients.ts';

/** A listener that can answer a request. Returns whether it did. */
export type Route = (request: IncomingMessage, response: ServerResponse) => boolean;

export interface AgentServerDeps {
  /** Serves a request to the model's API. Rejects only on a programming error, as does the next. */
  serveMessages: (arrived: Arrived) => Promise<Served>;
  serveConversation: (route: ConversationRoute, arrived: Arrived) => Promise<Served>;
  /** The pod's program: which requests are for it, and how it serves them. */
  program: {
    route(request: IncomingMessage): string | undefined;
    serve(arrived: Arrived): Promise<Served>;
  };
  clients: Pick<Clients, 'held'>;
  sendError: SendError;
  lifecycle: Lifecycle;
  /** Health, also on this port. */
  health: Route;
  current: Pick<Current, 'snapshot'>;
  /** Begins the trace of a request for a route, as metrics name it. */
  trace: (request: IncomingMessage, response: ServerResponse, route: string) => RequestTrace;
  /** Begins the trace of what is no whole request. */
  traceMalformed: (socket: Socket, requestId: string) => RequestTrace;
  onServed(route: string, served: Ended, seconds: number): void;
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
const NO_HOST: Failure = { reason: 'InvalidRequest', message: 'The header host is missing.' };

/** The agent's API, not yet listening. */
export function agentServer(deps: AgentServerDeps): Server {
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    serve(deps, request, response).catch((error: unknown) => {
      deps.log.error({ err: error }, 'Request could not be counted');
      response.destroy();
    });
  };
  const server = createServer(
    {
      headersTimeout: deps.headersTimeoutMs ?? 15_000,
      requestTimeout: deps.requestTimeoutMs ?? 120_000,
      // Well above the idle time of usual clients and load balancers, who then close first.
      keepAliveTimeout: 75_000,
      connectionsCheckingInterval: 1000,
      maxHeaderSize: 64 * 1024,
      // Node's own answer to a missing host names no request.
      requireHostHeader: false,
    },
    onRequest,
  );
  // Without a listener Node answers 417 by itself. A server may ignore expectations (RFC 9110, 10.1.1).
  server.on('checkExpectation', onRequest);
  cutStalledClients(server, STALLED_MS, (socket) => answers.get(socket));
  server.on('clientError', (error, stream) => onClientError(error, stream as Socket, deps));
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
  if (deps.health(request, response)) return;
  const { snapshot } = deps.current;
  const found = routeOf(request, response, { snapshot, program: deps.program });
  if (!found && answerHead(request, response)) return;
  const began = performance.now();
  const route = found?.route ?? 'other';
  const trace = deps.trace(request, response, route);
  traceAnswer(response, trace.traceId);
  const served = await answer(deps, found, { request, response, trace, snapshot });
  const seconds = (performance.now() - began) / 1000;
  const end = endOf(response, served);
  trace.end(end);
  deps.onServed(route, end, seconds);
}

/** A request whose trace has begun. */
interface Begun extends Omit<Arrived, 'snapshot' | 'route' | 'model' | 'cut'> {
  /** Undefined before the first configuration. */
  snapshot: Snapshot | undefined;
}

function answer(
  deps: AgentServerDeps,
  found: FoundRoute | undefined,
  begun: Begun,
): Served | Promise<Served> {
  const refusal = refusalOf(deps, begun);
  if (!refusal && found) return handle(deps, found, begun);
  const { request, response, snapshot } = begun;
  return refuse(deps.sendError, response, refusal ?? notFound(request, snapshot));
}

/** Why a request is refused before anything is done for it. */
function refusalOf(
  deps: AgentServerDeps,
  { request, response, trace }: Begun,
): Failure | undefined {
  const held = deps.clients.held(request);
  if (held) {
    response.shouldKeepAlive = false;
    trace.listener.unidentified(held);
    return held;
  }
  const { headers, httpVersion } = request;
  return headers.host === undefined && httpVersion === '1.1' ? NO_HOST : undefined;
}

/** How a request ended. What broke off in the middle was answered by onClientError. */
function endOf(response: ServerResponse, served: Served): Ended {
  const failure = misread.get(response);
  if (failure && served.reason === 'ClientGone') {
    return { reason: failure.reason, failed: false, status: statusOf(failure.reason) };
  }
  return { ...served, ...(response.headersSent && { status: response.statusCode }) };
}

/** The route of a request, as metrics name it. */
type FoundRoute =
  | (ConversationRoute & { model?: undefined; program?: undefined })
  | { route: string; model?: ModelRoute; action?: undefined; program?: boolean };

/** Finds the route of a request, and notes in which protocol its answer speaks. */
function routeOf(
  request: IncomingMessage,
  response: ServerResponse,
  { snapshot, program }: Pick<AgentServerDeps, 'program'> & { snapshot: Snapshot | undefined },
): FoundRoute | undefined {
  const protocols = protocolsOf(snapshot?.endpoints[0]);
  const model = modelRoute(protocols, request.method, request.url);
  answerIn(response, model?.protocol ?? refusingProtocol(protocols, request));
  if (model) return { route: model.route, model };
  const route = providerRoute(request, snapshot?.content.routes ?? []);
  if (route !== undefined) return { route };
  const conversation = holdsConversations(protocols) ? conversationRoute(request) : undefined;
  return conversation ?? programRoute(request, program);
}

/** A path that is not the runtime's own may be the program's. */
function programRoute(
  request: IncomingMessage,
  program: AgentServerDeps['program'],
): FoundRoute | undefined {
  const route = program.route(request);
  return route === undefined ? undefined : { route, program: true };
}

/** Answers HEAD /, by which Claude Code checks that the agent is up. */
function answerHead({ method, url }: IncomingMessage, response: ServerResponse): boolean {
  if (method !== 'HEAD' || url !== '/') return false;
  response.writeHead(200).end();
  return true;
}

async function handle(
  deps: AgentServerDeps,
  found: FoundRoute,
  { request, response, trace, snapshot }: Begun,
): Promise<Served> {
  const { lifecycle, sendError, log } = deps;
  const cut = new AbortController();
  const leave = lifecycle.enter(cut);
  if (!leave) {
    response.shouldKeepAlive = false;
    sendError(response, DRAINING);
    return { reason: 'Draining', failed: true };
  }
  try {
    if (!snapshot) return refuse(sendError, response, STARTING);
    const { route, model } = found;
    const arrived = { request, response, trace, snapshot, route, model, cut };
    const served = await serverOf(deps, found)(arrived);
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

function serverOf(deps: AgentServerDeps, found: FoundRoute): (arrived: Arrived) => Promise<Served> {
  if (found.program) return (arrived) => deps.program.serve(arrived);
  if (found.action === undefined) return deps.serveMessages;
  return (arrived) => deps.serveConversation(found, arrived);
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
/** Why requests could not be read to their end. */
const misread = new WeakMap<ServerResponse, Failure>();

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

/** Answers what never became a whole request, unless an answer is already under way. */
function onClientError(error: NodeJS.ErrnoException, socket: Socket, deps: AgentServerDeps): void {
  const last = answers.get(socket);
  const open = last && !last.writableFinished ? last : undefined;
  if (needsNoAnswer(error, socket, open)) {
    socket.destroy();
    return;
  }
  const failure = CLIENT_ERRORS[error.code ?? ''] ?? MALFORMED;
  const text = open ? misreadAnswer(open, failure) : malformedAnswer(deps, socket, failure);
  socket.end(text, () => socket.destroy());
}

/** Whether nobody waits for an answer, or one is under way. */
function needsNoAnswer(
  { code }: NodeJS.ErrnoException,
  socket: Socket,
  open: ServerResponse | undefined,
): boolean {
  if (code === 'ECONNRESET' || !socket.writable || open?.headersSent === true) return true;
  // Clients and load balancers open connections ahead of requests: one over which nothing came asks for no answer.
  return socket.bytesRead === 0;
}

/** The answer to a request that broke off in the middle. `serve` tells of its end. */
function misreadAnswer(open: ServerResponse, failure: Failure): string {
  misread.set(open, failure);
  return raw(protocolOf(open), failure, requestIdOf(open), traceHeaders(open));
}

/** The failure as bytes for the socket of a request. */
function raw(
  protocol: Protocol,
  failure: Failure,
  requestId: string,
  more: Record<string, string>,
): string {
  return rawError(failure, requestId, protocol.errorBody(failure, requestId), more);
}

/** The answer to what did not even begin as a request, with a trace of its own. */
function malformedAnswer(deps: AgentServerDeps, socket: Socket, failure: Failure): string {
  const requestId = newRequestId();
  const trace = deps.traceMalformed(socket, requestId);
  const { reason } = failure;
  const served: Ended = { reason, failed: false, status: statusOf(reason) };
  trace.end(served);
  deps.onServed('other', served, 0);
  const [protocol] = protocolsOf(deps.current.snapshot?.endpoints[0]);
  return raw(protocol, failure, requestId, headersOfTrace(trace.traceId));
}

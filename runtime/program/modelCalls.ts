import type { IncomingMessage } from 'node:http';
import { withoutHeader } from '../clients/clients.ts';
import type { Client } from '../clients/clients.ts';
import type { Failure } from '../errors/failure.ts';
import { Cut } from '../errors/fault.ts';
import { STARTING } from '../errors/problems.ts';
import type { Arrived } from '../exchange/exchange.ts';
import { serveMessages } from '../exchange/messages.ts';
import type { MessagesParts } from '../exchange/messages.ts';
import { notFound } from '../exchange/notFound.ts';
import { answerIn, requestIdOf } from '../exchange/response.ts';
import type { SendError } from '../exchange/response.ts';
import type { Admitting } from '../guard/inbound.ts';
import { CREDENTIALS } from '../model/transport/headers.ts';
import type { RequestTraces, TracedRequest } from '../observe/requestTraces.ts';
import { PROTOCOLS, modelRoute, protocolsOf, refusingProtocol } from '../protocols/protocols.ts';
import type { Current } from '../snapshot/snapshot.ts';
import { REQUEST_HEADER } from './headers.ts';
import type { LocalCall, LocalRoutes } from './localServer.ts';
import type { OpenRequest, OpenRequests } from './openRequests.ts';

export interface ModelCallsDeps {
  /** Those of the agent's own port. */
  messages: MessagesParts;
  inbound: Admitting;
  current: Pick<Current, 'snapshot'>;
  traces: RequestTraces;
  open: Pick<OpenRequests, 'find'>;
  sendError: SendError;
}

/** The client for which the program calls without a client's request. */
export const PROGRAM_PRINCIPAL = 'program';

export const ENDED: Failure = {
  reason: 'InvalidRequest',
  message: `No open request has this ${REQUEST_HEADER}. Its client may have left: do not go on.`,
};

/**
 * Calls of the model by the program. The steps are those of a client's request, but for its place in the agent's own
 * bulkhead: the client's request for which the program works has it already, and would wait for itself.
 */
export function modelRoutes(deps: ModelCallsDeps): LocalRoutes {
  const serve = (call: LocalCall): Promise<void> => callModel(deps, call);
  const routes = PROTOCOLS.flatMap((protocol) => protocol.routes);
  const paths = routes.flatMap(({ method, route }) => [
    `${method} ${route}`,
    `${method} ${route}/*`,
  ]);
  return Object.fromEntries(paths.map((path) => [path, { serve }]));
}

async function callModel(deps: ModelCallsDeps, { request, response }: LocalCall): Promise<void> {
  const linked = linkOf(request, deps.open);
  const { snapshot } = deps.current;
  if (linked === 'Ended') return deps.sendError(response, ENDED);
  if (!snapshot) return deps.sendError(response, STARTING);
  const protocols = protocolsOf(snapshot.endpoints[0]);
  answerIn(response, refusingProtocol(protocols, request));
  const model = modelRoute(protocols, request.method, request.url);
  if (!model) return deps.sendError(response, notFound(request, snapshot));
  const cut = new AbortController();
  using _ = cutWith(cut, linked);
  const trace = deps.traces.begin(
    tracedAs(request, linked),
    () => requestIdOf(response),
    model.route,
  );
  const arrived: Arrived = { request, response, trace, snapshot, route: model.route, model, cut };
  const client = clientOf(request, linked);
  const served = await serveMessages(arrived, {
    ...deps.messages,
    ...{ clients: { identify: () => client }, inbound: deps.inbound, peers: ALONE },
    ...{ trust: () => undefined, blockedSource: () => undefined, blockedClient: () => undefined },
  });
  trace.end({ ...served, ...(response.headersSent && { status: response.statusCode }) });
}

/** A sibling has no such program request. */
const ALONE: MessagesParts['peers'] = {
  take: () => false,
  toSibling: () => Promise.resolve(undefined),
};

/** The request for which a call is made; undefined for the program's own. */
export function linkOf(
  { headers }: IncomingMessage,
  open: Pick<OpenRequests, 'find'>,
): OpenRequest | 'Ended' | undefined {
  const id = headers[REQUEST_HEADER];
  return id === undefined ? undefined : (open.find(String(id)) ?? 'Ended');
}

/** Cuts a call when the request ends for which it is made. */
export function cutWith(cut: AbortController, linked: OpenRequest | undefined): Disposable {
  const end = (): void => cut.abort(new Cut('ClientGone'));
  linked?.signal.addEventListener('abort', end);
  if (linked?.signal.aborted) end();
  return { [Symbol.dispose]: () => linked?.signal.removeEventListener('abort', end) };
}

/** The request as audit and detection see it: that of the client, within the program's trace. */
export function tracedAs(request: IncomingMessage, linked: OpenRequest | undefined): TracedRequest {
  const { traceparent, tracestate } = request.headers;
  const { socket, headers } = linked?.request ?? { socket: request.socket, headers: {} };
  const { method } = request;
  return { socket, method, headers: { ...headers, traceparent, tracestate } };
}

/** Who calls. The token of the local API never goes on; an endpoint without a key gets the client's own credentials. */
export function clientOf(request: IncomingMessage, linked: OpenRequest | undefined): Client {
  const own = [...CREDENTIALS, REQUEST_HEADER].reduce(withoutName, request.rawHeaders);
  if (!linked) {
    const id = PROGRAM_PRINCIPAL;
    return { principal: id, id, authentication: 'None', name: id, headers: own };
  }
  const { principal, id, authentication, name, headers } = linked.client;
  const theirs = headers.filter((_, i) => CREDENTIALS.has(headers[i - (i % 2)]!.toLowerCase()));
  return {
    ...{ principal, id, authentication, headers: [...own, ...theirs] },
    ...(name !== undefined && { name }),
  };
}

function withoutName(raw: readonly string[], name: string): string[] {
  return withoutHeader(raw, name);
}

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { denied, routeKindOf } from '../clients/allowance.ts';
import { hashedName, isRefusal } from '../clients/clients.ts';
import type { Client, Clients } from '../clients/clients.ts';
import { Cut } from '../errors/fault.ts';
import type { Failure } from '../errors/failure.ts';
import { cutProblem, rejected } from '../errors/problems.ts';
import type { Rejection } from '../errors/rejection.ts';
import type { ActualCost, Cost } from '../guard/admission.ts';
import type { Admitting, InboundPlace } from '../guard/inbound.ts';
import { awaitAdmission } from '../guard/permit.ts';
import type { Admission, Permit } from '../guard/permit.ts';
import { limitKeys } from '../model/transport/headers.ts';
import type { RequestTrace } from '../observe/trace/requestTrace.ts';
import type { ModelRoute } from '../protocols/protocol.ts';
import { NO_USAGE } from '../protocols/usage.ts';
import { OK } from '../resilience/outcome.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { refuse } from './response.ts';
import type { SendError, Served } from './response.ts';

/** A request as it arrives, before the first step. */
export interface Arrived {
  request: IncomingMessage;
  response: ServerResponse;
  trace: RequestTrace;
  /** What was in force when it began. */
  snapshot: Snapshot;
  /** As metrics name it. */
  route: string;
  /** The route of a protocol; absent for others. */
  model?: ModelRoute | undefined;
  /** Aborts with a Cut when the client leaves or the process stops. */
  cut: AbortController;
}

/** One request to the agent's API, from its socket to its answer. Steps set the fields that are not read-only. */
export class Exchange implements Arrived {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly trace: RequestTrace;
  readonly snapshot: Snapshot;
  readonly route: string;
  readonly model: ModelRoute | undefined;
  readonly cut: AbortController;
  /** Set by `authenticate`. */
  client!: Client;
  /** When the whole request ends, on the monotonic clock. Set before `admit`. */
  deadlineAt = 0;
  /** Whether it asks for a message. Turns do. */
  votes = true;
  /** What it asks of limits on tokens; undefined where none counts. */
  cost: Cost | undefined;
  /** Set by `admit`, as is the place. */
  permit: Permit | undefined;
  place: InboundPlace | undefined;
  /** What limits of the agent charge. Undefined: what was reserved. */
  charges: ActualCost | undefined = NO_USAGE;

  constructor({ request, response, trace, snapshot, route, model, cut }: Arrived) {
    this.request = request;
    this.response = response;
    this.trace = trace;
    this.snapshot = snapshot;
    this.route = route;
    this.model = model;
    this.cut = cut;
  }
}

/** How a step ended the request; undefined: the next step follows. */
export type Ended = Served | undefined;

/** One step of a request. */
export type Step<E extends Exchange, P> = (exchange: E, parts: P) => Ended | Promise<Ended>;

/**
 * Runs the steps in their order until one ends the request. Then `settle` charges it and gives back what it holds.
 * Rejects only on a programming error.
 */
export async function run<E extends Exchange, P>(
  exchange: E,
  steps: readonly Step<E, P>[],
  settle: (exchange: E, parts: P) => void | Promise<void>,
  parts: P,
): Promise<Served> {
  const { response, cut } = exchange;
  const onClose = (): void => {
    if (!response.writableFinished) cut.abort(new Cut('ClientGone'));
  };
  response.on('close', onClose);
  if (response.destroyed) onClose();
  try {
    for (const step of steps) {
      const ending = step(exchange, parts);
      // Awaits only if there is something to wait for: every request runs this code.
      const ended = ending instanceof Promise ? await ending : ending;
      if (ended) return ended;
    }
    throw new Error('no step has answered the request');
  } finally {
    response.off('close', onClose);
    const settling = settle(exchange, parts);
    if (settling) await settling;
  }
}

export interface AuthenticateParts {
  clients: Pick<Clients, 'identify'>;
  /** Credentials were accepted on a connection. */
  trust: (socket: Socket) => void;
  /** Why no request can be served at present; undefined when they can. */
  unavailable: () => Failure | undefined;
  /** Why a request is refused by its address. */
  blockedSource: (request: IncomingMessage) => Failure | undefined;
  /** Why a request is refused by its client. */
  blockedClient: (client: Client) => Failure | undefined;
  sendError: SendError;
}

/** The client, and whether it may use the route. */
export function authenticate(exchange: Exchange, parts: AuthenticateParts): Ended | Promise<Ended> {
  const { request, response } = exchange;
  const failure = parts.unavailable() ?? parts.blockedSource(request);
  if (failure) return refuse(parts.sendError, response, failure);
  const found = parts.clients.identify(request);
  return found instanceof Promise
    ? found.then((client) => accept(exchange, parts, client))
    : accept(exchange, parts, found);
}

function accept(exchange: Exchange, parts: AuthenticateParts, found: Client | Failure): Ended {
  const { request, response, trace, route } = exchange;
  if (isRefusal(found)) {
    trace.listener.unidentified(found);
    return refuse(parts.sendError, response, found);
  }
  const { name, principal, id, allowance, authentication } = found;
  trace.listener.identified(found);
  trace.identified(name, (plain) => {
    if (principal === '') return undefined;
    return plain ? id : hashedName(principal);
  });
  if (authentication !== 'None') parts.trust(request.socket);
  const blocked = parts.blockedClient(found);
  if (blocked) return refuse(parts.sendError, response, blocked);
  const denial = allowance?.route(routeKindOf(route));
  if (denial) return refuse(parts.sendError, response, denied(trace, denial));
  exchange.client = found;
  return undefined;
}

export interface AdmitParts {
  inbound: Admitting;
  sendError: SendError;
}

/** Takes a permit for the agent's own limits and a place in its bulkhead. A rejection is the step's result. */
export function acquire(
  exchange: Exchange,
  { inbound }: AdmitParts,
): Rejection | undefined | Promise<Rejection | undefined> {
  const { request, trace, cut, client, deadlineAt, votes, cost } = exchange;
  const header = limitKeys(client.principal, (name) => headerOf(request, name));
  const answer = inbound.acquire({ deadlineAt, header, votes, cost });
  const note = (admission: Admission): Rejection | undefined => {
    if (admission.kind === 'Rejection') {
      trace.rejected(admission.rejection);
      return admission.rejection;
    }
    trace.admitted();
    exchange.permit = admission.permit;
    exchange.place = inbound.placeOf(admission.permit, deadlineAt);
    return undefined;
  };
  if (answer.kind !== 'Waiting') return note(answer);
  return trace.waits(awaitAdmission(answer, cut.signal)).then(note);
}

/** Answers a request that the agent's own limits have rejected. */
export function refuseRejected(
  { response, cut }: Exchange,
  { sendError }: Pick<AdmitParts, 'sendError'>,
  rejection: Rejection,
): Served {
  return refuse(sendError, response, cutProblem(cut) ?? rejected(rejection));
}

/** Charges the request, and gives its place back. */
export function settleAdmission({ place, permit, charges }: Exchange): void {
  place?.close();
  permit?.settle(OK, charges);
}

function headerOf(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}

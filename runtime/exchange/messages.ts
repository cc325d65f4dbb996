import type { Logger } from 'pino';
import { denied } from '../clients/allowance.ts';
import type { Allowance, Denial } from '../clients/allowance.ts';
import { Cut } from '../errors/fault.ts';
import type { Failure, Problem } from '../errors/failure.ts';
import { FAULTS, NOT_CONFIGURED, cutProblem, noEndpoint, rejected } from '../errors/problems.ts';
import type { Rejection } from '../errors/rejection.ts';
import { REFUND } from '../guard/admission.ts';
import type { Clock } from '../guard/clock.ts';
import { countsTokens, limitsTokens } from '../guard/inbound.ts';
import type { HeldAnswer, Sink } from '../model/attempt/attempt.ts';
import type { TokenEstimator } from '../protocols/usage.ts';
import type { ModelCaller } from '../model/caller.ts';
import { protocolsOf } from '../protocols/protocols.ts';
import { passThroughTimeouts } from '../model/passThrough.ts';
import type { ModelAnswer } from '../model/request.ts';
import type { Peers } from '../peers/peers.ts';
import type { Screen } from '../security/screening/screen.ts';
import type { Current } from '../snapshot/snapshot.ts';
import type { Activity } from './activity.ts';
import type { Bodies } from './bodies.ts';
import {
  Exchange,
  acquire,
  authenticate,
  refuseRejected,
  run,
  settleAdmission,
} from './exchange.ts';
import type { AdmitParts, Arrived, AuthenticateParts, Ended, Step } from './exchange.ts';
import { screenMessages } from './messagesScreen.ts';
import { asksForMessage, isProblem, passThroughMs, readRequest, sessions } from './requests.ts';
import type { MessagesRequest } from './requests.ts';
import { ResponseSink, refuse } from './response.ts';
import type { Served } from './response.ts';
import { ScreenedSink } from './screenedSink.ts';

export interface MessagesParts extends AuthenticateParts, AdmitParts {
  clock: Clock;
  /** Answers from the cache, or makes attempts. */
  caller: Pick<ModelCaller, 'call'>;
  estimator: TokenEstimator;
  bodies: Pick<Bodies, 'read' | 'done' | 'account'>;
  screen: Pick<Screen, 'look' | 'looksAtMessages' | 'blocksMessages' | 'answerScan'>;
  peers: Pick<Peers, 'take' | 'toSibling'>;
  activity: Activity;
  current: Pick<Current, 'forNextCall'>;
  log: Logger;
}

/** A request to the model's API: messages, count_tokens, models, and what spec.routes names. */
class MessagesExchange extends Exchange {
  /** What it asks for. Set by `read`. */
  asked!: MessagesRequest;
  /** Whether it counts as a stream. */
  streams = false;
  /** Where the answer goes. Set by `call`, as are the next two. */
  sink!: ResponseSink;
  /** Screens the answer on its way to the sink; undefined where the configuration asks for no screen. */
  screened: ScreenedSink | undefined;
  answer!: ModelAnswer;
}

/** The steps of a request to the model's API. `call` looks into the cache and makes the attempts. */
export const STEPS: readonly Step<MessagesExchange, MessagesParts>[] = [
  authenticate,
  read,
  admit,
  screen,
  call,
  answer,
];

/** Serves a request to its end; `cut` ends it early. Rejects only on a programming error. */
export function serveMessages(arrived: Arrived, parts: MessagesParts): Promise<Served> {
  return run(new MessagesExchange(arrived), STEPS, settle, parts);
}

/** Reads the whole request, so that a slow client takes no permit. */
async function read(exchange: MessagesExchange, parts: MessagesParts): Promise<Ended> {
  const { request, response, snapshot, client, trace, model } = exchange;
  const { bodies, clock, estimator, activity, sendError } = parts;
  const { content, endpoints } = snapshot;
  const [first] = endpoints;
  if (!first) return refuse(sendError, response, NOT_CONFIGURED);
  const { timeouts } = content;
  const votes = (exchange.votes = asksForMessage(model));
  const { requestMs } = votes ? timeouts : passThroughTimeouts(timeouts, passThroughMs(model));
  exchange.deadlineAt = clock.now() + requestMs;
  const sessionOf = sessions(snapshot, client);
  const [protocol] = protocolsOf(first);
  const asked = await readRequest(request, response, model, { bodies, sessionOf, protocol });
  if (isProblem(asked)) return refuse(sendError, response, asked);
  // The short time of a count of tokens is for the endpoint, not for a large body on its way here.
  if (!votes) exchange.deadlineAt = clock.now() + requestMs;
  const denial = client.allowance && denialOf(client.allowance, asked);
  if (denial) return refuse(sendError, response, denied(trace, denial));
  exchange.asked = asked;
  trace.received(asked.body.length);
  if (limitsTokens(content)) {
    exchange.cost = estimator.estimate(first.model ?? asked.model, asked.size);
  }
  if (asked.stream) {
    exchange.streams = true;
    activity.streams += 1;
  }
  return undefined;
}

/** Takes a permit here, or has a sibling serve the request. */
function admit(exchange: MessagesExchange, parts: MessagesParts): Ended | Promise<Ended> {
  const acquired = acquire(exchange, parts);
  if (acquired instanceof Promise) {
    return acquired.then((rejection) => rejection && overflow(exchange, parts, rejection));
  }
  return acquired && overflow(exchange, parts, acquired);
}

async function overflow(
  exchange: MessagesExchange,
  parts: MessagesParts,
  rejection: Rejection,
): Promise<Served> {
  const served = await toSibling(exchange, parts, rejection);
  return served ?? refuseRejected(exchange, parts, rejection);
}

/** Forwards a request that found no place here to a sibling; undefined when none serves it. */
function toSibling(
  exchange: MessagesExchange,
  parts: MessagesParts,
  rejection: Rejection,
): Promise<Ended> | undefined {
  const { request, cut, snapshot } = exchange;
  if (cut.signal.aborted || !parts.peers.take(request, rejection, snapshot.content)) {
    return undefined;
  }
  return forward(exchange, parts);
}

async function forward(exchange: MessagesExchange, parts: MessagesParts): Promise<Ended> {
  const { request, response, cut, trace, deadlineAt, asked } = exchange;
  const { peers, clock, sendError } = parts;
  // The sibling has a place for it.
  exchange.place?.close();
  const { signal } = cut;
  const { body } = asked;
  const sink = new ResponseSink(response, signal);
  const silenceMs = Math.max(1, deadlineAt - clock.now());
  const end = await peers.toSibling({ request, body, sink, signal, trace }, silenceMs);
  if (end === undefined || end === 'Lost' || end === 'Unreachable') return undefined;
  // The sibling charges its own limits.
  exchange.charges = REFUND;
  if (end === 'Answered') return { reason: 'Forwarded', failed: false };
  return refuse(sendError, response, end === 'Silent' ? NO_ANSWER : 'Gone');
}

/** Screens the newest turn, where the configuration asks for it. By default it does not. */
function screen(exchange: MessagesExchange, parts: MessagesParts): Promise<Ended> | undefined {
  const { votes, snapshot } = exchange;
  const { security } = snapshot.content;
  const looks = parts.screen.looksAtMessages || security.runGuard?.messages === true;
  return votes && looks ? screenNewestTurn(exchange, parts) : undefined;
}

async function screenNewestTurn(
  { response, trace, snapshot, asked }: MessagesExchange,
  parts: MessagesParts,
): Promise<Ended> {
  const { protocol, body, members } = asked;
  const { security } = snapshot.content;
  const detected = trace.listener.detected.bind(trace.listener);
  const blocked = await screenMessages(parts.screen, {
    protocol,
    body,
    members,
    security,
    detected,
  });
  return blocked && refuse(parts.sendError, response, blocked);
}

/** Calls the model. A sibling serves the request if every endpoint is full. */
async function call(exchange: MessagesExchange, parts: MessagesParts): Promise<Ended> {
  const { request, response, cut, client, trace, deadlineAt, place, asked } = exchange;
  // A reload may have replaced the endpoints while the request waited.
  const { content, endpoints } = parts.current.forNextCall(exchange.snapshot);
  exchange.sink = new ResponseSink(response, cut.signal);
  const signal = screenAnswer(exchange, parts);
  const chat = trace.chat(asked);
  const answered = await parts.caller.call({
    method: asked.method,
    path: asked.path,
    protocol: asked.protocol,
    expected: asked.expected,
    body: asked.body,
    stream: asked.stream,
    model: asked.model,
    size: asked.size,
    maxTokens: asked.maxTokens,
    members: asked.members,
    content,
    addsUsage: asked.lacksUsage && countsTokens(content),
    // Only the first endpoint knows the files, batches and responses that were made there.
    endpoints: asked.expected === 'Any' || asked.usesState ? endpoints.slice(0, 1) : endpoints,
    headers: client.headers,
    principal: client.principal,
    session: asked.session,
    client: client.principal || request.socket.remoteAddress,
    deadlineAt,
    signal,
    sink: exchange.screened ?? exchange.sink,
    place,
    bodyDone: () => {
      asked.body = NO_BODY;
      parts.bodies.done(response);
    },
    chat,
  });
  exchange.answer = answered;
  exchange.charges = answered.usage;
  chat.end(answered);
  return answered.kind === 'Refused' ? toSibling(exchange, parts, answered.rejection) : undefined;
}

/** Puts a screen before the sink if the configuration asks for one. The signal aborts when nobody needs the answer. */
function screenAnswer(exchange: MessagesExchange, parts: MessagesParts): AbortSignal {
  const { response, trace, cut, votes, asked, sink: next } = exchange;
  const detected = trace.listener.detected.bind(trace.listener);
  const scan = votes ? parts.screen.answerScan(detected) : undefined;
  if (!scan) return cut.signal;
  const own = new AbortController();
  // A cut of our own must not count against the endpoint.
  const stop = (): void => own.abort(new Cut('ClientGone'));
  const account = parts.bodies.account(response);
  exchange.screened = new ScreenedSink({ protocol: asked.protocol, next, scan, stop, account });
  return AbortSignal.any([cut.signal, own.signal]);
}

/** Sends what is left of the answer, or says why there is none. */
function answer(exchange: MessagesExchange, parts: MessagesParts): Served | Promise<Served> {
  const { screened, sink } = exchange;
  const held = heldIn(exchange.answer);
  if (held) passOn(held, screened ?? sink);
  const settling = screened?.settle();
  if (!settling) return answerUnscreened(exchange, parts);
  return settling.then((blocked) =>
    blocked ? breakOff(exchange, parts, blocked) : answerUnscreened(exchange, parts),
  );
}

function settle(exchange: MessagesExchange, { activity }: MessagesParts): void {
  settleAdmission(exchange);
  if (exchange.streams) activity.streams -= 1;
}

/** Sends the failure, or ends an answer that has begun with it. */
function breakOff(
  { response, trace, sink }: MessagesExchange,
  { sendError, log }: MessagesParts,
  failure: Failure,
): Served {
  if (!response.headersSent) return refuse(sendError, response, failure);
  const { reason } = failure;
  log.warn({ ...trace.ids, reason }, 'Answer was broken off');
  sink.breakOff(failure);
  return { reason, failed: false };
}

function answerUnscreened(exchange: MessagesExchange, parts: MessagesParts): Served {
  const { response, cut, answer: given } = exchange;
  const { sendError } = parts;
  if (given.kind === 'NoEndpoint') {
    return refuse(sendError, response, noEndpoint(given, exchange.asked.model));
  }
  if (given.kind === 'Refused') {
    const { rejection, mounted } = given;
    return refuse(sendError, response, cutProblem(cut) ?? rejected(rejection, mounted));
  }
  const { fault, outcome, status = 0 } = given.result;
  if (fault !== undefined) return answerFault(exchange, parts, given, FAULTS[fault]);
  const failed = outcome.vote === 'failure' || status >= 500;
  return { reason: failed || status >= 400 ? 'UpstreamError' : 'None', failed };
}

function answerFault(
  { response, trace, sink }: MessagesExchange,
  { sendError, log }: MessagesParts,
  { result: { committed, torn }, dependency }: Answered,
  problem: Problem,
): Served {
  if (problem === 'Gone' || !committed) return refuse(sendError, response, problem);
  const { reason } = problem;
  log.warn({ ...trace.ids, dependency, reason }, 'Answer was broken off');
  sink.breakOff(problem, torn);
  return { reason, failed: true };
}

const NO_BODY = Buffer.alloc(0);
const NO_ANSWER: Failure = {
  reason: 'Timeout',
  message: 'Another pod of the agent has taken the request and not answered in time.',
};

function denialOf(allowance: Allowance, read: MessagesRequest): Denial | undefined {
  const { protocol, expected, method, model, maxTokens } = read;
  // Other routes name no model.
  if (expected === 'Any' || method === 'GET') return undefined;
  const stated = expected === 'Message' ? maxTokens : 'None';
  return allowance.request({ model, tokenBound: protocol.tokenBound, maxTokens: stated });
}

type Answered = Extract<ModelAnswer, { kind: 'Answered' }>;

/** The endpoint's answer if no part of it went out yet. */
function heldIn(answer: ModelAnswer): HeldAnswer | undefined {
  return answer.kind === 'Answered' && answer.result.fault === undefined
    ? answer.result.held
    : undefined;
}

function passOn({ status, statusText, headers, body }: HeldAnswer, sink: Sink): void {
  sink.head(status, statusText, headers, false);
  void sink.write(body);
  sink.end();
}

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Current, Snapshot } from '../snapshot/snapshot.ts';
import type { Logger } from 'pino';
import { REFUND } from '../guard/admission.ts';
import type { Cost } from '../guard/admission.ts';
import type { Clock } from '../guard/clock.ts';
import { limitsTokens } from '../guard/inbound.ts';
import type { Inbound, InboundPlace } from '../guard/inbound.ts';
import type { HeldAnswer, Sink } from '../model/attempt/attempt.ts';
import { passThroughTimeouts } from '../model/passThrough.ts';
import type { ModelCaller } from '../model/caller.ts';
import type { ModelAnswer } from '../model/request.ts';
import { awaitAdmission } from '../guard/permit.ts';
import type { Admission } from '../guard/permit.ts';
import type { Rejection } from '../errors/rejection.ts';
import type { TokenEstimator } from '../model/attempt/estimate.ts';
import { Cut } from '../errors/fault.ts';
import { OK } from '../resilience/outcome.ts';
import { limitKeys } from '../model/transport/headers.ts';
import { denied } from './clients/allowance.ts';
import type { Allowance, Denial } from './clients/allowance.ts';
import type { Admitted } from './exchange.ts';
import type { Activity } from './activity.ts';
import type { Bodies } from './bodies.ts';
import type { Peers } from '../peers/peers.ts';
import { ResponseSink, refuse } from './response.ts';
import type { SendError, Served } from './response.ts';
import type { Failure, Problem } from '../errors/failure.ts';
import {
  FAULTS,
  NOT_CONFIGURED,
  STARTING,
  credentialMissing,
  cutProblem,
  rejected,
} from '../errors/problems.ts';
import { screenMessages } from './messagesScreen.ts';
import { asksForMessage, isProblem, passThroughMs, readRequest } from './requests.ts';
import type { MessagesRequest } from './requests.ts';
import { sessions } from './session.ts';
import { ScreenedSink } from './screenedSink.ts';
import type { Screen } from '../security/screening/screen.ts';
import { NO_USAGE } from '../protocols/usage.ts';

export interface MessagesDeps {
  inbound: Pick<Inbound, 'acquire' | 'placeOf'>;
  clock: Clock;
  caller: Pick<ModelCaller, 'call'>;
  sendError: SendError;
  estimator: TokenEstimator;
  bodies: Pick<Bodies, 'read' | 'done' | 'account'>;
  screen: Pick<Screen, 'look' | 'looksAtMessages' | 'answerScan'>;
  peers: Pick<Peers, 'take' | 'toSibling'>;
  activity: Pick<Activity, 'stream'>;
  current: Pick<Current, 'forNextCall'>;
  log: Logger;
}

interface Held {
  usage: ModelAnswer['usage'];
  place: InboundPlace;
  /** Whether a sibling serves the request and charges its own limits. */
  forwarded: boolean;
}

interface Visit extends Admitted {
  /** Whether it asks for a message. */
  votes: boolean;
  deadlineAt: number;
  snapshot: Snapshot;
}

/** The steps of an answer to the client. */
interface AnswerPath {
  sink: Sink;
  /** Aborts when the client needs no more of the answer. */
  signal: AbortSignal;
  /** Why the answer, or its rest, must not go out; call it after the last byte. */
  settle(): Promise<Failure | undefined> | undefined;
}

/** Serves the model's API (messages, count_tokens, models): limits and bulkhead, then the pool of endpoints. */
export class Messages {
  readonly #deps: MessagesDeps;

  constructor(deps: MessagesDeps) {
    this.#deps = deps;
  }

  /** Serves a request to its end; `cut` ends it early. Rejects only on a programming error. */
  async handle(exchange: Admitted): Promise<Served> {
    const { request, response, cut, snapshot } = exchange;
    if (!snapshot) return this.#refuse(response, STARTING);
    if (!snapshot.endpoints[0]) return this.#refuse(response, NOT_CONFIGURED);
    const { timeouts } = snapshot.content;
    const votes = asksForMessage(request);
    const { requestMs } = votes ? timeouts : passThroughTimeouts(timeouts, passThroughMs(request));
    const deadlineAt = this.#deps.clock.now() + requestMs;
    const onClose = (): void => {
      if (!response.writableFinished) cut.abort(new Cut('ClientGone'));
    };
    response.on('close', onClose);
    if (response.destroyed) onClose();
    try {
      const visit = { ...exchange, votes, deadlineAt, snapshot };
      return await this.#visit(visit, requestMs);
    } finally {
      response.off('close', onClose);
    }
  }

  /** Takes no permit before the whole body has arrived. */
  async #visit(visit: Visit, requestMs: number): Promise<Served> {
    const { request, response, snapshot } = visit;
    const sessionOf = sessions(snapshot, visit.client);
    const read = await readRequest(request, response, { bodies: this.#deps.bodies, sessionOf });
    if (isProblem(read)) return this.#refuse(response, read);
    // The short time of a count of tokens is for the endpoint, not for a large body on its way here.
    if (!visit.votes) visit.deadlineAt = this.#deps.clock.now() + requestMs;
    const denial = visit.client.allowance && denialOf(visit.client.allowance, read);
    if (denial) return this.#refuse(response, denied(visit.trace, denial));
    const leave = read.stream ? this.#deps.activity.stream() : undefined;
    try {
      return await this.#admitted(visit, read);
    } finally {
      leave?.();
    }
  }

  async #admitted(visit: Visit, read: MessagesRequest): Promise<Served> {
    const { response, snapshot, trace } = visit;
    const cost = limitsTokens(snapshot.content) ? this.#estimate(snapshot, read) : undefined;
    const admitted = this.#admit(visit, cost);
    const admission = admitted instanceof Promise ? await trace.waits(admitted) : admitted;
    if (admission.kind === 'Rejection') {
      trace.rejected(admission.rejection);
      const served = await this.#forward(visit, read, admission.rejection);
      if (served) return served;
      return this.#refuse(response, cutProblem(visit.cut) ?? rejected(admission.rejection));
    }
    const place = this.#deps.inbound.placeOf(admission.permit, visit.deadlineAt);
    const held: Held = { usage: NO_USAGE, place, forwarded: false };
    try {
      if (visit.votes && this.#screens(snapshot.content)) {
        const blocked = await this.#screen(visit, read);
        if (blocked) return this.#refuse(response, blocked);
      }
      return await this.#call(visit, read, held);
    } finally {
      place.close();
      admission.permit.settle(OK, held.forwarded ? REFUND : held.usage);
    }
  }

  /** Whether the configuration screens requests to /v1/messages. By default it does not. */
  #screens({ security }: Snapshot['content']): boolean {
    return this.#deps.screen.looksAtMessages || security.runGuard?.messages === true;
  }

  #screen(
    { snapshot, trace }: Visit,
    { body, members }: MessagesRequest,
  ): Promise<Failure | undefined> {
    const { security } = snapshot.content;
    const told = trace.listener.detected.bind(trace.listener);
    return screenMessages(this.#deps.screen, { body, members, security, told });
  }

  /** Forwards a request that found no place here to a sibling; undefined when none serves it. */
  #forward(
    visit: Visit,
    { body }: MessagesRequest,
    rejection: Rejection,
  ): Promise<Served | undefined> | undefined {
    const { request, cut, snapshot } = visit;
    if (cut.signal.aborted || !this.#deps.peers.take(request, rejection, snapshot.content)) {
      return undefined;
    }
    return this.#toSibling(visit, body);
  }

  async #toSibling(
    { request, response, cut, trace, deadlineAt }: Visit,
    body: Buffer,
  ): Promise<Served | undefined> {
    const { peers, clock } = this.#deps;
    const { signal } = cut;
    const sink = new ResponseSink(response, signal);
    const silenceMs = Math.max(1, deadlineAt - clock.now());
    const end = await peers.toSibling({ request, body, sink, signal, trace }, silenceMs);
    if (end === 'Answered') return { reason: 'Forwarded', failed: false };
    if (end === 'Silent') return this.#refuse(response, NO_ANSWER);
    return end === 'Gone' ? this.#refuse(response, 'Gone') : undefined;
  }

  #admit(
    { request, deadlineAt, cut, client, votes }: Visit,
    cost: Cost | undefined,
  ): Admission | Promise<Admission> {
    const answer = this.#deps.inbound.acquire({
      deadlineAt,
      header: limitKeys(client.principal, (name) => headerOf(request, name)),
      votes,
      ...(cost && { cost }),
    });
    return answer.kind === 'Waiting' ? awaitAdmission(answer, cut.signal) : answer;
  }

  #estimate({ endpoints }: Snapshot, { model, size }: MessagesRequest): Cost {
    return this.#deps.estimator.estimate(endpoints[0]?.model ?? model, size);
  }

  async #call(visit: Visit, read: MessagesRequest, held: Held): Promise<Served> {
    const { response, cut, client, trace, deadlineAt } = visit;
    // A reload may have replaced the endpoints while the request waited.
    const snapshot = this.#deps.current.forNextCall(visit.snapshot);
    const sink = new ResponseSink(response, cut.signal);
    const answerPath = this.#pathTo(sink, visit);
    const chat = trace.chat(read);
    const answer = await this.#deps.caller.call({
      method: read.method,
      path: read.path,
      expected: read.expected,
      body: read.body,
      stream: read.stream,
      model: read.model,
      size: read.size,
      maxTokens: read.maxTokens,
      members: read.members,
      content: snapshot.content,
      // Only the first endpoint knows the files and batches that were made there.
      endpoints: read.expected === 'Any' ? snapshot.endpoints.slice(0, 1) : snapshot.endpoints,
      headers: client.headers,
      principal: client.principal,
      session: read.session,
      client: client.principal || visit.request.socket.remoteAddress,
      deadlineAt,
      signal: answerPath.signal,
      sink: answerPath.sink,
      place: held.place,
      bodyDone: () => {
        read.body = NO_BODY;
        this.#deps.bodies.done(response);
      },
      chat,
    });
    held.usage = answer.usage;
    chat.end(answer);
    const forwarded = await this.#forwardRefused(visit, read, held, answer);
    if (forwarded) return forwarded;
    const given = heldIn(answer);
    if (given) passOn(given, answerPath.sink);
    const settling = answerPath.settle();
    const blocked = settling && (await settling);
    return blocked ? this.#breakOff(visit, blocked, sink) : this.#answer(visit, answer, sink);
  }

  /** Where the answer goes. A screen is in between if the configuration asks for one. */
  #pathTo(next: ResponseSink, { response, trace, cut, votes }: Visit): AnswerPath {
    const told = trace.listener.detected.bind(trace.listener);
    const scan = votes ? this.#deps.screen.answerScan(told) : undefined;
    if (!scan) return { sink: next, signal: cut.signal, settle: () => undefined };
    const own = new AbortController();
    // A cut of our own must not count against the endpoint.
    const stop = (): void => own.abort(new Cut('ClientGone'));
    const account = this.#deps.bodies.account(response);
    const sink = new ScreenedSink({ next, scan, stop, account });
    const signal = AbortSignal.any([cut.signal, own.signal]);
    return { sink, signal, settle: () => sink.settle() };
  }

  /** Sends the failure, or ends an answer that has begun with it. */
  #breakOff({ response, trace }: Visit, failure: Failure, sink: ResponseSink): Served {
    if (!response.headersSent) return this.#refuse(response, failure);
    const { reason } = failure;
    this.#deps.log.warn({ ...trace.ids, reason }, 'Answer was broken off');
    sink.breakOff(failure);
    return { reason, failed: false };
  }

  /** Forwards a request that every endpoint has rejected, and gives up its own place. */
  async #forwardRefused(
    visit: Visit,
    read: MessagesRequest,
    held: Held,
    answer: ModelAnswer,
  ): Promise<Served | undefined> {
    if (answer.kind !== 'Refused') return undefined;
    const forwarding = this.#forward(visit, read, answer.rejection);
    if (!forwarding) return undefined;
    held.place.close();
    const served = await forwarding;
    held.forwarded = served !== undefined;
    return served;
  }

  #answer(visit: Visit, answer: ModelAnswer, sink: ResponseSink): Served {
    if (answer.kind !== 'Answered') return this.#refuseFor(visit, answer);
    const { fault, outcome, status = 0 } = answer.result;
    if (fault !== undefined) return this.#fault(visit, answer, FAULTS[fault], sink);
    const failed = outcome.vote === 'failure' || status >= 500;
    return { reason: failed || status >= 400 ? 'UpstreamError' : 'None', failed };
  }

  #refuseFor(visit: Visit, answer: Exclude<ModelAnswer, Answered>): Served {
    if (answer.kind === 'NoEndpoint') {
      const { missing } = answer;
      return this.#refuse(visit.response, missing ? credentialMissing(missing) : NOT_CONFIGURED);
    }
    const { rejection, mounted } = answer;
    const problem = cutProblem(visit.cut) ?? rejected(rejection, mounted);
    return this.#refuse(visit.response, problem);
  }

  #fault(
    { response, trace }: Visit,
    { result: { committed, torn }, dependency }: Answered,
    problem: Problem,
    sink: ResponseSink,
  ): Served {
    if (problem === 'Gone' || !committed) return this.#refuse(response, problem);
    const { reason } = problem;
    this.#deps.log.warn({ ...trace.ids, dependency, reason }, 'Answer was broken off');
    sink.breakOff(problem, torn);
    return { reason, failed: true };
  }

  #refuse(response: ServerResponse, problem: Problem): Served {
    return refuse(this.#deps.sendError, response, problem);
  }
}

const NO_BODY = Buffer.alloc(0);
const NO_ANSWER: Failure = {
  reason: 'Timeout',
  message: 'Another pod of the agent has taken the request and not answered in time.',
};

function denialOf(allowance: Allowance, read: MessagesRequest): Denial | undefined {
  const { expected, method, model, maxTokens } = read;
  // Other routes name no model.
  if (expected === 'Any' || method === 'GET') return undefined;
  const stated = expected === 'Message' ? maxTokens : 'None';
  return allowance.request({ model, maxTokens: stated });
}

type Answered = Extract<ModelAnswer, { kind: 'Answered' }>;

function headerOf(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}

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

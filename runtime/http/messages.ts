import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import type { Content, Endpoint } from '../../contract/generated/types.ts';
import { INBOUND } from '../../contract/link.ts';
import type { ActualCost, Admission, Cost } from '../guard/admission.ts';
import { REFUND } from '../guard/admission.ts';
import type { Clock } from '../guard/clock.ts';
import type { Guard } from '../guard/guard.ts';
import { dependencyOf } from '../guard/supported.ts';
import type { AttemptResult, HeldAnswer } from '../model/attempt.ts';
import type { ModelAnswer, ModelCaller } from '../model/caller.ts';
import type { Credentials } from '../model/credentials.ts';
import { decided } from '../model/decided.ts';
import type { TokenEstimator } from '../model/estimate.ts';
import { Cut } from '../model/outcome.ts';
import { OK } from '../resilience/outcome.ts';
import { sendError } from './errors.ts';
import type { Failure } from './errors.ts';
import { FAULTS, NOT_CONFIGURED, credentialMissing, rejected } from './problems.ts';
import { isProblem, readRequest } from './requests.ts';
import type { MessagesRequest, Problem } from './requests.ts';
import { ResponseSink } from './sink.ts';

/** How a request to the agent ended: answered by the endpoint, by us, or not at all. */
export interface Served {
  reason: Failure['reason'] | 'None' | 'UpstreamError' | 'ClientGone';
  failed: boolean;
}

/** The configuration in force, as far as requests go by it. */
export interface InForce {
  content: Content;
  /** Those that this runtime supports. */
  endpoints: readonly Endpoint[];
}

export interface MessagesDeps {
  guard: Pick<Guard, 'admitInbound'>;
  clock: Clock;
  caller: ModelCaller;
  estimator: TokenEstimator;
  credentials: Credentials;
  /** Undefined as long as there is none. */
  inForce(): InForce | undefined;
  log: Logger;
}

/** A request on its way. */
interface Visit {
  request: IncomingMessage;
  response: ServerResponse;
  cut: AbortController;
  deadlineAt: number;
  inForce: InForce;
  endpoint: Endpoint;
}

/** `POST /v1/messages`: limits and bulkhead, then the endpoint. */
export class Messages {
  readonly #deps: MessagesDeps;

  constructor(deps: MessagesDeps) {
    this.#deps = deps;
  }

  /** Serves a request to its end; `cut` ends it early. Rejects only on a programming error. */
  async handle(
    request: IncomingMessage,
    response: ServerResponse,
    cut: AbortController,
  ): Promise<Served> {
    const inForce = this.#deps.inForce();
    const endpoint = inForce?.endpoints[0];
    if (!inForce || !endpoint) return this.#refuse(response, NOT_CONFIGURED);
    const deadlineAt = this.#deps.clock.now() + inForce.content.timeouts.requestMs;
    const onClose = (): void => {
      if (!response.writableFinished) cut.abort(new Cut('ClientGone'));
    };
    response.on('close', onClose);
    if (response.destroyed) onClose();
    try {
      return await this.#visit({ request, response, cut, deadlineAt, inForce, endpoint });
    } finally {
      response.off('close', onClose);
    }
  }

  /** A limit on tokens has to see the request first; nothing else reads more than it must. */
  async #visit(visit: Visit): Promise<Served> {
    const { content } = visit.inForce;
    const byTokens = content.limits.some(
      ({ target, resource }) => target === INBOUND && resource !== 'Requests',
    );
    const early = byTokens ? await readRequest(visit.request) : undefined;
    if (early !== undefined && isProblem(early)) return this.#refuse(visit.response, early);
    const cost = early && this.#estimate(visit.endpoint, early);
    const admission = await this.#admit(visit, cost);
    if (admission.kind === 'Rejection') {
      return this.#refuse(visit.response, cutOf(visit) ?? rejected(admission.rejection));
    }
    const used = new Used();
    try {
      const read = early ?? (await readRequest(visit.request));
      if (isProblem(read)) return this.#refuse(visit.response, read);
      return await this.#call(visit, read, used);
    } finally {
      settle(admission, used.total());
    }
  }

  async #admit({ request, deadlineAt, cut }: Visit, cost: Cost | undefined): Promise<Admission> {
    const answer = this.#deps.guard.admitInbound({
      deadlineAt,
      header: (name) => headerOf(request, name),
      ...(cost && { cost }),
    });
    return decided(answer, cut.signal);
  }

  #estimate(endpoint: Endpoint, { model, size }: MessagesRequest): Cost {
    return this.#deps.estimator.estimate(endpoint.model ?? model, size);
  }

  async #call(visit: Visit, read: MessagesRequest, used: Used): Promise<Served> {
    const { endpoint, request, response, cut, deadlineAt, inForce } = visit;
    const credential = endpoint.credential && this.#deps.credentials.read(endpoint.credential);
    if (endpoint.credential && credential === undefined) {
      return this.#refuse(response, credentialMissing(endpoint.credential));
    }
    const sink = new ResponseSink(response, cut.signal);
    const answer = await this.#deps.caller.call(
      {
        ...read,
        content: inForce.content,
        endpoint,
        ...(credential !== undefined && { credential }),
        headers: request.rawHeaders,
        deadlineAt,
        signal: cut.signal,
        sink,
      },
      (charge) => used.add(charge),
    );
    return this.#answer(visit, answer, sink, credential !== undefined);
  }

  #answer(visit: Visit, answer: ModelAnswer, sink: ResponseSink, mounted: boolean): Served {
    if ('rejection' in answer) {
      const problem = cutOf(visit) ?? rejected(answer.rejection, mounted);
      return this.#refuse(visit.response, problem, answer.rejection.target);
    }
    const { result } = answer;
    const { fault, held } = result;
    if (fault !== undefined) return this.#fault(visit, result, FAULTS[fault], sink);
    if (held !== undefined) passOn(held, sink);
    const { outcome, status = 0 } = result;
    const failed = outcome.vote === 'failure' || status >= 500;
    return { reason: failed || status >= 400 ? 'UpstreamError' : 'None', failed };
  }

  #fault(
    { endpoint, response }: Visit,
    { committed }: AttemptResult,
    problem: Problem,
    sink: ResponseSink,
  ): Served {
    const dependency = dependencyOf(endpoint);
    if (problem === 'Gone' || !committed) return this.#refuse(response, problem, dependency);
    this.#deps.log.warn({ dependency, reason: problem.reason }, 'Answer was broken off');
    sink.breakOff(problem);
    return { reason: problem.reason, failed: true };
  }

  #refuse(response: ServerResponse, problem: Problem, dependency?: string): Served {
    if (problem === 'Gone') {
      response.destroy();
      return { reason: 'ClientGone', failed: false };
    }
    const { reason } = problem;
    const requestId = sendError(response, problem);
    this.#deps.log.debug({ requestId, reason, dependency }, 'Request was refused');
    return { reason, failed: response.statusCode >= 500 };
  }
}

/** What the attempts of one request took together. */
class Used {
  #inputTokens: number | undefined = 0;
  #outputTokens: number | undefined = 0;

  add(charge: ActualCost): void {
    if (charge === REFUND) return;
    const { inputTokens, outputTokens } = charge;
    this.#inputTokens = sum(this.#inputTokens, inputTokens);
    this.#outputTokens = sum(this.#outputTokens, outputTokens);
  }

  /** A figure that one of the attempts did not learn is absent: what was reserved stands. */
  total(): ActualCost {
    return {
      ...(this.#inputTokens !== undefined && { inputTokens: this.#inputTokens }),
      ...(this.#outputTokens !== undefined && { outputTokens: this.#outputTokens }),
    };
  }
}

function sum(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : a + b;
}

function settle(admission: Admission, actual: ActualCost): void {
  if (admission.kind === 'Permit') admission.permit.settle(OK, actual);
}

/** Why the request was cut, as its caller is told; undefined when it was not. */
function cutOf({ cut }: Visit): Problem | undefined {
  const why: unknown = cut.signal.reason;
  return why instanceof Cut ? FAULTS[why.why] : undefined;
}

function headerOf(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}

function passOn({ status, statusText, headers, body }: HeldAnswer, sink: ResponseSink): void {
  sink.head(status, statusText, headers, false);
  void sink.write(body);
  sink.end();
}

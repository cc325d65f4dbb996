import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import type { Content, Endpoint } from '../../contract/generated/types.ts';
import type { Permit, Rejection } from '../guard/admission.ts';
import { MAX_TIMER_MS } from '../guard/clock.ts';
import type { Clock } from '../guard/clock.ts';
import type { Guard } from '../guard/guard.ts';
import { dependencyOf } from '../guard/supported.ts';
import type { Credentials } from '../model/credentials.ts';
import { forward } from '../model/forward.ts';
import type { AttemptResult, Fault } from '../model/forward.ts';
import { Cut } from '../model/outcome.ts';
import type { Upstream } from '../model/upstream.ts';
import { OK } from '../resilience/outcome.ts';
import { readBody } from './body.ts';
import { sendError } from './errors.ts';
import type { Failure } from './errors.ts';
import { ResponseSink } from './sink.ts';

/** A call to a model, for metrics. Times are in seconds. */
export interface ModelCall {
  model: string;
  /** Class of the failure, or none. */
  errorType: string;
  duration: number;
  /** From the call to the first bytes of the answer's body; absent when none came. */
  firstChunk?: number;
}

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
  guard: Guard;
  clock: Clock;
  upstream: Upstream;
  credentials: Credentials;
  /** Undefined as long as there is none. */
  inForce(): InForce | undefined;
  onModelCall(call: ModelCall): void;
  log: Logger;
}

/** A request that has been read and checked. */
interface Call {
  request: IncomingMessage;
  response: ServerResponse;
  query: string;
  body: Buffer;
  stream: boolean;
  model: string;
  cut: AbortController;
}

/** What went wrong on the way to an answer; `Gone` when there is nobody to tell. */
type Problem = Failure | 'Gone';

/** `POST /v1/messages`: limits, then the circuit, then one attempt at the endpoint. */
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
    const admission = this.#deps.guard.admitInbound();
    if (admission.kind === 'Rejection') {
      return this.#refuse(response, rejected(admission.rejection));
    }
    try {
      const call = await readCall(request, response, cut);
      return isProblem(call) ? this.#refuse(response, call) : await this.#call(call);
    } finally {
      admission.permit.settle(OK);
    }
  }

  async #call(call: Call): Promise<Served> {
    const inForce = this.#deps.inForce();
    const endpoint = inForce?.endpoints[0];
    if (!inForce || !endpoint) return this.#refuse(call.response, NOT_CONFIGURED);
    const credential = endpoint.credential && this.#deps.credentials.read(endpoint.credential);
    if (endpoint.credential && credential === undefined) {
      return this.#refuse(call.response, credentialMissing(endpoint.credential));
    }
    const admission = this.#deps.guard.acquire(dependencyOf(endpoint));
    if (admission.kind === 'Rejection') {
      return this.#refuse(call.response, rejected(admission.rejection));
    }
    return this.#attempt(call, endpoint, credential, {
      permit: admission.permit,
      deadlineMs: inForce.content.timeouts.requestMs,
    });
  }

  async #attempt(
    call: Call,
    endpoint: Endpoint,
    credential: string | undefined,
    { permit, deadlineMs }: { permit: Permit; deadlineMs: number },
  ): Promise<Served> {
    const { request, response, cut } = call;
    const deadline = setTimeout(
      () => cut.abort(new Cut('Deadline')),
      Math.min(deadlineMs, MAX_TIMER_MS),
    );
    const onClose = (): void => {
      if (!response.writableFinished) cut.abort(new Cut('ClientGone'));
    };
    response.on('close', onClose);
    if (response.destroyed) onClose();
    const sink = new ResponseSink(response, cut.signal);
    const began = this.#deps.clock.now();
    let firstChunk: number | undefined;
    let result: AttemptResult | undefined;
    try {
      result = await forward(this.#deps.upstream, {
        endpoint,
        ...(credential !== undefined && { credential }),
        query: call.query,
        headers: request.rawHeaders,
        body: call.body,
        stream: call.stream,
        signal: cut.signal,
        sink,
        onFirstChunk: () => (firstChunk ??= (this.#deps.clock.now() - began) / 1000),
        onFirstToken: () => permit.firstToken(),
      });
    } finally {
      clearTimeout(deadline);
      response.off('close', onClose);
      permit.settle(result?.outcome ?? { vote: 'ignored' });
    }
    this.#record(call, endpoint, result, { began, firstChunk });
    return this.#finish(call, endpoint, result, sink);
  }

  #record(
    call: Call,
    endpoint: Endpoint,
    { outcome }: AttemptResult,
    { began, firstChunk }: { began: number; firstChunk: number | undefined },
  ): void {
    this.#deps.onModelCall({
      model: endpoint.model ?? call.model,
      errorType: outcome.vote === 'failure' ? outcome.class : '',
      duration: (this.#deps.clock.now() - began) / 1000,
      ...(firstChunk !== undefined && { firstChunk }),
    });
  }

  #finish(call: Call, endpoint: Endpoint, result: AttemptResult, sink: ResponseSink): Served {
    const { fault, status = 0, outcome } = result;
    if (fault === undefined) {
      const failed = outcome.vote === 'failure' || status >= 500;
      return { reason: failed || status >= 400 ? 'UpstreamError' : 'None', failed };
    }
    const problem = FAULTS[fault];
    if (problem === 'Gone') {
      call.response.destroy();
      return { reason: 'ClientGone', failed: false };
    }
    const dependency = dependencyOf(endpoint);
    if (!result.committed) return this.#refuse(call.response, problem, dependency);
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

const NOT_CONFIGURED: Failure = {
  reason: 'NotConfigured',
  message: 'The agent has no model endpoint that it can use.',
};

const FAULTS: Record<Fault, Problem> = {
  ClientGone: 'Gone',
  Deadline: { reason: 'Timeout', message: 'The model did not answer in time.' },
  Drain: { reason: 'Draining', message: 'The agent is shutting down.', retryAfterMs: 1000 },
  UpstreamUnreachable: { reason: 'UpstreamUnreachable', message: 'The model is unreachable.' },
  InvalidResponse: {
    reason: 'InvalidResponse',
    message: 'The model endpoint broke its protocol before its answer was whole.',
  },
  Unsendable: {
    reason: 'InvalidRequest',
    message: 'The request has a header or a path that cannot be passed on.',
  },
};

function rejected(rejection: Rejection): Failure {
  const { reason, target, policy, limit, retryAfterMs } = rejection;
  const of = policy === undefined ? '' : ` of policy ${policy}`;
  const message =
    reason === 'RateLimited'
      ? `The limit ${limit ?? ''}${of} on ${target} is used up.`
      : `The circuit of ${target} is open.`;
  return { reason, message, retryAfterMs };
}

function credentialMissing({ secret, key }: { secret: string; key: string }): Failure {
  return {
    reason: 'CredentialRefused',
    message: `The agent has no usable API key: Secret ${secret} lacks ${key}.`,
  };
}

function isProblem(value: Call | Problem): value is Problem {
  return value === 'Gone' || 'reason' in value;
}

async function readCall(
  request: IncomingMessage,
  response: ServerResponse,
  cut: AbortController,
): Promise<Call | Problem> {
  const read = await readBody(request);
  if (!read.ok) return read.why === 'Gone' ? 'Gone' : TOO_LARGE;
  const encoding = request.headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity') {
    return invalid('The body must be plain JSON: leave content-encoding out.');
  }
  const parsed = parseObject(read.body);
  if (parsed === undefined) return invalid('The body must be a JSON object.');
  const at = request.url!.indexOf('?');
  return {
    request,
    response,
    cut,
    query: at < 0 ? '' : request.url!.slice(at),
    body: read.body,
    stream: parsed.stream === true,
    model: typeof parsed.model === 'string' ? parsed.model : '',
  };
}

const TOO_LARGE: Failure = { reason: 'TooLarge', message: 'The body is larger than 32 MiB.' };

function invalid(message: string): Failure {
  return { reason: 'InvalidRequest', message };
}

function parseObject(body: Buffer): { stream?: unknown; model?: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

import { Agent } from 'undici';
import type { Dispatcher } from 'undici';
import type { Logger } from 'pino';
import { PROGRAM } from '../../contract/link.ts';
import type { Content } from '../../contract/generated/types.ts';
import { Cut } from '../errors/fault.ts';
import type { Failure } from '../errors/failure.ts';
import { FAULTS, cutProblem, rejected } from '../errors/problems.ts';
import type { Bodies } from '../exchange/bodies.ts';
import {
  Exchange,
  acquire,
  authenticate,
  refuseRejected,
  run,
  settleAdmission,
} from '../exchange/exchange.ts';
import type { AdmitParts, Arrived, AuthenticateParts, Ended, Step } from '../exchange/exchange.ts';
import { ResponseSink, refuse } from '../exchange/response.ts';
import type { Served } from '../exchange/response.ts';
import type { Clock } from '../guard/clock.ts';
import type { Guard } from '../guard/guard.ts';
import { awaitAdmission } from '../guard/permit.ts';
import { connectionOutcome, cutOutcome } from '../model/attempt/outcome.ts';
import { FORWARDED, headerValue, limitKeys } from '../model/transport/headers.ts';
import type { Peers } from '../peers/peers.ts';
import { IGNORED, OK } from '../resilience/outcome.ts';
import type { Outcome } from '../resilience/outcome.ts';
import { ERROR_HEADER, headersForProgram, headersFromProgram } from './headers.ts';
import type { OpenRequests } from './openRequests.ts';

export interface GatewayParts extends AuthenticateParts, AdmitParts {
  clock: Clock;
  guard: Pick<Guard, 'dependency'>;
  bodies: Pick<Bodies, 'read'>;
  peers: Pick<Peers, 'toSibling'>;
  open: Pick<OpenRequests, 'begin'>;
  /** The program took no connection. */
  onUnreachable: () => void;
  log: Logger;
}

/** A body up to this size is read first, so that a sibling can serve the request instead; in bytes. */
const READ_FIRST_BYTES = 64 * 1024;
/** Characters of the class of an error in the log. */
const MAX_CLASS = 64;

const UNAVAILABLE: Failure = {
  reason: 'ProgramUnavailable',
  message: 'The program of the agent does not take requests at present.',
  retryAfterMs: 1000,
};
const SILENT: Failure = {
  reason: 'Timeout',
  message: 'The program of the agent did not answer in time.',
};

/** A request of a client for the program. */
class ProgramExchange extends Exchange {
  /** What is read of the body first; undefined: it streams. Set by `read`. */
  body: Buffer | undefined;
}

/** Passes requests of clients on to the program, over loopback. */
export class Gateway {
  readonly #parts: GatewayParts;
  // One connection for each request: a program may close a kept one at the moment of the next request.
  readonly #agent = new Agent({ pipelining: 0, connect: { timeout: 1000 } });
  readonly #steps: readonly Step<ProgramExchange, GatewayParts>[] = [
    authenticate,
    admit,
    read,
    (exchange, parts) => this.#pass(exchange, parts),
  ];

  readonly #port: number;

  /** `port`: that of the program. */
  constructor(port: number, parts: GatewayParts) {
    this.#port = port;
    this.#parts = parts;
  }

  /** Serves a request to its end. Rejects only on a programming error. */
  serve(arrived: Arrived): Promise<Served> {
    return run(new ProgramExchange(arrived), this.#steps, settleAdmission, this.#parts);
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  /** Calls the program behind its circuit. A sibling serves the request if the program takes no connection. */
  async #pass(exchange: ProgramExchange, parts: GatewayParts): Promise<Served> {
    const { request, response, client, cut, deadlineAt } = exchange;
    const dependency = parts.guard.dependency(PROGRAM);
    if (!dependency) return refuse(parts.sendError, response, UNAVAILABLE);
    const header = limitKeys(client.principal, (name) => headerValue(client.headers, name));
    const asked = dependency.acquire({ deadlineAt, header });
    const admission = await awaitAdmission(asked, cut.signal);
    if (admission.kind === 'Rejection') {
      const { rejection } = admission;
      exchange.trace.rejected(rejection);
      if (rejection.reason === 'CircuitBreakerOpen') {
        const served = await toSibling(exchange, parts);
        if (served) return served;
      }
      return refuse(parts.sendError, response, cutProblem(cut) ?? rejected(rejection));
    }
    const { id, end } = parts.open.begin({ client, request }, cut.signal);
    let outcome: Outcome = IGNORED;
    try {
      const ended = await this.#exchange(exchange, id);
      ({ outcome } = ended);
      if (ended.served) return ended.served;
    } finally {
      end();
      admission.permit.settle(outcome);
    }
    parts.onUnreachable();
    return (await toSibling(exchange, parts)) ?? refuse(parts.sendError, response, UNAVAILABLE);
  }

  /** `served` is undefined if the program took no connection. */
  async #exchange(
    exchange: ProgramExchange,
    id: string,
  ): Promise<{ outcome: Outcome; served?: Served }> {
    const { response, cut, snapshot, deadlineAt } = exchange;
    const { sendError, clock } = this.#parts;
    const watch = new Watch(clock, snapshot.content.timeouts, cut.signal);
    let answer: Dispatcher.ResponseData;
    watch.within(Math.max(1, deadlineAt - clock.now()), 'Attempt');
    try {
      answer = await this.#ask(exchange, id, watch.signal);
    } catch (error) {
      watch.close();
      const why = watch.why;
      if (why !== undefined) {
        const outcome = cutOutcome(why, false);
        const problem = why === 'Attempt' ? SILENT : (cutProblem(cut) ?? FAULTS[why]);
        return { outcome, served: refuse(sendError, response, problem) };
      }
      const outcome = connectionOutcome(error);
      // Bytes of a body that streamed are gone, and the program may have acted on them.
      if (!isRefused(error)) return { outcome, served: refuse(sendError, response, UNAVAILABLE) };
      return { outcome };
    }
    try {
      return await this.#answer(exchange, answer, watch);
    } finally {
      watch.close();
    }
  }

  #ask(
    { request, client, trace, body }: ProgramExchange,
    id: string,
    signal: AbortSignal,
  ): Promise<Dispatcher.ResponseData> {
    const of = { id, client: client.id, context: trace.span.context };
    const headers = headersForProgram(client.headers, request.headers.host ?? 'localhost', of);
    const length = request.headers['content-length'];
    if (body === undefined && length !== undefined) headers.push('content-length', length);
    return this.#agent.request({
      origin: `http://127.0.0.1:${this.#port}`,
      path: request.url!,
      method: request.method as Dispatcher.HttpMethod,
      body: body === undefined ? request : body.length === 0 ? null : body,
      ...{ headers, signal, headersTimeout: 0, bodyTimeout: 0, responseHeaders: 'raw' },
    });
  }

  async #answer(
    exchange: ProgramExchange,
    { statusCode, statusText, headers, body }: Dispatcher.ResponseData,
    watch: Watch,
  ): Promise<{ outcome: Outcome; served: Served }> {
    const { response, cut, trace } = exchange;
    const raw = headers as unknown as string[];
    const failed = statusCode >= 500;
    const sink = new ResponseSink(response, cut.signal);
    sink.head(statusCode, statusText, headersFromProgram(raw), false);
    watch.streams();
    try {
      for await (const chunk of body) {
        watch.flows();
        await sink.write(chunk as Buffer);
        watch.flows();
      }
      sink.end();
    } catch (error) {
      response.destroy();
      const why = watch.why;
      const outcome =
        why === undefined ? connectionOutcome(error, true) : cutOutcome(why, sink.blocked);
      if (cut.signal.aborted)
        return { outcome, served: refuse(this.#parts.sendError, response, 'Gone') };
      this.#parts.log.warn({ ...trace.ids }, 'Answer of the program broke off');
      return { outcome, served: { reason: 'ProgramError', failed: true } };
    }
    if (!failed) return { outcome: OK, served: { reason: 'None', failed } };
    const error = headerValue(raw, ERROR_HEADER)
      ?.replaceAll(/[^\w.$:]/g, '')
      .slice(0, MAX_CLASS);
    this.#parts.log.warn(
      { ...trace.ids, status: statusCode, error },
      'Program answered with an error',
    );
    // The program is there. What it answers is between it and its clients.
    return { outcome: IGNORED, served: { reason: 'ProgramError', failed } };
  }
}

/** Takes a permit for the agent's own limits, and a place in its bulkhead. */
function admit(exchange: ProgramExchange, parts: GatewayParts): Ended | Promise<Ended> {
  const { requestMs } = exchange.snapshot.content.timeouts;
  exchange.deadlineAt = parts.clock.now() + requestMs;
  const acquired = acquire(exchange, parts);
  if (acquired instanceof Promise) {
    return acquired.then((rejection) => rejection && refuseRejected(exchange, parts, rejection));
  }
  return acquired && refuseRejected(exchange, parts, acquired);
}

/** Reads a small body, or none. */
async function read(exchange: ProgramExchange, parts: GatewayParts): Promise<Ended> {
  const { request, response } = exchange;
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
  if (encoding !== undefined || Number(length ?? 0) > READ_FIRST_BYTES) return undefined;
  const arrived = await parts.bodies.read(request, response);
  if ('problem' in arrived) return refuse(parts.sendError, response, arrived.problem);
  exchange.body = arrived.body;
  return undefined;
}

/** Has a sibling serve a request whose body is still here; undefined when none does. */
async function toSibling(
  { request, response, cut, trace, deadlineAt, body, snapshot }: ProgramExchange,
  { peers, clock }: GatewayParts,
): Promise<Served | undefined> {
  if (body === undefined || request.headers[FORWARDED] !== undefined || cut.signal.aborted) {
    return undefined;
  }
  if (snapshot.content.whenFull !== 'Forward') return undefined;
  const { signal } = cut;
  const sink = new ResponseSink(response, signal);
  const silenceMs = Math.max(1, deadlineAt - clock.now());
  const end = await peers.toSibling({ request, body, sink, signal, trace }, silenceMs);
  return end === 'Answered' ? { reason: 'Forwarded', failed: false } : undefined;
}

/** Nothing listens at the program's port. */
function isRefused(error: unknown): boolean {
  return (error as { code?: string }).code === 'ECONNREFUSED';
}

type Timeout = 'Attempt' | 'Stream' | 'StreamIdle';

/** The times of one request at the program. */
class Watch {
  readonly #clock: Clock;
  readonly #timeouts: Content['timeouts'];
  readonly #own = new AbortController();
  readonly signal: AbortSignal;
  readonly #outer: AbortSignal;
  #timers: (() => void)[] = [];
  #flowedAt = 0;

  constructor(clock: Clock, timeouts: Content['timeouts'], outer: AbortSignal) {
    this.#clock = clock;
    this.#timeouts = timeouts;
    this.#outer = outer;
    this.signal = AbortSignal.any([outer, this.#own.signal]);
  }

  /** Why it was cut; undefined if it was not. */
  get why(): Cut['why'] | undefined {
    const reason: unknown = this.#own.signal.aborted ? this.#own.signal.reason : this.#outer.reason;
    return reason instanceof Cut ? reason.why : undefined;
  }

  within(ms: number, why: Timeout): void {
    this.#timers.push(this.#clock.setTimer(ms, () => this.#own.abort(new Cut(why))));
  }

  /** The answer has begun. */
  streams(): void {
    this.close();
    this.within(this.#timeouts.streamMs, 'Stream');
    this.flows();
    if (this.#timeouts.streamIdleMs !== undefined) this.#watchIdle(this.#timeouts.streamIdleMs);
  }

  flows(): void {
    this.#flowedAt = this.#clock.now();
  }

  close(): void {
    for (const cancel of this.#timers) cancel();
    this.#timers = [];
  }

  /** Looks once in that time, whatever flows. */
  #watchIdle(idleMs: number): void {
    const left = this.#flowedAt + idleMs - this.#clock.now();
    if (left <= 0) this.#own.abort(new Cut('StreamIdle'));
    else this.#timers.push(this.#clock.setTimer(left, () => this.#watchIdle(idleMs)));
  }
}

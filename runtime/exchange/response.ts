import type { ServerResponse, IncomingMessage } from 'node:http';
import type { Sink } from '../model/attempt/attempt.ts';
import { newRequestId, errorHeaders, statusOf } from '../errors/failure.ts';
import type { ClientWait, Failure, Problem } from '../errors/failure.ts';
import type { Protocol } from '../protocols/protocol.ts';
import { PROTOCOLS } from '../protocols/protocols.ts';
import { headerValue } from '../model/transport/headers.ts';

/** Writes a forwarded answer to the client. */
export class ResponseSink implements Sink {
  blocked = false;
  readonly #response: ServerResponse;
  readonly #signal: AbortSignal;
  #appendable = false;
  #written = false;

  /** `signal` wakes a write that waits for the client. */
  constructor(response: ServerResponse, signal: AbortSignal) {
    this.#response = response;
    this.#signal = signal;
  }

  head(status: number, statusText: string, headers: string[], appendable: boolean): void {
    this.#appendable = appendable;
    this.#response.sendDate = false;
    this.#response.writeHead(status, statusText, addTraceHeader(this.#response, headers));
    // Sends the head together with the first bytes of the body if they follow at once.
    queueMicrotask(() => {
      if (!this.#written) this.#response.flushHeaders();
    });
  }

  write(chunk: Buffer): Promise<void> | undefined {
    this.#written = true;
    if (this.#response.write(chunk) || this.#response.destroyed) return undefined;
    this.blocked = true;
    return new Promise<void>((resolve) => {
      const wake = (): void => {
        this.#response.off('drain', onDrain).off('close', wake);
        this.#signal.removeEventListener('abort', wake);
        resolve();
      };
      const onDrain = (): void => {
        this.blocked = false;
        wake();
      };
      this.#response.on('drain', onDrain).on('close', wake);
      this.#signal.addEventListener('abort', wake, { once: true });
      if (this.#signal.aborted) wake();
    });
  }

  end(last?: Buffer): void {
    this.#written = true;
    this.#response.end(last);
  }

  /**
   * Ends an answer that has begun and cannot be finished: a stream with an error event, any other by dropping the
   * connection, so that the client does not take it for whole. `torn`: the client has only a part of an event.
   */
  breakOff(failure: Failure, torn = false): void {
    if (!this.#appendable || torn || this.blocked) this.#response.destroy();
    else this.#response.end(errorEventFor(this.#response, failure));
  }
}

/** The failure as the last event of a stream that has begun. */
export function errorEventFor(response: ServerResponse, failure: Failure): string {
  return protocolOf(response).errorEvent(failure, requestIdOf(response));
}

/** Protocols of requests, but for those of the first one. */
const protocols = new WeakMap<ServerResponse, Protocol>();

/** Notes the protocol in which a request may be refused. */
export function answerIn(response: ServerResponse, protocol: Protocol): void {
  if (protocol !== PROTOCOLS[0]) protocols.set(response, protocol);
}

export function protocolOf(response: ServerResponse): Protocol {
  return protocols.get(response) ?? PROTOCOLS[0];
}

const requestIds = new WeakMap<ServerResponse, string>();

/** Id of the request: in the answers that the runtime makes itself, and in each log line about it. */
export function requestIdOf(response: ServerResponse): string {
  let id = requestIds.get(response);
  if (id === undefined) requestIds.set(response, (id = newRequestId()));
  return id;
}

const TRACE_HEADER = 'x-breakwater-trace-id';

/**
 * Ids of traces. The head of an answer gets its id when it is written: a header that is set before makes Node write all
 * others the slow way, which would cost more than the rest of an unsampled trace.
 */
const traceIds = new WeakMap<ServerResponse, string>();

/** Notes the trace that an answer belongs to. */
export function traceAnswer(response: ServerResponse, traceId: string | undefined): void {
  if (traceId !== undefined) traceIds.set(response, traceId);
}

/** Headers that name the trace of an answer. */
export function traceHeaders(response: ServerResponse): Record<string, string> {
  return headersOfTrace(traceIds.get(response));
}

/** Headers that name the request and its trace, in answers of the runtime's own. */
export function idHeaders(response: ServerResponse): Record<string, string> {
  return { 'request-id': requestIdOf(response), ...traceHeaders(response) };
}

/** Headers that name a trace. */
export function headersOfTrace(id: string | undefined): Record<string, string> {
  return id === undefined ? {} : { [TRACE_HEADER]: id };
}

/** Adds the trace to a head from another server, unless it names one. */
export function addTraceHeader(response: ServerResponse, raw: string[]): string[] {
  const id = traceIds.get(response);
  if (id === undefined) return raw;
  if (headerValue(raw, TRACE_HEADER) === undefined) raw.push(TRACE_HEADER, id);
  return raw;
}

/** Answers a request with the failure; headers must not have been sent. */
export type SendError = (response: ServerResponse, failure: Failure) => void;

/** Longest wait to ask a client for before the first configuration, in milliseconds. */
const DEFAULT_PATIENCE_MS = 5000;

/** `patienceMs`: longest wait to ask a client for. */
export function errorSender(
  patienceMs: () => number | undefined,
  random: ClientWait['random'],
): SendError {
  return (response, failure) => {
    const requestId = requestIdOf(response);
    const wait = {
      patienceMs: patienceMs() ?? DEFAULT_PATIENCE_MS,
      retried: isRetry(response.req),
      random,
    };
    const body = protocolOf(response).errorBody(failure, requestId);
    response.writeHead(statusOf(failure.reason), {
      ...errorHeaders(failure, requestId, body, wait),
      ...traceHeaders(response),
    });
    response.end(body);
  };
}

/** How a request to the agent ended: answered by the endpoint, by us, by another pod, or not at all. */
export interface Served {
  reason:
    Failure['reason'] | 'None' | 'UpstreamError' | 'ProgramError' | 'ClientGone' | 'Forwarded';
  failed: boolean;
}

/** A request that has ended, with its status if the answer began. */
export type Ended = Served & { status?: number };

/** Answers with the failure, or closes the connection of a client that has left. */
export function refuse(sendError: SendError, response: ServerResponse, problem: Problem): Served {
  if (problem === 'Gone') {
    response.destroy();
    return { reason: 'ClientGone', failed: false };
  }
  sendError(response, problem);
  return { reason: problem.reason, failed: response.statusCode >= 500 };
}

/** SDKs count their retries of a request in a header. */
function isRetry({ headers }: IncomingMessage): boolean {
  return Number(headers['x-stainless-retry-count']) >= 1;
}

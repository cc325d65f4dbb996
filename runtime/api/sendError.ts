import type { IncomingMessage, ServerResponse } from 'node:http';
import { errorBody, errorHeaders, statusOf } from '../errors/failure.ts';
import type { ClientWait, Failure } from '../errors/failure.ts';
import { requestIdOf } from './requestId.ts';
import { traceHeaders } from './traceId.ts';

/** Answers a request with the failure; headers must not have been sent. */
export type SendError = (response: ServerResponse, failure: Failure) => void;

/** The longest wait that a client is asked for while there is no configuration yet, in milliseconds. */
const DEFAULT_PATIENCE_MS = 5000;

/** `patienceMs` gives the longest wait that a client is asked for. */
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
    response.writeHead(statusOf(failure.reason), {
      ...errorHeaders(failure, requestId, wait),
      ...traceHeaders(response),
    });
    response.end(errorBody(failure, requestId));
  };
}

/** SDKs count their retries of a request in a header. */
function isRetry({ headers }: IncomingMessage): boolean {
  return Number(headers['x-stainless-retry-count']) >= 1;
}

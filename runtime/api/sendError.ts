import type { ServerResponse } from 'node:http';
import { errorBody, errorHeaders, statusOf } from '../errors/failure.ts';
import type { Failure } from '../errors/failure.ts';
import { requestIdOf } from './requestId.ts';

/** Answers a request with the failure; headers must not have been sent. */
export function sendError(response: ServerResponse, failure: Failure): void {
  response.writeHead(statusOf(failure.reason), errorHeaders(failure, requestIdOf(response)));
  response.end(errorBody(failure));
}

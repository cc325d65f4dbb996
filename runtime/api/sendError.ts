import type { ServerResponse } from 'node:http';
import { errorBody, errorHeaders, statusOf } from '../errors/failure.ts';
import type { Failure } from '../errors/failure.ts';

/** Answers a request with the failure and gives its id; headers must not have been sent. */
export function sendError(response: ServerResponse, failure: Failure): string {
  const headers = errorHeaders(failure);
  response.writeHead(statusOf(failure.reason), headers);
  response.end(errorBody(failure));
  return headers['request-id']!;
}

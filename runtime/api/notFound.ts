import type { IncomingMessage } from 'node:http';
import type { Failure } from '../errors/failure.ts';

const SERVED =
  'The agent serves POST /v1/messages, POST /v1/messages/count_tokens, GET /v1/models, GET /v1/models/ID, ' +
  'POST /v1/conversations, GET and DELETE /v1/conversations/ID, and POST /v1/conversations/ID/messages.';
const NOT_SERVED = 'Other routes of the provider, such as batches and files, are not served.';

/** Of what a client asked for as much is repeated to it. */
const MAX_PATH = 100;

/** What a client is told that asks for a route which there is not. */
export function notFound({ method = '', url = '' }: IncomingMessage): Failure {
  const [path = ''] = url.split('?', 1);
  const message = `${method} ${path.slice(0, MAX_PATH)} is not served. ${SERVED} ${NOT_SERVED}`;
  return { reason: 'NotFound', message };
}

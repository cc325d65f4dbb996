import type { IncomingMessage } from 'node:http';
import { PROTOCOLS } from '../protocols/protocols.ts';
import type { Failure } from '../errors/failure.ts';

const SERVED =
  `The agent serves ${PROTOCOLS.map(({ served }) => served).join(', ')}, ` +
  'POST /v1/conversations, GET and DELETE /v1/conversations/ID, and POST /v1/conversations/ID/messages.';
const OTHERS =
  'Other routes of the provider, such as batches and files, pass when spec.routes of the AgentDeployment names them';

/** Characters of the path that the answer repeats. */
const MAX_PATH = 100;

/** The answer to a request for an unknown route. */
export function notFound(
  { method = '', url = '' }: IncomingMessage,
  routes: readonly string[] = [],
): Failure {
  const [path = ''] = url.split('?', 1);
  const named = routes.length === 0 ? 'none is named' : `${routes.join(', ')} are named`;
  const what = `${method} ${path.slice(0, MAX_PATH)} is not served.${doubled(path)}`;
  const message = `${what} ${SERVED} ${OTHERS}; ${named}.`;
  return { reason: 'NotFound', message };
}

/** Clients add /v1 themselves to the address that they are given. */
function doubled(path: string): string {
  return path.startsWith('/v1/v1/')
    ? " The client's base URL ends in /v1; remove that, as the client adds it."
    : '';
}

import type { IncomingMessage } from 'node:http';
import { PROTOCOLS, holdsConversations, modelRoute, protocolsOf } from '../protocols/protocols.ts';
import type { Protocols } from '../protocols/protocols.ts';
import type { Failure } from '../errors/failure.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';

const CONVERSATIONS = '/v1/conversations';
const CONVERSATION_ROUTES =
  'POST /v1/conversations, GET and DELETE /v1/conversations/ID, and POST /v1/conversations/ID/messages';
const OTHERS =
  'Other routes of the provider, such as batches and files, pass when spec.routes of the AgentDeployment names them';

/** Characters of the path that the answer repeats. */
const MAX_PATH = 100;

/** The answer to a request for an unknown route. */
export function notFound(request: IncomingMessage, snapshot: Snapshot | undefined): Failure {
  const { method = '', url = '' } = request;
  const [path = ''] = url.split('?', 1);
  const routes = snapshot?.content.routes ?? [];
  const protocols = protocolsOf(snapshot?.endpoints[0]);
  const named = routes.length === 0 ? 'none is named' : `${routes.join(', ')} are named`;
  const what = `${method} ${path.slice(0, MAX_PATH)} is not served.${doubled(path)}`;
  const message = `${what}${otherProtocol(request, protocols)} ${served(protocols)} ${OTHERS}; ${named}.`;
  return { reason: 'NotFound', message };
}

function served(protocols: Protocols): string {
  const routes = protocols.map((protocol) => protocol.served);
  const all = holdsConversations(protocols) ? [...routes, CONVERSATION_ROUTES] : routes;
  return `The agent serves ${all.join(', ')}.`;
}

/** Says why the agent does not serve a route that others do. */
function otherProtocol({ method, url = '' }: IncomingMessage, protocols: Protocols): string {
  const holds = holdsConversations(protocols);
  const isOther = modelRoute(PROTOCOLS, method, url) ?? (!holds && url.startsWith(CONVERSATIONS));
  if (!isOther) return '';
  const speaks = holds
    ? 'the Messages API; an agent for this route has endpoints with provider: OpenAI'
    : "OpenAI's protocol; an agent for this route has endpoints of the Messages API, such as provider: Anthropic";
  return ` The endpoints of this agent speak ${speaks}.`;
}

/** Clients add /v1 themselves to the address that they are given. */
function doubled(path: string): string {
  return path.startsWith('/v1/v1/')
    ? " The client's base URL ends in /v1; remove that, as the client adds it."
    : '';
}

import { createHash } from 'node:crypto';
import type { Snapshot } from '../snapshot/snapshot.ts';
import type { Content } from '../../contract/generated/types.ts';
import { CACHE_LIFETIME_MS, LONG_CACHE_LIFETIME_MS } from '../model/pool/affinity.ts';
import type { Session } from '../model/pool/affinity.ts';
import { haveEquals } from '../model/pool/pool.ts';
import { CREDENTIALS, headerValue } from '../model/transport/headers.ts';
import type { Client } from '../clients/clients.ts';
import type { Protocol, RequestMembers } from '../protocols/protocol.ts';

/** Header of Claude Code with the session. */
const SESSION_HEADER = 'x-claude-code-session-id';

/** Finds the session of a request, whose body is JSON with these members; undefined if it has none. */
export type SessionOf = (
  protocol: Asked['protocol'],
  body: Buffer,
  members: RequestMembers,
) => Session | undefined;

interface Asked {
  protocol: Pick<Protocol, 'cacheUse' | 'promptTexts'>;
  body: Buffer;
  members: RequestMembers;
}

const NONE: SessionOf = () => undefined;

/**
 * Makes the function that finds the sessions of a client's requests. It finds none if the agent has no choice of
 * endpoints or no affinity, so that an agent with one endpoint does no work.
 */
export function sessions(
  { content: { affinity }, endpoints }: Snapshot,
  client: Pick<Client, 'principal' | 'headers'>,
): SessionOf {
  const known = affinity.mode === 'Automatic' || affinity.mode === 'Always';
  if (!known || !haveEquals(endpoints)) return NONE;
  return (protocol, body, members) => sessionOf({ protocol, body, members }, client, affinity);
}

/**
 * The session of a request. A header names it; otherwise the system prompt and the first message of the user identify
 * it, but only if the request uses the provider's cache or the mode is Always.
 */
function sessionOf(
  { protocol, body, members }: Asked,
  { principal, headers }: Pick<Client, 'principal' | 'headers'>,
  { mode, header }: Content['affinity'],
): Session | undefined {
  const value = (name: string | undefined): string | undefined =>
    (name !== undefined && headerValue(headers, name)) || undefined;
  const cacheUse = protocol.cacheUse(body);
  const named = value(SESSION_HEADER) ?? value(header);
  const reads = named === undefined && (cacheUse !== 'None' || mode === 'Always');
  const prompt = reads ? protocol.promptTexts(body, members) : undefined;
  if (named === undefined && prompt === undefined) return undefined;
  // The credentials for the provider identify a client that the agent has not authenticated.
  const client = principal === '' ? Array.from(CREDENTIALS, value) : [principal];
  return {
    key: digest([digest(client), named, prompt && digest(prompt.map(digest))]),
    cacheMs: cacheUse === 'Long' ? LONG_CACHE_LIFETIME_MS : CACHE_LIFETIME_MS,
  };
}

/** Hash of several texts. An undefined text differs from an empty one. */
function digest(texts: readonly (string | undefined)[]): string {
  const hash = createHash('sha256');
  for (const text of texts) hash.update(`${text?.length} `).update(text ?? '');
  return hash.digest('base64url');
}

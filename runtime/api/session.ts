import { createHash } from 'node:crypto';
import type { Content } from '../../contract/generated/types.ts';
import { memberOf } from '../json/parsed.ts';
import { CACHE_LIFETIME_MS, LONG_CACHE_LIFETIME_MS } from '../model/pool/affinity.ts';
import type { Session } from '../model/pool/affinity.ts';
import { haveEquals } from '../model/pool/pool.ts';
import type { InForce } from '../model/pool/pool.ts';
import { CREDENTIALS, headerValue } from '../model/transport/headers.ts';
import type { Client } from './clients/clients.ts';

/** Header of Claude Code with the session. */
const SESSION_HEADER = 'x-claude-code-session-id';
/** Characters of one text of a prompt that tell sessions apart: enough for a long system prompt, and cheap to hash. */
const MAX_TEXT = 64 * 1024;
/** Depth down to which to look for cache_control. */
const MAX_DEPTH = 8;

type Json = Record<string, unknown>;

/** The parts of a request that identify its session. */
export interface Asked {
  body: Buffer;
  /** Parses the body. */
  parse: () => Json;
}

/** Finds the session of a request; undefined if it has none. */
export type SessionOf = (asked: Asked) => Session | undefined;

const NONE: SessionOf = () => undefined;

/**
 * Makes the function that finds the sessions of a client's requests. It finds none if the agent has no choice of
 * endpoints or no affinity, so that an agent with one endpoint does no work.
 */
export function sessions(
  { content: { affinity }, endpoints }: InForce,
  client: Pick<Client, 'principal' | 'headers'>,
): SessionOf {
  const known = affinity.mode === 'Automatic' || affinity.mode === 'Always';
  if (!known || !haveEquals(endpoints)) return NONE;
  return (asked) => sessionOf(asked, client, affinity);
}

/**
 * The session of a request. A header names it; otherwise the system prompt and the first message of the user identify
 * it, but only if the request uses the provider's cache or the mode is Always.
 */
function sessionOf(
  { body, parse }: Asked,
  { principal, headers }: Pick<Client, 'principal' | 'headers'>,
  { mode, header }: Content['affinity'],
): Session | undefined {
  const value = (name: string | undefined): string | undefined =>
    (name !== undefined && headerValue(headers, name)) || undefined;
  // Quotes within a text are escaped, so this is the name of a member.
  const caches = body.includes('"cache_control"');
  const named = value(SESSION_HEADER) ?? value(header);
  const prompt =
    named === undefined && (caches || mode === 'Always') ? promptOf(parse()) : undefined;
  if (named === undefined && prompt === undefined) return undefined;
  // Fast path: most requests do not contain the text.
  const long = body.includes('"1h"') && asksForAnHour(parse(), 0);
  // The credentials for the provider identify a client that the agent has not authenticated.
  const client = principal === '' ? Array.from(CREDENTIALS, value) : [principal];
  return {
    key: digest([digest(client), named, prompt]),
    cacheMs: long ? LONG_CACHE_LIFETIME_MS : CACHE_LIFETIME_MS,
  };
}

/** Hash of several texts. An undefined text differs from an empty one. */
function digest(texts: readonly (string | undefined)[]): string {
  const hash = createHash('sha256');
  for (const text of texts) hash.update(`${text?.length} `).update(text ?? '');
  return hash.digest('base64url');
}

/**
 * Hash of the texts that all turns of a session begin with; undefined without any. Leaves out cache_control, because
 * clients move it to the newest message in each turn.
 */
function promptOf({ system, messages }: Json): string | undefined {
  const first = listOf(messages).find((message) => memberOf(message, 'role') === 'user');
  const texts = [textsOf(system), textsOf(memberOf(first, 'content'))];
  return texts.some((each) => each.length > 0) ? digest(texts.map(digest)) : undefined;
}

/** The texts of a string or of blocks. Sources stand for blocks without text. */
function textsOf(content: unknown): string[] {
  if (typeof content === 'string') return [content.slice(0, MAX_TEXT)];
  return listOf(content).flatMap((block) => {
    const source = memberOf(block, 'source');
    const parts = ['data', 'url', 'file_id'].map((name) => memberOf(source, name));
    return [memberOf(block, 'text'), ...parts]
      .filter(isText)
      .map((text) => text.slice(0, MAX_TEXT));
  });
}

/** Whether any cache_control asks for the longer lifetime. */
function asksForAnHour(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return false;
  if (memberOf(memberOf(value, 'cache_control'), 'ttl') === '1h') return true;
  return Object.values(value).some((each) => asksForAnHour(each, depth + 1));
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

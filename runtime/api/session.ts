import { createHash } from 'node:crypto';
import type { Content } from '../../contract/generated/types.ts';
import { CACHE_LIFETIME_MS, LONG_CACHE_LIFETIME_MS, haveEquals } from '../model/pool/affinity.ts';
import type { Session } from '../model/pool/affinity.ts';
import type { InForce } from '../model/pool/pool.ts';
import { CREDENTIALS, headerValue } from '../model/transport/headers.ts';
import type { Client } from './clients/clients.ts';

/** Where Claude Code names the session. */
const SESSION_HEADER = 'x-claude-code-session-id';
/** Characters of one text of a prompt that tell sessions apart: enough for a long system prompt, and cheap to hash. */
const MAX_TEXT = 64 * 1024;
/** How deep cache_control is looked for. */
const MAX_DEPTH = 8;

type Json = Record<string, unknown>;

/** A request as far as it tells its session. */
export interface Asked {
  body: Buffer;
  /** Makes JSON of the body. */
  parse: () => Json;
}

/** Tells the session of a request, if it belongs to one. */
export type SessionOf = (asked: Asked) => Session | undefined;

const NONE: SessionOf = () => undefined;

/**
 * What tells the sessions of a client's requests; none where there is no choice of endpoints or the agent wants none.
 * Only then is there anything to be found out, so that an agent with one endpoint pays nothing.
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
 * The session of a request: what a header names, or else requests with the same system prompt and first message of the
 * user. The latter only where the request has the provider cache something, or with the mode Always.
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
  // The search spares the usual request the walk.
  const long = body.includes('"1h"') && asksForAnHour(parse(), 0);
  // A client that the agent does not know by name is known by what it shows the provider.
  const client = principal === '' ? Array.from(CREDENTIALS, value) : [principal];
  return {
    key: digest([digest(client), named, prompt]),
    cacheMs: long ? LONG_CACHE_LIFETIME_MS : CACHE_LIFETIME_MS,
  };
}

/** Of several texts; undefined is another one than an empty one. */
function digest(texts: readonly (string | undefined)[]): string {
  const hash = createHash('sha256');
  for (const text of texts) hash.update(`${text?.length} `).update(text ?? '');
  return hash.digest('base64url');
}

/**
 * Stands for the texts that all turns of a session begin with; undefined without any. cache_control is left out,
 * because clients move it to the newest message with each turn.
 */
function promptOf({ system, messages }: Json): string | undefined {
  const first = listOf(messages).find((message) => memberOf(message, 'role') === 'user');
  const texts = [textsOf(system), textsOf(memberOf(first, 'content'))];
  return texts.some((each) => each.length > 0) ? digest(texts.map(digest)) : undefined;
}

/** The texts of a string or of blocks, and what stands for the blocks that have none. */
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

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Json)[name] : undefined;
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

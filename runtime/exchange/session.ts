import { createHash } from 'node:crypto';
import type { Snapshot } from '../snapshot/snapshot.ts';
import type { Content } from '../../contract/generated/types.ts';
import { JsonTree } from '../json/tree.ts';
import type { Node } from '../json/tree.ts';
import type { RequestMembers } from '../model/attempt/estimate.ts';
import { CACHE_LIFETIME_MS, LONG_CACHE_LIFETIME_MS } from '../model/pool/affinity.ts';
import type { Session } from '../model/pool/affinity.ts';
import { haveEquals } from '../model/pool/pool.ts';
import { CREDENTIALS, headerValue } from '../model/transport/headers.ts';
import type { Client } from '../clients/clients.ts';

/** Header of Claude Code with the session. */
const SESSION_HEADER = 'x-claude-code-session-id';
/** Bytes of one text of a prompt that tell sessions apart: enough for a long system prompt, and cheap to hash. */
const MAX_TEXT = 64 * 1024;
/** Texts of a prompt that tell sessions apart. */
const MAX_TEXTS = 64;
/** Largest number of values in the system prompt, and in the messages; more show no session. */
const MAX_VALUES = 100_000;

/** Finds the session of a request, whose body is JSON with these members; undefined if it has none. */
export type SessionOf = (body: Buffer, members: RequestMembers) => Session | undefined;

interface Asked {
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
  return (body, members) => sessionOf({ body, members }, client, affinity);
}

/**
 * The session of a request. A header names it; otherwise the system prompt and the first message of the user identify
 * it, but only if the request uses the provider's cache or the mode is Always.
 */
function sessionOf(
  { body, members }: Asked,
  { principal, headers }: Pick<Client, 'principal' | 'headers'>,
  { mode, header }: Content['affinity'],
): Session | undefined {
  const value = (name: string | undefined): string | undefined =>
    (name !== undefined && headerValue(headers, name)) || undefined;
  // Quotes within a text are escaped, so this is the name of a member.
  const caches = body.includes('"cache_control"');
  const named = value(SESSION_HEADER) ?? value(header);
  const prompt =
    named === undefined && (caches || mode === 'Always') ? promptOf({ body, members }) : undefined;
  if (named === undefined && prompt === undefined) return undefined;
  const long = caches && asksForAnHour(body);
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
function promptOf({ body, members }: Asked): string | undefined {
  const [system, messages] = ['system', 'messages'].map((name) => {
    const span = members.get(name);
    return span && JsonTree.read(body, span, MAX_VALUES);
  });
  const first = messages && firstOfUser(messages);
  const texts = [
    system ? textsOf(system, system.root) : [],
    first === undefined ? [] : textsOf(messages!, messages!.member(first, 'content')),
  ];
  return texts.some((each) => each.length > 0) ? digest(texts.map(digest)) : undefined;
}

function firstOfUser(messages: JsonTree): Node | undefined {
  for (const each of messages.elements(messages.root)) {
    if (messages.is(messages.member(each, 'role'), 'user')) return each;
  }
  return undefined;
}

/** The texts of a string or of blocks. Sources stand for blocks without text. */
function textsOf(tree: JsonTree, content: Node | undefined): string[] {
  if (content === undefined) return [];
  if (tree.isString(content)) return [tree.text(content, MAX_TEXT)];
  const texts: string[] = [];
  for (const block of tree.elements(content)) {
    const source = tree.member(block, 'source');
    const parts = ['data', 'url', 'file_id'].map((name) => tree.member(source, name));
    for (const part of [tree.member(block, 'text'), ...parts]) {
      if (tree.isString(part)) texts.push(tree.text(part, MAX_TEXT));
    }
    if (texts.length >= MAX_TEXTS) break;
  }
  return texts;
}

const CACHE_CONTROL = '"cache_control"';
/** Longest cache_control to read, in bytes. */
const MAX_CACHE_CONTROL = 128;
/** Number of them to read; the API takes four. */
const MAX_BREAKPOINTS = 256;
const ONE_HOUR = /^\s*:\s*\{[^{}]*"ttl"\s*:\s*"1h"/;

/** Whether any cache_control asks for the longer lifetime. */
function asksForAnHour(body: Buffer): boolean {
  let at = 0;
  for (let i = 0; i < MAX_BREAKPOINTS; i += 1) {
    const found = body.indexOf(CACHE_CONTROL, at);
    if (found < 0) return false;
    at = found + CACHE_CONTROL.length;
    if (ONE_HOUR.test(body.toString('latin1', at, at + MAX_CACHE_CONTROL))) return true;
  }
  return false;
}

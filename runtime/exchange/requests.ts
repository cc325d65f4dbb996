import { NO_TOKENS } from '../protocols/usage.ts';
import { createHash } from 'node:crypto';
import type { Content } from '../../contract/generated/types.ts';
import type { Client } from '../clients/clients.ts';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { scanInSlices } from '../json/scan.ts';
import { turn } from '../json/turns.ts';
import type { Expected } from '../model/provider/provider.ts';
import { CACHE_LIFETIME_MS, LONG_CACHE_LIFETIME_MS } from '../model/pool/affinity.ts';
import type { Session } from '../model/pool/affinity.ts';
import { haveEquals } from '../model/pool/pool.ts';
import { CREDENTIALS, headerValue } from '../model/transport/headers.ts';
import type { Failure, Problem } from '../errors/failure.ts';
import { MODELS_MS, PASS_THROUGH_MS } from '../model/passThrough.ts';
import type { ModelRoute, Protocol, RequestFacts, RequestMembers } from '../protocols/protocol.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import type { Bodies } from './bodies.ts';

/** A checked request to the model's API. */
export interface MessagesRequest extends RequestFacts {
  method: ProviderMethod;
  /** Path and query. */
  path: string;
  protocol: Protocol;
  expected: Expected;
  body: Buffer;
  /** Where the members of the body are that decide its handling; absent for other kinds of requests. */
  members?: RequestMembers;
  session?: Session | undefined;
}

/** Methods of the provider's other routes. */
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

export type ProviderMethod = (typeof METHODS)[number];

/** The method of a request if it may be forwarded. */
export function providerMethod({ method }: IncomingMessage): ProviderMethod | undefined {
  return METHODS.find((each) => each === method);
}

/**
 * The entry of spec.routes that matches a request; undefined if none does. A path that servers could read differently
 * matches none.
 */
export function providerRoute(
  request: IncomingMessage,
  routes: readonly string[],
): string | undefined {
  if (routes.length === 0 || !providerMethod(request)) return undefined;
  const [path = ''] = (request.url ?? '').split('?', 1);
  if (!path.split('/').slice(1).every(isPlain)) return undefined;
  return routes.find((route) => path === route || path.startsWith(`${route}/`));
}

/** Characters of ids. Leaves out what some servers read otherwise: dots in front, parameters, a second encoding. */
const PLAIN_SEGMENT = /^[\w:@$!'()*+,=&~-][\w.:@$!'()*+,=&~-]*$/;

/** Whether every server reads a segment of a path the same way. */
function isPlain(segment: string): boolean {
  try {
    return PLAIN_SEGMENT.test(decodeURIComponent(segment));
  } catch {
    return false;
  }
}

/** Timeout of a request for no message, in milliseconds. Infinity for other routes: files and batches can be large. */
export function passThroughMs(model: ModelRoute | undefined): number {
  if (model === undefined) return Infinity;
  return model.kind === 'Models' ? MODELS_MS : PASS_THROUGH_MS;
}

export function asksForMessage(model: ModelRoute | undefined): boolean {
  return model?.kind === 'Messages';
}

export interface RequestReader {
  bodies: Pick<Bodies, 'read'>;
  /** Finds the session of a request for a message. */
  sessionOf: SessionOf;
  /** The protocol of a request for another route of the provider. */
  protocol: Protocol;
}

/** Reads and checks a request with a route of a protocol, or else with a providerRoute. */
export async function readRequest(
  request: IncomingMessage,
  response: ServerResponse,
  model: ModelRoute | undefined,
  { bodies, sessionOf, protocol: usual }: RequestReader,
): Promise<MessagesRequest | Problem> {
  const path = request.url!;
  const protocol = model?.protocol ?? usual;
  if (model?.kind === 'Models') return { ...PLAIN, method: 'GET', path, protocol };
  const arrived = await bodies.read(request, response);
  if ('problem' in arrived) return arrived.problem;
  const { body } = arrived;
  // Forwards the body whatever it contains.
  if (model === undefined) {
    const method = providerMethod(request) ?? 'GET';
    return { ...PLAIN, method, expected: 'Any', path, protocol, body };
  }
  const encoding = request.headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity') {
    return invalid('The body must be plain JSON: leave content-encoding out.');
  }
  return jsonRequest(path, model, body, sessionOf);
}

async function jsonRequest(
  path: string,
  model: ModelRoute,
  body: Buffer,
  sessionOf: SessionOf,
): Promise<MessagesRequest | Problem> {
  const { protocol, kind } = model;
  const scanning = scanInSlices(body, protocol.members);
  const scanned = scanning instanceof Promise ? await scanning : scanning;
  if (!scanned) return invalid('The body must be a JSON object.');
  const { repeated, alike, members } = scanned;
  // Servers differ in which one counts.
  if (repeated !== undefined) return invalid(`${repeated}: is there twice. Send it once.`);
  if (alike !== undefined) return invalid(`${alike}: write its name in lower case, once.`);
  const waits = turn(body.length);
  if (waits) await waits;
  const facts = protocol.read(body, scanned, model);
  if (typeof facts === 'string') return invalid(facts);
  const expected = kind === 'Messages' ? 'Message' : 'Json';
  const read: MessagesRequest = {
    method: 'POST',
    path,
    protocol,
    expected,
    body,
    members,
    ...facts,
  };
  if (kind !== 'Messages') return read;
  read.session = sessionOf(protocol, body, members);
  // What an endpoint makes of a long body is work for another turn.
  const waitsAgain = turn(body.length);
  if (waitsAgain) await waitsAgain;
  return read;
}

export function isProblem(value: MessagesRequest | Problem): value is Problem {
  return value === 'Gone' || 'reason' in value;
}

/** A request that makes no model write. */
const PLAIN = {
  expected: 'Json' as const,
  body: Buffer.alloc(0),
  stream: false,
  model: '',
  size: NO_TOKENS,
};

function invalid(message: string): Failure {
  return { reason: 'InvalidRequest', message };
}

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

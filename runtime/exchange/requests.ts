import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ScannedObject } from '../json/scan.ts';
import { isWritten, scanInSlices, textOf } from '../json/scan.ts';
import { turn } from '../json/turns.ts';
import type { Expected } from '../model/attempt/attempt.ts';
import { NO_TOKENS, requestSize, statedMaxTokens } from '../model/attempt/estimate.ts';
import type { RequestMembers, RequestSize } from '../model/attempt/estimate.ts';
import type { Session } from '../model/pool/affinity.ts';
import type { Failure, Problem } from '../errors/failure.ts';
import { MODELS_MS, PASS_THROUGH_MS } from '../model/passThrough.ts';
import type { Bodies } from './bodies.ts';
import type { SessionOf } from './session.ts';

/** A checked request to the model's API. */
export interface MessagesRequest {
  method: ProviderMethod;
  /** Path and query. */
  path: string;
  expected: Expected;
  body: Buffer;
  stream: boolean;
  /** Model as the client names it; empty without one. */
  model: string;
  size: RequestSize;
  /** max_tokens, if it is valid. */
  maxTokens?: number | undefined;
  /** Where the members of the body are that decide its handling; absent for other kinds of requests. */
  members?: RequestMembers;
  session?: Session | undefined;
}

const MESSAGES = '/v1/messages';
const COUNT_TOKENS = '/v1/messages/count_tokens';
const MODELS = '/v1/models';
/** Path of one model by its id, which may contain slashes, but nothing that leads elsewhere. */
const MODEL = /^\/v1\/models\/[A-Za-z0-9][\w.:@-]*(?:(?:\/|%2[Ff])[A-Za-z0-9][\w.:@-]*)*$/;

/** Route of a request to the model's API, as metrics name it; undefined for other paths. */
export function modelRoute({ method, url = '' }: IncomingMessage): string | undefined {
  const [path = ''] = url.split('?', 1);
  if (method === 'POST') return path === MESSAGES || path === COUNT_TOKENS ? path : undefined;
  return method === 'GET' && (path === MODELS || MODEL.test(path)) ? MODELS : undefined;
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
export function passThroughMs(request: IncomingMessage): number {
  const route = modelRoute(request);
  if (route === undefined) return Infinity;
  return route === MODELS ? MODELS_MS : PASS_THROUGH_MS;
}

export function asksForMessage(request: IncomingMessage): boolean {
  return modelRoute(request) === MESSAGES;
}

/** The members that decide how a request is handled. Nothing else is read. */
const MEMBERS: ReadonlySet<string> = new Set([
  'model',
  'stream',
  'max_tokens',
  'thinking',
  'system',
  'messages',
]);
/** Longest name of a model, in bytes of JSON. */
const MAX_MODEL = 1024;

export interface RequestReader {
  bodies: Pick<Bodies, 'read'>;
  /** Finds the session of a request for a message. */
  sessionOf: SessionOf;
}

/** Reads and checks a request with a modelRoute or a providerRoute. */
export async function readRequest(
  request: IncomingMessage,
  response: ServerResponse,
  { bodies, sessionOf }: RequestReader,
): Promise<MessagesRequest | Problem> {
  const route = modelRoute(request);
  const path = request.url!;
  if (route !== undefined && request.method === 'GET') return { ...PLAIN, method: 'GET', path };
  const arrived = await bodies.read(request, response);
  if ('problem' in arrived) return arrived.problem;
  const { body } = arrived;
  // Forwards the body whatever it contains.
  if (route === undefined) {
    return { ...PLAIN, method: providerMethod(request) ?? 'GET', expected: 'Any', path, body };
  }
  const encoding = request.headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity') {
    return invalid('The body must be plain JSON: leave content-encoding out.');
  }
  return jsonRequest(path, route, body, sessionOf);
}

async function jsonRequest(
  path: string,
  route: string,
  body: Buffer,
  sessionOf: SessionOf,
): Promise<MessagesRequest | Problem> {
  const scanning = scanInSlices(body, MEMBERS);
  const scanned = scanning instanceof Promise ? await scanning : scanning;
  if (!scanned) return invalid('The body must be a JSON object.');
  const { repeated, alike } = scanned;
  // Servers differ in which one counts.
  if (repeated !== undefined) return invalid(`${repeated}: is there twice. Send it once.`);
  if (alike !== undefined) return invalid(`${alike}: write its name in lower case, once.`);
  const waits = turn(body.length);
  if (waits) await waits;
  const read = messageRequest(path, route, body, scanned);
  if (isProblem(read) || route === COUNT_TOKENS) return read;
  read.session = sessionOf(body, scanned.members);
  // What an endpoint makes of a long body is work for another turn.
  const waitsAgain = turn(body.length);
  if (waitsAgain) await waitsAgain;
  return read;
}

function messageRequest(
  path: string,
  route: string,
  body: Buffer,
  scanned: ScannedObject,
): MessagesRequest | Problem {
  const { members } = scanned;
  const named = members.get('model');
  if (named && named.end - named.start > MAX_MODEL) {
    return invalid(`model: must have at most ${MAX_MODEL} bytes.`);
  }
  const model = named ? textOf(body, named) : '';
  if (route === COUNT_TOKENS) return { ...PLAIN, method: 'POST', path, body, model, members };
  const stream = members.get('stream');
  const maxTokens = statedMaxTokens(body, members);
  return {
    method: 'POST',
    path,
    expected: 'Message',
    body,
    stream: stream !== undefined && isWritten(body, stream, 'true'),
    model,
    size: requestSize(body, scanned),
    maxTokens,
    members,
  };
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

import type { IncomingMessage } from 'node:http';
import type { Expected } from '../model/attempt/attempt.ts';
import { NO_TOKENS, requestSize, statedMaxTokens } from '../model/attempt/estimate.ts';
import type { RequestSize } from '../model/attempt/estimate.ts';
import type { Session } from '../model/pool/affinity.ts';
import type { Failure, Problem } from '../errors/failure.ts';
import { MODELS_MS, PASS_THROUGH_MS } from '../model/passThrough.ts';
import { providerMethod } from './providerRoutes.ts';
import type { ProviderMethod } from './providerRoutes.ts';
import type { SessionOf } from './session.ts';

/** A request to the model's API that has been read and checked. */
export interface MessagesRequest {
  method: ProviderMethod;
  /** Path and query. */
  path: string;
  expected: Expected;
  body: Buffer;
  stream: boolean;
  /** As the client named it; empty when it did not. */
  model: string;
  size: RequestSize;
  /** max_tokens, if it states one that is valid. */
  maxTokens?: number | undefined;
  session?: Session | undefined;
}

const MESSAGES = '/v1/messages';
const COUNT_TOKENS = '/v1/messages/count_tokens';
const MODELS = '/v1/models';
/** Of one model, by its id, in which slashes may stand as they are: nothing that could lead elsewhere. */
const MODEL = /^\/v1\/models\/[A-Za-z0-9][\w.:@-]*(?:(?:\/|%2[Ff])[A-Za-z0-9][\w.:@-]*)*$/;

/** What of the model's API a request is for, as metrics name it; undefined when it is not for that. */
export function modelRoute({ method, url = '' }: IncomingMessage): string | undefined {
  const [path = ''] = url.split('?', 1);
  if (method === 'POST') return path === MESSAGES || path === COUNT_TOKENS ? path : undefined;
  return method === 'GET' && (path === MODELS || MODEL.test(path)) ? MODELS : undefined;
}

/** Longest time for the answer to a request that asks for no message, in milliseconds. */
export function passThroughMs(request: IncomingMessage): number {
  return modelRoute(request) === MODELS ? MODELS_MS : PASS_THROUGH_MS;
}

/** Whether a request asks for a message. */
export function asksForMessage(request: IncomingMessage): boolean {
  return modelRoute(request) === MESSAGES;
}

/**
 * Reads and checks a request for which there is a modelRoute, or else a providerRoute. `sessionOf` is asked about a
 * request for a message.
 */
export async function readRequest(
  request: IncomingMessage,
  sessionOf: SessionOf,
): Promise<MessagesRequest | Problem> {
  if (modelRoute(request) === undefined) return readAny(request);
  if (request.method === 'GET') return { ...PLAIN, method: 'GET', path: request.url! };
  const read = await readBody(request);
  if (!read.ok) return read.why === 'Gone' ? 'Gone' : TOO_LARGE;
  const encoding = request.headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity') {
    return invalid('The body must be plain JSON: leave content-encoding out.');
  }
  const parsed = parseObject(read.body);
  if (parsed === undefined) return invalid('The body must be a JSON object.');
  const model = typeof parsed.model === 'string' ? parsed.model : '';
  const path = request.url!;
  if (modelRoute(request) === COUNT_TOKENS) {
    return { ...PLAIN, method: 'POST', path, body: read.body, model };
  }
  return {
    method: 'POST',
    path,
    expected: 'Message',
    body: read.body,
    stream: parsed.stream === true,
    model,
    size: requestSize(read.body, parsed),
    maxTokens: statedMaxTokens(parsed),
    session: sessionOf({ body: read.body, parsed }),
  };
}

export function isProblem(value: MessagesRequest | Problem): value is Problem {
  return value === 'Gone' || 'reason' in value;
}

/** Reads a request that is passed on whatever is in it. */
async function readAny(request: IncomingMessage): Promise<MessagesRequest | Problem> {
  const read = await readBody(request);
  if (!read.ok) return read.why === 'Gone' ? 'Gone' : TOO_LARGE;
  const method = providerMethod(request) ?? 'GET';
  return { ...PLAIN, method, expected: 'Any', path: request.url!, body: read.body };
}

/** What a request is that has no model write anything. */
const PLAIN = {
  expected: 'Json' as const,
  body: Buffer.alloc(0),
  stream: false,
  model: '',
  size: NO_TOKENS,
};

const TOO_LARGE: Failure = { reason: 'TooLarge', message: 'The body is larger than 32 MiB.' };

function invalid(message: string): Failure {
  return { reason: 'InvalidRequest', message };
}

function parseObject(body: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

/** Largest request body taken, in bytes: the limit of the Messages API. */
export const MAX_BODY_BYTES = 32 * 1024 * 1024;

/** A request body, or why there is none: it is too large, or the client went away. */
export type BodyResult = { ok: true; body: Buffer } | { ok: false; why: 'TooLarge' | 'Gone' };

/**
 * Reads a request body of at most `limit` bytes. Of a larger one the rest is read and thrown
 * away, up to `limit` bytes more, so that the client gets to read the answer instead of a reset.
 */
export async function readBody(
  request: IncomingMessage,
  limit = MAX_BODY_BYTES,
): Promise<BodyResult> {
  if (Number(request.headers['content-length'] ?? 0) > limit) {
    discard(request, limit);
    return { ok: false, why: 'TooLarge' };
  }
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    let over = false;
    // Listeners stay where they are: to take them off costs more than to have them called once more.
    const done = (result: BodyResult): void => {
      over = true;
      resolve(result);
    };
    const onData = (chunk: Buffer): void => {
      if (over) return;
      size += chunk.length;
      if (size <= limit) {
        chunks.push(chunk);
        return;
      }
      done({ ok: false, why: 'TooLarge' });
      discard(request, limit);
    };
    const onEnd = (): void => {
      if (over) return;
      done({ ok: true, body: chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size) });
    };
    const onGone = (): void => {
      if (!over) done({ ok: false, why: 'Gone' });
    };
    // A request that breaks off emits error and close; the latter is enough.
    request.on('error', () => undefined);
    request.on('data', onData).on('end', onEnd).on('close', onGone);
    if (request.destroyed && !request.complete) onGone();
  });
}

function discard(request: IncomingMessage, limit: number): void {
  let left = limit;
  request.on('error', () => undefined);
  request.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) request.destroy();
  });
}

import type { IncomingMessage } from 'node:http';
import type { Expected } from '../model/attempt.ts';
import { requestSize, statedMaxTokens } from '../model/estimate.ts';
import type { RequestSize } from '../model/estimate.ts';
import { readBody } from './body.ts';
import type { Failure } from './errors.ts';

/** A request to `POST /v1/messages` that has been read and checked. */
export interface MessagesRequest {
  method: 'POST';
  /** Path and query. */
  path: string;
  expected: Expected;
  body: Buffer;
  stream: boolean;
  /** As the caller named it; empty when it did not. */
  model: string;
  size: RequestSize;
  /** max_tokens, if it states one that is valid. */
  maxTokens?: number;
}

/** What went wrong on the way to an answer; `Gone` when there is nobody to tell. */
export type Problem = Failure | 'Gone';

/** Reads and checks a request. */
export async function readRequest(request: IncomingMessage): Promise<MessagesRequest | Problem> {
  const read = await readBody(request);
  if (!read.ok) return read.why === 'Gone' ? 'Gone' : TOO_LARGE;
  const encoding = request.headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity') {
    return invalid('The body must be plain JSON: leave content-encoding out.');
  }
  const parsed = parseObject(read.body);
  if (parsed === undefined) return invalid('The body must be a JSON object.');
  const maxTokens = statedMaxTokens(parsed);
  return {
    method: 'POST',
    path: request.url!,
    expected: 'Message',
    body: read.body,
    stream: parsed.stream === true,
    model: typeof parsed.model === 'string' ? parsed.model : '',
    size: requestSize(read.body, parsed),
    ...(maxTokens !== undefined && { maxTokens }),
  };
}

export function isProblem(value: MessagesRequest | Problem): value is Problem {
  return value === 'Gone' || 'reason' in value;
}

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

import { randomBytes } from 'node:crypto';

/**
 * Every answer that the runtime makes itself instead of passing on the endpoint's, with its
 * status code and Anthropic error type. The reason travels in the header x-breakwater-reason.
 */
const MAPPING = {
  RateLimited: { status: 429, type: 'rate_limit_error' },
  CircuitBreakerOpen: { status: 503, type: 'overloaded_error' },
  BulkheadFull: { status: 503, type: 'overloaded_error' },
  Draining: { status: 503, type: 'overloaded_error' },
  Timeout: { status: 504, type: 'timeout_error' },
  InvalidRequest: { status: 400, type: 'invalid_request_error' },
  RequestTimeout: { status: 408, type: 'timeout_error' },
  HeadersTooLarge: { status: 431, type: 'invalid_request_error' },
  NotFound: { status: 404, type: 'not_found_error' },
  ConversationNotFound: { status: 404, type: 'not_found_error' },
  ConversationLost: { status: 410, type: 'not_found_error' },
  ConversationBusy: { status: 409, type: 'invalid_request_error' },
  StoreUnavailable: { status: 503, type: 'api_error' },
  ConversationsFull: { status: 503, type: 'overloaded_error' },
  ModelOverloaded: { status: 529, type: 'overloaded_error' },
  ModelRefused: { status: 400, type: 'invalid_request_error' },
  ModelFailed: { status: 502, type: 'api_error' },
  TooLarge: { status: 413, type: 'request_too_large' },
  UpstreamUnreachable: { status: 502, type: 'api_error' },
  InvalidResponse: { status: 502, type: 'api_error' },
  Unauthorized: { status: 401, type: 'authentication_error' },
  AuthUnavailable: { status: 503, type: 'api_error' },
  AuditUnavailable: { status: 503, type: 'api_error' },
  CredentialRefused: { status: 503, type: 'api_error' },
  SpendLimit: { status: 503, type: 'api_error' },
  Starting: { status: 503, type: 'overloaded_error' },
  NotConfigured: { status: 500, type: 'api_error' },
  Internal: { status: 500, type: 'api_error' },
} as const;

export type Reason = keyof typeof MAPPING;

/** All of them. */
export const REASONS = Object.keys(MAPPING) as Reason[];

const POINTLESS: ReadonlySet<Reason> = new Set(['CredentialRefused', 'SpendLimit', 'Unauthorized']);

/** A wait that no client should sit out with its request open, in milliseconds. */
const LONG_MS = 60_000;

/** Why a request is answered by us. `message` goes to the client: no internals, no secrets. */
export interface Failure {
  reason: Reason;
  message: string;
  /** Time after which it may work again, in milliseconds. */
  retryAfterMs?: number;
}

/** What went wrong on the way to an answer; `Gone` when there is nobody to tell. */
export type Problem = Failure | 'Gone';

/** HTTP status of a reason. */
export function statusOf(reason: Reason): number {
  return MAPPING[reason].status;
}

/** Error body in Anthropic's shape. */
export function errorBody(failure: Failure): string {
  const { type } = MAPPING[failure.reason];
  return JSON.stringify({ type: 'error', error: { type, message: failure.message } });
}

/** The failure as the last event of a stream that has already begun, after whole events. */
export function errorEvent(failure: Failure): string {
  return `event: error\ndata: ${errorBody(failure)}\n\n`;
}

/** An id for a request, as answers carry it in request-id. */
export function newRequestId(): string {
  return `req_${randomBytes(12).toString('hex')}`;
}

/** Headers of an error answer; retry-after in whole seconds, rounded up, at least 1. */
export function errorHeaders(failure: Failure, requestId: string): Record<string, string> {
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(errorBody(failure))),
    'request-id': requestId,
    'x-breakwater-reason': failure.reason,
  };
  if (failure.retryAfterMs !== undefined) {
    headers['retry-after'] = String(Math.max(1, Math.ceil(failure.retryAfterMs / 1000)));
  }
  if (failure.reason === 'Unauthorized') headers['www-authenticate'] = 'Bearer';
  if (isPointless(failure)) headers['x-should-retry'] = 'false';
  return headers;
}

/** Whether trying again soon cannot help; SDKs would otherwise retry, or sleep for hours first. */
function isPointless({ reason, retryAfterMs = 0 }: Failure): boolean {
  return POINTLESS.has(reason) || retryAfterMs > LONG_MS;
}

/** The failure as a whole HTTP/1.1 response, for sockets without a ServerResponse. */
export function rawError(failure: Failure, requestId: string): string {
  const status = statusOf(failure.reason);
  const headers = Object.entries(errorHeaders(failure, requestId)).map(
    ([name, value]) => `${name}: ${value}`,
  );
  return [
    `HTTP/1.1 ${status} ${failure.reason}`,
    ...headers,
    'connection: close',
    '',
    errorBody(failure),
  ].join('\r\n');
}

import { randomBytes } from 'node:crypto';

/**
 * Reasons of the runtime's own error answers, each with its status code and Anthropic error type. The
 * header x-breakwater-reason names the reason.
 */
const MAPPING = {
  RateLimited: { status: 429, type: 'rate_limit_error' },
  CircuitBreakerOpen: { status: 503, type: 'overloaded_error' },
  BulkheadFull: { status: 503, type: 'overloaded_error' },
  BodiesFull: { status: 503, type: 'overloaded_error' },
  Draining: { status: 503, type: 'overloaded_error' },
  Timeout: { status: 504, type: 'timeout_error' },
  InvalidRequest: { status: 400, type: 'invalid_request_error' },
  PromptBlocked: { status: 400, type: 'invalid_request_error' },
  AnswerBlocked: { status: 400, type: 'invalid_request_error' },
  RequestTimeout: { status: 408, type: 'timeout_error' },
  HeadersTooLarge: { status: 431, type: 'invalid_request_error' },
  NotFound: { status: 404, type: 'not_found_error' },
  ConversationNotFound: { status: 404, type: 'not_found_error' },
  ConversationLost: { status: 410, type: 'not_found_error' },
  ConversationBusy: { status: 409, type: 'invalid_request_error' },
  ConversationOvertaken: { status: 409, type: 'invalid_request_error' },
  StoreUnavailable: { status: 503, type: 'api_error' },
  ConversationsFull: { status: 503, type: 'overloaded_error' },
  ConversationMemoryFull: { status: 503, type: 'overloaded_error' },
  ModelOverloaded: { status: 529, type: 'overloaded_error' },
  ModelRefused: { status: 400, type: 'invalid_request_error' },
  ModelFailed: { status: 502, type: 'api_error' },
  TooLarge: { status: 413, type: 'request_too_large' },
  UpstreamUnreachable: { status: 502, type: 'api_error' },
  InvalidResponse: { status: 502, type: 'api_error' },
  Unauthorized: { status: 401, type: 'authentication_error' },
  Forbidden: { status: 403, type: 'permission_error' },
  ClientBlocked: { status: 403, type: 'permission_error' },
  ClientThrottled: { status: 429, type: 'rate_limit_error' },
  AuthThrottled: { status: 429, type: 'rate_limit_error' },
  AuthUnavailable: { status: 503, type: 'api_error' },
  AuditUnavailable: { status: 503, type: 'api_error' },
  CredentialRefused: { status: 503, type: 'api_error' },
  SpendLimit: { status: 503, type: 'api_error' },
  Starting: { status: 503, type: 'overloaded_error' },
  NotConfigured: { status: 500, type: 'api_error' },
  Internal: { status: 500, type: 'api_error' },
} as const;

export type Reason = keyof typeof MAPPING;

export const REASONS = Object.keys(MAPPING) as Reason[];

/** The same request cannot succeed later, or would call tools twice: a client must decide before it repeats it. */
const POINTLESS: ReadonlySet<Reason> = new Set([
  'CredentialRefused',
  'SpendLimit',
  'Unauthorized',
  'Forbidden',
  'ClientBlocked',
  'InvalidRequest',
  'PromptBlocked',
  'AnswerBlocked',
  'TooLarge',
  'HeadersTooLarge',
  'NotFound',
  'ConversationNotFound',
  'ConversationLost',
  'ConversationOvertaken',
  'ModelRefused',
]);

/** An error answer of the runtime itself. `message` goes to the client: no internals, no secrets. */
export interface Failure {
  reason: Reason;
  message: string;
  /** Time after which it may work again, in milliseconds. */
  retryAfterMs?: number;
}

/** Decides when a client should retry. */
export interface ClientWait {
  /** Longest wait to ask a client for, in milliseconds. */
  patienceMs: number;
  /** Whether the request is a retry of its client. */
  retried: boolean;
  /** From 0 up to but not 1. */
  random: () => number;
}

/** For answers without retry-after. */
const NO_WAIT: ClientWait = { patienceMs: 0, retried: false, random: () => 0 };

/** Why there is no answer. `Gone`: the client has left. */
export type Problem = Failure | 'Gone';

/** HTTP status of a reason. */
export function statusOf(reason: Reason): number {
  return MAPPING[reason].status;
}

/** Error body in Anthropic's shape. */
export function errorBody({ reason, message }: Failure, requestId: string): string {
  const { type } = MAPPING[reason];
  return JSON.stringify({ type: 'error', error: { type, message }, request_id: requestId });
}

/** The failure as the last event of a stream that has already begun, after whole events. */
export function errorEvent(failure: Failure, requestId: string): string {
  return `event: error\ndata: ${errorBody(failure, requestId)}\n\n`;
}

/** An id for a request, as answers carry it in request-id. */
export function newRequestId(): string {
  return `req_${randomBytes(12).toString('hex')}`;
}

/** Headers of an error answer; retry-after in whole seconds, rounded up, at least 1. */
export function errorHeaders(
  failure: Failure,
  requestId: string,
  wait = NO_WAIT,
): Record<string, string> {
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(errorBody(failure, requestId))),
    'request-id': requestId,
    'x-breakwater-reason': failure.reason,
  };
  if (failure.retryAfterMs !== undefined) {
    headers['retry-after'] = String(clientWait(failure.retryAfterMs, wait));
  }
  if (failure.reason === 'Unauthorized') headers['www-authenticate'] = 'Bearer';
  if (isPointless(failure, wait)) headers['x-should-retry'] = 'false';
  return headers;
}

/** Spreads retries, so that clients that were refused together do not retry together. */
const SPREAD = 0.5;

/**
 * The wait to ask a client for, in whole seconds. The client blocks its own user meanwhile, so the wait never exceeds the
 * patience. A shorter wait is spread upwards; a wait of the whole patience is spread downwards.
 */
function clientWait(ms: number, { patienceMs, random }: ClientWait): number {
  const longest = Math.max(1, Math.floor(patienceMs / 1000));
  const [from, to] =
    ms < patienceMs
      ? [Math.ceil(ms / 1000), Math.min(longest, Math.floor((ms * (1 + SPREAD)) / 1000))]
      : [Math.ceil(longest * SPREAD), longest];
  return Math.max(1, from, from + Math.floor(random() * (to - from + 1)));
}

/** Whether a retry soon would be pointless. */
function isPointless(
  { reason, retryAfterMs = 0 }: Failure,
  { retried, patienceMs }: ClientWait,
): boolean {
  return POINTLESS.has(reason) || (retried && retryAfterMs > patienceMs);
}

/** The failure as a whole HTTP/1.1 response, for sockets without a ServerResponse. */
export function rawError(
  failure: Failure,
  requestId: string,
  more: Readonly<Record<string, string>> = {},
): string {
  const status = statusOf(failure.reason);
  const all = { ...errorHeaders(failure, requestId), ...more };
  const headers = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  return [
    `HTTP/1.1 ${status} ${failure.reason}`,
    ...headers,
    'connection: close',
    '',
    errorBody(failure, requestId),
  ].join('\r\n');
}

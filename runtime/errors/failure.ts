import { randomBytes } from 'node:crypto';

/**
 * Reasons of the runtime's own error answers, each with its status. The header x-breakwater-reason names the reason.
 */
const STATUSES = {
  RateLimited: 429,
  CircuitBreakerOpen: 503,
  BulkheadFull: 503,
  BodiesFull: 503,
  Draining: 503,
  Timeout: 504,
  InvalidRequest: 400,
  PromptBlocked: 400,
  AnswerBlocked: 400,
  RequestTimeout: 408,
  HeadersTooLarge: 431,
  NotFound: 404,
  ConversationNotFound: 404,
  ConversationLost: 410,
  ConversationBusy: 409,
  ConversationOvertaken: 409,
  StoreUnavailable: 503,
  ConversationsFull: 503,
  ConversationMemoryFull: 503,
  ModelOverloaded: 529,
  ModelRefused: 400,
  ModelFailed: 502,
  TooLarge: 413,
  UpstreamUnreachable: 502,
  InvalidResponse: 502,
  Unauthorized: 401,
  Forbidden: 403,
  ClientBlocked: 403,
  ClientThrottled: 429,
  AuthThrottled: 429,
  AuthUnavailable: 503,
  ScreenUnavailable: 503,
  AuditUnavailable: 503,
  CredentialRefused: 503,
  IdentityUnavailable: 503,
  SpendLimit: 503,
  ProgramUnavailable: 503,
  ProgramRateLimited: 429,
  NotCached: 404,
  Starting: 503,
  NotConfigured: 500,
  Internal: 500,
} as const;

export type Reason = keyof typeof STATUSES;

export const REASONS = Object.keys(STATUSES) as Reason[];

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
  'NotCached',
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
  return STATUSES[reason];
}

/** An id for a request, as answers carry it in request-id. */
export function newRequestId(): string {
  return `req_${randomBytes(12).toString('hex')}`;
}

/** Headers of an error answer with this body; retry-after in whole seconds, rounded up, at least 1. */
export function errorHeaders(
  failure: Failure,
  requestId: string,
  body: string,
  wait = NO_WAIT,
): Record<string, string> {
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
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
  body: string,
  more: Readonly<Record<string, string>> = {},
): string {
  const status = statusOf(failure.reason);
  const all = { ...errorHeaders(failure, requestId, body), ...more };
  const headers = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  return [`HTTP/1.1 ${status} ${failure.reason}`, ...headers, 'connection: close', '', body].join(
    '\r\n',
  );
}

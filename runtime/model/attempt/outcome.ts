import type { CutCause } from '../../errors/fault.ts';
import { ProxyError } from '../../network/proxyError.ts';
import { IGNORED, OK } from '../../resilience/outcome.ts';
import type { GateReason } from '../../resilience/gates.ts';
import type { Failure, FailureClass, Outcome } from '../../resilience/outcome.ts';

/** A failure of the endpoint; `message` is one plain line. */
export function failure(kind: FailureClass, message: string): Failure {
  return { vote: 'failure', class: kind, message };
}

/** Outcome of an answer by its status alone. Of a 2xx the body decides as well. */
export function statusOutcome(status: number): Outcome {
  if (status === 529) return failure('Overloaded', 'HTTP 529');
  if (status >= 500) return failure('ServerError', `HTTP ${status}`);
  if (status === 429) return failure('RateLimited', 'HTTP 429');
  if (status >= 400) return IGNORED;
  if (status >= 300) return failure('InvalidResponse', `HTTP ${status} instead of an answer`);
  return OK;
}

/** Statuses of the error types (https://platform.claude.com/docs/en/api/errors). */
const STATUSES: Record<string, number> = {
  invalid_request_error: 400,
  authentication_error: 401,
  billing_error: 402,
  permission_error: 403,
  not_found_error: 404,
  request_too_large: 413,
  rate_limit_error: 429,
  api_error: 500,
  timeout_error: 504,
  overloaded_error: 529,
};

/** The status that an error of this type comes with. */
export function errorStatus(type: string): number {
  return Object.hasOwn(STATUSES, type) ? STATUSES[type]! : 500;
}

/** Classes of the error types that an endpoint sends in a stream; any other is a ServerError. */
const STREAM_ERRORS: Record<string, FailureClass | 'ignored'> = {
  overloaded_error: 'Overloaded',
  timeout_error: 'ServerError',
  rate_limit_error: 'RateLimited',
  invalid_request_error: 'ignored',
  authentication_error: 'ignored',
  permission_error: 'ignored',
  billing_error: 'ignored',
  not_found_error: 'ignored',
  request_too_large: 'ignored',
};

/** Outcome of an error event in a stream, by the type in it. */
export function streamErrorOutcome(type: string): Outcome {
  const known = Object.hasOwn(STREAM_ERRORS, type) ? STREAM_ERRORS[type]! : undefined;
  if (known === 'ignored') return IGNORED;
  // An unknown type is the endpoint's own text and stays out of messages.
  return failure(known ?? 'ServerError', known ? `${type} in the stream` : 'error in the stream');
}

/** Gates that an error event shuts, by the type in it. */
const STREAM_GATES: Record<string, GateReason> = {
  authentication_error: 'Unauthorized',
  billing_error: 'SpendLimit',
  rate_limit_error: 'RateLimited',
};

/** The gate that an error event in a stream shuts, by its type and error_code, as an error answer does. */
export function streamErrorGate(type: string, code: string): GateReason | undefined {
  if (/spend_limit/.test(code)) return 'SpendLimit';
  return Object.hasOwn(STREAM_GATES, type) ? STREAM_GATES[type] : undefined;
}

/** What the endpoint failed to do in time. */
const TIMEOUTS: Partial<Record<CutCause, Failure>> = {
  Attempt: timeout('no answer in time'),
  FirstToken: timeout('no first token in time'),
  StreamIdle: timeout('the stream stalled: no event in time'),
  TransportIdle: timeout('the stream stalled: no bytes in time'),
};

/**
 * Outcome of a call that ended without a whole answer because of us. What our own deadline cuts is no
 * fault of the endpoint: another one may have used up the time, or the answer still flowed.
 */
export function cutOutcome(why: CutCause, waitedForClient: boolean): Outcome {
  // A client that reads too slowly to be done in time is no fault of the endpoint.
  return (waitedForClient ? undefined : TIMEOUTS[why]) ?? IGNORED;
}

function timeout(message: string): Failure {
  return { ...failure('Timeout', message), slow: true };
}

/** Outcome of an error of the connection to the endpoint. `answered`: the headers of its answer had come. */
export function connectionOutcome(error: unknown, answered = false): Failure {
  const code = errorCode(error);
  const malformed = !answered && MALFORMED.has(code);
  if ((error as Partial<Error>).name === 'HTTPParserError' || malformed) {
    return failure('InvalidResponse', 'malformed HTTP');
  }
  if (error instanceof ProxyError) {
    return failure('Connection', `connection failed: ${error.message}${advice(error)}`);
  }
  return failure('Connection', `connection failed (${code})${advice(error)}`);
}

/** Codes of a certificate that no known authority has issued. */
const UNTRUSTED: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/** Alerts of a host that does not take the client certificate, or got none (RFC 8446, 6.2). */
const WANTS_CERTIFICATE =
  /ALERT_(CERTIFICATE_REQUIRED|BAD_CERTIFICATE|UNKNOWN_CA|CERTIFICATE_UNKNOWN|HANDSHAKE_FAILURE)$/;

/** What to configure. */
function advice(error: unknown): string {
  const code = String((error as { code?: unknown }).code);
  if (UNTRUSTED.has(code)) {
    return ': no trusted authority has issued the certificate; add its authority to spec.trustedCA';
  }
  if (!WANTS_CERTIFICATE.test(code)) return '';
  return ': the host refuses the client certificate, or wants one; see tls.clientCertSecretRef of the endpoint';
}

/** undici's codes for headers that it cannot take. The second one is also that of a body that ends early. */
const MALFORMED: ReadonlySet<string> = new Set([
  'UND_ERR_HEADERS_OVERFLOW',
  'UND_ERR_RES_CONTENT_LENGTH_MISMATCH',
]);

/** Code of a network error, such as ECONNREFUSED; the innermost of an AggregateError's. */
function errorCode(error: unknown): string {
  const { code, errors } = error as { code?: unknown; errors?: unknown[] };
  if (typeof code === 'string' && /^[A-Z][A-Z0-9_/]*$/.test(code)) return code;
  if (Array.isArray(errors) && errors.length > 0) return errorCode(errors[0]);
  return 'unknown';
}

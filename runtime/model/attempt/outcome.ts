import type { CutCause } from '../../errors/fault.ts';
import { networkErrorCode, untrustedAdvice } from '../../network/errors.ts';
import { ProxyError } from '../../network/proxies.ts';
import { IGNORED, OK, failure } from '../../resilience/outcome.ts';
import type { Failure, FailureClass, Outcome } from '../../resilience/outcome.ts';
import type { ErrorKind } from '../provider/provider.ts';

/** Outcome by the status alone. A 2xx depends on its body too. */
export function statusOutcome(status: number): Outcome {
  if (status === 529) return failure('Overloaded', 'HTTP 529');
  if (status >= 500) return failure('ServerError', `HTTP ${status}`);
  if (status === 429) return failure('RateLimited', 'HTTP 429');
  if (status >= 400) return IGNORED;
  if (status >= 300) return failure('InvalidResponse', `HTTP ${status} instead of an answer`);
  return OK;
}

/** Kinds of errors that count against the endpoint. */
const FAILURES: ReadonlySet<ErrorKind> = new Set(['RateLimited', 'Overloaded', 'ServerError']);

/** Outcome of an error answer. */
export function errorOutcome(kind: ErrorKind | undefined, status: number): Outcome {
  if (kind === undefined) return statusOutcome(status);
  return FAILURES.has(kind) ? failure(kind as FailureClass, `HTTP ${status}`) : IGNORED;
}

/** Timeouts that count against the endpoint. */
const TIMEOUTS: Partial<Record<CutCause, Failure>> = {
  Attempt: timeout('no answer in time'),
  FirstToken: timeout('no first token in time'),
  StreamIdle: timeout('the stream stalled: nothing in time, or only pings'),
  TransportIdle: timeout('the stream stalled: no bytes in time'),
};

/**
 * Outcome of a call that the runtime cut. Its own deadline does not count against the endpoint: another endpoint may
 * have used up the time, or the answer still flowed.
 */
export function cutOutcome(why: CutCause, waitedForClient: boolean): Outcome {
  // A client that reads too slowly does not count against the endpoint.
  return (waitedForClient ? undefined : TIMEOUTS[why]) ?? IGNORED;
}

function timeout(message: string): Failure {
  return { ...failure('Timeout', message), slow: true };
}

/** Outcome of a connection error. `answered`: after the headers of the answer. */
export function connectionOutcome(error: unknown, answered = false): Failure {
  const code = networkErrorCode(error);
  const malformed = !answered && MALFORMED.has(code);
  if ((error as Partial<Error>).name === 'HTTPParserError' || malformed) {
    return failure('InvalidResponse', 'malformed HTTP');
  }
  if (error instanceof ProxyError) {
    return failure('Connection', `connection failed: ${error.message}${advice(error)}`);
  }
  return failure('Connection', `connection failed (${code})${advice(error)}`);
}

/** Alerts of a host that rejects or misses the client certificate (RFC 8446, 6.2). */
const WANTS_CERTIFICATE =
  /ALERT_(CERTIFICATE_REQUIRED|BAD_CERTIFICATE|UNKNOWN_CA|CERTIFICATE_UNKNOWN|HANDSHAKE_FAILURE)$/;

/** What the user can configure against the error. */
function advice(error: unknown): string {
  const code = String((error as { code?: unknown }).code);
  const untrusted = untrustedAdvice(code);
  if (untrusted !== undefined) return `: ${untrusted}`;
  if (!WANTS_CERTIFICATE.test(code)) return '';
  return ': the host refuses the client certificate, or wants one; see tls.clientCertSecretRef of the endpoint';
}

/** undici's codes for malformed headers. The second one also means a body that ends early. */
const MALFORMED: ReadonlySet<string> = new Set([
  'UND_ERR_HEADERS_OVERFLOW',
  'UND_ERR_RES_CONTENT_LENGTH_MISMATCH',
]);

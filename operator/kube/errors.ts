import type { Status, StatusDetails } from './types.ts';

/** The API server refused a request. `status` is the HTTP status, `reason` that of metav1.Status. */
export class ApiError extends Error {
  readonly status: number;
  readonly reason?: string;
  readonly details?: StatusDetails;
  /** From the header Retry-After, or else from the details of the status. */
  readonly retryAfterMs?: number;

  constructor(status: number, message: string, body: Status = {}, retryAfterMs?: number) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.reason = body.reason;
    this.details = body.details;
    this.retryAfterMs = retryAfterMs ?? secondsToMs(body.details?.retryAfterSeconds);
  }
}

/** The request got no response: connection refused or reset, TLS failure, or deadline exceeded. */
export class ConnectionError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'ConnectionError';
  }
}

/** A watch sent a complete line that is no watch event. */
export class MalformedWatchError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'MalformedWatchError';
  }
}

/** The error for a metav1.Status, which comes as a response or within a watch. */
export function apiErrorFromStatus(body: Status, fallbackCode: number): ApiError {
  const code = body.code ?? fallbackCode;
  return new ApiError(code, body.message ?? `The API server answered ${code}`, body);
}

function hasStatus(error: unknown, status: number, reason?: string): boolean {
  if (!(error instanceof ApiError)) return false;
  return error.status === status && (reason === undefined || error.reason === reason);
}

/** The object, its namespace or the whole API does not exist. */
export function isNotFound(error: unknown): boolean {
  return hasStatus(error, 404);
}

/** The object changed since it was read, or another field manager owns a field. */
export function isConflict(error: unknown): boolean {
  return hasStatus(error, 409) && !isAlreadyExists(error);
}

export function isAlreadyExists(error: unknown): boolean {
  return hasStatus(error, 409, 'AlreadyExists');
}

export function isForbidden(error: unknown): boolean {
  return hasStatus(error, 403);
}

/** The resource version (or the continue token) is too old: list again. */
export function isExpired(error: unknown): boolean {
  return hasStatus(error, 410);
}

/** The namespace is being deleted, so nothing new can be created in it. */
export function isNamespaceTerminating(error: unknown): boolean {
  if (!hasStatus(error, 403)) return false;
  return (
    (error as ApiError).details?.causes?.some((c) => c.reason === 'NamespaceTerminating') ?? false
  );
}

function secondsToMs(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : seconds * 1000;
}

/** An error as log fields. Other properties are left out, because they may hold the request's body. */
export function describeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { error: String(error) };
  const { name, message } = error;
  const api = error instanceof ApiError ? { status: error.status, reason: error.reason } : {};
  return { errorType: name, error: message, ...api };
}

/** The error's type in traces: Kubernetes' reason, the HTTP status, or the error's name. */
export function errorType(error: unknown): string {
  if (error instanceof ApiError) return error.reason ?? String(error.status);
  return error instanceof Error ? error.name : 'Error';
}

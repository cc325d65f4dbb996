/** Why a call failed, in the runtime's words: `CircuitBreakerOpen`, `UpstreamError`, `RateLimited` and so on. */
export class BreakwaterError extends Error {
  override readonly name = 'BreakwaterError';
  readonly reason: string;
  /** HTTP status of the answer; absent where there was none. */
  readonly status: number | undefined;

  constructor(reason: string, message: string, options: ErrorOptions & { status?: number } = {}) {
    super(`${reason}: ${message}`, options);
    this.reason = reason;
    this.status = options.status;
  }
}

/**
 * The input was wrong, and the model can try another. The model reads `message`. Any other error is a fault of the tool, and
 * counts in the circuit `tool/NAME`.
 */
export class ToolError extends Error {
  override readonly name = 'ToolError';
}

/** The error as it is, or as UpstreamError. */
export function asBreakwaterError(error: unknown, what: string): BreakwaterError {
  if (error instanceof BreakwaterError) return error;
  return new BreakwaterError('UpstreamError', `${what}: ${textOf(error)}`, { cause: error });
}

export const textOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

import {
  ProtocolError,
  ProtocolErrorCode,
  SdkError,
  SdkErrorCode,
  SdkHttpError,
} from '@modelcontextprotocol/client';
import { Cut } from '../../errors/fault.ts';
import { connectionOutcome, cutOutcome, statusOutcome } from '../../model/attempt/outcome.ts';
import { IGNORED, OK, failure } from '../../resilience/outcome.ts';
import type { Outcome } from '../../resilience/outcome.ts';
import type { ToolAnswer } from './httpTool.ts';
import { McpInvalid, McpNoRoom, McpTooLarge, McpUnanswered, McpUnfinished } from './mcpBounds.ts';

const UNREACHABLE = 'The MCP server could not be reached.';
const UNFINISHED = {
  input: 'The tool asks for input, which nobody can give here. It was not run to its end.',
  task: 'The tool goes on as a task, which is not followed here. Its outcome is unknown.',
};
/** Statuses that say nothing about the session, or about what the server speaks. */
const PASSING: ReadonlySet<number> = new Set([401, 403, 408, 429]);

/** The result of a call that threw. */
export function mcpFailure(error: unknown, signal: AbortSignal): ToolAnswer {
  const cut: unknown = signal.aborted ? signal.reason : undefined;
  if (cut instanceof Cut) {
    return answer(cutOutcome(cut.why, false), 'The tool did not answer in time.');
  }
  const cause = rootOf(error);
  if (cause instanceof SdkHttpError) return byStatus(cause.status);
  if (cause instanceof ProtocolError) return byCode(cause);
  if (cause instanceof SdkError) return bySdk(cause);
  return ownFailure(cause) ?? answer(connectionOutcome(cause), UNREACHABLE);
}

/** The result of a call that McpFetch gave up. */
function ownFailure(error: unknown): ToolAnswer | undefined {
  if (error instanceof McpUnfinished) return answer(OK, UNFINISHED[error.kind]);
  if (error instanceof McpInvalid) return invalid();
  if (error instanceof McpTooLarge) {
    const text = 'The answer of the MCP server is too large.';
    return answer(failure('InvalidResponse', error.message), text);
  }
  if (error instanceof McpNoRoom) {
    return answer(IGNORED, 'The agent has no room for the answer now: it keeps many large ones.');
  }
  return error instanceof McpUnanswered ? closed() : undefined;
}

/**
 * What a failed call means for its connection. `Lost`: the server knows it no longer and ran nothing, so that the call
 * can be made over another. `Refused`: the next call needs another one, which may speak another version.
 */
export function connectionAfter(error: unknown): 'Kept' | 'Refused' | 'Lost' {
  const cause = rootOf(error);
  if (cause instanceof SdkHttpError) {
    const { status } = cause;
    if (status === 404) return 'Lost';
    return status >= 400 && status < 500 && !PASSING.has(status) ? 'Refused' : 'Kept';
  }
  if (!(cause instanceof ProtocolError)) return 'Kept';
  if (cause.code === Number(ProtocolErrorCode.UnsupportedProtocolVersion)) return 'Lost';
  return cause.code === Number(ProtocolErrorCode.MethodNotFound) ? 'Refused' : 'Kept';
}

/** The SDK wraps errors of a connection that it could not open, and fetch those of sockets. */
function rootOf(error: unknown): unknown {
  const wraps = error instanceof SdkError || error instanceof TypeError;
  return wraps && error.cause !== undefined ? rootOf(error.cause) : error;
}

function byStatus(status: number): ToolAnswer {
  const outcome: Outcome = status >= 400 && status < 500 ? OK : statusOutcome(status);
  const said = answer(outcome, `The MCP server answers HTTP ${status}.`);
  return status === 401 ? { ...said, unauthorized: true } : said;
}

/** Errors of JSON-RPC. A wrong call is not the server's fault. */
function byCode({ code, message }: ProtocolError): ToolAnswer {
  if (code === Number(ProtocolErrorCode.InternalError)) {
    return answer(failure('ServerError', 'JSON-RPC internal error'), 'The MCP server failed.');
  }
  return answer(OK, message);
}

function bySdk({ code }: SdkError): ToolAnswer {
  if (code === SdkErrorCode.RequestTimeout) {
    return answer(cutOutcome('Attempt', false), 'The tool did not answer in time.');
  }
  if (code === SdkErrorCode.ConnectionClosed || code === SdkErrorCode.NotConnected) {
    return closed();
  }
  return invalid();
}

function closed(): ToolAnswer {
  return answer(failure('Connection', 'connection closed'), UNREACHABLE);
}

function invalid(): ToolAnswer {
  const text = 'The answer of the MCP server is none of the protocol.';
  return answer(failure('InvalidResponse', 'answer is not the protocol'), text);
}

function answer(outcome: Outcome, text: string): ToolAnswer {
  return { outcome, text, isError: true };
}

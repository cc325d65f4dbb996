import { StreamableHTTPError } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ErrorCode, McpError } from '@modelcontextprotocol/sdk/types.js';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import {
  connectionOutcome,
  cutOutcome,
  failure,
  statusOutcome,
} from '../../model/attempt/outcome.ts';
import { Cut } from '../../errors/fault.ts';
import { OK } from '../../resilience/outcome.ts';
import type { Outcome } from '../../resilience/outcome.ts';
import type { ToolAnswer } from './httpTool.ts';
import { McpMessageTooLarge } from './mcpBounds.ts';
import { shownContent } from './mcpContent.ts';

/** What a result of an MCP tool says, cut off at `max` bytes. A result that is an error is one of the call. */
export function mcpAnswer(
  { content = [], isError }: Partial<CallToolResult>,
  max: number,
): ToolAnswer {
  const shown = shownContent(content, max);
  const text = typeof shown === 'string' ? shown : '';
  return {
    outcome: OK,
    text,
    ...(typeof shown !== 'string' && { blocks: shown }),
    isError: isError === true,
  };
}

/** What the model is told of a result that does not fit the tool's own schema. */
export function unfitResult(why: string): ToolAnswer {
  return answer(OK, `The result of the tool does not fit its output schema: ${why}.`);
}

/** What a call that threw came to. */
export function mcpFailure(error: unknown, signal: AbortSignal): ToolAnswer {
  const cut: unknown = signal.aborted ? signal.reason : undefined;
  if (cut instanceof Cut) {
    return answer(cutOutcome(cut.why, false), 'The tool did not answer in time.');
  }
  if (error instanceof McpMessageTooLarge) {
    return answer(
      failure('InvalidResponse', error.message),
      'The answer of the MCP server is too large.',
    );
  }
  if (error instanceof StreamableHTTPError) return byStatus(error.code ?? 0);
  if (error instanceof McpError) return byCode(error);
  const cause: unknown = (error as { cause?: unknown }).cause ?? error;
  return answer(connectionOutcome(cause), 'The MCP server could not be reached.');
}

function byStatus(status: number): ToolAnswer {
  const outcome = status >= 400 && status < 500 ? OK : serverOutcome(status);
  const said = answer(outcome, `The MCP server answers HTTP ${status}.`);
  return status === 401 ? { ...said, unauthorized: true } : said;
}

/** A status that no server sends, such as -1, is the SDK's word for an answer that is not the protocol. */
function serverOutcome(status: number): Outcome {
  return status >= 500
    ? statusOutcome(status)
    : failure('InvalidResponse', 'answer is not the protocol');
}

/** Errors of JSON-RPC: that the call was wrong is not the server's fault. */
function byCode({ code, message }: McpError): ToolAnswer {
  if (code === (ErrorCode.ConnectionClosed as number)) {
    return answer(
      failure('Connection', 'connection closed'),
      'The MCP server could not be reached.',
    );
  }
  if (code === (ErrorCode.InternalError as number)) {
    return answer(failure('ServerError', 'JSON-RPC internal error'), 'The MCP server failed.');
  }
  return answer(OK, message);
}

function answer(outcome: Outcome, text: string): ToolAnswer {
  return { outcome, text, isError: true };
}

/** Whether the server knows nothing of the session, as after a restart (MCP, Streamable HTTP, session management). */
export function sessionLost(error: unknown): boolean {
  return error instanceof StreamableHTTPError && (error.code === 404 || error.code === 400);
}

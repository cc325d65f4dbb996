import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import {
  StreamableHTTPClientTransport,
  StreamableHTTPError,
} from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import {
  ErrorCode,
  McpError,
  ToolListChangedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import type { Tool as ListedTool } from '@modelcontextprotocol/sdk/types.js';
import type {
  JsonSchemaValidator,
  jsonSchemaValidator,
} from '@modelcontextprotocol/sdk/validation/types.js';
import { Cut } from '../../errors/fault.ts';
import {
  connectionOutcome,
  cutOutcome,
  failure,
  statusOutcome,
} from '../../model/attempt/outcome.ts';
import { OK } from '../../resilience/outcome.ts';
import type { Outcome } from '../../resilience/outcome.ts';
import type { ToolAnswer } from './httpTool.ts';
import { McpFetch } from './mcpFetch.ts';
import { MCP_MESSAGE_BYTES, MCP_TOOLS, McpMessageTooLarge, NO_TIMEOUT_MS } from './mcpBounds.ts';

/** Largest number of pages in a list of tools. */
const MAX_PAGES = 20;
/** Validates nothing: a thread that can be ended checks results by their schemas. */
const UNCHECKED: jsonSchemaValidator = {
  getValidator:
    <T>(): JsonSchemaValidator<T> =>
    (input) => ({ valid: true, data: input as T, errorMessage: undefined }),
};

/** Stands for the answer that a server owes when it ends its HTTP answer. */
const CLOSED = { code: ErrorCode.ConnectionClosed, message: 'Connection closed' };

/** How a client of the SDK reaches its server. */
export interface McpConnection {
  url: string;
  /** Version of this program. */
  version: string;
  fetch: (url: string | URL, init?: RequestInit) => Promise<Response>;
  /** The list of tools may have changed: the server says so, or its stream of notifications broke. */
  onOutdated: () => void;
}

/** A client of the SDK that is connected to its server. */
export async function openClient(
  { url, version, fetch, onOutdated }: McpConnection,
  signal: AbortSignal,
): Promise<Client> {
  const client = new Client({ name: 'breakwater', version }, { jsonSchemaValidator: UNCHECKED });
  client.setNotificationHandler(ToolListChangedNotificationSchema, onOutdated);
  // The call itself tells its caller of the error.
  client.onerror = onOutdated;
  const requests = new McpFetch({
    fetch,
    onUnanswered: (id) => transport.onmessage?.({ jsonrpc: '2.0', id, error: CLOSED }),
  });
  const transport = new StreamableHTTPClientTransport(new URL(url), { fetch: requests.fetch });
  transport.onmessage = (message) => requests.received(message);
  await client.connect(transport, { signal, timeout: NO_TIMEOUT_MS });
  return client;
}

/** The tools that the server lists, as far as the bounds allow. */
export async function listTools(client: Client, signal: AbortSignal): Promise<ListedTool[]> {
  const listed: ListedTool[] = [];
  let cursor: string | undefined;
  let bytes = 0;
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const params = cursor === undefined ? {} : { cursor };
    const { tools, nextCursor } = await client.listTools(params, {
      signal,
      timeout: NO_TIMEOUT_MS,
    });
    for (const tool of tools) {
      bytes += JSON.stringify(tool).length;
      if (listed.length === MCP_TOOLS || bytes > MCP_MESSAGE_BYTES) return listed;
      listed.push(tool);
    }
    if (nextCursor === undefined) break;
    cursor = nextCursor;
  }
  return listed;
}

/** The result of a call that threw. */
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

/** The SDK reports an answer that breaks the protocol as a status that no server sends, such as -1. */
function serverOutcome(status: number): Outcome {
  return status >= 500
    ? statusOutcome(status)
    : failure('InvalidResponse', 'answer is not the protocol');
}

/** Errors of JSON-RPC. A wrong call is not the server's fault. */
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

/** Whether the server has lost the session, as after a restart (MCP, Streamable HTTP, session management). */
export function sessionLost(error: unknown): boolean {
  return error instanceof StreamableHTTPError && (error.code === 404 || error.code === 400);
}

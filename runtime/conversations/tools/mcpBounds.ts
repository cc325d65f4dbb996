/** Largest message of an MCP server, decompressed, in bytes: a result of 1 MiB fits in any escaping of base64. */
export const MCP_MESSAGE_BYTES = 4 * 1024 * 1024;
/** Largest number of values in a list of tools, or in the content of a result. */
export const MCP_VALUES = 200_000;
/** Largest number of messages in one answer of an MCP server. */
export const MCP_MESSAGES = 10_000;
/** Largest number of tools of one MCP server. */
export const MCP_TOOLS = 256;
/** Largest size of one tool in a list, in bytes of JSON. */
export const MCP_TOOL_BYTES = 256 * 1024;
/** Largest size of all tools of one MCP server together, in bytes of JSON. */
export const MCP_LIST_BYTES = 1024 * 1024;
/** Largest number of pages of a list. */
export const MCP_PAGES = 20;
/** Largest number of parts of a result. */
export const MCP_PARTS = 1000;
/** Bytes of an HTTP error that are read: enough for an error of JSON-RPC. */
export const MCP_REFUSAL_BYTES = 64 * 1024;
/** Least time between two replies to requests of a server, in milliseconds. */
export const MCP_REPLY_MS = 1000;

/** An MCP server sends more than the bounds allow. */
export class McpTooLarge extends Error {}

/** The peers of the process have it keep as much as it may. */
export class McpNoRoom extends Error {}

/** The HTTP answer to a request is over, and the request has no answer. */
export class McpUnanswered extends Error {}

/** An answer is no message of the protocol. */
export class McpInvalid extends Error {}

/** A tool neither succeeds nor fails: it asks the user for input, or goes on as a task. */
export class McpUnfinished extends Error {
  readonly kind: 'input' | 'task';

  constructor(kind: 'input' | 'task') {
    super(kind);
    this.kind = kind;
  }
}

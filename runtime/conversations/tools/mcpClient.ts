import { addAbortListener } from 'node:events';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import type { PriorDiscovery, jsonSchemaValidator } from '@modelcontextprotocol/client';
import { MCP_LIST_BYTES, MCP_PAGES, MCP_TOOLS, McpInvalid } from './mcpBounds.ts';
import { McpFetch } from './mcpFetch.ts';
import type { McpFetchDeps } from './mcpFetch.ts';
import { mayCall, mirrorsArguments } from './mcpHeaders.ts';
import { READ } from './mcpResults.ts';
import type { ListedTool, ToolPage, ToolResult } from './mcpResults.ts';

/** What a server was found to speak: 2026-07-28 by server/discover, or an earlier version by initialize. */
export type Verdict = PriorDiscovery;

/** Calls have deadlines of their own: the SDK's timer never fires first. */
const NO_TIMEOUT_MS = 2 ** 31 - 1;
/** Validates nothing: results are not checked by their schemas. */
const UNCHECKED: jsonSchemaValidator = {
  getValidator: () => (input) => ({ valid: true, data: input as never, errorMessage: undefined }),
};

export interface McpConnectionDeps extends McpFetchDeps {
  url: string;
  /** Version of this program. */
  version: string;
  /** Time to connect, in milliseconds. */
  timeoutMs: number;
}

/** A list of tools. */
export interface ToolPages {
  tools: ListedTool[];
  /** Number of tools that are too large or malformed. */
  leftOut: number;
  /** Time for which it holds, in milliseconds; undefined if the server does not say. */
  ttlMs?: number;
}

/** A call of a tool. */
export interface ToolCall {
  tool: ListedTool;
  args: Record<string, unknown>;
  /** The trace context. */
  meta: Record<string, unknown> | undefined;
}

/** A connection to a server. It ends when it is retired and the last of its calls is over. */
export class McpConnection {
  readonly #client: Client;
  #uses = 0;
  #retired = false;
  #subscribed = false;

  private constructor(client: Client) {
    this.#client = client;
  }

  /** Connects; finds out first what the server speaks if there is no verdict about it. */
  static async open(
    { url, version, timeoutMs, ...deps }: McpConnectionDeps,
    prior: Verdict | undefined,
    signal: AbortSignal,
  ): Promise<McpConnection> {
    const client = new Client(
      { name: 'breakwater', version },
      { jsonSchemaValidator: UNCHECKED, versionNegotiation: { mode: 'auto' } },
    );
    const transport = new StreamableHTTPClientTransport(new URL(url), {
      fetch: new McpFetch(deps).fetch,
    });
    using _ = addAbortListener(signal, () => void transport.close());
    await client.connect(transport, { timeout: timeoutMs, signal, ...(prior && { prior }) });
    return new McpConnection(client);
  }

  get verdict(): Verdict {
    const discover = this.#client.getDiscoverResult();
    return discover ? { kind: 'modern', discover } : { kind: 'legacy' };
  }

  get protocolVersion(): string {
    return this.#client.getNegotiatedProtocolVersion() ?? 'unknown';
  }

  /** Runs calls over the connection, which stays open for them. */
  async use<T>(calls: () => Promise<T>): Promise<T> {
    this.#uses += 1;
    try {
      return await calls();
    } finally {
      this.#uses -= 1;
      this.#endIfUnused();
    }
  }

  /** Ends the connection as soon as nothing uses it. */
  retire(): void {
    this.#retired = true;
    this.#endIfUnused();
  }

  /** Ends the connection with its calls. */
  async close(): Promise<void> {
    await this.#client.close();
  }

  /** Has the server announce changes of its list, if it can and does not yet. A server before 2026-07-28 does so anyway. */
  subscribe(): void {
    const { tools } = this.#client.getServerCapabilities() ?? {};
    if (this.#subscribed || this.verdict.kind === 'legacy' || !tools?.listChanged) return;
    this.#subscribed = true;
    const filter = { toolsListChanged: true };
    void this.#client
      .listen(filter, { timeout: NO_TIMEOUT_MS })
      .then(({ closed }) => closed)
      .catch(() => undefined)
      .finally(() => (this.#subscribed = false));
  }

  /** The tools that the server lists, as far as the bounds allow. */
  async listTools(signal: AbortSignal): Promise<ToolPages> {
    const all: ToolPages = { tools: [], leftOut: 0 };
    let cursor: string | undefined;
    let bytes = 0;
    for (let page = 0; page < MCP_PAGES; page += 1) {
      const params = cursor === undefined ? {} : { cursor };
      const options = { signal, timeout: NO_TIMEOUT_MS };
      const request = { method: 'tools/list', params } as const;
      const read = readOf<ToolPage>(await this.#client.request(request, options));
      all.leftOut += read.leftOut;
      if (read.ttlMs !== undefined) all.ttlMs = Math.min(read.ttlMs, all.ttlMs ?? Infinity);
      const callable = read.tools.filter((tool) => this.#mayCall(tool));
      all.leftOut += read.tools.length - callable.length;
      for (const tool of callable) {
        bytes += Buffer.byteLength(JSON.stringify(tool));
        if (all.tools.length === MCP_TOOLS || bytes > MCP_LIST_BYTES) return all;
        all.tools.push(tool);
      }
      if (read.nextCursor === undefined) break;
      cursor = read.nextCursor;
    }
    return all;
  }

  async callTool({ tool, args, meta }: ToolCall, signal: AbortSignal): Promise<ToolResult> {
    const params = { name: tool.name, arguments: args, ...(meta && { _meta: meta }) };
    const { name, inputSchema } = tool;
    const mirrored = { toolDefinition: { name, inputSchema: inputSchema as never } };
    const options = { signal, timeout: NO_TIMEOUT_MS, ...(mirrorsArguments(tool) && mirrored) };
    return readOf<ToolResult>(await this.#client.callTool(params, options));
  }

  #mayCall(tool: ListedTool): boolean {
    return this.verdict.kind === 'legacy' || mayCall(tool);
  }

  #endIfUnused(): void {
    if (this.#retired && this.#uses === 0) void this.#client.close();
  }
}

/** What McpFetch has read of an answer. */
function readOf<T>({ _meta: meta }: { _meta?: Record<string, unknown> | undefined }): T {
  const read = meta?.[READ];
  if (read === undefined) throw new McpInvalid('an answer has no result');
  return read as T;
}

import { AsyncLocalStorage } from 'node:async_hooks';
import type Anthropic from '@anthropic-ai/sdk';
import type { Logger } from 'pino';
import { Agent, fetch } from 'undici';
import { NO_SPAN } from '../../tracing/span.ts';
import type { GuardedCalls } from '../conversations/tools/guardedCall.ts';
import type { ToolAnswer } from '../conversations/tools/httpTool.ts';
import type { McpConnection } from '../conversations/tools/mcpClient.ts';
import type { ListedTool, ToolResult } from '../conversations/tools/mcpResults.ts';
import { describe } from '../conversations/tools/toolList.ts';
import type { ToolContext, Tools } from '../conversations/tools/toolbox.ts';
import type { ToolUse } from '../conversations/messages/messages.ts';
import type { Clock } from '../guard/clock.ts';
import { traceHeaders } from '../model/transport/headers.ts';
import type { ByteBudget } from '../resilience/byteBudget.ts';
import { OK, failure } from '../resilience/outcome.ts';
import { marks } from './headers.ts';
import type { OpenRequests } from './openRequests.ts';

export interface ProgramToolsDeps {
  /** Address of the program's MCP server. */
  url: string;
  calls: GuardedCalls;
  open: Pick<OpenRequests, 'begin'>;
  clock: Clock;
  byteBudget: ByteBudget;
  version: string;
  /** Timeout of a call, and time to connect, in milliseconds. */
  timeoutMs: () => number;
  /** Takes the names of the tools before the model gets them: each has a circuit. */
  onNames: (names: readonly string[]) => void;
  log: Pick<Logger, 'info' | 'warn'>;
}

/** Tools of a program. */
export const PROGRAM_TOOLS = 32;
/** Largest text of a result, in bytes. */
const MAX_RESULT_BYTES = 256 * 1024;
/** Time until a list that failed is asked for again, in milliseconds; doubles up to the second. */
const RETRY_MS = [250, 5000] as const;
/** Names that the Messages API takes. */
const NAME = /^[A-Za-z0-9_-]{1,64}$/;

/** The tools of the program: an MCP server at its own address. Each has a circuit of its own, `tool/NAME`. */
export class ProgramTools implements Tools {
  readonly #deps: ProgramToolsDeps;
  readonly #headers = new AsyncLocalStorage<readonly [string, string][]>();
  readonly #agent = new Agent({ keepAliveTimeout: 1000 });
  readonly #closed = new AbortController();
  #tools = new Map<string, ListedTool>();
  #connection: Promise<McpConnection> | undefined;
  #listing: Promise<void> | undefined;
  #revision: string | undefined;
  /** Whether a list was read, and whether the program may have restarted since. */
  #listed = false;
  #stale = true;
  #cancelRetry: (() => void) | undefined;
  #retryMs: number = RETRY_MS[0];

  constructor(deps: ProgramToolsDeps) {
    this.#deps = deps;
  }

  get definitions(): readonly Anthropic.Tool[] {
    return Array.from(this.#tools.values(), (tool) => ({
      name: tool.name,
      description: describe(tool.name, tool),
      input_schema: tool.inputSchema,
    }));
  }

  /** Number of tools; undefined before the first list. */
  get size(): number | undefined {
    return this.#listed ? this.#tools.size : undefined;
  }

  /** The program has registered with a revision of its tools. Reads the list if that is another one. */
  revise(revision: string | undefined): void {
    if (revision === this.#revision && !this.#stale) return;
    this.#revision = revision;
    void this.#list();
  }

  /** The program answers. */
  started(): void {
    if (this.#stale) void this.#list();
  }

  /** The program does not answer. Its tools stay known, so that a call says that they are unavailable. */
  lost(): void {
    this.#stale = true;
    this.#leave();
  }

  run({ name, input }: ToolUse, context: ToolContext): Promise<ToolAnswer> | undefined {
    const tool = this.#tools.get(name);
    return tool && this.#run(tool, input as Record<string, unknown>, context);
  }

  async close(): Promise<void> {
    this.#closed.abort();
    this.#cancelRetry?.();
    const connection = this.#connection;
    this.#connection = undefined;
    await connection?.then((open) => open.close()).catch(() => undefined);
    await this.#agent.destroy();
  }

  async #run(
    tool: ListedTool,
    args: Record<string, unknown>,
    context: ToolContext,
  ): Promise<ToolAnswer> {
    const { calls, open } = this.#deps;
    const { caller = ANYBODY, trace, signal } = context;
    const span = trace?.mcp('tools/call', tool.name) ?? NO_SPAN;
    const { id, end } = open.begin({ client: caller }, signal);
    const headers = [...marks({ id, client: caller.id }), ...traceHeaders(span.context ?? {})];
    let error: string | undefined = 'failed';
    try {
      return await calls.to(`tool/${tool.name}`).call({
        ...context,
        call: (bounded) =>
          this.#headers.run(headers, () =>
            this.#attempt(bounded, async (connection) => {
              const result = await connection.callTool({ tool, args, meta: undefined }, bounded);
              error = result.isError ? 'tool_error' : undefined;
              return answerOf(result);
            }),
          ),
      });
    } finally {
      end();
      span.end(error);
    }
  }

  /** Reads the list; callers share one reading, and a later one follows for them. */
  #list(): Promise<void> {
    this.#cancelRetry?.();
    const before = this.#listing ?? Promise.resolve();
    const listing = before.then(() => this.#read());
    this.#listing = listing;
    return listing.finally(() => {
      if (this.#listing === listing) this.#listing = undefined;
    });
  }

  async #read(): Promise<void> {
    const { clock, log, onNames } = this.#deps;
    if (this.#closed.signal.aborted) return;
    this.#stale = false;
    const cut = AbortSignal.any([
      this.#closed.signal,
      AbortSignal.timeout(Math.min(this.#deps.timeoutMs(), MAX_LIST_MS)),
    ]);
    try {
      const connection = await this.#connect();
      const { tools, leftOut } = await connection.listTools(cut);
      const usable = tools.filter(({ name }) => NAME.test(name)).slice(0, PROGRAM_TOOLS);
      onNames(usable.map(({ name }) => name));
      this.#tools = new Map(usable.map((tool) => [tool.name, tool]));
      this.#listed = true;
      this.#retryMs = RETRY_MS[0];
      const left = leftOut + tools.length - usable.length;
      log.info({ tools: usable.length, leftOut: left }, 'Tools of the program were read');
    } catch (err) {
      this.#stale = true;
      this.#leave();
      if (this.#closed.signal.aborted) return;
      log.warn({ err }, 'Tools of the program cannot be read');
      this.#cancelRetry = clock.setTimer(this.#retryMs, () => void this.#list());
      this.#retryMs = Math.min(2 * this.#retryMs, RETRY_MS[1]);
    }
  }

  async #attempt(
    signal: AbortSignal,
    use: (connection: McpConnection) => Promise<ToolAnswer>,
    repeated = false,
  ): Promise<ToolAnswer> {
    const { mcpFailure, connectionAfter } = await import('../conversations/tools/mcpFailure.ts');
    try {
      const connection = await this.#connect();
      return await connection.use(() => use(connection));
    } catch (error) {
      const after = connectionAfter(error);
      if (after !== 'Kept') this.#leave();
      // The program has restarted, and knows no session of the one before.
      if (after === 'Lost' && !repeated && !signal.aborted) return this.#attempt(signal, use, true);
      return mcpFailure(error, signal);
    }
  }

  #leave(): void {
    const connection = this.#connection;
    this.#connection = undefined;
    void connection?.then((open) => open.retire()).catch(() => undefined);
  }

  #connect(): Promise<McpConnection> {
    this.#connection ??= this.#open().catch((error: unknown) => {
      this.#connection = undefined;
      throw error;
    });
    return this.#connection;
  }

  async #open(): Promise<McpConnection> {
    const { McpConnection: Connection } = await import('../conversations/tools/mcpClient.ts');
    const { url, version, byteBudget, clock, timeoutMs } = this.#deps;
    const deps = {
      ...{ url, version, byteBudget, timeoutMs: timeoutMs(), maxBytes: MAX_RESULT_BYTES },
      fetch: (to: string | URL, init?: RequestInit) => this.#request(to, init),
      now: () => clock.now(),
      // A list changes by a new toolsRevision.
      onChanged: () => undefined,
      onSilent: () => undefined,
    };
    return Connection.open(deps, undefined, this.#closed.signal);
  }

  async #request(url: string | URL, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    for (const [name, value] of this.#headers.getStore() ?? []) headers.set(name, value);
    const answer = await fetch(url, {
      ...(init as Parameters<typeof fetch>[1]),
      ...{ headers: [...headers], redirect: 'manual', dispatcher: this.#agent },
    });
    return answer;
  }
}

/** Longest time for a list, in milliseconds. */
const MAX_LIST_MS = 10_000;

const ANYBODY = { principal: '', id: '', authentication: 'None', headers: [] } as const;

function answerOf({ content, isError, thrown }: ToolResult): ToolAnswer {
  const text = typeof content === 'string' ? content : '';
  const blocks = typeof content === 'string' ? {} : { blocks: content };
  const failed = isError && thrown !== undefined;
  const outcome = failed ? failure('ServerError', `The tool threw ${thrown}.`) : OK;
  return { outcome, text, ...blocks, isError };
}

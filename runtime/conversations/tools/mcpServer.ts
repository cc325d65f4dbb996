import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import type { Tool as ListedTool } from '@modelcontextprotocol/sdk/types.js';
import type { Logger } from 'pino';
import { fetch } from 'undici';
import type {
  McpServerStatus,
  McpServer as ServerSpec,
} from '../../../contract/generated/types.ts';
import type { Clock } from '../../guard/clock.ts';
import type { Credentials } from '../../model/pool/credentials.ts';
import { NO_SPAN } from '../../observe/trace/span.ts';
import { IGNORED } from '../../resilience/outcome.ts';
import type { Egress } from './egress.ts';
import type { CallsTo, GuardedCalls } from './guardedCall.ts';
import type { ToolAnswer } from './httpTool.ts';
import { mcpAnswer, unfitResult } from './mcpAnswer.ts';
import { NO_TIMEOUT_MS, boundedAnswer } from './mcpBounds.ts';
import type * as Sdk from './mcpClient.ts';
import type { CheckedSchema, SchemaChecks } from './schemaChecks.ts';
import { readHeaders } from '../../model/transport/secretHeaders.ts';
import type { Input } from './template.ts';
import { ToolList } from './toolList.ts';
import type { ToolChange } from './toolList.ts';
import type { ToolContext } from './toolbox.ts';
import type { ToolResults } from './toolResults.ts';

export interface McpServerDeps {
  calls: GuardedCalls;
  credentials: Pick<Credentials, 'read'>;
  egress: Egress;
  results: Pick<ToolResults, 'answer'>;
  schemas: Pick<SchemaChecks, 'schema' | 'check'>;
  clock: Pick<Clock, 'now' | 'setTimer'>;
  version: string;
  /** The tools changed, or are not the pinned ones. */
  onToolsChanged: (server: string, withheld: boolean) => void;
  log: Pick<Logger, 'info' | 'warn'>;
}

/** The SDK is a quarter of a megabyte: it loads with the first connection. */
async function loadClient(): Promise<typeof Sdk> {
  return import('./mcpClient.ts');
}

/**
 * One MCP server. Connects when its tools are first needed, and again after a restart. All its calls go through its
 * circuit. While it is down its last tools stay known, so that a call gets an answer that says until when it is
 * unavailable.
 */
export class McpServer {
  readonly #spec: ServerSpec;
  readonly #deps: McpServerDeps;
  readonly #calls: CallsTo;
  #client: Promise<Client> | undefined;
  #listed: readonly ListedTool[] = [];
  /** Output schemas by tool. */
  #outputs = new Map<string, CheckedSchema>();
  /** The allowed tools of the last list; undefined before the first. */
  #list: ToolList | undefined;
  #change: ToolChange | undefined;
  #changes = 0;
  /** The pinned hash: with any other the model gets no tools. */
  #pin: string | undefined;
  /** The list must be fetched again. */
  #stale = true;
  #listing: Promise<void> | undefined;
  /** Start of the last call, on the monotonic clock. */
  #usedAt = -Infinity;
  readonly #closed = new AbortController();
  #cancelCheck: (() => void) | undefined;

  constructor(spec: ServerSpec, deps: McpServerDeps) {
    this.#spec = spec;
    this.#deps = deps;
    this.#calls = deps.calls.to(`mcp/${spec.name}`);
  }

  get name(): string {
    return this.#spec.name;
  }

  /** Its allowed tools as last listed; none if they are not the pinned ones. */
  get tools(): readonly ListedTool[] {
    return this.#withheld ? [] : this.#allowed;
  }

  /** Report on its tools; undefined before the first list. */
  get status(): McpServerStatus | undefined {
    if (!this.#list) return undefined;
    return {
      name: this.name,
      ...{ toolsHash: this.#list.hash, tools: this.#list.size, withheld: this.#withheld },
      ...(this.#change && { change: this.#change }),
    };
  }

  /** How often its tools have changed. */
  get changes(): number {
    return this.#changes;
  }

  /** Withholds its tools from the model unless their hash is this one. */
  pin(hash: string | undefined): void {
    if (hash === this.#pin) return;
    const before = this.#withheld;
    this.#pin = hash;
    this.#tellWithheld(before);
  }

  get #allowed(): readonly ListedTool[] {
    const { allowedTools } = this.#spec;
    if (!allowedTools) return this.#listed;
    return this.#listed.filter(({ name }) => allowedTools.includes(name));
  }

  get #withheld(): boolean {
    return this.#pin !== undefined && this.#list !== undefined && this.#list.hash !== this.#pin;
  }

  #tellWithheld(before: boolean): void {
    if (this.#withheld === before) return;
    const facts = { server: this.name, toolsHash: this.#list?.hash, pinned: this.#pin };
    const { log } = this.#deps;
    if (before) {
      log.info(facts, 'Tools of an MCP server are lent to the model again');
      return;
    }
    log.warn(facts, 'Tools of an MCP server are withheld: they are not those that are pinned');
    this.#deps.onToolsChanged(this.name, true);
  }

  /** Applies a new list. */
  #take(listed: readonly ListedTool[]): void {
    const before = this.#withheld;
    this.#listed = listed;
    const list = new ToolList(this.#allowed);
    const known = this.#list;
    this.#list = list;
    if (known && known.hash !== list.hash) {
      this.#change = list.since(known);
      this.#changes += 1;
      const facts = { server: this.name, toolsHash: list.hash, ...this.#change };
      this.#deps.log.warn(facts, 'Tools of an MCP server are others than before');
      // Reports a change that withholds the tools only once.
      if (before || !this.#withheld) this.#deps.onToolsChanged(this.name, this.#withheld);
    }
    this.#tellWithheld(before);
  }

  /** Fetches the list if it may have changed. Turns share a fetch, which outlives the one that began it. Never rejects. */
  refresh({ signal, ...context }: ToolContext): Promise<void> {
    // The first list is waited for, also by turns that begin while it is on its way.
    if (!this.#stale && (this.#list || !this.#listing)) return Promise.resolve();
    this.#listing ??= this.#ask({ ...context, signal: this.#closed.signal }).finally(() => {
      this.#listing = undefined;
    });
    return settledOrAborted(this.#listing, signal);
  }

  /** Fetches the list now and whenever no call began for the check interval, each within `timeoutMs()`. */
  startChecks(timeoutMs: () => number): void {
    const { checkIntervalMs } = this.#spec;
    if (checkIntervalMs === 0 || this.#cancelCheck) return;
    const { clock } = this.#deps;
    const check = async (): Promise<void> => {
      const idleMs = clock.now() - this.#usedAt;
      if (idleMs >= checkIntervalMs) await this.#check(timeoutMs());
      if (this.#closed.signal.aborted) return;
      const nextMs = this.#usedAt + checkIntervalMs - clock.now();
      this.#cancelCheck = clock.setTimer(Math.max(nextMs, 0), () => void check());
    };
    this.#cancelCheck = clock.setTimer(0, () => void check());
  }

  /** Never rejects. */
  call(tool: string, input: unknown, context: ToolContext): Promise<ToolAnswer> {
    const { cache, name, url } = this.#spec;
    if (!cache?.tools.includes(tool)) return this.#call(tool, input, context);
    const { client, signal } = context;
    const kept = { what: ['mcp', name, url, tool], ttlMs: cache.ttlMs, input: input as Input };
    const secret = readHeaders(this.#spec.headersFrom, this.#deps.credentials);
    const credential = ('credential' in secret ? secret.credential?.hash : undefined) ?? '';
    const call = (bounded: AbortSignal): Promise<ToolAnswer> =>
      this.#call(tool, input, { ...context, signal: bounded });
    return this.#deps.results.answer({ ...kept, credential, client, signal, call });
  }

  #call(tool: string, input: unknown, context: ToolContext): Promise<ToolAnswer> {
    return this.#guarded(context, async (client, signal) => {
      const args = input as Record<string, unknown>;
      const span = context.trace?.mcp('tools/call', tool) ?? NO_SPAN;
      // MCP's place for the trace context (SEP-414).
      const meta = span.context && { _meta: { ...span.context } };
      let error: string | undefined = 'failed';
      try {
        const params = { name: tool, arguments: args, ...meta };
        const result = await client.callTool(params, undefined, { signal, timeout: NO_TIMEOUT_MS });
        error = result.isError === true ? 'tool_error' : undefined;
        const unfit = await this.#unfit(tool, result);
        return unfit ?? mcpAnswer(result, this.#spec.maxResponseBytes);
      } finally {
        span.end(error);
      }
    });
  }

  async close(): Promise<void> {
    this.#closed.abort();
    this.#cancelCheck?.();
    await this.#disconnect();
  }

  /** The answer for the model if a result does not fit the tool's schema; undefined if it does. */
  async #unfit(
    tool: string,
    { structuredContent, isError }: Record<string, unknown>,
  ): Promise<ToolAnswer | undefined> {
    const schema = this.#outputs.get(tool);
    if (!schema || structuredContent === undefined || isError === true) return undefined;
    const checked = await this.#deps.schemas.check(schema, structuredContent, 'result');
    return checked.kind === 'Fits' ? undefined : unfitResult(checked.why);
  }

  async #check(timeoutMs: number): Promise<void> {
    const { signal } = this.#closed;
    const context = { timeoutMs, header: () => undefined, client: [], signal };
    // A turn may be fetching already. Its result serves, too.
    this.#stale = true;
    await this.refresh(context);
    // A refused call counts too: its rejection says as much as the server could.
    this.#usedAt = this.#deps.clock.now();
  }

  async #ask(context: ToolContext): Promise<void> {
    await this.#guarded(context, async (client, signal) => {
      // Set before the call, because the list may change during it.
      this.#stale = false;
      try {
        const { listTools } = await loadClient();
        this.#take(await listTools(client, signal));
        this.#outputs = new Map(
          this.#listed.flatMap(({ name, outputSchema }) =>
            outputSchema ? [[name, this.#deps.schemas.schema(outputSchema)]] : [],
          ),
        );
      } catch (error) {
        this.#stale = true;
        throw error;
      }
      return { outcome: { vote: 'ok' }, text: '', isError: false };
    });
  }

  async #guarded(
    context: ToolContext,
    use: (client: Client, signal: AbortSignal) => Promise<ToolAnswer>,
  ): Promise<ToolAnswer> {
    const { credentials, clock } = this.#deps;
    this.#usedAt = clock.now();
    const secret = readHeaders(this.#spec.headersFrom, credentials);
    if ('missing' in secret) {
      const text = 'The tool was not called: a Secret of the agent is missing.';
      return { outcome: IGNORED, text, isError: true };
    }
    return this.#calls.call({
      ...context,
      ...(secret.credential && { credential: secret.credential }),
      call: (signal) => this.#attempt(use, signal),
    });
  }

  /** Repeats the call in a new session if the server has lost the old one. */
  async #attempt(
    use: (client: Client, signal: AbortSignal) => Promise<ToolAnswer>,
    signal: AbortSignal,
  ): Promise<ToolAnswer> {
    const known = this.#client !== undefined;
    try {
      return await use(await this.#connect(signal), signal);
    } catch (error) {
      const { mcpFailure, sessionLost } = await loadClient();
      if (known && sessionLost(error) && !signal.aborted) {
        await this.#disconnect();
        return this.#attempt(use, signal);
      }
      const failed = mcpFailure(error, signal);
      if (failed.outcome.vote === 'failure') await this.#disconnect();
      return failed;
    }
  }

  #connect(signal: AbortSignal): Promise<Client> {
    this.#client ??= this.#open(signal).catch((error: unknown) => {
      this.#client = undefined;
      throw error;
    });
    return this.#client;
  }

  async #open(signal: AbortSignal): Promise<Client> {
    const { openClient } = await loadClient();
    const client = await openClient(
      {
        ...{ url: this.#spec.url, version: this.#deps.version },
        fetch: (url, init) => this.#fetch(url, init),
        onOutdated: () => {
          this.#stale = true;
        },
      },
      signal,
    );
    this.#stale = true;
    return client;
  }

  /** fetch with the currently mounted header values. */
  async #fetch(url: string | URL, init: RequestInit = {}): Promise<Response> {
    const { credentials, egress } = this.#deps;
    const secret = readHeaders(this.#spec.headersFrom, credentials);
    const headers = new Headers(init.headers);
    if ('headers' in secret) for (const [name, value] of secret.headers) headers.set(name, value);
    const answer = await fetch(url, {
      ...(init as Parameters<typeof fetch>[1]),
      headers: [...headers],
      // Only the address that the spec names is called.
      redirect: 'manual',
      dispatcher: egress.to(new URL(url), true),
    });
    return boundedAnswer(answer);
  }

  async #disconnect(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    this.#stale = true;
    try {
      await (await client)?.close();
    } catch {
      // It is not connected.
    }
  }
}

/** Resolves with the promise, or when the signal aborts. */
async function settledOrAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const { promise: aborted, resolve } = Promise.withResolvers<void>();
  const onAbort = (): void => resolve();
  signal.addEventListener('abort', onAbort, { once: true });
  await Promise.race([promise, aborted]);
  signal.removeEventListener('abort', onAbort);
}

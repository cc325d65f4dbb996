import { addAbortListener } from 'node:events';
import type { Logger } from 'pino';
import { fetch } from 'undici';
import type {
  McpServerStatus,
  McpServer as ServerSpec,
} from '../../../contract/generated/types.ts';
import type { Clock } from '../../guard/clock.ts';
import type { Credentials } from '../../mounts/credentials.ts';
import { readHeaders } from '../../mounts/secretHeaders.ts';
import { NO_SPAN } from '../../../tracing/span.ts';
import type { ByteBudget } from '../../resilience/byteBudget.ts';
import { IGNORED, OK } from '../../resilience/outcome.ts';
import type { Egress } from './egress.ts';
import type { CallsTo, GuardedCalls } from './guardedCall.ts';
import type { ToolAnswer } from './httpTool.ts';
import type * as Client from './mcpClient.ts';
import type { McpConnection, Verdict } from './mcpClient.ts';
import type * as Failure from './mcpFailure.ts';
import { KeptList } from './keptList.ts';
import type { KeptValues } from './keptList.ts';
import type { ListedTool, ToolResult } from './mcpResults.ts';
import { McpTools } from './mcpTools.ts';
import type { Input } from './template.ts';
import type { ToolContext } from './toolbox.ts';
import type { ToolResults } from './toolResults.ts';

export interface McpServerDeps {
  calls: GuardedCalls;
  credentials: Pick<Credentials, 'read'>;
  egress: Egress;
  results: Pick<ToolResults, 'answer'>;
  /** Where lists of tools outlive the process; undefined: nowhere. */
  values: () => KeptValues | undefined;
  clock: Clock;
  version: string;
  byteBudget: ByteBudget;
  /** The tools changed, or are not the pinned ones. */
  onToolsChanged: (server: string, withheld: boolean) => void;
  log: Pick<Logger, 'info' | 'warn'>;
}

/** Longest time for which a list of tools holds, whatever the server says, in milliseconds. */
export const MCP_LIST_MS = 3_600_000;
/** Longest time that a turn waits for the first list of a server, in milliseconds. */
export const MCP_FIRST_LIST_MS = 2000;
/** Time that a server has to tell its first list before the kept one is offered, in milliseconds. */
export const MCP_KEPT_AFTER_MS = 1000;
/** Least time between two lists of a server, in milliseconds. */
const LIST_PAUSE_MS = 1000;
/** Time for which a list holds once the server announces changes no longer, in milliseconds. */
const SILENT_LIST_MS = 30_000;
/** Time after which a server of an earlier version may be found to speak another, in milliseconds. */
const LEGACY_MS = 3_600_000;

/** The SDK is half a megabyte: it loads with the first connection. */
async function loadClient(): Promise<typeof Client & typeof Failure> {
  const [client, failure] = await Promise.all([
    import('./mcpClient.ts'),
    import('./mcpFailure.ts'),
  ]);
  return { ...client, ...failure };
}

/**
 * One MCP server. Connects when its tools are first needed, and again after a restart. All its calls go through its
 * circuit. Its list of tools is fetched in the background. While it is down its last tools stay known, so that a call
 * gets an answer that says until when it is unavailable.
 */
export class McpServer {
  readonly #spec: ServerSpec;
  readonly #deps: McpServerDeps;
  readonly #timeoutMs: () => number;
  readonly #calls: CallsTo;
  readonly #tools: McpTools;
  readonly #kept: KeptList;
  #connection: Promise<McpConnection> | undefined;
  #protocolVersion: string | undefined;
  /** What the server was found to speak, and until when that holds. */
  #verdict: { verdict: Verdict; until: number } | undefined;
  /** The last attempt to fetch the list failed. */
  #stale = false;
  #fetching: Promise<void> | undefined;
  /** Resolves when the first list is there, or is not waited for any longer. */
  #first: Promise<void> | undefined;
  /** Times on the monotonic clock: when the list is to be fetched, was asked for last, and was said to have changed. */
  #dueAt = -Infinity;
  #askedAt = -Infinity;
  #changedAt = -Infinity;
  /** Start of the last call, on the monotonic clock. */
  #usedAt = -Infinity;
  readonly #closed = new AbortController();
  #cancelCheck: (() => void) | undefined;
  #cancelFetch: (() => void) | undefined;

  /** `timeoutMs` bounds a call and the time to connect. */
  constructor(spec: ServerSpec, deps: McpServerDeps, timeoutMs: () => number) {
    const { name, allowedTools } = spec;
    this.#spec = spec;
    this.#deps = deps;
    this.#timeoutMs = timeoutMs;
    this.#calls = deps.calls.to(`mcp/${name}`);
    this.#tools = new McpTools({ ...deps, server: name, allowed: allowedTools });
    this.#kept = new KeptList(spec, deps);
  }

  get name(): string {
    return this.#spec.name;
  }

  /** Its allowed tools as last listed; none if they are not the pinned ones. */
  get tools(): readonly ListedTool[] {
    return this.#tools.offered;
  }

  /** Report on its tools; undefined before the first list. */
  get status(): McpServerStatus | undefined {
    const { status } = this.#tools;
    const version = this.#protocolVersion;
    return (
      status && {
        ...status,
        stale: this.#stale,
        ...(version !== undefined && { protocolVersion: version }),
      }
    );
  }

  /** How often its tools have changed. */
  get changes(): number {
    return this.#tools.changes;
  }

  /** Withholds its tools from the model unless their hash is this one. */
  pin(hash: string | undefined): void {
    this.#tools.pin(hash);
  }

  /**
   * Fetches the list in the background if it is due. Resolves at once, except before the first list: a turn waits
   * MCP_FIRST_LIST_MS for it at most, counted from the first attempt. Never rejects.
   */
  refresh(signal: AbortSignal): Promise<void> {
    if (this.#isDue) void this.#fetch();
    if (this.#tools.known || !this.#first) return Promise.resolve();
    return unlessAborted(this.#first, signal).catch(() => undefined);
  }

  /** Fetches the list now and whenever no call began for the check interval. */
  startChecks(): void {
    const { checkIntervalMs } = this.#spec;
    if (checkIntervalMs === 0 || this.#cancelCheck) return;
    const { clock } = this.#deps;
    const check = async (): Promise<void> => {
      if (clock.now() - this.#usedAt >= checkIntervalMs) {
        await this.#fetch();
        // A refused call counts too: its rejection says as much as the server could.
        this.#usedAt = clock.now();
      }
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

  #call(name: string, input: unknown, context: ToolContext): Promise<ToolAnswer> {
    const tool = this.tools.find((each) => each.name === name) ?? unlisted(name);
    return this.#guarded(context, async (connection, signal) => {
      const args = input as Record<string, unknown>;
      const span = context.trace?.mcp('tools/call', name) ?? NO_SPAN;
      // MCP's place for the trace context (SEP-414).
      const meta = span.context && { ...span.context };
      let error: string | undefined = 'failed';
      try {
        const result = await connection.callTool({ tool, args, meta }, signal);
        error = result.isError ? 'tool_error' : undefined;
        return answerOf(result);
      } finally {
        span.end(error);
      }
    });
  }

  async close(): Promise<void> {
    this.#closed.abort();
    this.#cancelCheck?.();
    this.#cancelFetch?.();
    const connection = this.#connection;
    this.#connection = undefined;
    try {
      await (await connection)?.close();
    } catch {
      // It is not connected.
    }
  }

  get #isDue(): boolean {
    return this.#deps.clock.now() >= this.#dueAt;
  }

  /** Fetches the list; callers share one fetch. Never rejects. */
  #fetch(): Promise<void> {
    this.#fetching ??= this.#ask().finally(() => (this.#fetching = undefined));
    this.#first ??= this.#firstList(this.#fetching);
    return this.#fetching;
  }

  #firstList(fetching: Promise<void>): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { clock } = this.#deps;
    const timers = [
      clock.setTimer(
        MCP_KEPT_AFTER_MS,
        () => void this.#offerKept().then(() => this.#tools.known && resolve()),
      ),
      clock.setTimer(MCP_FIRST_LIST_MS, resolve),
    ];
    void fetching.then(() => {
      for (const cancel of timers) cancel();
      resolve();
    });
    return promise;
  }

  /** Offers the tools of an earlier process unless the server has sent its own. Never rejects. */
  async #offerKept(): Promise<void> {
    if (this.#tools.known) return;
    const kept = await this.#kept.read();
    if (!kept || this.#tools.known || !this.#tools.takeKept(kept)) return;
    this.#stale = true;
  }

  async #ask(): Promise<void> {
    const { clock, log } = this.#deps;
    const timeoutMs = this.#timeoutMs();
    const { signal } = this.#closed;
    const context = { timeoutMs, header: () => undefined, client: [], signal };
    this.#dueAt = clock.now() + LIST_PAUSE_MS;
    let taken = false;
    await this.#guarded(context, async (connection, bounded) => {
      this.#askedAt = clock.now();
      connection.subscribe();
      const { key } = this.#kept;
      const { tools, leftOut, ttlMs = MCP_LIST_MS } = await connection.listTools(bounded);
      this.#tools.take(tools);
      if (key !== undefined) void this.#kept.write(key, tools);
      const facts = { server: this.name, leftOut };
      if (leftOut > 0) log.warn(facts, 'Tools of an MCP server are too large or malformed');
      taken = true;
      this.#dueAt = clock.now() + Math.min(Math.max(ttlMs, LIST_PAUSE_MS), MCP_LIST_MS);
      return { outcome: OK, text: '', isError: false };
    });
    this.#stale = !taken;
    if (!taken) await this.#offerKept();
    // It changed while it was on its way.
    if (this.#changedAt > this.#askedAt) this.#onChanged();
  }

  /** The list may have changed. */
  #onChanged(): void {
    const { clock } = this.#deps;
    const now = clock.now();
    this.#changedAt = now;
    this.#dueAt = now;
    if (this.#cancelFetch || this.#closed.signal.aborted) return;
    const waitMs = Math.max(0, this.#askedAt + LIST_PAUSE_MS - now);
    this.#cancelFetch = clock.setTimer(waitMs, () => {
      this.#cancelFetch = undefined;
      if (this.#isDue) void this.#fetch();
    });
  }

  async #guarded(
    context: ToolContext,
    use: (connection: McpConnection, signal: AbortSignal) => Promise<ToolAnswer>,
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

  /** Repeats the call over a new connection if the server no longer knows the old one. */
  async #attempt(
    use: (connection: McpConnection, signal: AbortSignal) => Promise<ToolAnswer>,
    signal: AbortSignal,
    repeated = false,
  ): Promise<ToolAnswer> {
    const known = this.#connection;
    const { mcpFailure, connectionAfter } = await loadClient();
    let connection: McpConnection | undefined;
    try {
      connection = await unlessAborted(this.#connect(), signal);
      const opened = connection;
      return await opened.use(() => use(opened, signal));
    } catch (error) {
      const after = connection ? connectionAfter(error) : 'Kept';
      if (connection && after !== 'Kept') this.#leave(connection, known);
      if (after === 'Lost' && known && !repeated && !signal.aborted) {
        return this.#attempt(use, signal, true);
      }
      return mcpFailure(error, signal);
    }
  }

  /** Has the next call open another connection. Calls under way keep this one. */
  #leave(connection: McpConnection, known: Promise<McpConnection> | undefined): void {
    // Another call may have left it already.
    if (this.#connection === known || !known) this.#connection = undefined;
    if (connection.verdict.kind === 'modern') this.#verdict = undefined;
    connection.retire();
  }

  /** The connection, which callers share. It outlives the call that opens it. */
  #connect(): Promise<McpConnection> {
    this.#connection ??= this.#open().catch((error: unknown) => {
      this.#connection = undefined;
      throw error;
    });
    return this.#connection;
  }

  async #open(): Promise<McpConnection> {
    const { McpConnection: Connection, connectionAfter } = await loadClient();
    const { version, clock, byteBudget } = this.#deps;
    const { signal } = this.#closed;
    const deps = {
      ...{ url: this.#spec.url, version, byteBudget, timeoutMs: this.#timeoutMs() },
      maxBytes: this.#spec.maxResponseBytes,
      fetch: (url: string | URL, init?: RequestInit) => this.#request(url, init),
      now: () => clock.now(),
      onChanged: () => this.#onChanged(),
      onSilent: (broke: boolean) => {
        this.#dueAt = Math.min(this.#dueAt, clock.now() + (broke ? 0 : SILENT_LIST_MS));
      },
    };
    const prior = this.#verdict && clock.now() < this.#verdict.until ? this.#verdict : undefined;
    const open = (verdict?: Verdict): Promise<McpConnection> =>
      Connection.open(deps, verdict, signal);
    const connection = await open(prior?.verdict).catch((error: unknown) => {
      // It speaks no longer what it spoke.
      if (prior && connectionAfter(error) !== 'Kept') return open();
      throw error;
    });
    const { verdict, protocolVersion } = connection;
    if (verdict.kind !== prior?.verdict.kind) {
      const until = verdict.kind === 'legacy' ? clock.now() + LEGACY_MS : Infinity;
      this.#verdict = { verdict, until };
    }
    this.#protocolVersion = protocolVersion;
    this.#onChanged();
    return connection;
  }

  /** fetch with the currently mounted header values. */
  async #request(url: string | URL, init: RequestInit = {}): Promise<Response> {
    const { credentials, egress } = this.#deps;
    const secret = readHeaders(this.#spec.headersFrom, credentials);
    const headers = new Headers(init.headers);
    headers.set('accept-encoding', 'gzip, deflate');
    if ('headers' in secret) for (const [name, value] of secret.headers) headers.set(name, value);
    return fetch(url, {
      ...(init as Parameters<typeof fetch>[1]),
      headers: [...headers],
      // Only the address that the spec names is called.
      redirect: 'manual',
      dispatcher: egress.to(new URL(url), true),
    });
  }
}

/** A tool that the model may know from an earlier list. */
function unlisted(name: string): ListedTool {
  return { name, inputSchema: { type: 'object' } };
}

function answerOf({ content, isError }: ToolResult): ToolAnswer {
  const text = typeof content === 'string' ? content : '';
  const blocks = typeof content === 'string' ? {} : { blocks: content };
  return { outcome: OK, text, ...blocks, isError };
}

/** Settles as the promise does, and rejects when the signal aborts. */
async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  using _ = addAbortListener(signal, () => reject(signal.reason as Error));
  return await Promise.race([promise, aborted]);
}

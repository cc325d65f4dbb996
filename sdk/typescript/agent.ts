import Anthropic from '@anthropic-ai/sdk';
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { toNodeHandler } from '@modelcontextprotocol/node';
import type { StandardSchemaWithJSON } from '@modelcontextprotocol/server';
import type {
  AuditAnswer,
  AuditEvent,
  AuditType,
  Dashboard,
  HandlerEnd,
  Health,
  IncidentReport,
  Lifecycle,
  Outcome,
  Performance,
  Phase,
  Recorded,
  Registered,
  Reported,
  ToolResult as ToolAnswer,
} from '../../contract/generated/program.ts';
import { Cache } from './cache.ts';
import { secondsOf, type Duration } from './duration.ts';
import type { Environment } from './effects.ts';
import { BreakwaterError } from './errors.ts';
import { LocalApi, servedOf, serving } from './localApi.ts';
import { TaskRecorder, classOf } from './tasks.ts';
import { Tools, asText, clientOf, type ToolHandler } from './tools.ts';

const SDK = 'typescript/0.1.0';

/** Time between two checks of health, for one check, and for one handler of shutdown, in seconds. */
const CHECK_EVERY = 10;
const CHECK_TIMEOUT = 5;
const HANDLER_TIMEOUT = 10;

/** Time between two tries to reach a runtime that is away, in milliseconds. */
const AWAY_MS = 500;

export interface HealthOptions {
  /** Whether the pod is unready while the check fails. Default: false. */
  critical?: boolean;
  /** Time between two checks. Default: 10s. */
  every?: Duration;
}

export interface RunOptions {
  /** `spec.program.tools.path`. Default: /mcp. */
  toolsPath?: string;
}

/** Answers a request of a client. What it throws is a 500. */
export type RequestHandler = (request: Request) => Response | Promise<Response>;

interface Check {
  name: string;
  check: () => unknown;
  critical: boolean;
  every: number;
}

interface Handler {
  name: string;
  handler: () => unknown;
  timeout: number;
}

/** The program's side of the agent. */
export class Program {
  readonly cache: Cache;
  readonly #api: LocalApi;
  readonly #environment: NodeJS.ProcessEnv;
  readonly #instance = randomUUID();
  readonly #tasks: TaskRecorder;
  readonly #tools = new Tools();
  readonly #checks: Check[] = [];
  readonly #handlers: Handler[] = [];
  readonly #warned = new Set<string>();
  readonly #stopped = new AbortController();
  #http: Server | undefined;

  constructor(environment: NodeJS.ProcessEnv) {
    this.#environment = environment;
    this.#api = new LocalApi(environment);
    const warn = (text: string): void => this.#warn(text);
    this.cache = new Cache(this.#api, warn);
    this.#tasks = new TaskRecorder(this.#api, this.#instance, warn);
  }

  /** Port that `run` listens on. */
  get port(): number | undefined {
    return (this.#http?.address() as AddressInfo | null | undefined)?.port;
  }

  /** Adds a tool, which the model may call with what the schema, such as one of zod, lets pass. */
  tool<I>(
    name: string,
    description: string,
    input: StandardSchemaWithJSON<unknown, I>,
    handler: ToolHandler<I>,
  ): void {
    this.#tools.add(name, description, input, handler);
    if (this.#http) void this.#register().catch((error: unknown) => this.#warn(String(error)));
  }

  readonly track: TaskRecorder['track'] = (name, work) => this.#tasks.track(name, work);
  readonly cached: Cache['cached'] = (options, work) => this.cache.cached(options, work);

  /** Figures of this pod, with the tasks so far. */
  async performance(): Promise<Performance> {
    await this.#tasks.flush();
    return this.#api.json('/v1/performance', { method: 'GET' });
  }

  /** Checks what the program depends on while it runs. It fails where `check` throws or gives false. */
  health(name: string, check: () => unknown, options: HealthOptions = {}): void {
    const { critical = false, every = CHECK_EVERY } = options;
    this.#checks.push({ name, check, critical, every: secondsOf(every) });
  }

  /** Runs before the process ends, the last one added first, while model and audit are still there. */
  onShutdown(
    name: string,
    handler: () => unknown,
    { timeout = HANDLER_TIMEOUT }: { timeout?: Duration } = {},
  ): void {
    this.#handlers.unshift({ name, handler, timeout: secondsOf(timeout) });
  }

  /** Records events; all or none. Rejects with AuditUnavailable where they must be recorded and cannot. */
  audit(...events: AuditEvent[]): Promise<Recorded> {
    return this.#api.json('/v1/audit', { method: 'POST', body: { events } });
  }

  /** The program's own events of this pod, newest first. */
  audited(
    query: { actor?: string; type?: AuditType; outcome?: Outcome; limit?: number } = {},
  ): Promise<AuditAnswer> {
    return this.#api.json('/v1/audit', { method: 'GET', query });
  }

  incident(report: IncidentReport): Promise<Reported> {
    return this.#api.json('/v1/incidents', { method: 'POST', body: report });
  }

  /** Incidents of this pod. */
  incidents(): Promise<Dashboard> {
    return this.#api.json('/v1/incidents', { method: 'GET' });
  }

  /** The client of the request that is served; `program` outside of one. */
  client(): string {
    return clientOf();
  }

  /** Any tool of the agent, behind its circuit and limits. */
  callTool(name: string, input: object, signal?: AbortSignal): Promise<ToolAnswer> {
    const path = `/v1/tools/${encodeURIComponent(name)}`;
    return this.#api.json(path, { method: 'POST', body: { input }, ...(signal && { signal }) });
  }

  /** Anthropic's client for the agent's own model. The runtime retries, so this client does not. */
  anthropic(): Anthropic {
    return new Anthropic({
      baseURL: this.#api.url,
      apiKey: this.#api.token,
      maxRetries: 0,
      fetch: this.#api.fetch,
    });
  }

  /** Carries out the effects of a reducer in this agent. */
  environment(): Environment {
    const model = this.anthropic();
    return {
      callModel: async (request, signal) => {
        try {
          return await model.messages.create(request, { signal });
        } catch (error) {
          throw modelError(error);
        }
      },
      runTool: async (name, input, signal) => {
        const { content, status } = await this.callTool(name, input as object, signal);
        return { text: asText(content), isError: status !== 'ok' && status !== 'cached' };
      },
      audit: async (event) => void (await this.audit(event)),
      report: async (incident) => void (await this.incident(incident)),
    };
  }

  /** Serves tools and requests at HOST:PORT until SIGTERM or SIGINT, and then runs the handlers of shutdown. */
  async run(handler?: RequestHandler, { toolsPath = '/mcp' }: RunOptions = {}): Promise<void> {
    await this.start(handler, { toolsPath });
    await new Promise<void>((resolve) => {
      for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve());
    });
    await this.stop();
    // Pools of connections and timers of the program need not keep it.
    process.exit(0);
  }

  /** The first part of `run`, for tests: resolves when the port is open. */
  async start(handler?: RequestHandler, { toolsPath = '/mcp' }: RunOptions = {}): Promise<void> {
    const { HOST = '127.0.0.1', PORT = '8000' } = this.#environment;
    const answer = (request: Request): Promise<Response> =>
      this.#serve(request, toolsPath, handler);
    const serve = toNodeHandler({ fetch: answer });
    const http = createServer((request, response) => void serve(request, response));
    await new Promise<void>((resolve, reject) => {
      http.once('error', reject).listen(Number(PORT), HOST, resolve);
    });
    this.#http = http;
    if (!this.#api.present) {
      const url = `http://${HOST}:${this.port}`;
      this.#warn(`no runtime, as BREAKWATER_URL is not set; the program alone is at ${url}`);
      return;
    }
    void this.#stayRegistered();
    for (const check of this.#checks) void this.#watch(check);
  }

  /** The last part of `run`: waits until the pod is drained, runs the handlers of shutdown and closes the port. */
  async stop(): Promise<void> {
    if (this.#api.present) await this.#drained();
    await this.#runHandlers();
    await this.#tasks.flush();
    this.#stopped.abort();
    const closed = new Promise((resolve) => this.#http?.close(resolve));
    this.#http?.closeIdleConnections();
    if (this.#http) await closed;
  }

  #serve(request: Request, toolsPath: string, handler?: RequestHandler): Promise<Response> {
    return serving.run(servedOf(request.headers), async () => {
      const { pathname } = new URL(request.url);
      if (this.#tools.size > 0 && pathname === toolsPath) return this.#tools.serve(request);
      if (!handler) return new Response('This program has tools alone.\n', { status: 404 });
      try {
        return await handler(request);
      } catch (error) {
        process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
        const headers = { 'breakwater-error': classOf(error) };
        return new Response('The program has failed.\n', { status: 500, headers });
      }
    });
  }

  #register(): Promise<Registered> {
    const tools = this.#tools.size;
    const body = {
      sdk: SDK,
      instance: this.#instance,
      ...(tools > 0 && { toolsRevision: `${this.#instance}.${tools}` }),
    };
    return this.#api.json('/v1/program', { method: 'PUT', body });
  }

  /** Registers, and again after the runtime has restarted, which breaks the request that waits. */
  async #stayRegistered(): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      try {
        let { phase } = await this.#register();
        while (!signal.aborted && phase !== 'Drained') phase = await this.#phase(phase);
        if (phase === 'Drained') return;
      } catch (error) {
        if (signal.aborted) return;
        this.#warn(`waits for the runtime: ${String(error)}`);
        await delay(AWAY_MS, undefined, { ref: false });
      }
    }
  }

  /** The phase once it is another than `after`, or after a minute. Not repeated when it breaks. */
  async #phase(after?: Phase): Promise<Phase> {
    const query = after === undefined ? '' : `?after=${after}`;
    const response = await fetch(`${this.#api.url}/v1/lifecycle${query}`, {
      headers: { authorization: `Bearer ${this.#api.token}` },
      signal: this.#stopped.signal,
    });
    if (!response.ok) throw new Error(`the lifecycle is HTTP ${response.status}`);
    return ((await response.json()) as Lifecycle).phase;
  }

  /** Resolves when the pod has no open request, at once if it is not ending or the runtime has gone. */
  async #drained(): Promise<void> {
    try {
      let phase = await this.#phase();
      while (phase === 'Leaving') phase = await this.#phase(phase);
    } catch {
      // Without a runtime there are no requests of clients.
    }
  }

  async #watch({ name, check, critical, every }: Check): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      const state = (await passes(check)) ? 'Passing' : 'Failing';
      const body: Health = { state, critical, ttl: 3 * every };
      try {
        await this.#api.send(`/v1/health/${name}`, { method: 'PUT', body, signal });
      } catch (error) {
        if (!signal.aborted) this.#warn(`health ${name} was not reported: ${String(error)}`);
      }
      await delay(every * 1000, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  async #runHandlers(): Promise<void> {
    for (const { name, handler, timeout } of this.#handlers) {
      const began = performance.now();
      const end = await endOf(handler, timeout);
      const body: HandlerEnd = { handler: name, ms: performance.now() - began, ...end };
      if (end.end !== 'Done') this.#warn(`shutdown of ${name}: ${end.end} ${end.error ?? ''}`);
      if (!this.#api.present) continue;
      await this.#api.send('/v1/shutdown', { method: 'POST', body }).catch(() => undefined);
    }
  }

  /** Says a thing once. */
  #warn(text: string): void {
    if (this.#warned.has(text) || this.#warned.size > 100) return;
    this.#warned.add(text);
    process.stderr.write(`breakwater: ${text}\n`);
  }
}

async function passes(check: () => unknown): Promise<boolean> {
  const late = delay(CHECK_TIMEOUT * 1000, false, { ref: false });
  const checked = (async (): Promise<boolean> => (await check()) !== false)();
  return Promise.race([checked, late]).catch(() => false);
}

async function endOf(
  handler: () => unknown,
  timeout: number,
): Promise<Pick<HandlerEnd, 'end' | 'error'>> {
  const late = delay(timeout * 1000, { end: 'TimedOut' } as const, { ref: false });
  const done = (async (): Promise<{ end: 'Done' }> => {
    await handler();
    return { end: 'Done' };
  })();
  return Promise.race([done, late]).catch(
    (error: unknown) => ({ end: 'Failed', error: classOf(error) }) as const,
  );
}

/** An error of the model by the runtime's reason, or UpstreamError where the endpoint gave it. */
function modelError(error: unknown): unknown {
  if (!(error instanceof Anthropic.APIError) || error.status === undefined) return error;
  const headers = error.headers as Headers | undefined;
  const reason = headers?.get('x-breakwater-reason') ?? 'UpstreamError';
  return new BreakwaterError(reason, error.message, {
    status: error.status as number,
    cause: error,
  });
}

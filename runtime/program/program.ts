import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import { PROGRAM_PATHS } from '../../contract/link.ts';
import type { Content, HealthCheckStatus, ProgramStatus } from '../../contract/generated/types.ts';
import type { Tools } from '../conversations/tools/toolbox.ts';
import type { Failure } from '../errors/failure.ts';
import type { Arrived } from '../exchange/exchange.ts';
import { refuse } from '../exchange/response.ts';
import type { SendError, Served } from '../exchange/response.ts';
import type { ProgramHost } from './host.ts';
import { isWithin, mayMean } from './paths.ts';

export interface ProgramDeps {
  /** Loads what serves a program. It is large, and agents without a program never need it. */
  load: () => Promise<ProgramHost>;
  sendError: SendError;
  log: Logger;
}

/** What metrics call the program's paths: their names are the user's. */
export const PROGRAM_ROUTE = 'program';

const LOADING: Failure = {
  reason: 'ProgramUnavailable',
  message: 'The program of the agent is not ready yet.',
  retryAfterMs: 1000,
};

/** The place of the program in the process. Without a program it costs nothing. */
export class Program {
  /** The program's tools. */
  readonly tools: Tools;
  readonly #deps: ProgramDeps;
  #spec: Content['program'];
  #host: ProgramHost | undefined;
  #loading: Promise<void> | undefined;
  #content: Content | undefined;
  #token: string | undefined;
  #closed = false;

  constructor(deps: ProgramDeps) {
    this.#deps = deps;
    const toolsOf = (): Tools | undefined => this.#host?.tools;
    this.tools = {
      get definitions() {
        return toolsOf()?.definitions ?? [];
      },
      run: (call, context) => toolsOf()?.run(call, context),
    };
  }

  /** Token of the local API and of the debug pages; undefined without one. */
  get token(): string | undefined {
    return this.#token;
  }

  get host(): ProgramHost | undefined {
    return this.#spec && this.#host;
  }

  setToken(text: string): void {
    const token = text.trim();
    this.#token = token === '' ? undefined : token;
  }

  apply(content: Content): void {
    this.#content = content;
    this.#spec = content.program;
    if (this.#host) this.#host.apply(content);
    else if (content.program) this.#loading ??= this.#load();
  }

  /** The route of a request that is for the program; undefined for others. */
  route({ url = '' }: IncomingMessage): string | undefined {
    const { http, tools } = this.#spec ?? {};
    if (!http) return undefined;
    const [path = ''] = url.split('?', 1);
    const isClosed = tools !== undefined && mayMean(path, tools.path);
    return isWithin(path, http.paths) && !isClosed ? PROGRAM_ROUTE : undefined;
  }

  serve(arrived: Arrived): Promise<Served> {
    if (this.#host) return this.#host.serve(arrived);
    return Promise.resolve(refuse(this.#deps.sendError, arrived.response, LOADING));
  }

  /** Why the pod is not ready for the program's sake; undefined without a program. */
  health(): { ok: boolean; detail?: string } | undefined {
    if (!this.#spec) return undefined;
    return this.#host?.health() ?? { ok: false, detail: 'is loading' };
  }

  /** What the program says of its dependencies. */
  checks(): HealthCheckStatus[] {
    return this.host?.checks() ?? [];
  }

  /** What the operator hears of the program; undefined without one. */
  status(): ProgramStatus | undefined {
    return this.host?.status();
  }

  /** Answers the probes of the program's container. False for other requests. */
  probe(request: IncomingMessage, response: ServerResponse): boolean {
    const [path = ''] = (request.url ?? '').split('?', 1);
    if (path !== PROGRAM_PATHS.live && path !== PROGRAM_PATHS.drained) return false;
    if (path === PROGRAM_PATHS.drained && this.#host) {
      void this.#host.whenDrained(response).then(() => answer(response, true));
    } else answer(response, path === PROGRAM_PATHS.drained || this.host?.isUp === true);
    return true;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#loading;
    await this.#host?.close();
  }

  async #load(): Promise<void> {
    try {
      const host = await this.#deps.load();
      if (this.#closed) return await host.close();
      if (this.#content) host.apply(this.#content);
      this.#host = host;
    } catch (err) {
      this.#deps.log.error({ err }, 'What serves the program cannot be loaded');
    }
  }
}

function answer(response: ServerResponse, ok: boolean): void {
  response.writeHead(ok ? 200 : 503, { 'content-type': 'text/plain' });
  response.end(ok ? 'ok\n' : 'The program was silent for too long.\n');
}

import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import type { ApiError } from '../../contract/generated/program.ts';
import { BreakwaterError } from './errors.ts';

/** How long a request waits for a runtime that restarts, and between two tries, in milliseconds. */
const RESTART_MS = 5000;
const PAUSE_MS = 100;

/** Headers of a request of a client, which calls made for it carry on. */
const CARRIED = ['breakwater-request', 'traceparent'];

/** The request that the program serves now. */
export interface Served {
  /** Name of the client; absent where it is not known. */
  client?: string;
  /** Headers for calls of the local API. */
  headers: Readonly<Record<string, string>>;
}

/** Follows a request through all that is awaited for it. */
export const serving = new AsyncLocalStorage<Served>();

/** What the runtime says of a request, by its headers. */
export function servedOf(headers: Headers): Served {
  const carried = CARRIED.map((name) => [name, headers.get(name)]).filter(([, value]) => value);
  const client = headers.get('breakwater-client');
  return {
    ...(client !== null && { client: decodeURIComponent(client) }),
    headers: Object.fromEntries(carried) as Record<string, string>,
  };
}

export interface ApiRequest {
  method: string;
  /** Sent as JSON, but for bytes. */
  body?: unknown;
  query?: Readonly<Record<string, string | number | undefined>>;
  signal?: AbortSignal;
}

/** The runtime of the program's own pod. */
export class LocalApi {
  readonly #environment: NodeJS.ProcessEnv;

  /** Reads BREAKWATER_URL and BREAKWATER_TOKEN of the environment with each request. */
  constructor(environment: NodeJS.ProcessEnv) {
    this.#environment = environment;
  }

  /** Whether the program runs beside a runtime. */
  get present(): boolean {
    return Boolean(this.#environment['BREAKWATER_URL']);
  }

  get url(): string {
    const url = this.#environment['BREAKWATER_URL'];
    if (url) return url.replace(/\/$/, '');
    const remedy =
      'Start the program by `breakwater local --program`, or as spec.program of an agent.';
    throw new BreakwaterError('NoRuntime', `BREAKWATER_URL is not set. ${remedy}`);
  }

  get token(): string {
    return this.#environment['BREAKWATER_TOKEN'] ?? '';
  }

  /** The answer, or BreakwaterError with the reason of an error answer. */
  async send(path: string, { method, body, query, signal }: ApiRequest): Promise<Response> {
    const bytes = body instanceof Uint8Array;
    const url = new URL(`${this.url}${path}`);
    for (const [name, value] of Object.entries(query ?? {})) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    const type = bytes ? 'application/octet-stream' : 'application/json';
    const response = await this.fetch(url, {
      method,
      headers: {
        authorization: `Bearer ${this.token}`,
        ...(body !== undefined && { 'content-type': type }),
      },
      ...(body !== undefined && {
        body: bytes ? (body as Uint8Array<ArrayBuffer>) : JSON.stringify(body),
      }),
      ...(signal && { signal }),
    });
    if (response.ok) return response;
    throw await errorOf(response, path);
  }

  async json<T>(path: string, request: ApiRequest): Promise<T> {
    return (await (await this.send(path, request)).json()) as T;
  }

  /**
   * `fetch` with the headers of the request that is served. While the runtime restarts, it tries for 5 s. It repeats only what
   * did not arrive, or may arrive twice.
   */
  readonly fetch = async (
    input: string | URL | Request,
    init: RequestInit = {},
  ): Promise<Response> => {
    const headers = withCarried(init.headers);
    const until = performance.now() + RESTART_MS;
    for (;;) {
      try {
        return await fetch(input, { ...init, headers });
      } catch (error) {
        if (init.signal?.aborted) throw error;
        if (!mayRepeat(init.method, error) || performance.now() > until) {
          const message = `no answer from ${this.url}`;
          throw new BreakwaterError('RuntimeUnreachable', message, { cause: error });
        }
      }
      await delay(PAUSE_MS);
    }
  };
}

function withCarried(own: RequestInit['headers']): Headers {
  const headers = new Headers(own);
  const carried = serving.getStore()?.headers ?? {};
  for (const [name, value] of Object.entries(carried)) headers.set(name, value);
  return headers;
}

const mayRepeat = (method = 'GET', error: unknown): boolean =>
  ['GET', 'PUT', 'DELETE'].includes(method) || codeOf(error) === 'ECONNREFUSED';

async function errorOf(response: Response, path: string): Promise<BreakwaterError> {
  const { status } = response;
  const text = await response.text();
  const reason = response.headers.get('x-breakwater-reason') ?? `HTTP ${status}`;
  // A runtime of an earlier version has no such route.
  if (reason === 'NotFound' && !path.startsWith('/v1/tools/')) {
    const remedy = 'Take a runtime of the version of this package or later.';
    return new BreakwaterError('UnsupportedByRuntime', `${path}. ${remedy}`, { status });
  }
  return new BreakwaterError(reason, messageIn(text), { status });
}

function messageIn(text: string): string {
  try {
    return (JSON.parse(text) as ApiError).error.message;
  } catch {
    return text;
  }
}

const codeOf = (error: unknown): unknown =>
  ((error as Error).cause as NodeJS.ErrnoException | undefined)?.code;

import { createServer } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { Ajv2020 } from 'ajv/dist/2020.js';
import schema from '../../contract/generated/program.schema.json' with { type: 'json' };

export interface Arrived {
  route: string;
  headers: IncomingHttpHeaders;
  body: unknown;
}

/** Bodies by their schema in contract/program.openapi.yaml. */
const BODIES: Record<string, string> = {
  'PUT /v1/program': 'Registration',
  'POST /v1/tasks': 'Tasks',
  'POST /v1/audit': 'AuditEvents',
  'POST /v1/incidents': 'IncidentReport',
  'PUT /v1/health': 'Health',
  'POST /v1/shutdown': 'HandlerEnd',
};

/** The local API over a real socket, as its contract says. What a body has wrong is 400, as at the runtime. */
export class LocalRuntime {
  readonly token = 'token-of-the-agent';
  readonly arrived: Arrived[] = [];
  /** Routes that this version does not have. */
  missing = new Set<string>();
  #phase = 'Running';
  #port = 0;
  #http: Server | undefined;
  readonly #waiting = new Set<() => void>();
  readonly #cache = new Map<string, Buffer>();
  readonly #ajv = new Ajv2020({ strict: false }).addSchema(schema);

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async start(): Promise<void> {
    this.#http = createServer((request, response) => void this.#serve(request, response));
    await new Promise<void>((resolve) => this.#http!.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (this.#http.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#http!.close(resolve));
    this.#http!.closeAllConnections();
    await closed;
  }

  /** The phase of the pod, of which waiting programs learn. */
  set phase(phase: string) {
    this.#phase = phase;
    for (const wake of this.#waiting) wake();
  }

  of(route: string): Arrived[] {
    return this.arrived.filter((each) => each.route === route);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url!, this.url);
    const bytes = Buffer.from(await text(request));
    const [, , kind, key] = url.pathname.split('/');
    const route = `${request.method} /v1/${kind}`;
    if (!this.#knows(request)) return refuse(response, 401, 'Unauthorized');
    if (this.missing.has(route)) return refuse(response, 404, 'NotFound');
    if (kind === 'cache' && key) return this.#cached(request.method!, key, url, bytes, response);
    const body: unknown = bytes.length > 0 ? JSON.parse(bytes.toString()) : url.search;
    this.arrived.push({ route, headers: request.headers, body });
    const fault = this.#fault(BODIES[route], body);
    if (fault !== undefined) return refuse(response, 400, 'InvalidRequest', fault);
    if (kind === 'lifecycle') await this.#waits(url.searchParams.get('after'), response);
    send(response, this.#answer(route));
  }

  #knows({ headers }: IncomingMessage): boolean {
    return headers.authorization === `Bearer ${this.token}` || headers['x-api-key'] === this.token;
  }

  #fault(name: string | undefined, body: unknown): string | undefined {
    if (name === undefined) return undefined;
    const valid = this.#ajv.validate(`program.schema.json#/definitions/${name}`, body);
    return valid ? undefined : this.#ajv.errorsText();
  }

  async #waits(after: string | null, response: ServerResponse): Promise<void> {
    if (after !== this.#phase) return;
    await new Promise<void>((resolve) => {
      this.#waiting.add(resolve);
      response.once('close', resolve);
    });
  }

  #answer(route: string): unknown {
    const recorded = { recorded: 1 };
    const answers: Record<string, unknown> = {
      'PUT /v1/program': {
        ...{ agent: 'orders', namespace: 'team', pod: 'orders-1' },
        ...{ phase: this.#phase, features: [] },
      },
      'GET /v1/lifecycle': { phase: this.#phase },
      'POST /v1/tasks': recorded,
      'POST /v1/audit': recorded,
      'GET /v1/audit': { enabled: true, events: [] },
      'POST /v1/incidents': { id: 'inc-1' },
      'GET /v1/performance': { tasks: {}, ranking: [] },
      'POST /v1/messages': {
        ...{ id: 'msg_1', type: 'message', role: 'assistant', model: 'any' },
        ...{ content: [{ type: 'text', text: 'Hello.' }], stop_reason: 'end_turn' },
        usage: { input_tokens: 1, output_tokens: 1 },
      },
    };
    return answers[route];
  }

  #cached(method: string, key: string, url: URL, bytes: Buffer, response: ServerResponse): void {
    this.arrived.push({ route: `${method} /v1/cache`, headers: {}, body: url.search });
    if (method === 'PUT') this.#cache.set(key, bytes);
    if (method === 'DELETE') this.#cache.delete(key);
    if (method !== 'GET') return void response.writeHead(204).end();
    const found = this.#cache.get(key);
    if (found === undefined) return refuse(response, 404, 'NotCached');
    response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(found);
  }
}

function send(response: ServerResponse, answer: unknown): void {
  if (answer === undefined) return void response.writeHead(204).end();
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
}

function refuse(response: ServerResponse, status: number, reason: string, message = reason): void {
  const error = { type: 'error', error: { type: 'api_error', message }, request_id: 'req_1' };
  response
    .writeHead(status, { 'x-breakwater-reason': reason, 'content-type': 'application/json' })
    .end(JSON.stringify(error));
}

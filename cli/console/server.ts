import { randomBytes, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as setTimer } from 'node:timers/promises';
import type { Trip } from '../view/trips.ts';
import type { TableChange, TableLine } from './answers.ts';
import { agentPage, requestPage, usagePage } from './pages.ts';
import type { Source } from './source.ts';
import { Table, worldOf } from './table.ts';

/** A file of the page. */
export interface Asset {
  type: string;
  body: Buffer;
}

/** Least time between two changes of the table that one page gets, in milliseconds. */
const PACE_MS = 250;
/** Longest silence of the table, so that a page notices that the console is gone, in milliseconds. */
const ALIVE_MS = 5000;
/** Largest edited manifest in bytes: what an API server takes at most. */
const MAX_MANIFEST = 1_500_000;
const TOKEN_BYTES = 32;

const HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

/** The console refuses a request with this status and message. */
class Refusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/**
 * Serves the console on the loopback interface, to those who know its token. Another site in the same browser does not:
 * its requests have another Origin, or after a rebinding of its name another Host. There is no cookie that it could use.
 */
export class ConsoleServer {
  readonly #server: Server;
  readonly #token = randomBytes(TOKEN_BYTES).toString('base64url');
  readonly #source: Source;
  readonly #assets: ReadonlyMap<string, Asset>;
  readonly #table = new Table();

  /** @param assets files of the page by their path; `/` is the page */
  constructor(source: Source, assets: ReadonlyMap<string, Asset>) {
    this.#source = source;
    this.#assets = assets;
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  /** Listens on the port; 0: on a free one. Gives the address to open, which holds the token. */
  async listen(port: number): Promise<string> {
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${this.#port}/#t=${this.#token}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  get #port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      await this.#route(request, response);
    } catch (error) {
      const status = error instanceof Refusal ? error.status : 502;
      const message = error instanceof Error ? error.message : String(error);
      if (response.headersSent) response.destroy();
      else sendJson(response, status, { error: message });
    }
  }

  async #route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#checkPlace(request);
    const { pathname } = new URL(request.url ?? '/', 'http://console');
    const changes = pathname === '/api/changes';
    if (request.method !== (changes ? 'POST' : 'GET')) {
      throw new Refusal(405, 'The console changes nothing.');
    }
    const asset = this.#assets.get(pathname);
    if (asset) {
      response.writeHead(200, { ...HEADERS, 'content-type': asset.type }).end(asset.body);
      return;
    }
    if (!pathname.startsWith('/api/')) throw new Refusal(404, `There is no ${pathname}.`);
    this.#checkToken(request);
    if (pathname === '/api/table') return this.#stream(response);
    const page = changes
      ? await this.#source.changes(await bodyOf(request))
      : await this.#page(pathname);
    if (page === undefined) throw new Refusal(404, 'There is no such agent.');
    sendJson(response, 200, page);
  }

  #checkPlace({ headers }: IncomingMessage): void {
    const places = [`127.0.0.1:${this.#port}`, `localhost:${this.#port}`];
    if (!places.includes(headers.host ?? '')) throw new Refusal(421, 'This is not the console.');
    const { origin } = headers;
    if (origin !== undefined && !places.some((place) => origin === `http://${place}`)) {
      throw new Refusal(403, 'Other sites may not ask the console.');
    }
  }

  #checkToken({ headers }: IncomingMessage): void {
    const given = Buffer.from(headers.authorization ?? '');
    const right = Buffer.from(`Bearer ${this.#token}`);
    if (given.length === right.length && timingSafeEqual(given, right)) return;
    throw new Refusal(401, 'Open the address that the command has printed: it holds the token.');
  }

  async #page(pathname: string): Promise<unknown> {
    const [, , what, ...rest] = pathname.split('/');
    const [namespace = '', name = '', part, id = ''] = rest.map(decoded);
    if (what !== 'agents') throw new Refusal(404, `There is no ${pathname}.`);
    const world = worldOf(this.#source.world(), namespace, name);
    if (world === undefined) return undefined;
    if (part === undefined) return agentPage(world);
    if (part === 'usage') return usagePage(world, this.#source);
    if (part === 'requests') return requestPage(world, this.#source, id);
    throw new Refusal(404, `There is no ${pathname}.`);
  }

  /** Sends the table as lines of JSON, each a TableChange. A slow page gets the changes together. */
  async #stream(response: ServerResponse): Promise<void> {
    response.writeHead(200, { ...HEADERS, 'content-type': 'application/x-ndjson' });
    let wake = (): void => undefined;
    const stop = this.#source.onChange(() => wake());
    response.on('close', () => wake());
    let known: Known = { lines: new Map(), trips: undefined };
    while (!response.destroyed) {
      const woken = new Promise<void>((resolve) => (wake = resolve));
      const [change, now] = this.#changeSince(known);
      known = now;
      if (!response.write(`${JSON.stringify(change)}\n`)) await drained(response);
      const alive = setTimeout(() => wake(), ALIVE_MS);
      await woken;
      clearTimeout(alive);
      await setTimer(PACE_MS);
    }
    stop();
  }

  #changeSince(known: Known): [TableChange, Known] {
    const world = this.#source.world();
    const lines = this.#table.lines(world);
    const trips = this.#table.trips(world);
    const problem = this.#source.problem();
    const change = {
      at: new Date().toISOString(),
      ...(problem !== undefined && { problem }),
      changed: [...lines].flatMap(([key, line]) => (known.lines.get(key) === line ? [] : line)),
      gone: [...known.lines.keys()].filter((key) => !lines.has(key)),
      ...(trips !== known.trips && { trips: [...trips] }),
    };
    return [change, { lines, trips }];
  }
}

/** What a page has got. */
interface Known {
  lines: ReadonlyMap<string, TableLine>;
  trips: readonly Trip[] | undefined;
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    response.once('drain', resolve).once('close', resolve);
  });
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Refusal(400, `${text} is no part of an address.`);
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > MAX_MANIFEST) throw new Refusal(413, 'The manifest is too large.');
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  response
    .writeHead(status, { ...HEADERS, 'content-type': 'application/json' })
    .end(JSON.stringify(value));
}

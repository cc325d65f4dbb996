import { Response } from 'undici';
import type { ByteBudget } from '../../resilience/byteBudget.ts';
import { MCP_REFUSAL_BYTES, MCP_REPLY_MS, McpInvalid, McpUnanswered } from './mcpBounds.ts';
import { bytesOf, mediaType, messagesOf } from './mcpMessages.ts';
import type { RpcMessage } from './mcpMessages.ts';
import { readAnswer } from './mcpResults.ts';

type Fetch = (url: string | URL, init?: RequestInit) => Promise<globalThis.Response>;

export interface McpFetchDeps {
  /** Follows no redirect. */
  fetch: Fetch;
  /** Monotonic clock in milliseconds. */
  now: () => number;
  /** Bytes of a text that the model may see. */
  maxBytes: number;
  /** Counts what is read of answers. */
  byteBudget: ByteBudget;
  /** The server says that its list of tools has changed. */
  onChanged: () => void;
  /** Changes of the list are no longer announced. `broke`: the stream that announced them broke off. */
  onSilent: (broke: boolean) => void;
}

/** Throws for an answer in br, which nobody asked for: its decoder takes 16 MiB for 80 bytes. */
async function refuseBrotli({ headers, body }: globalThis.Response): Promise<void> {
  if (!/\bbr\b/i.test(headers.get('content-encoding') ?? '')) return;
  await body?.cancel();
  throw new McpInvalid('an answer is in brotli');
}

/** A request of JSON-RPC that the SDK sends. */
interface Request {
  id: string | number;
  method: string;
}

/** A request with the HTTP answer to it. */
interface Exchange {
  url: string | URL;
  init: RequestInit;
  answer: globalThis.Response;
  request: Request;
}

const CHANGED = 'notifications/tools/list_changed';
const ACKNOWLEDGED = 'notifications/subscriptions/acknowledged';
const SUBSCRIPTION_ID = 'io.modelcontextprotocol/subscriptionId';
const MAX_ID = 128;
const ACCEPTED = 202;
const NOT_ALLOWED = 405;
const NOT_FOUND = '"error":{"code":-32601,"message":"Method not found"}';

/**
 * How a client of the SDK sends requests. The SDK gets the one answer that it waits for and nothing else that the server
 * sends, because it would spend a request or milliseconds on each message, and would wait for an answer that never comes.
 */
export class McpFetch {
  readonly #deps: McpFetchDeps;
  #repliedAt = -Infinity;

  constructor(deps: McpFetchDeps) {
    this.#deps = deps;
  }

  readonly fetch: Fetch = async (url, init = {}) => {
    const isPost = init.method === 'POST';
    // Whether the rest of a call's answer comes over another stream is for no caller to wait for.
    if (!isPost && new Headers(init.headers).has('last-event-id')) return empty(NOT_ALLOWED);
    const answer = await this.#deps.fetch(url, init);
    await refuseBrotli(answer);
    if (!answer.ok) return refusal(answer);
    const request = isPost ? requestIn(init.body) : undefined;
    if (request) return this.#answered({ url, init, answer, request });
    if (init.method === 'GET') return this.#listened({ url, init, answer });
    await answer.body?.cancel();
    return empty(answer.status);
  };

  async #answered(exchange: Exchange): Promise<globalThis.Response> {
    const { answer, request } = exchange;
    const { id, method } = request;
    if (method === 'subscriptions/listen' && isStream(answer)) return this.#listened(exchange);
    for await (const message of messagesOf(answer, this.#deps.byteBudget)) {
      if (message.members.has('method')) this.#hear(message, exchange);
      else if (idOf(message) === String(id)) {
        const read = await readAnswer(message, method, this.#deps.maxBytes);
        return json({ jsonrpc: '2.0', id, ...read }, answer);
      }
    }
    return unanswered(exchange);
  }

  /** A stream of notifications. The SDK learns of its end, and of the acknowledgement of a subscription. */
  async #listened(
    exchange: Omit<Exchange, 'request'> & Partial<Exchange>,
  ): Promise<globalThis.Response> {
    const { answer, request } = exchange;
    if (!isStream(answer)) {
      await answer.body?.cancel();
      return empty(NOT_ALLOWED);
    }
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const writer = writable.getWriter();
    const follow = async (): Promise<void> => {
      for await (const message of messagesOf(answer, this.#deps.byteBudget)) {
        const method = memberIn(message, 'method');
        if (method === undefined) return;
        if (method === ACKNOWLEDGED && request) await writer.write(acknowledgement(request.id));
        else this.#hear(message, exchange);
      }
    };
    const end = async (broke: boolean): Promise<void> => {
      this.#deps.onSilent(broke);
      await writer.close();
    };
    void follow()
      .then(
        () => end(false),
        () => end(true),
      )
      // The SDK may have left the stream by then.
      .catch(() => undefined);
    const headers = { 'content-type': 'text/event-stream' };
    return new Response(readable, { headers });
  }

  /** Takes a notification or a request of the server. */
  #hear(message: RpcMessage, { url, init }: Pick<Exchange, 'url' | 'init'>): void {
    const { json, members } = message;
    const method = memberIn(message, 'method');
    if (method === CHANGED) this.#deps.onChanged();
    const id = members.get('id');
    const headers = new Headers(init.headers);
    // Servers of 2026-07-28 send no requests.
    if (!id || id.end - id.start > MAX_ID || headers.has('mcp-method')) return;
    const now = this.#deps.now();
    if (now - this.#repliedAt < MCP_REPLY_MS) return;
    this.#repliedAt = now;
    const said = method === 'ping' ? '"result":{}' : NOT_FOUND;
    const body = `{"jsonrpc":"2.0","id":${json.toString('utf8', id.start, id.end)},${said}}`;
    void this.#reply(url, { method: 'POST', headers, body, signal: init.signal ?? null });
  }

  async #reply(url: string | URL, init: RequestInit): Promise<void> {
    try {
      await (await this.#deps.fetch(url, init)).body?.cancel();
    } catch {
      // The call under way learns of it.
    }
  }
}

/** What the SDK gets in place of an answer that there is not. Throws for all but a server that knows no discovery. */
function unanswered({ answer, request }: Exchange): globalThis.Response {
  // A server of an earlier version may take the request that it does not know for a notification.
  if (request.method === 'server/discover' && answer.status === ACCEPTED) return empty(NOT_ALLOWED);
  const type = mediaType(answer);
  if (type !== '' && type !== 'application/json' && !isStream(answer)) {
    throw new McpInvalid(`an answer has the type ${type.slice(0, MAX_ID)}`);
  }
  throw new McpUnanswered('no answer to a request');
}

/** An answer that is no success, with a text of bounded length. */
async function refusal(answer: globalThis.Response): Promise<globalThis.Response> {
  let body: Buffer = Buffer.alloc(0);
  try {
    body = await bytesOf(answer, MCP_REFUSAL_BYTES);
  } catch {
    // The status says enough.
  }
  const { status, statusText, headers } = answer;
  const type = headers.get('content-type') ?? '';
  return new Response(body.length > 0 ? body.toString() : null, {
    ...{ status, statusText, headers: { 'content-type': type } },
  });
}

function empty(status: number): globalThis.Response {
  return new Response(null, { status });
}

function json(message: object, { headers }: globalThis.Response): globalThis.Response {
  const session = headers.get('mcp-session-id');
  return new Response(JSON.stringify(message), {
    headers: {
      'content-type': 'application/json',
      ...(session !== null && { 'mcp-session-id': session }),
    },
  });
}

function acknowledgement(id: string | number): Uint8Array {
  const message = {
    jsonrpc: '2.0',
    method: ACKNOWLEDGED,
    params: {
      _meta: { [SUBSCRIPTION_ID]: id },
      notifications: { toolsListChanged: true },
    },
  };
  return Buffer.from(`data: ${JSON.stringify(message)}\n\n`);
}

function isStream(answer: globalThis.Response): boolean {
  return mediaType(answer) === 'text/event-stream';
}

/** The request in a body of the SDK; undefined for a notification. */
function requestIn(body: RequestInit['body']): Request | undefined {
  if (typeof body !== 'string') return undefined;
  const { id, method } = JSON.parse(body) as Partial<Request>;
  return id === undefined || method === undefined ? undefined : { id, method };
}

/** The id of an answer as text: some servers turn numbers into strings. */
function idOf(message: RpcMessage): string {
  return String(memberIn(message, 'id'));
}

/** The value of a short member. */
function memberIn({ json, members }: RpcMessage, name: string): unknown {
  const span = members.get(name);
  if (!span || span.end - span.start > MAX_ID) return undefined;
  return JSON.parse(json.toString('utf8', span.start, span.end));
}

import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Content } from '../../contract/generated/types.ts';
import { Agent } from 'undici';
import type { Peers, PeersDeps } from './peers.ts';
import { addTraceHeader } from './traceId.ts';
import type { Absence } from '../conversations/stores/store.ts';
import {
  FORWARDED,
  TRACE_CONTEXT,
  responseHeaders,
  traceHeaders,
} from '../model/transport/headers.ts';
import type { RemoteContext } from '../observe/trace/span.ts';
import type { Failure } from '../errors/failure.ts';

export interface PeerForwardDeps {
  peers: Peers;
  /** Host and port of a pod's agent API. */
  locate: (address: string) => string;
  /** Time to connect, in milliseconds. */
  connectMs: () => number;
  /** Time that the pod may let pass without a byte of its answer, in milliseconds. */
  silenceMs: () => number;
}

/** How pods of one agent reach each other. */
export type PeerAccess = Pick<PeersDeps, 'resolve'> &
  Pick<PeerForwardDeps, 'locate'> & {
    /** IP address of this pod. */
    self: string;
  };

export const UNREACHABLE: Failure = {
  reason: 'UpstreamUnreachable',
  message: 'The pod that keeps this conversation cannot be reached at present.',
  retryAfterMs: 1000,
};

export const NO_ANSWER: Failure = {
  reason: 'Timeout',
  message: 'The pod that keeps this conversation has not answered in time.',
};

/** Fields that belong to the connection to the client, or that our own client sets. */
const DROPPED: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
  'expect',
  'te',
  'trailer',
  FORWARDED,
]);

/** One request that is passed on. */
export interface PeerCall {
  /** Of the request; empty where it has none. */
  body: Buffer;
  /** Aborted when the client leaves or the process does. */
  signal: AbortSignal;
  /** Of the trace; absent: what the client sent stays. */
  context?: RemoteContext | undefined;
  /** In place of the time that a turn of a conversation may take. */
  silenceMs?: number;
}

/** `Silent`: it took the request, so that nobody knows what became of it. `Gone`: the client, or the pod amid its answer. */
export type Forwarded = 'Answered' | Absence | 'Unreachable' | 'Silent' | 'Gone';

/** Passes requests on to the pod that keeps a conversation: one hop, streams and credentials as they are. */
export class PeerForward {
  readonly #deps: PeerForwardDeps;
  readonly #agent: Agent;

  constructor(deps: PeerForwardDeps) {
    this.#deps = deps;
    const connect = { timeout: deps.connectMs() };
    // A connection for each request: a kept one may be closed while it is written to, and a message must not be sent twice.
    this.#agent = new Agent({ connect, pipelining: 0 });
  }

  /** Answers the request as the owner does. `Lost`: there is no such pod any more. Nothing was sent then. */
  async forward(
    address: string,
    request: IncomingMessage,
    response: ServerResponse,
    call: PeerCall,
  ): Promise<Forwarded> {
    const { peers } = this.#deps;
    const { signal } = call;
    if (!(await peers.has(address, signal))) return signal.aborted ? 'Gone' : 'Lost';
    const end = await this.pass(address, request, response, call);
    if (end !== 'Unreachable') return end;
    peers.doubt(address);
    return (await peers.has(address, signal)) ? end : 'Lost';
  }

  /** The same for an address that the operator has named. `Lost`: nobody listens there. */
  async pass(
    address: string,
    request: IncomingMessage,
    response: ServerResponse,
    call: PeerCall,
  ): Promise<Forwarded> {
    try {
      await this.#pass(address, request, response, call);
      return 'Answered';
    } catch (error) {
      if (response.headersSent || call.signal.aborted) return 'Gone';
      // The process that kept the conversation is no more.
      if (codeOf(error) === 'ECONNREFUSED') return 'Lost';
      return codeOf(error) === 'UND_ERR_HEADERS_TIMEOUT' ? 'Silent' : 'Unreachable';
    }
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  async #pass(
    address: string,
    request: IncomingMessage,
    response: ServerResponse,
    { body, signal, context, silenceMs = this.#deps.silenceMs() }: PeerCall,
  ): Promise<void> {
    const bodiless = request.method === 'GET' || request.method === 'DELETE';
    const answer = await this.#agent.request({
      origin: `http://${this.#deps.locate(address)}`,
      path: request.url!,
      method: request.method as 'GET',
      headers: [...forwardedHeaders(request.rawHeaders, context), FORWARDED, '1'],
      body: bodiless ? null : Readable.from(parts(body)),
      signal,
      headersTimeout: silenceMs,
      bodyTimeout: silenceMs,
      responseHeaders: 'raw',
    });
    const headers = responseHeaders(answer.headers as unknown as string[]);
    response.writeHead(answer.statusCode, addTraceHeader(response, headers));
    await pipeline(answer.body, response, { signal });
  }
}

/** Bytes that are written at a time: the pod may answer before it has all. */
const PART_BYTES = 64 * 1024;

function* parts(body: Buffer): Generator<Buffer> {
  for (let at = 0; at < body.length; at += PART_BYTES) yield body.subarray(at, at + PART_BYTES);
}

/** The client's, with the trace context of ours in place of its own where there is one. */
function forwardedHeaders(raw: readonly string[], context: RemoteContext | undefined): string[] {
  const own = context ? traceHeaders(context).flat() : [];
  const replaced = (name: string): boolean => context !== undefined && TRACE_CONTEXT.has(name);
  const kept = raw.filter((_, i) => {
    const name = raw[i - (i % 2)]!.toLowerCase();
    return !DROPPED.has(name) && !replaced(name);
  });
  return [...kept, ...own];
}

function codeOf(error: unknown): string | undefined {
  return (error as { code?: string }).code;
}

/** Time in which any message is answered: what it may wait for its turn, and the turn itself. */
export function longestTurnMs(content: Content | undefined): number {
  const { conversation, bulkhead, limits = [] } = content ?? {};
  const waits = limits.filter(({ target }) => target === 'inbound');
  const limitMs = waits.reduce((sum, { maxWaitMs = 0 }) => sum + maxWaitMs, 0);
  return (conversation?.runTimeoutMs ?? 0) + (bulkhead?.acquireTimeoutMs ?? 0) + limitMs;
}

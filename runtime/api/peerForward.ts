import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Content } from '../../contract/generated/types.ts';
import { Agent } from 'undici';
import type { Peers, PeersDeps } from './peers.ts';
import { addTraceHeader } from './response.ts';
import type { Absence } from '../conversations/stores/store.ts';
import {
  FORWARDED,
  TRACE_CONTEXT,
  responseHeaders,
  traceHeaders,
} from '../model/transport/headers.ts';
import type { RemoteContext } from '../../tracing/span.ts';
import type { Failure } from '../errors/failure.ts';

export interface PeerForwardDeps {
  peers: Peers;
  /** Host and port of a pod's agent API. */
  locate: (address: string) => string;
  /** Time to connect, in milliseconds. */
  connectMs: () => number;
  /** Longest time without a byte of the answer, in milliseconds. */
  silenceMs: () => number;
  /** What the header of forwarded requests says: from which address the request came. */
  mark: (request: IncomingMessage) => string;
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

/** Headers of the client's connection, and headers that our own client sets. */
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

export interface PeerCall {
  /** Empty for a request without one. */
  body: Buffer;
  /** Aborts when the client leaves or the process stops. */
  signal: AbortSignal;
  /** Replaces the client's trace context. Absent: the client's stays. */
  context?: RemoteContext | undefined;
  /** Replaces the longest time of a turn. */
  silenceMs?: number;
}

/**
 * `Silent`: the pod took the request and gave no answer, so its outcome is unknown. `Gone`: the client left, or the
 * pod broke off.
 */
export type Forwarded = 'Answered' | Absence | 'Unreachable' | 'Silent' | 'Gone';

/** Forwards requests to the pod that has the conversation: one hop, with streams and credentials unchanged. */
export class PeerForward {
  readonly #deps: PeerForwardDeps;
  readonly #agent: Agent;

  constructor(deps: PeerForwardDeps) {
    this.#deps = deps;
    const connect = { timeout: deps.connectMs() };
    // One connection for each request: a kept connection may close during a write, and a message must not be sent twice.
    this.#agent = new Agent({ connect, pipelining: 0 });
  }

  /** Answers with the owner's answer. `Lost`: no such pod exists, and nothing was sent. */
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
    peers.forget(address);
    return (await peers.has(address, signal)) ? end : 'Lost';
  }

  /** Forwards to an address from the operator. `Lost`: nothing listens there. */
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
      // The process with the conversation is gone.
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
      headers: [
        ...forwardedHeaders(request.rawHeaders, context),
        FORWARDED,
        this.#deps.mark(request),
      ],
      body: bodiless ? null : Readable.from(parts(body)),
      signal,
      headersTimeout: silenceMs,
      bodyTimeout: silenceMs,
      responseHeaders: 'raw',
    });
    const headers = responseHeaders(answer.headers as unknown as string[], 'Sibling');
    response.writeHead(answer.statusCode, addTraceHeader(response, headers));
    await pipeline(answer.body, response, { signal });
  }
}

/** Size of one write: the pod may answer before it has the whole body. */
const PART_BYTES = 64 * 1024;

function* parts(body: Buffer): Generator<Buffer> {
  for (let at = 0; at < body.length; at += PART_BYTES) yield body.subarray(at, at + PART_BYTES);
}

/** The client's headers, with our trace context in place of the client's. */
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

/** Longest time for any answer: the wait for the turn, and the turn itself. */
export function longestTurnMs(content: Content | undefined): number {
  const { conversation, bulkhead, limits = [] } = content ?? {};
  const waits = limits.filter(({ target }) => target === 'inbound');
  const limitMs = waits.reduce((sum, { maxWaitMs = 0 }) => sum + maxWaitMs, 0);
  return (conversation?.runTimeoutMs ?? 0) + (bulkhead?.acquireTimeoutMs ?? 0) + limitMs;
}

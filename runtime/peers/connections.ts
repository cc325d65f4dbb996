import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { Agent } from 'undici';
import type { RemoteContext } from '../../tracing/span.ts';
import type { Sink } from '../model/attempt/attempt.ts';
import {
  FORWARDED,
  TRACE_CONTEXT,
  responseHeaders,
  traceHeaders,
} from '../model/transport/headers.ts';
import type { RequestTrace } from '../observe/trace/requestTrace.ts';

export interface ConnectionsDeps {
  /** Host and port of a pod's agent API. */
  locate: (address: string) => string;
  /** What the header of forwarded requests says: from which address the request came. */
  mark: (request: IncomingMessage) => string;
}

/** A request for another pod. */
export interface Forwarding {
  request: IncomingMessage;
  /** Empty for a request without one. */
  body: Buffer;
  /** Where the answer goes. */
  sink: Pick<Sink, 'head' | 'write' | 'end'>;
  /** Aborts when the client leaves or the process stops. */
  signal: AbortSignal;
  /** Its context, if it has one, replaces the client's. */
  trace: Pick<RequestTrace, 'span' | 'forwarded'>;
}

/**
 * `Lost`: nothing listens at the address. `Silent`: the pod took the request and gave no answer, so its outcome is
 * unknown. `Gone`: the client left, or the pod broke off.
 */
export type Forwarded = 'Answered' | 'Lost' | 'Unreachable' | 'Silent' | 'Gone';

/** Time to connect to another pod, in milliseconds. */
export const CONNECT_MS = 10_000;
/** Size of one write: the pod may answer before it has the whole body. */
const PART_BYTES = 64 * 1024;

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

/** Connections to other pods. Requests make one hop, with streams and credentials unchanged. */
export class Connections {
  readonly #deps: ConnectionsDeps;
  // One connection for each request: a kept connection may close during a write, and a message must not be sent twice.
  readonly #agent = new Agent({ connect: { timeout: CONNECT_MS }, pipelining: 0 });

  constructor(deps: ConnectionsDeps) {
    this.#deps = deps;
  }

  /** Answers a request with the answer of another pod, which may be silent for `silenceMs` at a time. */
  async forward(address: string, forwarding: Forwarding, silenceMs: number): Promise<Forwarded> {
    const { sink, signal } = forwarding;
    let begun = false;
    try {
      const { statusCode, statusText, headers, body } = await this.#send(
        address,
        forwarding,
        silenceMs,
      );
      begun = true;
      const raw = headers as unknown as string[];
      sink.head(statusCode, statusText, responseHeaders(raw, 'Sibling'), false);
      for await (const chunk of body) await sink.write(chunk as Buffer);
      sink.end();
      return 'Answered';
    } catch (error) {
      if (begun || signal.aborted) return 'Gone';
      const { code } = error as { code?: string };
      // The process with the conversation is gone.
      if (code === 'ECONNREFUSED') return 'Lost';
      return code === 'UND_ERR_HEADERS_TIMEOUT' ? 'Silent' : 'Unreachable';
    }
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  #send(
    address: string,
    { request, body, signal, trace }: Forwarding,
    silenceMs: number,
  ): ReturnType<Agent['request']> {
    const { method, rawHeaders } = request;
    const headers = forwardedHeaders(rawHeaders, trace.span.context);
    return this.#agent.request({
      origin: `http://${this.#deps.locate(address)}`,
      path: request.url!,
      method: method as 'GET',
      headers: [...headers, FORWARDED, this.#deps.mark(request)],
      body: method === 'GET' || method === 'DELETE' ? null : Readable.from(parts(body)),
      signal,
      headersTimeout: silenceMs,
      bodyTimeout: silenceMs,
      responseHeaders: 'raw',
    });
  }
}

function* parts(body: Buffer): Generator<Buffer> {
  for (let at = 0; at < body.length; at += PART_BYTES) yield body.subarray(at, at + PART_BYTES);
}

/** The client's headers, with our trace context in place of the client's. */
function forwardedHeaders(raw: readonly string[], context: RemoteContext | undefined): string[] {
  const kept = raw.filter((_, i) => {
    const name = raw[i - (i % 2)]!.toLowerCase();
    return !DROPPED.has(name) && !(context && TRACE_CONTEXT.has(name));
  });
  return context ? [...kept, ...traceHeaders(context).flat()] : kept;
}

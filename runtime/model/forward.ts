import { IGNORED } from '../resilience/outcome.ts';
import type { Outcome } from '../resilience/outcome.ts';
import type { Endpoint } from '../../contract/generated/types.ts';
import { headerValue, requestHeaders, responseHeaders } from './headers.ts';
import type { RawHeaders } from './headers.ts';
import { replaceMember } from './json-member.ts';
import { Cut, connectionOutcome, cutOutcome, failure, statusOutcome } from './outcome.ts';
import type { CutCause } from './outcome.ts';
import type { Upstream, UpstreamRequest, UpstreamResponse } from './upstream.ts';
import { messageWatcher, streamWatcher } from './watcher.ts';

/** Where an answer goes. */
export interface Sink {
  /** Sends status and headers at once. `appendable`: an error event may follow the body. */
  head(status: number, statusText: string, headers: string[], appendable: boolean): void;
  /** Sends a chunk; resolves when there is room for more, or nobody reads any longer. */
  write(chunk: Buffer): Promise<void>;
  end(): void;
  /** Whether a write is waiting for the caller to read. */
  readonly blocked: boolean;
}

/** One attempt at an endpoint. */
export interface Attempt {
  endpoint: Endpoint;
  /** The endpoint's own credential; absent: the caller's is passed on. */
  credential?: string;
  /** Query string with its question mark, or empty. */
  query: string;
  headers: RawHeaders;
  body: Buffer;
  /** Whether the caller asked for a stream. */
  stream: boolean;
  /** Aborted with a Cut. */
  signal: AbortSignal;
  sink: Sink;
  onFirstChunk(): void;
  onFirstToken(): void;
}

/** Why an attempt gave the caller no whole answer. */
export type Fault = CutCause | 'Unsendable' | 'UpstreamUnreachable' | 'InvalidResponse';

/** How an attempt ended. */
export interface AttemptResult {
  /** For the circuit. */
  outcome: Outcome;
  /** Status of the endpoint's answer; absent when there was none. */
  status?: number;
  /** Whether anything reached the caller; if not, the fault is still to be answered. */
  committed: boolean;
  /** Absent when the endpoint's answer reached the caller as it was. */
  fault?: Fault;
}

/** Bytes of an unstreamed answer that are held back until it is known to be one. */
const HELD_BYTES = 8 * 1024 * 1024;

/**
 * Makes one attempt and passes the answer on as it comes. An error answer of the endpoint goes
 * through as it is; a 2xx that is not the protocol does not, as long as nothing was sent. Never
 * rejects.
 */
export async function forward(upstream: Upstream, attempt: Attempt): Promise<AttemptResult> {
  let response: UpstreamResponse;
  try {
    response = await upstream.send(upstreamRequest(attempt), attempt.signal);
  } catch (error) {
    return { ...broken(error, attempt), committed: false };
  }
  const { status } = response;
  try {
    if (status < 200 || status >= 300) return { status, ...(await passError(response, attempt)) };
    if (isEventStream(response)) return { status, ...(await passStream(response, attempt)) };
    return { status, ...(await passMessage(response, attempt)) };
  } finally {
    response.body.on('error', () => undefined).destroy();
  }
}

function upstreamRequest(attempt: Attempt): UpstreamRequest {
  const { endpoint, body, query } = attempt;
  const base = new URL(endpoint.baseURL);
  return {
    origin: base.origin,
    path: `${base.pathname.replace(/\/+$/, '')}/v1/messages${query}`,
    headers: requestHeaders(attempt.headers, attempt.credential),
    body: endpoint.model === undefined ? body : replaceMember(body, 'model', endpoint.model),
  };
}

/** Passes an answer whose status alone says what it is. */
async function passError(response: UpstreamResponse, attempt: Attempt): Promise<AttemptResult> {
  const outcome = statusOutcome(response.status);
  commit(response, attempt, false);
  try {
    for await (const chunk of response.body) await attempt.sink.write(chunk as Buffer);
  } catch (error) {
    const { fault } = broken(error, attempt);
    return { outcome, committed: true, fault };
  }
  attempt.sink.end();
  return { outcome, committed: true };
}

async function passStream(response: UpstreamResponse, attempt: Attempt): Promise<AttemptResult> {
  const encoding = headerValue(response.headers, 'content-encoding');
  const watcher = streamWatcher(encoding, () => attempt.onFirstToken());
  const length = headerValue(response.headers, 'content-length');
  commit(response, attempt, encoding === undefined && length === undefined);
  try {
    for await (const chunk of response.body) {
      attempt.onFirstChunk();
      watcher.push(chunk as Buffer);
      await attempt.sink.write(chunk as Buffer);
    }
  } catch (error) {
    const seen = await watcher.end();
    if (!seen.complete) return { ...broken(error, attempt), committed: true };
    attempt.sink.end();
    return { outcome: seen.outcome, committed: true };
  }
  const { outcome, complete } = await watcher.end();
  if (!complete) return { outcome, committed: true, fault: 'InvalidResponse' };
  attempt.sink.end();
  return { outcome, committed: true };
}

/** Holds the answer back until it is known to be a message or is too large to be held. */
async function passMessage(response: UpstreamResponse, attempt: Attempt): Promise<AttemptResult> {
  if (attempt.stream) {
    const outcome = failure('InvalidResponse', 'answer is not a stream');
    return { outcome, committed: false, fault: 'InvalidResponse' };
  }
  const watcher = messageWatcher(headerValue(response.headers, 'content-encoding'), HELD_BYTES);
  const hold = new Hold(response, attempt);
  try {
    for await (const chunk of response.body) {
      attempt.onFirstChunk();
      watcher.push(chunk as Buffer);
      await hold.write(chunk as Buffer);
    }
  } catch (error) {
    return { ...broken(error, attempt), committed: hold.committed };
  }
  const { outcome } = await watcher.end();
  if (outcome.vote === 'failure' && !hold.committed) {
    return { outcome, committed: false, fault: 'InvalidResponse' };
  }
  await hold.release();
  attempt.sink.end();
  return { outcome, committed: true };
}

/** Keeps the first bytes of an answer, headers included, until they are released. */
class Hold {
  committed = false;
  readonly #response: UpstreamResponse;
  readonly #attempt: Attempt;
  #chunks: Buffer[] = [];
  #size = 0;

  constructor(response: UpstreamResponse, attempt: Attempt) {
    this.#response = response;
    this.#attempt = attempt;
  }

  async write(chunk: Buffer): Promise<void> {
    if (this.committed) return this.#attempt.sink.write(chunk);
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    if (this.#size > HELD_BYTES) await this.release();
  }

  async release(): Promise<void> {
    if (this.committed) return;
    this.committed = true;
    commit(this.#response, this.#attempt, false);
    for (const chunk of this.#chunks) await this.#attempt.sink.write(chunk);
    this.#chunks = [];
  }
}

function commit(response: UpstreamResponse, attempt: Attempt, appendable: boolean): void {
  const headers = responseHeaders(response.headers);
  attempt.sink.head(response.status, response.statusText, headers, appendable);
}

function isEventStream(response: UpstreamResponse): boolean {
  const type = headerValue(response.headers, 'content-type') ?? '';
  return type.trim().toLowerCase().startsWith('text/event-stream');
}

/** Outcome and fault of an attempt that ended in an error. */
function broken(error: unknown, attempt: Attempt): { outcome: Outcome; fault: Fault } {
  const { signal, sink } = attempt;
  const cut: unknown = signal.aborted ? signal.reason : error;
  if (cut instanceof Cut) return { outcome: cutOutcome(cut.why, sink.blocked), fault: cut.why };
  if (UNSENDABLE.has((error as { code?: string }).code ?? '')) {
    return { outcome: IGNORED, fault: 'Unsendable' };
  }
  const outcome = connectionOutcome(error);
  const invalid = outcome.class === 'InvalidResponse';
  return { outcome, fault: invalid ? 'InvalidResponse' : 'UpstreamUnreachable' };
}

/** undici's codes for a request that it will not send, such as one with a malformed header. */
const UNSENDABLE = new Set(['UND_ERR_INVALID_ARG', 'UND_ERR_NOT_SUPPORTED']);

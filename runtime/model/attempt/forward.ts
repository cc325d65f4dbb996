import { IGNORED } from '../../resilience/outcome.ts';
import type { Outcome } from '../../resilience/outcome.ts';
import type { Attempt, AttemptResult, Refusal } from './attempt.ts';
import type { Fault } from '../../errors/fault.ts';
import { headerValue, requestHeaders } from '../transport/headers.ts';
import { AnswerBuffer } from './answerBuffer.ts';
import { replaceMember } from './jsonMember.ts';
import { connectionOutcome, cutOutcome, failure, statusOutcome } from './outcome.ts';
import { Cut } from '../../errors/fault.ts';
import { isSpendLimit, retryAfter } from './retryAfter.ts';
import type { UpstreamResponse } from '../transport/connection.ts';
import type { Upstream, UpstreamRequest } from '../transport/upstream.ts';
import { messageReader, streamReader } from './answerReader.ts';
import type { Judgement, AnswerReader } from './answerReader.ts';

/** What the way of an answer says; the rest of the result is the same for all ways. */
type Passed = Pick<AttemptResult, 'outcome' | 'committed' | 'held' | 'fault' | 'refusal'> & {
  whole?: boolean;
};

/** Bytes of an unstreamed answer that are held back until it is known to be one. */
const HELD_BYTES = 8 * 1024 * 1024;
/** Bytes of an error answer that are held back until it is known that no other attempt is made. */
const HELD_ERROR_BYTES = 1024 * 1024;
/** Bytes of a stream that are held back until its first event. */
const HELD_STREAM_BYTES = 64 * 1024;

/**
 * Makes one attempt and passes the answer on as it comes. An error answer of the endpoint is held
 * back for whoever decides about another attempt, a stream until its first event; a 2xx that is
 * not the protocol is not passed on, as long as nothing was sent. Never rejects.
 */
export async function forward(
  upstream: Pick<Upstream, 'send'>,
  attempt: Attempt,
): Promise<AttemptResult> {
  let response: UpstreamResponse;
  try {
    response = await upstream.send(upstreamRequest(attempt), attempt.signal);
  } catch (error) {
    return result(attempt, { ...broken(error, attempt), committed: false });
  }
  attempt.onHeaders(response.headers);
  try {
    return result(attempt, await pass(response, attempt), response);
  } finally {
    response.body.destroy();
  }
}

function pass(response: UpstreamResponse, attempt: Attempt): Promise<Passed> {
  const { status } = response;
  if (status < 200 || status >= 300) return passError(response, attempt);
  return isEventStream(response) ? passStream(response, attempt) : passMessage(response, attempt);
}

function result(attempt: Attempt, passed: Passed, response?: UpstreamResponse): AttemptResult {
  const { outcome, committed, held, fault, refusal, whole = false } = passed;
  const usage = attempt.meter.usage();
  const same = { outcome, committed, held, fault, refusal, whole, usage };
  if (!response) return same;
  const { status, headers } = response;
  return {
    ...same,
    status,
    retryAfterMs: retryAfter(headers, attempt.date()),
    final: headerValue(headers, 'x-should-retry') === 'false',
  };
}

function upstreamRequest(attempt: Attempt): UpstreamRequest {
  const { endpoint, method, path } = attempt;
  const base = baseOf(endpoint.baseURL);
  return {
    method,
    origin: base.origin,
    path: `${base.path}${path}`,
    headers: requestHeaders(attempt.headers, attempt.key, attempt.context),
    body: method === 'POST' ? bodyFor(attempt) : undefined,
  };
}

/** The body as it came, but for the model that the endpoint sets and its bound on max_tokens. */
function bodyFor({ endpoint, body, maxTokens = 0 }: Attempt): Buffer {
  const { model, maxTokens: bound = Infinity } = endpoint;
  const named = model === undefined ? body : replaceMember(body, 'model', model);
  return maxTokens > bound ? replaceMember(named, 'max_tokens', bound) : named;
}

interface Base {
  origin: string;
  path: string;
}

/** Parsed addresses, because parsing costs as much as all else here. */
const bases = new Map<string, Base>();
const MAX_BASES = 256;

function baseOf(baseURL: string): Base {
  const known = bases.get(baseURL);
  if (known) return known;
  const { origin, pathname } = new URL(baseURL);
  const base = { origin, path: pathname.replace(/\/+$/, '') };
  if (bases.size >= MAX_BASES) bases.clear();
  bases.set(baseURL, base);
  return base;
}

/** Holds an answer whose status says what it is; one that is too large is passed on. */
async function passError(response: UpstreamResponse, attempt: Attempt): Promise<Passed> {
  const outcome = statusOutcome(response.status);
  const buffer = new AnswerBuffer(response, attempt.sink, HELD_ERROR_BYTES);
  try {
    await response.body.read((chunk) => buffer.write(chunk));
  } catch (error) {
    const { fault } = broken(error, attempt);
    return { outcome, committed: buffer.committed, fault };
  }
  const refusal = refusalOf(response, buffer.bytes, attempt.date());
  const passed = {
    outcome: refusal?.gate === 'SpendLimit' ? IGNORED : outcome,
    ...(refusal && { refusal }),
  };
  if (!buffer.committed) return { ...passed, committed: false, held: buffer.answer() };
  attempt.sink.end();
  return { ...passed, committed: true };
}

/** What an error answer says about the credential. */
function refusalOf(response: UpstreamResponse, body: Buffer, now: Date): Refusal | undefined {
  const { status, headers } = response;
  const gate = gateOf(status, body);
  if (!gate) return undefined;
  const retryAfterMs = retryAfter(headers, now);
  return { gate, ...(retryAfterMs !== undefined && { retryAfterMs }) };
}

function gateOf(status: number, body: Buffer): Refusal['gate'] | undefined {
  if (isSpendLimit(status, body)) return 'SpendLimit';
  if (status === 401) return 'Unauthorized';
  return status === 429 ? 'RateLimited' : undefined;
}

/** Passes a stream on from its first event; one that begins with an error is held. */
async function passStream(response: UpstreamResponse, attempt: Attempt): Promise<Passed> {
  const { watch, sink } = attempt;
  const encoding = headerValue(response.headers, 'content-encoding');
  const length = headerValue(response.headers, 'content-length');
  const appendable = encoding === undefined && length === undefined;
  const buffer = new AnswerBuffer(response, sink, HELD_STREAM_BYTES, appendable);
  const reader = streamReader(encoding, attempt.meter, {
    onEvent: () => {
      watch.event();
      void buffer.release();
    },
    onFirstToken: () => {
      watch.firstToken();
      attempt.onFirstToken();
    },
  });
  watch.began();
  try {
    await follow(response, attempt, reader, buffer);
  } catch (error) {
    const seen = await reader.end();
    if (!seen.complete) return { ...broken(error, attempt), committed: buffer.committed };
    return finish(seen, buffer, attempt);
  }
  const seen = await reader.end();
  const { outcome, complete } = seen;
  if (!complete) return { outcome, committed: buffer.committed, fault: 'InvalidResponse' };
  return finish(seen, buffer, attempt);
}

async function follow(
  response: UpstreamResponse,
  attempt: Attempt,
  reader: AnswerReader,
  buffer: AnswerBuffer,
): Promise<void> {
  if (!reader.readable) await buffer.release();
  await response.body.read((chunk) => {
    attempt.onFirstChunk();
    attempt.watch.bytes();
    reader.push(chunk);
    return buffer.write(chunk);
  });
}

/** The end of a stream that was whole, with an error or without. */
async function finish(
  { outcome, gate }: Judgement,
  buffer: AnswerBuffer,
  attempt: Attempt,
): Promise<Passed> {
  const failed = outcome.vote === 'failure' || gate !== undefined;
  const passed = { outcome, ...(gate && { refusal: { gate } }) };
  if (failed && !buffer.committed) return { ...passed, committed: false, held: buffer.answer() };
  await buffer.release();
  attempt.sink.end();
  return { ...passed, committed: true, whole: outcome.vote === 'ok' };
}

/** Holds the answer back until it is known to be a message or is too large to be held. */
async function passMessage(response: UpstreamResponse, attempt: Attempt): Promise<Passed> {
  if (attempt.stream) {
    const outcome = failure('InvalidResponse', 'answer is not a stream');
    return { outcome, committed: false, fault: 'InvalidResponse' };
  }
  const encoding = headerValue(response.headers, 'content-encoding');
  const reader = messageReader(encoding, attempt, HELD_BYTES);
  const buffer = new AnswerBuffer(response, attempt.sink, HELD_BYTES);
  try {
    await response.body.read((chunk) => {
      attempt.onFirstChunk();
      reader.push(chunk);
      return buffer.write(chunk);
    });
  } catch (error) {
    return { ...broken(error, attempt), committed: buffer.committed };
  }
  const judged = reader.end();
  const { outcome } = judged instanceof Promise ? await judged : judged;
  if (outcome.vote === 'failure' && !buffer.committed) {
    return { outcome, committed: false, fault: 'InvalidResponse' };
  }
  const ending = buffer.end();
  if (ending) await ending;
  return { outcome, committed: true, whole: true };
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

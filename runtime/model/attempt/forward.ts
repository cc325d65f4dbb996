import { ByteAccount } from '../../resilience/byteBudget.ts';
import type { Attempt, AttemptResult, HeldAnswer, Refusal } from './attempt.ts';
import type { Fault } from '../../errors/fault.ts';
import { headerValue, isEventStream } from '../transport/headers.ts';
import { AnswerBuffer, headOf } from './answerBuffer.ts';
import { errorOutcome, statusOutcome } from './outcome.ts';
import { passStream } from './passStream.ts';
import { broken } from './passed.ts';
import type { Passed } from './passed.ts';
import { providerOf } from '../provider/providers.ts';
import type { EndpointRequest, ErrorKind } from '../provider/provider.ts';
import { retryAfter } from '../provider/retryAfter.ts';
import { CollectedBytes } from '../transport/collectedBytes.ts';
import { both } from '../transport/room.ts';
import type { UpstreamResponse, Upstream, UpstreamRequest } from '../transport/upstream.ts';
import { messageReader } from './answerReader.ts';

/** Largest part of an unstreamed answer to hold back until it is known to be valid. */
const HELD_BYTES = 8 * 1024 * 1024;
/** Largest error answer to hold back until no further attempt follows. */
const HELD_ERROR_BYTES = 1024 * 1024;

/**
 * Makes one attempt and sends the answer on as it comes. Holds back an error answer for the decision about another
 * attempt, and a stream until its first event. Does not send a 2xx that breaks the protocol, unless a part has gone
 * out. Never rejects.
 */
export async function forward(
  upstream: Pick<Upstream, 'send'>,
  attempt: Attempt,
): Promise<AttemptResult> {
  let response: UpstreamResponse;
  let unsent = true;
  try {
    const onSent = (): void => void (unsent = false);
    response = await upstream.send(upstreamRequest(attempt, onSent), attempt.signal);
  } catch (error) {
    const passed = { ...broken(error, attempt, 'Nothing'), committed: false };
    return { ...result(attempt, passed), unsent, final: !isRepeatable(attempt.request) };
  }
  attempt.onHeaders(response.headers);
  const account = new ByteAccount(attempt.budget);
  try {
    const passed = await pass(response, attempt, account);
    return result(attempt, recalled(passed, attempt), response);
  } finally {
    response.body.destroy();
    account.close();
  }
}

/** Faults after which no further attempt follows. */
const LAST: ReadonlySet<Fault> = new Set(['ClientGone', 'Drain', 'Deadline', 'Stream']);

/** What is left of a broken answer: nothing, where its reader takes it back before the client has got any. */
function recalled(passed: Passed, { answer }: Attempt): Passed {
  const { fault, outcome, committed } = passed;
  const broke = fault === undefined ? outcome.vote === 'failure' : !LAST.has(fault);
  if (!committed || !broke || !answer.recall()) return passed;
  return { ...passed, committed: false, torn: false };
}

function pass(response: UpstreamResponse, attempt: Attempt, account: ByteAccount): Promise<Passed> {
  const { status } = response;
  if (attempt.request.expected === 'Any') return passAny(response, attempt, account);
  if (status < 200 || status >= 300) return passError(response, attempt, account);
  return isEventStream(response.headers)
    ? passStream(response, attempt, account)
    : passMessage(response, attempt, account);
}

function result(attempt: Attempt, passed: Passed, response?: UpstreamResponse): AttemptResult {
  const { outcome, committed, torn, held, fault, refusal, error, whole = false } = passed;
  const usage = attempt.meter.usage();
  const same = {
    ...{ outcome, committed, held, fault, refusal, error, whole, usage },
    ...(torn === true && { torn }),
  };
  if (!response) return same;
  const { headers } = response;
  return {
    ...same,
    headers,
    status: passed.status ?? response.status,
    retryAfterMs: retryAfter(headers, attempt.date),
    final: headerValue(headers, 'x-should-retry') === 'false',
  };
}

function upstreamRequest(
  { request, to, context, date }: Attempt,
  onSent: () => void,
): UpstreamRequest {
  const provider = providerOf(to.endpoint);
  const sent = provider.request(request, to, context);
  if (to.credentials?.kind === 'aws') {
    const signedAt = new Date(date().getTime() + (to.identity?.aheadMs ?? 0));
    sent.headers.push(...(provider.sign?.(sent, to, signedAt) ?? []));
  }
  sent.once = !isRepeatable(request);
  sent.onSent = onSent;
  return sent;
}

/** Whether a second sending does no harm. */
function isRepeatable({ expected, method }: EndpointRequest): boolean {
  return expected !== 'Any' || method === 'GET';
}

/** Sends any answer on as it comes, for as long as it flows. It says nothing about the model or its limits. */
async function passAny(
  response: UpstreamResponse,
  attempt: Attempt,
  account: ByteAccount,
): Promise<Passed> {
  const outcome = statusOutcome(response.status);
  const buffer = new AnswerBuffer(headOf(response), attempt.answer, 0, account);
  const { watch } = attempt;
  watch.began();
  watch.firstToken();
  try {
    await buffer.release();
    await response.body.read((chunk) => {
      watch.bytes();
      return buffer.write(chunk);
    });
  } catch (error) {
    return { ...broken(error, attempt, 'Headers'), committed: true };
  }
  await buffer.end();
  return { outcome, committed: true, whole: true };
}

/** Holds back an error answer. Sends one that is too large. */
async function passError(
  response: UpstreamResponse,
  attempt: Attempt,
  account: ByteAccount,
): Promise<Passed> {
  if (providerOf(attempt.to.endpoint).shown) return passShown(response, attempt);
  const outcome = statusOutcome(response.status);
  const buffer = new AnswerBuffer(headOf(response), attempt.answer, HELD_ERROR_BYTES, account);
  try {
    await response.body.read((chunk) => buffer.write(chunk));
  } catch (error) {
    const { fault } = broken(error, attempt, 'Headers');
    return { outcome, committed: buffer.committed, fault };
  }
  const passed = refused(response, buffer.bytes, attempt);
  if (!buffer.committed) return { ...passed, committed: false, held: buffer.answer() };
  attempt.answer.end();
  return { ...passed, committed: true };
}

/** Largest part to read of an error answer whose text clients do not see, in bytes. */
const READ_ERROR_BYTES = 64 * 1024;

/** Reads an error answer, and holds the provider's wording of it. */
async function passShown(response: UpstreamResponse, attempt: Attempt): Promise<Passed> {
  const read = new CollectedBytes();
  try {
    await response.body.read((chunk) => {
      if (read.size < READ_ERROR_BYTES) read.add(chunk);
      return undefined;
    });
  } catch (error) {
    const { fault } = broken(error, attempt, 'Headers');
    return { outcome: statusOutcome(response.status), committed: false, fault };
  }
  const held = { ...headOf(response), body: read.take() };
  const passed = refused(response, held.body, attempt);
  const shown = providerOf(attempt.to.endpoint).shown?.(held, passed.error);
  return { ...passed, committed: false, held: shown ?? held };
}

const GATES: Readonly<Partial<Record<ErrorKind, Refusal['gate']>>> = {
  RateLimited: 'RateLimited',
  SpendLimit: 'SpendLimit',
  CredentialRefused: 'Unauthorized',
};

/** What an error answer says about the endpoint and the credential. */
function refused(
  { status, headers }: UpstreamResponse,
  body: Buffer,
  { to, date }: Attempt,
): Pick<Passed, 'outcome' | 'refusal' | 'error'> {
  const said = providerOf(to.endpoint).error({ status, headers, body });
  // A role that may not do it is refused by 403.
  const error = said ?? (status === 403 && to.identity ? 'CredentialRefused' : undefined);
  const outcome = errorOutcome(error, status);
  const gate = error && GATES[error];
  if (!gate) return { outcome, error };
  const retryAfterMs = retryAfter(headers, date);
  return { outcome, error, refusal: { gate, ...(retryAfterMs !== undefined && { retryAfterMs }) } };
}

/**
 * Holds the answer back until it is a whole message or too large. Some endpoints answer a streamed request this way.
 */
async function passMessage(
  response: UpstreamResponse,
  attempt: Attempt,
  account: ByteAccount,
): Promise<Passed> {
  const { meter, watch } = attempt;
  const { expected } = attempt.request;
  watch.unstreamed();
  const encoding = headerValue(response.headers, 'content-encoding');
  // What is not encoded is the same bytes that the buffer holds.
  const reader = messageReader(encoding, { meter, expected }, HELD_BYTES, account);
  const buffer = new AnswerBuffer(headOf(response), attempt.answer, HELD_BYTES, account);
  try {
    await response.body.read((chunk) => {
      watch.unstreamedBytes();
      return both(reader.push(chunk), buffer.write(chunk));
    });
  } catch (error) {
    return { ...broken(error, attempt, 'Headers'), committed: buffer.committed };
  }
  const judged = reader.end();
  const { outcome, errorStatus } = judged instanceof Promise ? await judged : judged;
  if (errorStatus !== undefined && !buffer.committed) {
    return passStated(errorStatus, response, attempt, buffer.answer());
  }
  if (outcome.vote === 'failure' && !buffer.committed) {
    return { outcome, committed: false, fault: 'InvalidResponse' };
  }
  const ending = buffer.end();
  if (ending) await ending;
  return { outcome, committed: true, whole: true };
}

/** Gives an error with a status of success the status of its type. */
function passStated(
  status: number,
  response: UpstreamResponse,
  attempt: Attempt,
  answer: HeldAnswer,
): Passed {
  const passed = refused({ ...response, status }, answer.body, attempt);
  return { ...passed, committed: false, status, held: { ...answer, status, statusText: '' } };
}

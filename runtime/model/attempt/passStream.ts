import type { Attempt } from './attempt.ts';
import { AnswerBuffer } from './answerBuffer.ts';
import { HeldEvents } from './heldEvents.ts';
import { broken } from './passed.ts';
import type { Passed } from './passed.ts';
import type { Protocol, StreamJudge } from '../../protocols/protocol.ts';
import { OK, failure } from '../../resilience/outcome.ts';
import { headerValue, responseHeaders, streamHeaders } from '../transport/headers.ts';
import { decodedBody } from '../transport/decoder.ts';
import type { ByteAccount } from '../../resilience/byteBudget.ts';
import type { ServerSentEvent } from '../transport/sse.ts';
import { providerOf } from '../provider/providers.ts';
import type { UpstreamResponse } from '../transport/upstream.ts';

/** Largest part of a stream to hold back until its first content. */
export const HELD_STREAM_BYTES = 64 * 1024;

/**
 * Sends a stream on from its first content, in whole events. Before that it can fail like an answer that has not begun.
 */
export async function passStream(
  response: UpstreamResponse,
  attempt: Attempt,
  account: ByteAccount,
): Promise<Passed> {
  attempt.watch.began();
  const { status, statusText, headers } = response;
  const head = { status, statusText, headers: streamHeaders(headers) };
  const buffer = new AnswerBuffer(head, attempt.answer, HELD_STREAM_BYTES, account, true);
  const judge = judgeOf(attempt, buffer);
  const events = heldEvents(judge, attempt, account);
  const source = decodedBody(headerValue(headers, 'content-encoding'), account, (bytes) => {
    const whole = events.push(bytes);
    return whole && buffer.write(whole);
  });
  if (source === undefined) return passUnread(response, attempt);
  const refused = (): boolean => events.refused || source.refused;
  attempt.answer.offer(head);
  let reading = true;
  let complete = false;
  const stop = (): void => {
    if (refused() || source.broken) response.body.destroy();
    if (!judge.complete || complete) return;
    complete = true;
    // The end usually comes with the last event.
    setImmediate(() => {
      if (reading) attempt.watch.complete();
    });
  };
  let error: unknown;
  try {
    await response.body.read((chunk) => {
      attempt.watch.bytes();
      const room = source.push(chunk);
      if (room) return room.then(stop);
      stop();
      return undefined;
    });
  } catch (cause) {
    error = cause;
  }
  reading = false;
  await source.end();
  if (judge.complete) return finish(judge, buffer, attempt);
  const reached = { committed: buffer.committed, torn: events.torn };
  if (refused()) return { ...reached, outcome: judge.outcome, fault: 'InvalidResponse' };
  if (source.broken) return { ...reached, outcome: BROKEN, fault: 'InvalidResponse' };
  if (error !== undefined)
    return { ...reached, ...broken(error, attempt, judge.begun ? 'Tokens' : 'Headers') };
  if (!judge.lacksOnlyStop || events.torn)
    return { ...reached, outcome: judge.outcome, fault: 'BrokeOff' };
  await buffer.write(attempt.request.protocol.streamEnd);
  return finish(COMPLETE, buffer, attempt);
}

const BROKEN = failure('InvalidResponse', 'broken content-encoding');
const COMPLETE = { outcome: OK, gate: undefined, complete: true };

function judgeOf(attempt: Attempt, buffer: AnswerBuffer): StreamJudge {
  const { watch } = attempt;
  return attempt.meter.stream({
    onEvent: () => watch.event(),
    onFirstToken: () => {
      void buffer.release();
      watch.firstToken();
      attempt.permit.firstToken();
    },
  });
}

/** Holds the events of a stream. The client does not get the usage that we have asked for, and it has not. */
function heldEvents(judge: StreamJudge, attempt: Attempt, account: ByteAccount): HeldEvents {
  const { answer, request } = attempt;
  const hides = request.addsUsage === true ? () => judge.hidden === true : undefined;
  const take = (event: ServerSentEvent): boolean => judge.take(event) && !isHidden(judge, attempt);
  return new HeldEvents(take, account, {
    tears: answer.takesPieces,
    hides,
  });
}

/** Whether a stream has ended with an error whose text clients do not see. */
function isHidden(
  { complete, outcome }: Pick<StreamJudge, 'complete' | 'outcome'>,
  { to }: Attempt,
): boolean {
  return complete && outcome.vote !== 'ok' && providerOf(to.endpoint).shown !== undefined;
}

/** Ends a stream in our own words. */
function endHidden(
  passed: Pick<Passed, 'outcome' | 'refusal'>,
  buffer: AnswerBuffer,
  protocol: Protocol,
): Passed {
  if (buffer.committed) return { ...passed, committed: true, fault: 'BrokeOff' };
  const held = { ...buffer.answer(), body: protocol.errorEventOf(undefined) };
  return { ...passed, committed: false, held };
}

/** Ends a stream that was complete, with an error or without. */
async function finish(
  judge: Pick<StreamJudge, 'outcome' | 'gate' | 'complete'>,
  buffer: AnswerBuffer,
  attempt: Attempt,
): Promise<Passed> {
  const { outcome, gate } = judge;
  const failed = outcome.vote === 'failure' || gate !== undefined;
  const passed = { outcome, ...(gate && { refusal: { gate } }) };
  if (isHidden(judge, attempt)) return endHidden(passed, buffer, attempt.request.protocol);
  if (failed && !buffer.committed) return { ...passed, committed: false, held: buffer.answer() };
  await buffer.release();
  attempt.answer.end();
  return { ...passed, committed: true, whole: outcome.vote === 'ok' };
}

/** Sends an encoding that it cannot decode as it comes, and sees only its end. */
async function passUnread(response: UpstreamResponse, attempt: Attempt): Promise<Passed> {
  const { watch, answer } = attempt;
  const { status, statusText, headers } = response;
  answer.head(status, statusText, responseHeaders(headers), false);
  try {
    await response.body.read((chunk) => {
      watch.bytes();
      watch.event();
      watch.firstToken();
      return answer.write(chunk);
    });
  } catch (error) {
    return { ...broken(error, attempt, 'Tokens'), committed: true };
  }
  answer.end();
  return { outcome: OK, committed: true, whole: true };
}

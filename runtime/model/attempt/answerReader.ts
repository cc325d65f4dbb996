import { OK } from '../../resilience/outcome.ts';
import type { Outcome } from '../../resilience/outcome.ts';
import type { Attempt } from './attempt.ts';
import { decodedBody } from '../transport/decoder.ts';
import { parseJson, stringMember, memberOf } from './json.ts';
import { errorStatus, failure } from './outcome.ts';

/** What the bytes of an answer said. */
export interface Judgement {
  outcome: Outcome;
  /** An error in an answer whose status says that there is none. */
  error?: StatedError;
}

/** The status that an error should have come with, and its body, decoded. */
export interface StatedError {
  status: number;
  body: Buffer;
}

/** Reads an answer along as it passes and judges it at its end. It never changes a byte. */
export interface AnswerReader {
  push(chunk: Buffer): void;
  /** No more bytes will come. Judged at once, or once all were looked at. */
  end(): Judgement | Promise<Judgement>;
}

const TAKEN_AS_OK: Judgement = { outcome: OK };
const NOT_JSON: Judgement = { outcome: failure('InvalidResponse', 'answer is not JSON') };
const NO_MESSAGE: Judgement = { outcome: failure('InvalidResponse', 'answer is not a message') };
const BROKEN: Judgement = { outcome: failure('InvalidResponse', 'broken content-encoding') };

/** Reads an answer that is not streamed: it must be JSON, and of type message if one is expected. */
export function messageReader(
  encoding: string | undefined,
  { meter, expected }: Pick<Attempt, 'meter' | 'expected'>,
  maxBytes: number,
): AnswerReader {
  const chunks: Buffer[] = [];
  let size = 0;
  const source = decodedBody(encoding, (bytes) => {
    size += bytes.length;
    if (size <= maxBytes) chunks.push(bytes);
    return undefined;
  });
  if (source === undefined) return { push: () => undefined, end: () => TAKEN_AS_OK };
  const judge = (whole: boolean): Judgement => {
    if (!whole) return BROKEN;
    // What is too large to be looked at is taken at its status.
    if (size > maxBytes) return TAKEN_AS_OK;
    const body = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
    const answer = parseJson(body.toString('utf8'));
    if (stringMember(answer, 'type') === 'error') return statedError(answer, body);
    if (expected === 'Json') return answer === undefined ? NOT_JSON : TAKEN_AS_OK;
    meter.message(answer);
    return stringMember(answer, 'type') === 'message' ? TAKEN_AS_OK : NO_MESSAGE;
  };
  return {
    push: (chunk) => void source.push(chunk),
    end: () => {
      const whole = source.end();
      return typeof whole === 'boolean' ? judge(whole) : whole.then(judge);
    },
  };
}

function statedError(answer: unknown, body: Buffer): Judgement {
  const status = errorStatus(stringMember(memberOf(answer, 'error'), 'type'));
  return { ...NO_MESSAGE, error: { status, body } };
}

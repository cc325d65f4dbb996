import { OK } from '../../resilience/outcome.ts';
import type { Outcome } from '../../resilience/outcome.ts';
import type { Attempt } from './attempt.ts';
import { decodedBody } from '../transport/decoder.ts';
import { scanInSlices } from '../../json/scan.ts';
import type { ScannedObject } from '../../json/scan.ts';
import { stringMember, memberOf } from './json.ts';
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
const NOT_JSON: Judgement = { outcome: failure('InvalidResponse', 'answer is not a JSON object') };
const NO_MESSAGE: Judgement = { outcome: failure('InvalidResponse', 'answer is not a message') };
const BROKEN: Judgement = { outcome: failure('InvalidResponse', 'broken content-encoding') };

/** Reads an answer that is not streamed: it must be a JSON object, and of type message if one is expected. */
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
  const judge = (whole: boolean): Judgement | Promise<Judgement> => {
    if (!whole) return BROKEN;
    // What is too large to be looked at is taken at its status.
    if (size > maxBytes) return TAKEN_AS_OK;
    const body = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
    const names = meter.keepsContent ? MEMBERS_AND_CONTENT : MEMBERS;
    const scanned = scanInSlices(body, names);
    if (scanned instanceof Promise) return scanned.then((late) => judged(body, late));
    return judged(body, scanned);
  };
  const judged = (body: Buffer, scanned: ScannedObject | undefined): Judgement => {
    const answer = scanned && valuesOf(body, scanned);
    const type = stringMember(answer, 'type');
    if (type === 'error') return statedError(answer, body);
    if (expected === 'Json') return answer === undefined ? NOT_JSON : TAKEN_AS_OK;
    meter.message(answer);
    return type === 'message' ? TAKEN_AS_OK : NO_MESSAGE;
  };
  return {
    push: (chunk) => void source.push(chunk),
    end: () => {
      const whole = source.end();
      return typeof whole === 'boolean' ? judge(whole) : whole.then(judge);
    },
  };
}

/** What of an answer matters. No values are made of the rest, whatever its form. */
const MEMBERS: ReadonlySet<string> = new Set([
  'id',
  'type',
  'model',
  'stop_reason',
  'usage',
  'error',
]);
const MEMBERS_AND_CONTENT: ReadonlySet<string> = new Set([...MEMBERS, 'content']);
/** Bytes of a member that matters, the content left aside; a longer one counts as absent. */
const MAX_MEMBER = 64 * 1024;

function valuesOf(body: Buffer, { members }: ScannedObject): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [name, { start, end }] of members) {
    if (end - start > MAX_MEMBER && name !== 'content') continue;
    values[name] = JSON.parse(body.toString('utf8', start, end));
  }
  return values;
}

function statedError(answer: unknown, body: Buffer): Judgement {
  const status = errorStatus(stringMember(memberOf(answer, 'error'), 'type'));
  return { ...NO_MESSAGE, error: { status, body } };
}

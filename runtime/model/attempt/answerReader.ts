import { OK } from '../../resilience/outcome.ts';
import type { Outcome } from '../../resilience/outcome.ts';
import type { Attempt, AttemptRequest } from './attempt.ts';
import { CollectedBytes } from '../transport/collectedBytes.ts';
import { decodedBody } from '../transport/decoder.ts';
import type { ByteAccount } from '../../resilience/byteBudget.ts';
import { scanInSlices } from '../../json/scan.ts';
import type { ScannedObject } from '../../json/scan.ts';
import { memberOf, stringMember } from '../../json/parsed.ts';
import { KEPT_CONTENT } from './streamedContent.ts';
import { errorStatus, failure } from './outcome.ts';

export interface Judgement {
  outcome: Outcome;
  /** The status that fits the error in an answer with a status of success. */
  errorStatus?: number;
}

/** Reads an answer while it passes and judges it at its end. Never changes a byte. */
export interface AnswerReader {
  /** Undefined: there is room for more; else resolves when there is. */
  push(chunk: Buffer): Promise<void> | undefined;
  /** Ends the answer. Returns a promise if it needs several turns of the event loop. */
  end(): Judgement | Promise<Judgement>;
}

const TAKEN_AS_OK: Judgement = { outcome: OK };
const NOT_JSON: Judgement = { outcome: failure('InvalidResponse', 'answer is not a JSON object') };
const NO_MESSAGE: Judgement = { outcome: failure('InvalidResponse', 'answer is not a message') };
const BROKEN: Judgement = { outcome: failure('InvalidResponse', 'broken content-encoding') };

/**
 * Reads an unstreamed answer. It must be a JSON object, and of type message if the request asked for one. The account
 * bears decoded bytes. An answer of more than `maxBytes`, or of more than the account bears, is judged by its status.
 */
export function messageReader(
  encoding: string | undefined,
  { meter, expected }: Pick<Attempt, 'meter'> & Pick<AttemptRequest, 'expected'>,
  maxBytes: number,
  account: Pick<ByteAccount, 'take'>,
): AnswerReader {
  const collected = new CollectedBytes();
  let unread = false;
  const source = decodedBody(encoding, account, (bytes) => {
    unread ||= collected.size + bytes.length > maxBytes;
    // Others count bytes that need no decoding.
    unread ||= encoding !== undefined && !account.take(bytes.length);
    if (!unread) collected.add(bytes);
    else {
      collected.clear();
      source?.stop();
    }
    return undefined;
  });
  if (source === undefined) return { push: () => undefined, end: () => TAKEN_AS_OK };
  const judge = (whole: boolean): Judgement | Promise<Judgement> => {
    if (unread || source.refused) return TAKEN_AS_OK;
    if (!whole) return BROKEN;
    const body = collected.take();
    const names = meter.keepsContent ? MEMBERS_AND_CONTENT : MEMBERS;
    const scanned = scanInSlices(body, names);
    if (scanned instanceof Promise) return scanned.then((late) => judged(body, late));
    return judged(body, scanned);
  };
  const judged = (body: Buffer, scanned: ScannedObject | undefined): Judgement => {
    const answer = scanned && valuesOf(body, scanned);
    const type = stringMember(answer, 'type');
    if (type === 'error') return statedError(answer);
    if (expected === 'Json') return answer === undefined ? NOT_JSON : TAKEN_AS_OK;
    meter.message(answer);
    return type === 'message' ? TAKEN_AS_OK : NO_MESSAGE;
  };
  return {
    push: (chunk) => source.push(chunk),
    end: () => {
      const whole = source.end();
      return typeof whole === 'boolean' ? judge(whole) : whole.then(judge);
    },
  };
}

/** The members to read. Nothing else of the answer is parsed. */
const MEMBERS: ReadonlySet<string> = new Set([
  'id',
  'type',
  'model',
  'stop_reason',
  'usage',
  'error',
]);
const MEMBERS_AND_CONTENT: ReadonlySet<string> = new Set([...MEMBERS, 'content']);
/** Largest members to read; a larger one counts as absent. */
const MAX_MEMBER = 64 * 1024;

function valuesOf(body: Buffer, { members }: ScannedObject): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [name, { start, end }] of members) {
    if (end - start > (name === 'content' ? KEPT_CONTENT : MAX_MEMBER)) continue;
    values[name] = JSON.parse(body.toString('utf8', start, end));
  }
  return values;
}

function statedError(answer: unknown): Judgement {
  const type = stringMember(memberOf(answer, 'error'), 'type');
  return { ...NO_MESSAGE, errorStatus: errorStatus(type) };
}

import { OK, failure } from '../../resilience/outcome.ts';
import type { EndpointRequest } from '../provider/provider.ts';
import type { Attempt } from './attempt.ts';
import { CollectedBytes } from '../transport/collectedBytes.ts';
import { decodedBody } from '../transport/decoder.ts';
import type { ByteAccount } from '../../resilience/byteBudget.ts';
import { scanInSlices } from '../../json/scan.ts';
import type { ScannedObject } from '../../json/scan.ts';
import type { Judgement } from '../../protocols/protocol.ts';

/** Reads an answer while it passes and judges it at its end. Never changes a byte. */
export interface AnswerReader {
  /** Undefined: there is room for more; else resolves when there is. */
  push(chunk: Buffer): Promise<void> | undefined;
  /** Ends the answer. Returns a promise if it needs several turns of the event loop. */
  end(): Judgement | Promise<Judgement>;
}

const TAKEN_AS_OK: Judgement = { outcome: OK };
const BROKEN: Judgement = { outcome: failure('InvalidResponse', 'broken content-encoding') };

/**
 * Reads an unstreamed answer. It must be a JSON object, and of type message if the request asked for one. The account
 * bears decoded bytes. An answer of more than `maxBytes`, or of more than the account bears, is judged by its status.
 */
export function messageReader(
  encoding: string | undefined,
  { meter, expected }: Pick<Attempt, 'meter'> & Pick<EndpointRequest, 'expected'>,
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
    const scanned = scanInSlices(body, meter.members);
    if (scanned instanceof Promise) return scanned.then((late) => judged(body, late));
    return judged(body, scanned);
  };
  const judged = (body: Buffer, scanned: ScannedObject | undefined): Judgement =>
    meter.judge(body, scanned, expected === 'Message');
  return {
    push: (chunk) => source.push(chunk),
    end: () => {
      const whole = source.end();
      return typeof whole === 'boolean' ? judge(whole) : whole.then(judge);
    },
  };
}

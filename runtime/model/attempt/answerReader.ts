import { IGNORED, OK } from '../../resilience/outcome.ts';
import type { Outcome } from '../../resilience/outcome.ts';
import type { Attempt, Refusal } from './attempt.ts';
import { decoderFor } from '../transport/decoder.ts';
import { failure, streamErrorGate, streamErrorOutcome } from './outcome.ts';
import { errorCodeOf } from './retryAfter.ts';
import { EventStreamReader } from '../transport/sse.ts';
import type { ServerSentEvent } from '../transport/sse.ts';
import type { UsageMeter } from './usage.ts';

/** What the bytes of an answer said. */
export interface Judgement {
  outcome: Outcome;
  /** The gate of the credential that an error event shuts. */
  gate?: Refusal['gate'];
  /** Whether the protocol's own end was among them, be it a good one or an error. */
  complete: boolean;
}

/** Reads an answer along as it passes and judges it at its end. It never changes a byte. */
export interface AnswerReader {
  /** Whether it can read the bytes; if not, nothing is told of them but their end. */
  readonly readable: boolean;
  push(chunk: Buffer): void;
  /** No more bytes will come. Judged at once, or once all were looked at. */
  end(): Judgement | Promise<Judgement>;
}

/** Told of the events of a stream as they are read. */
export interface StreamListener {
  /** An event that is neither a ping nor an error. */
  onEvent(): void;
  /** The first content, once. */
  onFirstToken(): void;
}

const TAKEN_AS_OK: Judgement = { outcome: OK, complete: true };

const NOT_JSON: Judgement = {
  outcome: failure('InvalidResponse', 'answer is not JSON'),
  complete: false,
};

const FIRST_TOKEN = new Set(['content_block_start', 'content_block_delta']);
/** Events that say something about tokens. */
const METERED = new Set(['message_start', 'content_block_delta', 'message_delta']);

/** Reads a stream of the Messages API: it is whole only if message_stop was in it. */
export function streamReader(
  encoding: string | undefined,
  meter: UsageMeter,
  listener: StreamListener,
): AnswerReader {
  const judgement: Judgement = {
    outcome: failure('InvalidResponse', 'stream ended without message_stop'),
    complete: false,
  };
  let started = false;
  const reader = new EventStreamReader((event) => {
    if (judgement.complete) return;
    const type = eventType(event);
    if (type === 'message_stop' || type === 'error') {
      judgement.complete = true;
      Object.assign(judgement, type === 'error' ? streamError(event) : { outcome: OK });
    }
    if (METERED.has(type)) meter.event(type, parse(event.data));
    if (type === 'ping' || type === 'error') return;
    listener.onEvent();
    if (started || !FIRST_TOKEN.has(type)) return;
    started = true;
    listener.onFirstToken();
  });
  return decoded(
    encoding,
    (bytes) => reader.push(bytes),
    () => judgement,
  );
}

/** Reads an answer that is not streamed: it must be JSON, and of type message if one is expected. */
export function messageReader(
  encoding: string | undefined,
  { meter, expected }: Pick<Attempt, 'meter' | 'expected'>,
  maxBytes: number,
): AnswerReader {
  const chunks: Buffer[] = [];
  let size = 0;
  const keep = (bytes: Buffer): void => {
    size += bytes.length;
    if (size <= maxBytes) chunks.push(bytes);
  };
  return decoded(encoding, keep, () => {
    // What is too large to be looked at is taken at its status.
    if (size > maxBytes) return TAKEN_AS_OK;
    const bytes = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
    const message = parse(bytes.toString('utf8'));
    if (expected === 'Json') return message === undefined ? NOT_JSON : TAKEN_AS_OK;
    meter.message(message);
    if (stringMember(message, 'type') === 'message') return TAKEN_AS_OK;
    return { outcome: failure('InvalidResponse', 'answer is not a message'), complete: false };
  });
}

/** Reads the decoded bytes. Of an encoding that the runtime cannot decode it sees only the end. */
function decoded(
  encoding: string | undefined,
  look: (bytes: Buffer) => void,
  judge: () => Judgement,
): AnswerReader {
  const decoder = decoderFor(encoding);
  if (decoder === 'identity') {
    return { readable: true, push: look, end: judge };
  }
  if (decoder === 'unknown') {
    return { readable: false, push: () => undefined, end: () => TAKEN_AS_OK };
  }
  const finished = new Promise<boolean>((resolve) => {
    decoder.on('data', look);
    decoder.once('end', () => resolve(true));
    decoder.once('error', () => resolve(false));
    decoder.once('close', () => resolve(false));
  });
  return {
    readable: true,
    push: (chunk) => {
      if (!decoder.destroyed) decoder.write(chunk);
    },
    end: async () => {
      if (!decoder.destroyed) decoder.end();
      const whole = await finished;
      const judgement = judge();
      if (whole || judgement.complete) return judgement;
      return { outcome: failure('InvalidResponse', 'broken content-encoding'), complete: false };
    },
  };
}

/** Type of an event: Anthropic names it in both places, some gateways only in the data. */
function eventType(event: ServerSentEvent): string {
  if (event.event !== '') return event.event;
  if (event.truncated) return '';
  return stringMember(parse(event.data), 'type');
}

function streamError(event: ServerSentEvent): Pick<Judgement, 'outcome' | 'gate'> {
  const body = parse(event.data);
  const { error } = typeof body === 'object' && body !== null ? (body as { error?: unknown }) : {};
  const type = stringMember(error, 'type');
  const gate = streamErrorGate(type, errorCodeOf(body));
  // As with an answer by status: what is spent is no fault of the endpoint.
  return {
    outcome: gate === 'SpendLimit' ? IGNORED : streamErrorOutcome(type),
    ...(gate && { gate }),
  };
}

function stringMember(value: unknown, name: string): string {
  if (typeof value !== 'object' || value === null) return '';
  const member = (value as Record<string, unknown>)[name];
  return typeof member === 'string' ? member : '';
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

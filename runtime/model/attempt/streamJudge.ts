import { IGNORED, OK } from '../../resilience/outcome.ts';
import type { Outcome } from '../../resilience/outcome.ts';
import type { Refusal } from './attempt.ts';
import { memberOf, parseJson, stringMember } from '../../json/parsed.ts';
import { failure, streamErrorGate, streamErrorOutcome } from './outcome.ts';
import { errorCodeOf } from './retryAfter.ts';
import type { ServerSentEvent } from '../transport/sse.ts';
import type { UsageMeter } from './usage.ts';

/** Observes the events of a stream. */
export interface StreamListener {
  /** An event that is neither a ping nor an error. */
  onEvent(): void;
  /** The first content, once. */
  onFirstToken(): void;
}

const FIRST_TOKEN = new Set(['content_block_start', 'content_block_delta']);
/** Events with figures of tokens. */
const METERED = new Set(['message_start', 'content_block_delta', 'message_delta']);
/** Events that clients parse; their data must be an object. */
const TYPES = new Set([
  ...METERED,
  'content_block_start',
  'content_block_stop',
  'message_stop',
  'error',
]);

/** Last data of streams from gateways that also speak another protocol. */
const DONE = '[DONE]';

/** Judges one stream of the Messages API by its events. */
export class StreamJudge {
  /** Outcome of the stream so far; until its end, that of a stream that breaks off. */
  outcome: Outcome = failure('InvalidResponse', 'stream ended without message_stop');
  /** The credential's gate that an error event shuts. */
  gate: Refusal['gate'] | undefined;
  /** Whether the stream has ended as the protocol says, with an error or without. */
  complete = false;
  begun = false;
  readonly #meter: UsageMeter;
  readonly #listener: StreamListener;
  #openBlocks = 0;
  #stopReason = false;

  constructor(meter: UsageMeter, listener: StreamListener) {
    this.#meter = meter;
    this.#listener = listener;
  }

  /** Whether only message_stop is missing. */
  get lacksOnlyStop(): boolean {
    return !this.complete && this.#stopReason && this.#openBlocks === 0;
  }

  /** Takes the next event. Returns false if it is malformed and ignores all later events. */
  take(event: ServerSentEvent): boolean {
    if (event.event === 'ping') return true;
    const data = event.truncated ? undefined : parseJson(event.data);
    const type = eventType(event, data);
    if (isMalformed(event, type, data)) {
      if (!this.complete)
        this.outcome = failure('InvalidResponse', 'malformed event in the stream');
      return false;
    }
    if (!this.complete && type !== 'ping') this.#next(type, data);
    return true;
  }

  #next(type: string, data: unknown): void {
    if (METERED.has(type)) this.#meter.event(type, data);
    this.#follow(type, data);
    if (type === 'error') return;
    this.#listener.onEvent();
    if (this.begun || !FIRST_TOKEN.has(type)) return;
    this.begun = true;
    this.#listener.onFirstToken();
  }

  #follow(type: string, data: unknown): void {
    switch (type) {
      case 'content_block_start':
        this.#openBlocks += 1;
        break;
      case 'content_block_stop':
        this.#openBlocks -= 1;
        break;
      case 'message_delta':
        this.#stopReason ||= stringMember(memberOf(data, 'delta'), 'stop_reason') !== '';
        break;
      case 'message_stop':
        this.complete = true;
        this.outcome = OK;
        break;
      case 'error':
        this.complete = true;
        this.#error(data);
        break;
    }
  }

  #error(data: unknown): void {
    const type = stringMember(memberOf(data, 'error'), 'type');
    this.gate = streamErrorGate(type, errorCodeOf(data));
    // A spend limit does not count against the endpoint, as in an unstreamed answer.
    this.outcome = this.gate === 'SpendLimit' ? IGNORED : streamErrorOutcome(type);
  }
}

/** Anthropic sends the type in the event and in its data, some gateways only in the data. */
function eventType({ event }: ServerSentEvent, data: unknown): string {
  return event === '' ? stringMember(data, 'type') : event;
}

/** Whether clients could not parse the event. An event that is too large to read counts as valid. */
function isMalformed({ data, truncated }: ServerSentEvent, type: string, parsed: unknown): boolean {
  if (truncated) return false;
  if (TYPES.has(type)) return typeof parsed !== 'object' || parsed === null;
  return parsed === undefined && data !== '' && data !== DONE;
}

import { IGNORED, OK } from '../../resilience/outcome.ts';
import type { Outcome } from '../../resilience/outcome.ts';
import type { Refusal } from './attempt.ts';
import { memberOf, parseJson, stringMember } from './json.ts';
import { failure, streamErrorGate, streamErrorOutcome } from './outcome.ts';
import { errorCodeOf } from './retryAfter.ts';
import type { ServerSentEvent } from '../transport/sse.ts';
import type { UsageMeter } from './usage.ts';

/** Told of the events of a stream as they are read. */
export interface StreamListener {
  /** An event that is neither a ping nor an error. */
  onEvent(): void;
  /** The first content, once. */
  onFirstToken(): void;
}

const FIRST_TOKEN = new Set(['content_block_start', 'content_block_delta']);
/** Events that say something about tokens. */
const METERED = new Set(['message_start', 'content_block_delta', 'message_delta']);
/** Events that mean something to clients, which read their data as an object. */
const TYPES = new Set([
  ...METERED,
  'content_block_start',
  'content_block_stop',
  'message_stop',
  'error',
]);

/** Ends a stream of gateways that also speak another protocol. */
const DONE = '[DONE]';

/** What the events of one stream of the Messages API say about it. */
export class StreamJudge {
  /** Of the whole stream; until its end has come, that of a stream that breaks off. */
  outcome: Outcome = failure('InvalidResponse', 'stream ended without message_stop');
  /** The gate of the credential that an error event shuts. */
  gate: Refusal['gate'] | undefined;
  /** Whether the protocol's own end has come, be it a good one or an error. */
  complete = false;
  /** Whether the first token has come. */
  begun = false;
  readonly #meter: UsageMeter;
  readonly #listener: StreamListener;
  #openBlocks = 0;
  #stopReason = false;

  constructor(meter: UsageMeter, listener: StreamListener) {
    this.#meter = meter;
    this.#listener = listener;
  }

  /** Whether the answer is complete but for its message_stop. */
  get lacksOnlyStop(): boolean {
    return !this.complete && this.#stopReason && this.#openBlocks === 0;
  }

  /** Takes the next event. Returns false for one that is malformed, after which no other counts. */
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
    // As with an answer by status: what is spent is no fault of the endpoint.
    this.outcome = this.gate === 'SpendLimit' ? IGNORED : streamErrorOutcome(type);
  }
}

/** Anthropic names the type of an event in both places, some gateways only in the data. */
function eventType({ event }: ServerSentEvent, data: unknown): string {
  return event === '' ? stringMember(data, 'type') : event;
}

/** Whether clients could not read the event. One that is too large to be read whole is taken as it is. */
function isMalformed({ data, truncated }: ServerSentEvent, type: string, parsed: unknown): boolean {
  if (truncated) return false;
  if (TYPES.has(type)) return typeof parsed !== 'object' || parsed === null;
  return parsed === undefined && data !== '' && data !== DONE;
}

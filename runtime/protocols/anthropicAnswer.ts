/** Answers of the Messages API, streamed or not (https://platform.claude.com/docs/en/api/messages-streaming). */
import { memberOf, parseJson, stringMember } from '../json/parsed.ts';
import type { ScannedObject } from '../json/scan.ts';
import type { ServerSentEvent } from '../model/transport/sse.ts';
import type { GateReason } from '../resilience/gates.ts';
import { IGNORED, OK, failure } from '../resilience/outcome.ts';
import type { FailureClass, Outcome } from '../resilience/outcome.ts';
import { BYTES_PER_TOKEN } from './usage.ts';
import type { AnswerFacts, Usage } from './usage.ts';
import type { AnswerMeter, Judgement, StreamJudge, StreamListener } from './protocol.ts';
import { KEPT_CONTENT, StreamedContent } from './anthropicContent.ts';

/** An error as the last event of a stream. One that cannot be read becomes a plain api_error. */
export function errorEventOf(answer: unknown): Buffer {
  const type = stringMember(memberOf(answer, 'error'), 'type');
  const error = type === '' ? UNREADABLE : answer;
  return Buffer.from(`event: error\ndata: ${JSON.stringify(error)}\n\n`);
}

const UNREADABLE = {
  type: 'error',
  error: { type: 'api_error', message: 'The model endpoint answered with an error.' },
};

/** Statuses of the error types (https://platform.claude.com/docs/en/api/errors). */
const STATUSES: Record<string, number> = {
  invalid_request_error: 400,
  authentication_error: 401,
  billing_error: 402,
  permission_error: 403,
  not_found_error: 404,
  request_too_large: 413,
  rate_limit_error: 429,
  api_error: 500,
  timeout_error: 504,
  overloaded_error: 529,
};

/** The status for an error of this type. */
function errorStatus(type: string): number {
  return Object.hasOwn(STATUSES, type) ? STATUSES[type]! : 500;
}

/** An error with the type of a status. */
export function errorOf(status: number, message: string): string {
  const known = Object.keys(STATUSES).find((type) => STATUSES[type] === status);
  const type = known ?? (status < 500 ? 'invalid_request_error' : 'api_error');
  return JSON.stringify({ type: 'error', error: { type, message } });
}

/** Failure classes of error types in a stream. Any other type is a ServerError. */
const STREAM_ERRORS: Record<string, FailureClass | 'ignored'> = {
  overloaded_error: 'Overloaded',
  timeout_error: 'ServerError',
  rate_limit_error: 'RateLimited',
  invalid_request_error: 'ignored',
  authentication_error: 'ignored',
  permission_error: 'ignored',
  billing_error: 'ignored',
  not_found_error: 'ignored',
  request_too_large: 'ignored',
};

/** Outcome of an error event in a stream, by its type. */
export function streamErrorOutcome(type: string): Outcome {
  const known = Object.hasOwn(STREAM_ERRORS, type) ? STREAM_ERRORS[type]! : undefined;
  if (known === 'ignored') return IGNORED;
  // An unknown type is text of the endpoint and stays out of messages.
  return failure(known ?? 'ServerError', known ? `${type} in the stream` : 'error in the stream');
}

/** Gates that error events shut, by type. */
const STREAM_GATES: Record<string, GateReason> = {
  authentication_error: 'Unauthorized',
  billing_error: 'SpendLimit',
  rate_limit_error: 'RateLimited',
};

/** The gate that an error event in a stream shuts, by its type and error_code. */
function streamErrorGate(type: string, code: string): GateReason | undefined {
  if (SPEND_LIMIT.test(code)) return 'SpendLimit';
  return Object.hasOwn(STREAM_GATES, type) ? STREAM_GATES[type] : undefined;
}

const SPEND_LIMIT = /spend_limit/;

/** error.details.error_code; empty without one. */
function errorCodeOf(body: unknown): string {
  return stringMember(memberOf(memberOf(body, 'error'), 'details'), 'error_code');
}

/** Whether the message of an error says that the prompt is too long. */
export function saysTooLong(message: string): boolean {
  return TOO_LONG.test(message);
}

const TOO_LONG = /prompt is too long|exceed context limit/i;

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

/** Judges one stream by its events. */
class MessagesJudge implements StreamJudge {
  outcome: Outcome = failure('InvalidResponse', 'stream ended without message_stop');
  gate: GateReason | undefined;
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

  get lacksOnlyStop(): boolean {
    return !this.complete && this.#stopReason && this.#openBlocks === 0;
  }

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

/** The values of the members that were found. */
function valuesOf(body: Buffer, { members }: ScannedObject): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [name, { start, end }] of members) {
    if (end - start > (name === 'content' ? KEPT_CONTENT : MAX_MEMBER)) continue;
    values[name] = JSON.parse(body.toString('utf8', start, end));
  }
  return values;
}

const GOOD: Judgement = { outcome: OK };
const NOT_JSON: Judgement = { outcome: failure('InvalidResponse', 'answer is not a JSON object') };
const NO_MESSAGE: Judgement = { outcome: failure('InvalidResponse', 'answer is not a message') };

function statedError(answer: unknown): Judgement {
  const type = stringMember(memberOf(answer, 'error'), 'type');
  return { ...NO_MESSAGE, errorStatus: errorStatus(type) };
}

/**
 * Reads the tokens of one answer while it passes. A stream's figures are cumulative: each event replaces the figures
 * before it (https://platform.claude.com/docs/en/api/messages-streaming).
 */
export class UsageMeter implements AnswerMeter {
  readonly #ratio: number;
  #input: number | undefined;
  #cacheCreation: number | undefined;
  #cacheRead: number | undefined;
  #output: number | undefined;
  /** The provider's first count of the output. */
  #firstOutput = 0;
  #textBytes = 0;
  #message: unknown;
  #delta: unknown;
  /** Blocks of a stream; undefined unless asked for. */
  readonly #content: StreamedContent | undefined;

  /**
   * `ratio`: learned for the model, for figures that the provider does not send. `content`: whether to keep the
   * blocks.
   */
  constructor(ratio = 1, content = false) {
    this.#ratio = ratio;
    this.#content = content ? new StreamedContent() : undefined;
  }

  get members(): ReadonlySet<string> {
    return this.#content ? MEMBERS_AND_CONTENT : MEMBERS;
  }

  stream(listener: StreamListener): StreamJudge {
    return new MessagesJudge(this, listener);
  }

  judge(body: Buffer, scanned: ScannedObject | undefined, isMessage: boolean): Judgement {
    const answer = scanned && valuesOf(body, scanned);
    const type = stringMember(answer, 'type');
    if (type === 'error') return statedError(answer);
    if (!isMessage) return answer === undefined ? NOT_JSON : GOOD;
    this.#message = answer;
    this.#figures(memberOf(answer, 'usage'));
    return type === 'message' ? GOOD : NO_MESSAGE;
  }

  /** Takes an event of a stream. Only message_start, content_block_delta and message_delta matter. */
  event(type: string, data: unknown): void {
    this.#content?.event(type, data);
    if (type === 'message_start') this.#start(memberOf(data, 'message'));
    else if (type === 'message_delta') this.#end(data);
    else if (type === 'content_block_delta') this.#textBytes += textBytes(memberOf(data, 'delta'));
  }

  usage(): Usage {
    const output = this.#output ?? (this.#textBytes > 0 ? this.#estimate() : undefined);
    const reported = this.#input !== undefined || this.#cacheCreation !== undefined;
    return {
      ...(reported && { inputTokens: (this.#input ?? 0) + (this.#cacheCreation ?? 0) }),
      ...(output !== undefined && { outputTokens: output }),
      ...(this.#cacheRead !== undefined && { cacheReadTokens: this.#cacheRead }),
    };
  }

  get cacheWriteTokens(): number | undefined {
    return this.#cacheCreation;
  }

  facts(): AnswerFacts {
    return {
      id: text(this.#message, 'id'),
      model: text(this.#message, 'model'),
      stopReason: text(this.#delta, 'stop_reason') ?? text(this.#message, 'stop_reason'),
      cacheWriteTokens: this.#cacheCreation,
      ...(this.#content && { content: this.#content.blocks ?? memberOf(this.#message, 'content') }),
    };
  }

  atLeast(): { inputTokens: number; outputTokens: number } {
    const { inputTokens = 0, outputTokens = 0 } = this.usage();
    return {
      inputTokens,
      outputTokens: Math.max(outputTokens, this.#estimate(), this.#firstOutput),
    };
  }

  #estimate(): number {
    return Math.ceil((this.#textBytes / BYTES_PER_TOKEN) * this.#ratio);
  }

  /** Keeps the output figure of message_start apart: it is only where the count begins. */
  #start(message: unknown): void {
    this.#message = message;
    const usage = memberOf(message, 'usage');
    this.#firstOutput = count(usage, 'output_tokens') ?? 0;
    this.#inputFigures(usage);
  }

  #end(data: unknown): void {
    this.#delta = memberOf(data, 'delta');
    this.#figures(memberOf(data, 'usage'));
  }

  #figures(usage: unknown): void {
    this.#inputFigures(usage);
    this.#output = count(usage, 'output_tokens') ?? this.#output;
  }

  #inputFigures(usage: unknown): void {
    this.#input = count(usage, 'input_tokens') ?? this.#input;
    this.#cacheCreation = count(usage, 'cache_creation_input_tokens') ?? this.#cacheCreation;
    this.#cacheRead = count(usage, 'cache_read_input_tokens') ?? this.#cacheRead;
  }
}

/** Bytes that a delta adds: text, thinking or the input of a tool. */
function textBytes(delta: unknown): number {
  let bytes = 0;
  for (const name of ['text', 'thinking', 'partial_json']) {
    const text = memberOf(delta, name);
    if (typeof text === 'string') bytes += Buffer.byteLength(text);
  }
  return bytes;
}

function count(value: unknown, name: string): number | undefined {
  const figure = memberOf(value, name);
  return typeof figure === 'number' && Number.isSafeInteger(figure) && figure >= 0
    ? figure
    : undefined;
}

function text(value: unknown, name: string): string | undefined {
  const found = memberOf(value, name);
  return typeof found === 'string' ? found : undefined;
}

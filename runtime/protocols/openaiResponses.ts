/** Responses (https://platform.openai.com/docs/api-reference/responses). */
import { memberOf, parseJson, stringMember } from '../json/parsed.ts';
import { textOf as stringIn } from '../json/scan.ts';
import type { ServerSentEvent } from '../model/transport/sse.ts';
import type { GateReason } from '../resilience/gates.ts';
import { OK, failure } from '../resilience/outcome.ts';
import type { Outcome } from '../resilience/outcome.ts';
import { openaiProtocol } from './openai.ts';
import { elementsOf, textOf } from './openaiAnswer.ts';
import type { AnswerForm, OpenAIMeter } from './openaiAnswer.ts';
import { ownError, readableError, statedError } from './openaiErrors.ts';
import type { RequestForm } from './openaiRequest.ts';
import type {
  ModelRoute,
  Protocol,
  RequestMembers,
  StreamJudge,
  StreamListener,
  TracedRequest,
} from './protocol.ts';

const REQUEST: RequestForm = {
  bounds: ['max_output_tokens'],
  messages: 'input',
  instructions: 'instructions',
  state: ['previous_response_id', 'conversation', 'background'],
};

/** Events that end a good stream. */
const ENDS: ReadonlySet<string> = new Set(['response.completed', 'response.incomplete']);
/** Events before any content: they only repeat the request. */
const BEFORE: ReadonlySet<string> = new Set([
  'response.created',
  'response.queued',
  'response.in_progress',
]);
const DELTA = '.delta';
/** Some gateways end this stream as they end a chat. */
const DONE = '[DONE]';

/** Judges one stream by its events. */
class ResponsesJudge implements StreamJudge {
  outcome: Outcome = failure('InvalidResponse', 'stream ended without response.completed');
  gate: GateReason | undefined;
  complete = false;
  begun = false;
  /** The last event has the whole answer, which we do not make up. */
  readonly lacksOnlyStop = false;
  readonly #meter: OpenAIMeter;
  readonly #listener: StreamListener;

  constructor(meter: OpenAIMeter, listener: StreamListener) {
    this.#meter = meter;
    this.#listener = listener;
  }

  take({ event, data, truncated }: ServerSentEvent): boolean {
    if (this.complete || data === DONE) return true;
    // Of an event that is too large to read, the name says enough.
    if (truncated) this.#next(event, undefined);
    else if (data !== '') return this.#parsed(event, parseJson(data));
    return true;
  }

  #parsed(event: string, data: unknown): boolean {
    if (typeof data === 'object' && data !== null) {
      this.#next(stringMember(data, 'type') || event, data);
      return true;
    }
    this.outcome = failure('InvalidResponse', 'malformed event in the stream');
    return false;
  }

  #next(type: string, data: unknown): void {
    if (type === 'error' || type === 'response.failed') this.#failed(data);
    else this.#follow(type, data);
  }

  /** The error is a member of the event or of its response, or the event itself. */
  #failed(data: unknown): void {
    this.complete = true;
    const error = memberOf(data, 'error') ?? memberOf(memberOf(data, 'response'), 'error') ?? data;
    ({ outcome: this.outcome, gate: this.gate } = statedError(error));
  }

  #follow(type: string, data: unknown): void {
    const response = memberOf(data, 'response');
    if (response !== undefined) this.#meter.answer(response);
    if (type.endsWith(DELTA)) this.#meter.addText(stringMember(data, 'delta'));
    if (ENDS.has(type)) {
      this.complete = true;
      this.outcome = OK;
    }
    this.#listener.onEvent();
    if (this.begun || BEFORE.has(type)) return;
    this.begun = true;
    this.#listener.onFirstToken();
  }
}

const ANSWER: AnswerForm = {
  content: 'output',
  stopReason: (answer) =>
    textOf(memberOf(answer, 'incomplete_details'), 'reason') ?? textOf(answer, 'status'),
  text: (answer) =>
    elementsOf(memberOf(answer, 'output'))
      .flatMap((item) => elementsOf(memberOf(item, 'content')))
      .map((part) => stringMember(part, 'text'))
      .join('\n'),
  judge: (meter, listener) => new ResponsesJudge(meter, listener),
};

/** Shows a prompt that is one text; items are too different from each other. */
function tracedRequest(body: Buffer, members: RequestMembers, maxBytes: number): TracedRequest {
  const parts = (name: string): { type: string; content: string }[] => {
    const span = members.get(name);
    const content = span && span.end - span.start <= maxBytes ? stringIn(body, span) : '';
    return content === '' ? [] : [{ type: 'text', content }];
  };
  const [input, instructions] = [parts('input'), parts('instructions')];
  return {
    ...(input.length > 0 && { messages: [{ role: 'user', parts: input }] }),
    ...(instructions.length > 0 && { instructions }),
  };
}

export const openaiResponses: Protocol = openaiProtocol({
  request: REQUEST,
  answer: ANSWER,
  routes: () => ROUTES,
  served: 'POST /v1/responses, GET /v1/models, GET /v1/models/ID',
  tracedRequest,
  streamEnd: Buffer.alloc(0),
  errorEventOf: (answer) => Buffer.from(eventOf(readableError(answer))),
  errorEvent: (failed) => eventOf(ownError(failed)),
});

/** An error as the documentation has it, and in `error` too, where the API has it and SDKs look for it. */
function eventOf(error: object): string {
  const data = { ...error, type: 'error', sequence_number: 0, error };
  return `event: error\ndata: ${JSON.stringify(data)}\n\n`;
}

const ROUTES: readonly ModelRoute[] = [
  {
    protocol: openaiResponses,
    route: '/v1/responses',
    method: 'POST',
    kind: 'Messages',
    operation: 'responses.create',
  },
];

/** Chat Completions (https://platform.openai.com/docs/api-reference/chat). */
import { memberOf, parseJson, stringMember } from '../json/parsed.ts';
import type { ServerSentEvent } from '../model/transport/sse.ts';
import type { GateReason } from '../resilience/gates.ts';
import { OK, failure } from '../resilience/outcome.ts';
import type { Outcome } from '../resilience/outcome.ts';
import { tracedRequest } from './anthropicContent.ts';
import { openaiProtocol } from './openai.ts';
import { elementsOf, textOf } from './openaiAnswer.ts';
import type { AnswerForm, OpenAIMeter } from './openaiAnswer.ts';
import { errorBody, readableError, statedError } from './openaiErrors.ts';
import type { RequestForm } from './openaiRequest.ts';
import type { ModelRoute, Protocol, StreamJudge, StreamListener } from './protocol.ts';

const REQUEST: RequestForm = {
  bounds: ['max_completion_tokens', 'max_tokens'],
  messages: 'messages',
  state: [],
  streamOptions: 'stream_options',
};

const DONE = '[DONE]';
/** Members of a delta whose text a client shows or uses. */
const TEXTS = ['content', 'reasoning_content', 'reasoning', 'refusal'];
/** Members of a delta that are content without being text. */
const OTHERS = ['tool_calls', 'function_call', 'audio'];

/** Judges one stream by its chunks. */
class ChatJudge implements StreamJudge {
  outcome: Outcome = failure('InvalidResponse', 'stream ended without [DONE]');
  gate: GateReason | undefined;
  complete = false;
  begun = false;
  hidden = false;
  readonly #meter: OpenAIMeter;
  readonly #listener: StreamListener;
  /** Whether each choice has ended, by its index. */
  readonly #choices = new Map<unknown, boolean>();

  constructor(meter: OpenAIMeter, listener: StreamListener) {
    this.#meter = meter;
    this.#listener = listener;
  }

  get lacksOnlyStop(): boolean {
    return !this.complete && this.#choices.size > 0 && [...this.#choices.values()].every(Boolean);
  }

  take({ data, truncated }: ServerSentEvent): boolean {
    this.hidden = false;
    if (this.complete || (data === '' && !truncated)) return true;
    if (data === DONE) this.#end();
    else if (!truncated) return this.#chunk(parseJson(data));
    // A chunk that is too large to read counts as content.
    else this.#content();
    return true;
  }

  #end(): void {
    this.complete = true;
    if (this.#choices.size > 0) this.outcome = OK;
    else this.outcome = failure('InvalidResponse', 'stream without an answer');
  }

  #chunk(chunk: unknown): boolean {
    if (typeof chunk !== 'object' || chunk === null) {
      this.outcome = failure('InvalidResponse', 'malformed event in the stream');
      return false;
    }
    const error = memberOf(chunk, 'error') ?? null;
    if (error !== null) {
      this.complete = true;
      ({ outcome: this.outcome, gate: this.gate } = statedError(error));
      return true;
    }
    this.#meter.answer(chunk);
    const choices = elementsOf(memberOf(chunk, 'choices'));
    const usage = memberOf(chunk, 'usage') ?? null;
    this.hidden = this.#meter.hidesUsage && choices.length === 0 && usage !== null;
    this.#listener.onEvent();
    for (const choice of choices) this.#choice(choice);
    return true;
  }

  #choice(choice: unknown): void {
    const index = memberOf(choice, 'index');
    const ended = stringMember(choice, 'finish_reason') !== '';
    if (ended || this.#choices.size < MAX_CHOICES)
      this.#choices.set(index, ended || this.#choices.get(index) === true);
    const delta = memberOf(choice, 'delta');
    const text = TEXTS.map((name) => stringMember(delta, name)).join('');
    this.#meter.addText(text + argumentsIn(delta));
    const others = OTHERS.some((name) => (memberOf(delta, name) ?? null) !== null);
    if (text !== '' || others || ended) this.#content();
  }

  #content(): void {
    if (this.begun) return;
    this.begun = true;
    this.#listener.onFirstToken();
  }
}

/** Largest number of choices to follow; the API gives 128. */
const MAX_CHOICES = 1024;

/** What a delta adds to the arguments of tools. */
function argumentsIn(delta: unknown): string {
  const calls = elementsOf(memberOf(delta, 'tool_calls')).map((call) => memberOf(call, 'function'));
  return [...calls, memberOf(delta, 'function_call')]
    .map((call) => stringMember(call, 'arguments'))
    .join('');
}

const ANSWER: AnswerForm = {
  content: 'choices',
  stopReason: (answer) => {
    const [first] = elementsOf(memberOf(answer, 'choices'));
    return textOf(first, 'finish_reason');
  },
  text: (answer) =>
    elementsOf(memberOf(answer, 'choices'))
      .map((choice) => memberOf(choice, 'message'))
      .map((message) => stringMember(message, 'content') + argumentsIn(message))
      .join('\n'),
  judge: (meter, listener) => new ChatJudge(meter, listener),
};

export const openaiChat: Protocol = openaiProtocol({
  request: REQUEST,
  answer: ANSWER,
  routes: () => ROUTES,
  served: 'POST /v1/chat/completions',
  tracedRequest,
  streamEnd: Buffer.from(`data: ${DONE}\n\n`),
  errorEventOf: (answer) => Buffer.from(eventOf({ error: readableError(answer) })),
  errorEvent: (failed, requestId) => `data: ${errorBody(failed, requestId)}\n\n`,
});

function eventOf(data: object): string {
  return `data: ${JSON.stringify(data)}\n\n`;
}

const CHAT: ModelRoute = {
  protocol: openaiChat,
  route: '/v1/chat/completions',
  method: 'POST',
  kind: 'Messages',
  operation: 'chat.completions.create',
};
const MODELS: ModelRoute = {
  protocol: openaiChat,
  route: '/v1/models',
  method: 'GET',
  kind: 'Models',
  operation: 'models.list',
};
const ROUTES = [CHAT, MODELS];

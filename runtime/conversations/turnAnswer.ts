import type Anthropic from '@anthropic-ai/sdk';
import type { Failure } from '../errors/failure.ts';
import type { ByteAccount } from '../resilience/byteBudget.ts';

/** Largest answer to one call of a turn, in bytes: its text, thoughts and arguments, and 32 bytes for each event. */
export const TURN_ANSWER_BYTES = 8 * 1024 * 1024;
/** Largest number of tools that one answer may call. */
export const ANSWER_CALLS = 128;

/** Memory of a piece besides its bytes. */
const EVENT_BYTES = 32;
const MIB = 1024 * 1024;

const TOO_LARGE: Failure = {
  reason: 'InvalidResponse',
  message: `The answer of the model is larger than ${TURN_ANSWER_BYTES / MIB} MiB: set spec.conversation.maxTokens lower.`,
};
const TOO_MANY_CALLS: Failure = {
  reason: 'InvalidResponse',
  message: `The model asks for more than ${ANSWER_CALLS} tools at once.`,
};
const FULL: Failure = {
  reason: 'BodiesFull',
  message: 'The agent holds as many bytes of requests and answers as its memory bears.',
  retryAfterMs: 1000,
};

/** An answer breaks the bounds. */
export class AnswerRefused extends Error {
  readonly problem: Failure;

  constructor(problem: Failure) {
    super(problem.message);
    this.problem = problem;
  }
}

/** Bounds the answer to one call of a turn, which stays in memory until it is whole. */
export class TurnAnswer {
  readonly #account: Pick<ByteAccount, 'take'>;
  #bytes = 0;
  #calls = 0;

  constructor(account: Pick<ByteAccount, 'take'>) {
    this.#account = account;
  }

  /** Takes an event of the stream. Throws AnswerRefused. */
  event(event: Anthropic.MessageStreamEvent): void {
    if (event.type === 'content_block_start') {
      this.#calls += event.content_block.type === 'tool_use' ? 1 : 0;
      if (this.#calls > ANSWER_CALLS) throw new AnswerRefused(TOO_MANY_CALLS);
      this.#add(JSON.stringify(event.content_block).length);
    } else if (event.type === 'content_block_delta') this.#add(sizeOf(event.delta));
  }

  #add(length: number): void {
    const bytes = length + EVENT_BYTES;
    this.#bytes += bytes;
    if (this.#bytes > TURN_ANSWER_BYTES) throw new AnswerRefused(TOO_LARGE);
    if (!this.#account.take(bytes)) throw new AnswerRefused(FULL);
  }
}

function sizeOf(delta: Anthropic.RawContentBlockDelta): number {
  switch (delta.type) {
    case 'text_delta':
      return delta.text.length;
    case 'input_json_delta':
      return delta.partial_json.length;
    case 'thinking_delta':
      return delta.thinking.length;
    default:
      return JSON.stringify(delta).length;
  }
}

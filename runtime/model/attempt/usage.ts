import type { ActualCost, Cost } from '../../guard/admission.ts';
import { REFUND } from '../../guard/admission.ts';
import { StreamedContent } from './streamedContent.ts';
import { memberOf } from '../../json/parsed.ts';

/** Tokens that the provider reports. An unreported figure is absent. */
export interface Usage {
  /** Input that counts against limits: uncached input and input written to the cache. */
  inputTokens?: number;
  outputTokens?: number;
  /** Input read from the cache. Limits do not count it. */
  cacheReadTokens?: number;
}

/** What an answer says of itself. */
export interface AnswerFacts {
  id: string | undefined;
  model: string | undefined;
  stopReason: string | undefined;
  /** Input that was written to the provider's cache. */
  cacheWriteTokens: number | undefined;
  /** Its blocks; absent unless asked for. */
  content?: unknown;
}

/** Bytes of text per token before anything is learned (a tokenizer would block the event loop). */
export const BYTES_PER_TOKEN = 3.5;

/**
 * Reads the tokens of one answer while it passes. A stream's figures are cumulative: each event replaces the figures
 * before it (https://platform.claude.com/docs/en/api/messages-streaming).
 */
export class UsageMeter {
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

  /** Whether it keeps the blocks. */
  get keepsContent(): boolean {
    return this.#content !== undefined;
  }

  /** Takes an event of a stream. Only message_start, content_block_delta and message_delta matter. */
  event(type: string, data: unknown): void {
    this.#content?.event(type, data);
    if (type === 'message_start') this.#start(memberOf(data, 'message'));
    else if (type === 'message_delta') this.#end(data);
    else if (type === 'content_block_delta') this.#textBytes += textBytes(memberOf(data, 'delta'));
  }

  /** Takes an unstreamed answer. */
  message(message: unknown): void {
    this.#message = message;
    this.#figures(memberOf(message, 'usage'));
  }

  /** The usage so far. Estimates the output from the text until the provider reports it. */
  usage(): Usage {
    const output = this.#output ?? (this.#textBytes > 0 ? this.#estimate() : undefined);
    const told = this.#input !== undefined || this.#cacheCreation !== undefined;
    return {
      ...(told && { inputTokens: (this.#input ?? 0) + (this.#cacheCreation ?? 0) }),
      ...(output !== undefined && { outputTokens: output }),
      ...(this.#cacheRead !== undefined && { cacheReadTokens: this.#cacheRead }),
    };
  }

  /** Input that was written to the provider's cache, as far as it is known. */
  get cacheWriteTokens(): number | undefined {
    return this.#cacheCreation;
  }

  /** What the provider reports besides tokens. */
  facts(): AnswerFacts {
    return {
      id: text(this.#message, 'id'),
      model: text(this.#message, 'model'),
      stopReason: text(this.#delta, 'stop_reason') ?? text(this.#message, 'stop_reason'),
      cacheWriteTokens: this.#cacheCreation,
      ...(this.#content && { content: this.#content.blocks ?? memberOf(this.#message, 'content') }),
    };
  }

  /** The least usage of an answer that was cut: its text so far, and no less than the provider reported. */
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

/** The usage where no attempt was made. */
export const NO_USAGE: Readonly<Cost> = { inputTokens: 0, outputTokens: 0 };

/** Sums the usage of all attempts of one request. */
export class TotalUsage {
  #inputTokens: number | undefined = 0;
  #outputTokens: number | undefined = 0;

  add(charge: ActualCost): void {
    if (charge === REFUND) return;
    const { inputTokens, outputTokens } = charge;
    this.#inputTokens = sum(this.#inputTokens, inputTokens);
    this.#outputTokens = sum(this.#outputTokens, outputTokens);
  }

  /** Leaves out a figure that one attempt did not learn, so that its reservation stays. */
  total(): Partial<Cost> {
    return {
      ...(this.#inputTokens !== undefined && { inputTokens: this.#inputTokens }),
      ...(this.#outputTokens !== undefined && { outputTokens: this.#outputTokens }),
    };
  }
}

function sum(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : a + b;
}

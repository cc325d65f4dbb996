/** What the answers of Chat Completions and Responses have in common. */
import { memberOf } from '../json/parsed.ts';
import type { ScannedObject } from '../json/scan.ts';
import { OK, failure } from '../resilience/outcome.ts';
import { KEPT_CONTENT } from './anthropicContent.ts';
import { statedError } from './openaiErrors.ts';
import type { AnswerMeter, Judgement, StreamJudge, StreamListener } from './protocol.ts';
import { BYTES_PER_TOKEN } from './usage.ts';
import type { AnswerFacts, Usage } from './usage.ts';

/** What differs between the two. */
export interface AnswerForm {
  /** The member that an answer must have. */
  content: string;
  stopReason(answer: unknown): string | undefined;
  /** The text of an unstreamed answer. */
  text(answer: unknown): string;
  judge(meter: OpenAIMeter, listener: StreamListener): StreamJudge;
}

/** Largest member to read; a larger one counts as absent. */
const MAX_MEMBER = 64 * 1024;
const MEMBERS = ['id', 'model', 'status', 'incomplete_details', 'usage', 'error'];

const GOOD: Judgement = { outcome: OK };
const NOT_JSON: Judgement = { outcome: failure('InvalidResponse', 'answer is not a JSON object') };
const NO_ANSWER: Judgement = {
  outcome: failure('InvalidResponse', 'answer has no content of a model'),
};

/** Reads the tokens of one answer while it passes. Input from the provider's cache counts apart. */
export class OpenAIMeter implements AnswerMeter {
  readonly members: ReadonlySet<string>;
  /** Whether the usage of a stream does not reach the client. */
  readonly hidesUsage: boolean;
  /** Nothing is written to the cache at a price of its own. */
  readonly cacheWriteTokens = undefined;
  readonly #form: AnswerForm;
  readonly #ratio: number;
  readonly #keepsContent: boolean;
  #input: number | undefined;
  #output: number | undefined;
  #cached: number | undefined;
  #id: string | undefined;
  #model: string | undefined;
  #stopReason: string | undefined;
  #textBytes = 0;
  #text = '';

  constructor(form: AnswerForm, ratio: number, keepsContent = false, hidesUsage = false) {
    this.#form = form;
    this.#ratio = ratio;
    this.#keepsContent = keepsContent;
    this.hidesUsage = hidesUsage;
    this.members = new Set([...MEMBERS, form.content]);
  }

  stream(listener: StreamListener): StreamJudge {
    return this.#form.judge(this, listener);
  }

  judge(body: Buffer, scanned: ScannedObject | undefined, isMessage: boolean): Judgement {
    if (!scanned) return NOT_JSON;
    const answer: Record<string, unknown> = {};
    for (const [name, { start, end }] of scanned.members) {
      if (end - start > MAX_MEMBER) continue;
      answer[name] = JSON.parse(body.toString('utf8', start, end));
    }
    const { error = null } = answer;
    if (error !== null) return { ...NO_ANSWER, errorStatus: statedError(error).status };
    if (!isMessage) return GOOD;
    this.answer(answer);
    this.addText(this.#form.text(answer));
    return scanned.members.has(this.#form.content) ? GOOD : NO_ANSWER;
  }

  /** Takes what an answer, or an event with a part of it, says of itself. Later figures replace earlier ones. */
  answer(answer: unknown): void {
    this.#id ??= textOf(answer, 'id');
    this.#model ??= textOf(answer, 'model');
    this.#stopReason = this.#form.stopReason(answer) ?? this.#stopReason;
    this.#figures(memberOf(answer, 'usage'));
  }

  /** Text that the model wrote: for its user, in its thoughts, or for a tool. */
  addText(text: string): void {
    this.#textBytes += Buffer.byteLength(text);
    if (this.#keepsContent && this.#text.length + text.length <= KEPT_CONTENT) this.#text += text;
  }

  #figures(usage: unknown): void {
    this.#input = count(usage, 'prompt_tokens') ?? count(usage, 'input_tokens') ?? this.#input;
    this.#output =
      count(usage, 'completion_tokens') ?? count(usage, 'output_tokens') ?? this.#output;
    const details =
      memberOf(usage, 'prompt_tokens_details') ?? memberOf(usage, 'input_tokens_details');
    this.#cached = count(details, 'cached_tokens') ?? this.#cached;
  }

  /** The provider's input includes what it read from its cache. */
  usage(): Usage {
    const output = this.#output ?? (this.#textBytes > 0 ? this.#estimate() : undefined);
    const cached = this.#cached;
    return {
      ...(this.#input !== undefined && {
        inputTokens: Math.max(0, this.#input - (cached ?? 0)),
      }),
      ...(output !== undefined && { outputTokens: output }),
      ...(cached !== undefined && { cacheReadTokens: cached }),
    };
  }

  atLeast(): { inputTokens: number; outputTokens: number } {
    const { inputTokens = 0, outputTokens = 0 } = this.usage();
    return { inputTokens, outputTokens: Math.max(outputTokens, this.#estimate()) };
  }

  facts(): AnswerFacts {
    return {
      id: this.#id,
      model: this.#model,
      stopReason: this.#stopReason,
      cacheWriteTokens: undefined,
      ...(this.#keepsContent && { content: this.#text }),
    };
  }

  #estimate(): number {
    return Math.ceil((this.#textBytes / BYTES_PER_TOKEN) * this.#ratio);
  }
}

/** The content of an answer as a message of OpenTelemetry's convention. */
export function tracedAnswer({ content, stopReason }: AnswerFacts): object {
  const parts = typeof content === 'string' && content !== '' ? [{ type: 'text', content }] : [];
  return { role: 'assistant', parts, finish_reason: stopReason };
}

export function textOf(value: unknown, name: string): string | undefined {
  const found = memberOf(value, name);
  return typeof found === 'string' ? found : undefined;
}

/** Elements of a list; none of another value. */
export function elementsOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as unknown[]) : [];
}

function count(value: unknown, name: string): number | undefined {
  const figure = memberOf(value, name);
  return typeof figure === 'number' && Number.isSafeInteger(figure) && figure >= 0
    ? figure
    : undefined;
}

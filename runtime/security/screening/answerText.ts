import { JsonUnescape } from '../../json/unescape.ts';

interface StreamEvent {
  type?: unknown;
  content_block?: { text?: unknown; thinking?: unknown; input?: unknown; content?: unknown };
  delta?: { text?: unknown; thinking?: unknown; partial_json?: unknown };
}

/** Between what does not belong together. */
const BREAK = '\n';

/**
 * What a stream of the Messages API says, as its client puts it together: texts, thoughts, arguments of tools and what a
 * provider's own tools returned.
 */
export class AnswerText {
  #arguments = new JsonUnescape();
  /** Whether a text was last, which the next text continues. */
  #afterText = true;

  /** What an event adds, by its data. */
  event(data: string): string {
    const { type, content_block: block, delta } = parsed(data);
    if (type === 'content_block_delta') return this.#delta(delta ?? {});
    return type === 'content_block_start' ? this.#block(block ?? {}) : '';
  }

  #delta({ text, thinking, partial_json: json }: NonNullable<StreamEvent['delta']>): string {
    if (typeof json === 'string') return this.#arguments.push(json);
    return textOf(text) + textOf(thinking);
  }

  /** A text may go on over several blocks, each with a source of its own. */
  #block({ text, thinking, input, content }: NonNullable<StreamEvent['content_block']>): string {
    const isText = typeof text === 'string';
    const between = isText && this.#afterText ? '' : BREAK;
    this.#afterText = isText;
    this.#arguments = new JsonUnescape();
    const others = [input, content].filter((each) => each !== undefined);
    const json = others.length === 0 ? '' : new JsonUnescape().push(JSON.stringify(others) + BREAK);
    return between + textOf(text) + textOf(thinking) + json;
  }
}

function parsed(data: string): StreamEvent {
  try {
    return (JSON.parse(data) ?? {}) as StreamEvent;
  } catch {
    return {};
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

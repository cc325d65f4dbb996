import { parseJson } from '../../json/parsed.ts';
import { scanInSlices } from '../../json/scan.ts';
import { JsonUnescape } from '../../json/unescape.ts';

interface StreamEvent {
  type?: unknown;
  content_block?: { text?: unknown; thinking?: unknown; input?: unknown; content?: unknown };
  delta?: { text?: unknown; thinking?: unknown; partial_json?: unknown };
}

/** Separates texts that do not belong together. */
const BREAK = '\n';

/**
 * The text of a stream of the Messages API as its client assembles it: texts, thoughts, arguments of tools, and
 * results of the provider's own tools.
 */
export class AnswerText {
  #arguments = new JsonUnescape();
  /** Whether the last piece was a text, which the next text continues. */
  #afterText = true;

  /** The text that an event adds. */
  event(data: string): string {
    const { type, content_block: block, delta } = (parseJson(data) ?? {}) as StreamEvent;
    if (type === 'content_block_delta') return this.#delta(delta ?? {});
    return type === 'content_block_start' ? this.begin(block) : '';
  }

  /** The text that the next block begins with. */
  begin(block: unknown): string {
    return this.#block(block ?? {});
  }

  #delta({ text, thinking, partial_json: json }: NonNullable<StreamEvent['delta']>): string {
    if (typeof json === 'string') return this.#arguments.push(json);
    return textOf(text) + textOf(thinking);
  }

  /** A text may continue over several blocks, each with its own citations. */
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

/** Largest number of values in an answer to parse. */
const MAX_VALUES = 100_000;
const CONTENT: ReadonlySet<string> = new Set(['content']);

/**
 * The text of an unstreamed answer of the Messages API over all its blocks; empty if it has no two, so that nothing has
 * to be joined. Undefined: it has too many values to parse.
 */
export async function textOverBlocks(body: Buffer): Promise<string | undefined> {
  const scanned = await scanInSlices(body, CONTENT);
  const content = scanned?.members.get('content');
  if (!scanned || !content) return '';
  if (scanned.values > MAX_VALUES) return undefined;
  const blocks: unknown = JSON.parse(body.toString('utf8', content.start, content.end));
  if (!Array.isArray(blocks) || blocks.length < 2) return '';
  const text = new AnswerText();
  return blocks.map((block: unknown) => text.begin(block)).join('');
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

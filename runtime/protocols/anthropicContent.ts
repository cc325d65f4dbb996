/** The content of requests and answers of the Messages API: for traces, and for the screen. */
import { memberOf, parseJson } from '../json/parsed.ts';
import { scanInSlices } from '../json/scan.ts';
import { JsonTree } from '../json/tree.ts';
import type { Node } from '../json/tree.ts';
import { JsonUnescape } from '../json/unescape.ts';
import type { AnswerText, RequestMembers, TracedRequest } from './protocol.ts';
import type { AnswerFacts } from './usage.ts';

interface Block {
  type: string;
  text?: string;
  thinking?: string;
  /** JSON so far. */
  input?: string;
}

/** Largest content of an answer to keep, in characters. A longer one would not fit into an attribute of a span. */
export const KEPT_CONTENT = 128 * 1024;
/** What a block adds to its text. */
const BLOCK_SIZE = 64;

/** Members of a delta, with the field and the type of the block that they belong to. */
const PARTS = [
  ['text', 'text', 'text'],
  ['thinking', 'thinking', 'thinking'],
  ['partial_json', 'input', 'tool_use'],
] as const;

/** Assembles the beginning of an answer from the events of its stream, in order of its blocks. */
export class StreamedContent {
  readonly #blocks = new Map<number, Block>();
  #size = 0;

  /** Undefined before the first block. */
  get blocks(): readonly Block[] | undefined {
    return this.#blocks.size === 0 ? undefined : [...this.#blocks.values()];
  }

  event(type: string, data: unknown): void {
    if (type !== 'content_block_delta' || typeof data !== 'object' || data === null) return;
    const { index = 0 } = data as { index?: unknown };
    // A provider may send any value.
    if (typeof index !== 'number') return;
    const delta = memberOf(data, 'delta');
    for (const [member, field, kind] of PARTS) {
      const text = memberOf(delta, member);
      if (typeof text === 'string') this.#add(index, { field, kind, text });
    }
  }

  #add(
    index: number,
    { field, kind, text }: { field: 'text' | 'thinking' | 'input'; kind: string; text: string },
  ): void {
    // prettier-ignore
    const known = this.#blocks.get(index);
    const size = text.length + (known ? 0 : BLOCK_SIZE);
    this.#size += size;
    if (this.#size > KEPT_CONTENT) return;
    const block = known ?? { type: kind };
    block[field] = (block[field] ?? '') + text;
    this.#blocks.set(index, block);
  }
}

interface StreamEvent {
  type?: unknown;
  content_block?: { text?: unknown; thinking?: unknown; input?: unknown; content?: unknown };
  delta?: { text?: unknown; thinking?: unknown; partial_json?: unknown };
}

/** Separates texts that do not belong together. */
const BREAK = '\n';

/** Texts, thoughts, arguments of tools, and results of the provider's own tools. */
export class MessagesText implements AnswerText {
  #arguments = new JsonUnescape();
  /** Whether the last piece was a text, which the next text continues. */
  #afterText = true;

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
const MAX_ANSWER_VALUES = 100_000;
const CONTENT: ReadonlySet<string> = new Set(['content']);

export async function textOverBlocks(body: Buffer): Promise<string | undefined> {
  const scanned = await scanInSlices(body, CONTENT);
  const content = scanned?.members.get('content');
  if (!scanned || !content) return '';
  if (scanned.values > MAX_ANSWER_VALUES) return undefined;
  const blocks: unknown = JSON.parse(body.toString('utf8', content.start, content.end));
  if (!Array.isArray(blocks) || blocks.length < 2) return '';
  const text = new MessagesText();
  return blocks.map((block: unknown) => text.begin(block)).join('');
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** Longest name of a role or type, in bytes of JSON. */
const MAX_NAME = 64;
/** Largest number of values in messages; more have no content in their span. */
const MAX_TRACED_VALUES = 100_000;

interface Part {
  type: string;
  [field: string]: unknown;
}

interface Message {
  role: string;
  parts: Part[];
}

/** A request in the form of the convention. Parses only what can fit, because a body may have many megabytes. */
export function tracedRequest(
  body: Buffer,
  members: RequestMembers,
  maxBytes: number,
): TracedRequest {
  const [messages, system] = ['messages', 'system'].map((name) => {
    const span = members.get(name);
    return span && JsonTree.read(body, span, MAX_TRACED_VALUES);
  });
  return {
    ...(messages && { messages: new Reader(messages, maxBytes).newest() }),
    instructions: system && new Reader(system, maxBytes).parts(system.root),
  };
}

/** An answer in the form of the convention. */
export function tracedAnswer({ content, stopReason }: AnswerFacts): object {
  const parts = (Array.isArray(content) ? content : []).map((block) => partOf(objectOf(block)));
  return { role: 'assistant', parts, finish_reason: stopReason };
}

/** Reads messages, as far as their bytes can fit. */
class Reader {
  readonly #tree: JsonTree;
  #leftBytes: number;

  constructor(tree: JsonTree, maxBytes: number) {
    this.#tree = tree;
    this.#leftBytes = maxBytes;
  }

  /** The last messages, after the last one that cannot fit. */
  newest(): Message[] {
    const found: Message[] = [];
    for (const message of [...this.#tree.elements(this.#tree.root)].reverse()) {
      const content = this.#tree.member(message, 'content');
      const parts = content === undefined ? [] : this.parts(content);
      if (!parts) break;
      found.push({ role: this.#name(message, 'role'), parts });
    }
    return found.reverse();
  }

  /** The parts of a string or of blocks; undefined if they cannot fit. */
  parts(content: Node): Part[] | undefined {
    if (this.#tree.isString(content)) {
      if (!this.#fits(content)) return undefined;
      return [{ type: 'text', content: this.#tree.text(content) }];
    }
    const parts: Part[] = [];
    for (const block of this.#tree.elements(content)) {
      const type = this.#name(block, 'type');
      const hasText = TEXTUAL.has(type);
      if (hasText && !this.#fits(block)) return undefined;
      parts.push(partOf(hasText ? objectOf(this.#tree.value(block)) : { type }));
    }
    return parts;
  }

  #fits(node: Node): boolean {
    const { start, end } = this.#tree.span(node);
    this.#leftBytes -= end - start;
    return this.#leftBytes >= 0;
  }

  #name(node: Node, member: string): string {
    return this.#tree.text(this.#tree.member(node, member), MAX_NAME);
  }
}

const TEXTUAL: ReadonlySet<string> = new Set(['text', 'thinking', 'tool_use', 'tool_result']);

/** Shows only the kind of media. */
function partOf(block: Record<string, unknown>): Part {
  const { type, text, thinking, id, name, input, tool_use_id: call, content } = block;
  if (type === 'text') return { type, content: text };
  if (type === 'thinking') return { type: 'reasoning', content: thinking };
  if (type === 'tool_use') return { type: 'tool_call', id, name, arguments: input };
  if (type === 'tool_result') return { type: 'tool_call_response', id: call, response: content };
  return { type: typeof type === 'string' && type !== '' ? type : 'unknown' };
}

function objectOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

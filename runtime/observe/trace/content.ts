import type { Span } from '../../json/scan.ts';
import { JsonTree } from '../../json/tree.ts';
import type { Node } from '../../json/tree.ts';
import { ATTRIBUTES } from './names.ts';
import type { Attributes } from '../../../tracing/span.ts';

/** Longest attribute; drops the oldest messages of a longer one. */
const MAX_LENGTH = 128 * 1024;
/** Most bytes of JSON that can fit: \u0061 takes six for one character. */
const MAX_BYTES = 6 * MAX_LENGTH;
/** Longest name of a role or type, in bytes of JSON. */
const MAX_NAME = 64;
/** Largest number of values in messages; more have no content in their span. */
const MAX_VALUES = 100_000;

interface Part {
  type: string;
  [field: string]: unknown;
}

interface Message {
  role: string;
  parts: Part[];
}

/**
 * A request of the Messages API in the form of the convention. `members`: where the members of the body are, which is
 * valid JSON. Parses only what can fit, because a body may have many megabytes.
 */
export function inputContent(body: Buffer, members: ReadonlyMap<string, Span>): Attributes {
  const [messages, system] = ['messages', 'system'].map((name) => {
    const span = members.get(name);
    return span && JsonTree.read(body, span, MAX_VALUES);
  });
  const instructions = system && new Reader(system).parts(system.root);
  return {
    ...(messages && { [ATTRIBUTES.inputMessages]: fitting(new Reader(messages).newest()) }),
    ...(instructions && { [ATTRIBUTES.systemInstructions]: fitting(instructions) }),
  };
}

/** An answer of the Messages API in the form of the convention. */
export function outputContent(blocks: unknown, stopReason: string | undefined): Attributes {
  const parts = (Array.isArray(blocks) ? blocks : []).map((block) => partOf(objectOf(block)));
  const message = { role: 'assistant', parts, finish_reason: stopReason };
  return { [ATTRIBUTES.outputMessages]: fitting([message]) };
}

function fitting(all: readonly object[]): string {
  const texts = all.map((each) => JSON.stringify(each));
  let length = texts.reduce((sum, text) => sum + text.length + 1, 2);
  let first = 0;
  while (first < texts.length && length > MAX_LENGTH) {
    length -= texts[first]!.length + 1;
    first += 1;
  }
  return `[${texts.slice(first).join(',')}]`;
}

/** Reads messages, as far as their bytes can fit. */
class Reader {
  readonly #tree: JsonTree;
  #leftBytes = MAX_BYTES;

  constructor(tree: JsonTree) {
    this.#tree = tree;
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

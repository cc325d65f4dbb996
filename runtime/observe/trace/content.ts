import { parseJson } from '../../json/parsed.ts';
import { scanObject } from '../../json/scan.ts';
import { ATTRIBUTES } from './names.ts';
import type { Attributes } from './span.ts';

/** Longest attribute; drops the oldest messages of a longer one. */
const MAX_LENGTH = 128 * 1024;

interface Part {
  type: string;
  [field: string]: unknown;
}

interface Message {
  role: string;
  parts: Part[];
}

/** A request of the Messages API in the form of the convention; empty for other bodies. */
export function inputContent(body: Buffer): Attributes {
  const request = parsed(body);
  const { messages, system } = request;
  const all = (Array.isArray(messages) ? messages : []).map((message: unknown) =>
    messageOf(message),
  );
  return {
    [ATTRIBUTES.inputMessages]: fitting(all),
    ...(system !== undefined && { [ATTRIBUTES.systemInstructions]: fitting(partsOf(system)) }),
  };
}

/** An answer of the Messages API in the form of the convention. */
export function outputContent(blocks: unknown, stopReason: string | undefined): Attributes {
  const message = { role: 'assistant', parts: partsOf(blocks), finish_reason: stopReason };
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

function messageOf(message: unknown): Message {
  const { role, content } = objectOf(message);
  return { role: typeof role === 'string' ? role : '', parts: partsOf(content) };
}

function partsOf(content: unknown): Part[] {
  if (typeof content === 'string') return [{ type: 'text', content }];
  return Array.isArray(content) ? content.map((block: unknown) => partOf(objectOf(block))) : [];
}

/** Shows only the kind of media. */
function partOf(block: Record<string, unknown>): Part {
  const { type, text, thinking, id, name, input, tool_use_id: call, content } = block;
  if (type === 'text') return { type, content: text };
  if (type === 'thinking') return { type: 'reasoning', content: thinking };
  if (type === 'tool_use') return { type: 'tool_call', id, name, arguments: input };
  if (type === 'tool_result') return { type: 'tool_call_response', id: call, response: content };
  return { type: typeof type === 'string' ? type : 'unknown' };
}

/**
 * Largest number of values in a request; a larger one has no content in its span, because parsing takes much memory.
 */
const MAX_VALUES = 100_000;
const NO_NAMES: ReadonlySet<string> = new Set();

function parsed(body: Buffer): Record<string, unknown> {
  const { values } = scanObject(body, NO_NAMES) ?? { values: Infinity };
  if (values > MAX_VALUES) return {};
  return objectOf(parseJson(body.toString('utf8')));
}

function objectOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

import type Anthropic from '@anthropic-ai/sdk';

/** A message of the Messages API. */
export type Message = Anthropic.MessageParam;
/** A part of a message. */
export type Block = Anthropic.ContentBlockParam;
export type ToolUse = Anthropic.ToolUseBlockParam;
export type ToolResult = Anthropic.ToolResultBlockParam;

/** The blocks of a message; plain text counts as one block. */
export function blocksOf({ content }: Message): Block[] {
  return typeof content === 'string' ? [{ type: 'text', text: content }] : content;
}

/** Whether a block is text without a letter, which the Messages API takes back from nobody. */
export function isBlank(block: Block): boolean {
  return block.type === 'text' && block.text.trim() === '';
}

/** The tools that a message of the model requests. */
export function toolUses(message: Message | undefined): ToolUse[] {
  if (message?.role !== 'assistant') return [];
  return blocksOf(message).filter((block) => block.type === 'tool_use');
}

/** Whether the message answers the one before it, so that they must stay together. */
function isContinuation(message: Message): boolean {
  if (message.role === 'assistant') return true;
  return blocksOf(message).some(({ type }) => type === 'tool_result');
}

/** Indexes at which exchanges begin: messages of the user without results of tools. */
function beginnings(messages: readonly Message[]): number[] {
  return messages.flatMap((message, i) => (isContinuation(message) ? [] : [i]));
}

/** Room for the messages of a request. */
export interface Room {
  tokens: number;
  /** Tokens of a message, as far as they are known. */
  of: (message: Message) => number;
}

/**
 * Drops the oldest exchanges, each as a whole, so that at most `max` messages are left, and no more than there is room
 * for. Keeps the last exchange however long it is.
 */
export function prune(messages: readonly Message[], max: number, room?: Room): Message[] {
  const first = room ? firstWithin(messages, room) : 0;
  const least = Math.max(first, messages.length - max);
  if (least <= 0) return [...messages];
  const starts = beginnings(messages);
  return messages.slice(starts.find((start) => start >= least) ?? starts.at(-1) ?? 0);
}

/** Index of the first message from which on all fit. */
function firstWithin(messages: readonly Message[], { tokens, of }: Room): number {
  let left = tokens;
  for (let i = messages.length - 1; i >= 0; i -= 1) {
    left -= of(messages[i]!);
    if (left < 0) return i + 1;
  }
  return 0;
}

/** The newer half of the messages by their size, in whole exchanges; undefined if there is only one exchange. */
export function newerHalf(messages: readonly Message[]): Message[] | undefined {
  const sizes = new Map(messages.map((message) => [message, sizeOf(message).bytes]));
  const of = (message: Message): number => sizes.get(message)!;
  const total = messages.reduce((sum, message) => sum + of(message), 0);
  const kept = prune(messages, messages.length - 1, { tokens: total / 2, of });
  return kept.length < messages.length ? kept : undefined;
}

/** Bytes of a message as text, and its images and documents. */
export function sizeOf(message: Message): { bytes: number; media: number } {
  let media = 0;
  const text = JSON.stringify(message, function (this: { type?: unknown }, name, value: unknown) {
    if (name !== 'data' || this.type !== 'base64') return value;
    media += 1;
    return '';
  });
  return { bytes: Buffer.byteLength(text), media };
}

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

/**
 * Drops the oldest exchanges, each as a whole, so that at most `max` messages are left. Keeps the last exchange
 * however long it is.
 */
export function prune(messages: readonly Message[], max: number): Message[] {
  if (messages.length <= max) return [...messages];
  const starts = beginnings(messages);
  const from = starts.find((start) => messages.length - start <= max) ?? starts.at(-1) ?? 0;
  return messages.slice(from);
}

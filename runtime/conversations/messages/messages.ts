import type Anthropic from '@anthropic-ai/sdk';

/** A message of a conversation, as the Messages API has it. */
export type Message = Anthropic.MessageParam;
/** A part of a message. */
export type Block = Anthropic.ContentBlockParam;
export type ToolUse = Anthropic.ToolUseBlockParam;
export type ToolResult = Anthropic.ToolResultBlockParam;

/** The blocks of a message; text alone counts as one. */
export function blocksOf({ content }: Message): Block[] {
  return typeof content === 'string' ? [{ type: 'text', text: content }] : content;
}

/** The tools that a message of the model asks for. */
export function toolUses(message: Message | undefined): ToolUse[] {
  if (message?.role !== 'assistant') return [];
  return blocksOf(message).filter((block) => block.type === 'tool_use');
}

/** Whether the message answers the one before it, so that neither can be without the other. */
function isContinuation(message: Message): boolean {
  if (message.role === 'assistant') return true;
  return blocksOf(message).some(({ type }) => type === 'tool_result');
}

/** Where exchanges begin: at each message of the user that brings no results of tools. */
function beginnings(messages: readonly Message[]): number[] {
  return messages.flatMap((message, i) => (isContinuation(message) ? [] : [i]));
}

/**
 * The messages without the oldest exchanges, each dropped as a whole, so that at most `max` are left. The last exchange
 * stays however long it is.
 */
export function prune(messages: readonly Message[], max: number): Message[] {
  if (messages.length <= max) return [...messages];
  const starts = beginnings(messages);
  const from = starts.find((start) => messages.length - start <= max) ?? starts.at(-1) ?? 0;
  return messages.slice(from);
}

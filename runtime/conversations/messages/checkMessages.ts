import { blocksOf, toolUses } from './messages.ts';
import type { Block, Message } from './messages.ts';

/** The messages, or why they are invalid. */
export type Restored = { ok: true; messages: Message[] } | { ok: false; message: string };

/**
 * Checks the messages of an earlier conversation, as far as pruning and the Messages API depend on them. The API
 * itself checks the inside of blocks.
 */
export function checkMessages(value: unknown): Restored {
  if (!Array.isArray(value)) return bad('messages must be a list');
  const messages: Message[] = [];
  for (const [i, each] of (value as unknown[]).entries()) {
    const problem = messageProblem(each);
    if (problem !== undefined) return bad(`messages[${i}] ${problem}`);
    messages.push(each as Message);
  }
  const problem = orderProblem(messages);
  return problem === undefined ? { ok: true, messages } : bad(problem);
}

/** Checks the content of a message: non-empty text, or blocks. */
export function contentProblem(content: unknown): string | undefined {
  if (typeof content === 'string') {
    return content === '' ? 'must have content that is not empty' : undefined;
  }
  if (!Array.isArray(content) || content.length === 0) {
    return 'must have content: text, or a list of blocks that is not empty';
  }
  return content.every(isBlock) ? undefined : 'has a block without a type';
}

function messageProblem(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return 'must be an object';
  const { role, content } = value as Record<string, unknown>;
  if (role !== 'user' && role !== 'assistant') return 'must have the role user or assistant';
  return contentProblem(content);
}

function isBlock(value: unknown): value is Block {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as { type?: unknown }).type === 'string'
  );
}

/** The first message must be the user's, and each requested tool must have its result in the next message. */
function orderProblem(messages: readonly Message[]): string | undefined {
  for (const [i, message] of messages.entries()) {
    const asked = new Set(toolUses(messages[i - 1]).map(({ id }) => id));
    const given = resultsIn(message);
    if (i === 0 && message.role !== 'user') return "messages[0] must be the user's";
    if ([...asked].some((id) => !given.has(id))) {
      return `messages[${i}] must bring a tool_result for each tool_use of the message before`;
    }
    if ([...given].some((id) => !asked.has(id))) {
      return `messages[${i}] has a tool_result without a tool_use in the message before`;
    }
  }
  return toolUses(messages.at(-1)).length === 0
    ? undefined
    : 'the last message asks for tools whose results are missing';
}

function resultsIn(message: Message): Set<string> {
  const results = blocksOf(message).filter((block) => block.type === 'tool_result');
  return new Set(results.map(({ tool_use_id: id }) => id));
}

function bad(message: string): Restored {
  return { ok: false, message };
}

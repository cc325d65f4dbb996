import type { Content } from '../../contract/generated/types.ts';
import { send } from './client.ts';
import type { Answer } from './client.ts';
import { MESSAGE, sse } from './upstream.ts';

/** Default of conversations in a configuration. */
export const CONVERSATION: NonNullable<Content['conversation']> = {
  maxMessages: 100,
  maxTurns: 4,
  maxTokens: 256,
  idleTimeoutMs: 3_600_000,
  runTimeoutMs: 20_000,
  store: 'Memory',
};

/** Parts of a content that keeps its conversations in the Redis. */
export const conversationsIn = (
  redis: NonNullable<Content['redis']>,
): Pick<Content, 'conversation' | 'redis'> => ({
  conversation: { ...CONVERSATION, store: 'Redis' },
  redis,
});

/** A message of a model: text, and calls of tools. */
export interface Said {
  text?: string;
  tools?: { id: string; name: string; input: unknown }[];
  stopReason?: string;
}

/** An answer of the model as a stream of the Messages API. */
export function said({ text, tools = [], stopReason }: Said): string[] {
  const blocks = [
    ...(text === undefined ? [] : [textBlock(text)]),
    ...tools.map(({ id, name, input }) => ({
      start: { type: 'tool_use', id, name, input: {} },
      delta: { type: 'input_json_delta', partial_json: JSON.stringify(input) },
    })),
  ];
  const reason = stopReason ?? (tools.length > 0 ? 'tool_use' : 'end_turn');
  return [
    sse('message_start', { message: { ...MESSAGE, content: [], stop_reason: null } }),
    ...blocks.flatMap(({ start, delta }, index) => [
      sse('content_block_start', { index, content_block: start }),
      sse('content_block_delta', { index, delta }),
      sse('content_block_stop', { index }),
    ]),
    sse('message_delta', { delta: { stop_reason: reason }, usage: { output_tokens: 2 } }),
    sse('message_stop'),
  ];
}

function textBlock(text: string): { start: object; delta: object } {
  return { start: { type: 'text', text: '' }, delta: { type: 'text_delta', text } };
}

export function json<T = Record<string, unknown>>({ body }: Answer): T {
  return JSON.parse(body.toString()) as T;
}

/** Begins a conversation and returns its id. */
export async function beginConversation(url: string, messages?: unknown[]): Promise<string> {
  const answer = await send(url, {
    path: '/v1/conversations',
    body: JSON.stringify(messages ? { messages } : {}),
  });
  if (answer.status !== 201) throw new Error(`${answer.status} ${answer.body.toString()}`);
  return json<{ id: string }>(answer).id;
}

export function say(
  url: string,
  id: string,
  content: unknown,
  options: { stream?: boolean; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const { stream, headers } = options;
  return send(url, {
    path: `/v1/conversations/${id}/messages`,
    body: JSON.stringify({ content, ...(stream !== undefined && { stream }) }),
    ...(headers && { headers }),
  });
}

/** The events of a stream, in order. */
export function eventsOf({ body }: Answer): Record<string, unknown>[] {
  return [...body.toString().matchAll(/^data: (.*)$/gm)].map(
    ([, data]) => JSON.parse(data!) as Record<string, unknown>,
  );
}

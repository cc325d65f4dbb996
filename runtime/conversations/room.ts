import type { Endpoint } from '../../contract/generated/types.ts';
import { IMAGE_TOKENS } from '../protocols/anthropicRequest.ts';
import type { TurnContext } from './environment.ts';
import { sizeOf } from './messages/messages.ts';
import type { Room } from './messages/messages.ts';

/**
 * Room for the messages of a turn at the endpoints that it prefers: their context less the answer, the system prompt and
 * the tools. `ratio`: tokens per byte. Undefined if no such endpoint states its context.
 */
export function roomFor(
  { conversation, system = '' }: Pick<TurnContext, 'conversation' | 'system'>,
  endpoints: readonly Endpoint[],
  { ratio, tools }: { ratio: number; tools: unknown },
): Room | undefined {
  const best = Math.min(...endpoints.map(({ priority }) => priority));
  const contexts = endpoints
    .filter(({ priority }) => priority === best)
    .flatMap(({ contextTokens }) => contextTokens ?? []);
  if (contexts.length === 0) return undefined;
  const fixed = Buffer.byteLength(system + JSON.stringify(tools)) * ratio;
  return {
    tokens: Math.min(...contexts) - conversation.maxTokens - fixed,
    of: (message) => {
      const { bytes, media } = sizeOf(message);
      return bytes * ratio + media * IMAGE_TOKENS;
    },
  };
}

import type { Estimate, RequestSize } from '../../protocols/usage.ts';
import type { Member } from './pool.ts';

/**
 * Whether an endpoint can take a request of this size: its prompt fits the context, and max_tokens need not go below the
 * thinking budget.
 */
export function takes(
  { endpoint }: Pick<Member, 'endpoint'>,
  { inputTokens }: Estimate,
  { thinkingTokens = 0 }: RequestSize,
): boolean {
  const { maxTokens = Infinity, contextTokens = Infinity } = endpoint;
  return inputTokens <= contextTokens && maxTokens > thinkingTokens;
}

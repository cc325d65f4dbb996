import type { AgentDeployment } from '../../crds/generated/types.ts';
import type { ConditionDraft } from '../desired/common/condition.ts';

/** The condition ConversationsReady, if the spec has a prompt for conversations, and no endpoint says which model to ask. */
export function conversationsReady({ spec }: AgentDeployment): ConditionDraft[] {
  const field = spec.systemPrompt === undefined ? 'spec.systemPromptFrom' : 'spec.systemPrompt';
  const hasPrompt = spec.systemPrompt !== undefined || spec.systemPromptFrom !== undefined;
  if (!hasPrompt || spec.model.endpoints.some(({ model }) => model !== undefined)) return [];
  const message = `${field} is for conversations, and they cannot begin: no endpoint of spec.model.endpoints has a model. Set it in one of them.`;
  return [{ type: 'ConversationsReady', status: 'False', reason: 'ModelNotSet', message }];
}

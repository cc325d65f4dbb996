import type { Content } from '../../../contract/generated/types.ts';
import { MOUNTS } from '../../../contract/link.ts';
import type { AgentDeployment } from '../../../crds/generated/types.ts';
import { parsePositiveDuration } from '../common/duration.ts';
import { InvalidSpecError } from '../common/errors.ts';
import { headlessServiceName } from '../common/metadata.ts';
import { secretFile } from './secretHeaders.ts';

type Spec = AgentDeployment['spec'];
type Conversation = NonNullable<Content['conversation']>;

/** The conversations of the agent's pods. Throws an InvalidSpecError for values that the schema should have refused. */
export function resolveConversation(agent: AgentDeployment): Conversation {
  const { spec, metadata } = agent;
  const { maxMessages, maxTurns, maxTokens, idleTimeout } = spec.conversation;
  return {
    maxMessages,
    maxTurns,
    maxTokens,
    idleTimeoutMs: parsePositiveDuration(idleTimeout, 'spec.conversation.idleTimeout'),
    runTimeoutMs: parsePositiveDuration(spec.timeouts.run, 'spec.timeouts.run'),
    ...systemPrompt(spec),
    peers: `${headlessServiceName(agent)}.${metadata.namespace}.svc`,
    ...redis(spec.conversation.store),
  };
}

function redis({
  type,
  redis: server,
}: Spec['conversation']['store']): Pick<Conversation, 'redis'> {
  if ((type === 'Redis') !== (server !== undefined)) {
    throw new InvalidSpecError(
      'Invalid',
      'set spec.conversation.store.redis with type Redis, and with no other',
    );
  }
  if (server === undefined) return {};
  const { url, passwordSecretRef: ref } = server;
  return { redis: { url, ...(ref === undefined ? {} : { password: secretFile(ref) }) } };
}

function systemPrompt({
  systemPrompt: text,
  systemPromptFrom: from,
}: Spec): Pick<Conversation, 'systemPrompt' | 'systemPromptFile'> {
  if (text !== undefined && from !== undefined) {
    throw new InvalidSpecError(
      'Invalid',
      'set only one of spec.systemPrompt and spec.systemPromptFrom',
    );
  }
  if (text !== undefined) return { systemPrompt: text };
  if (from === undefined) return {};
  const { name: configMap, key } = from.configMapKeyRef;
  return { systemPromptFile: { path: `${MOUNTS.prompt}/${key}`, configMap, key } };
}

import type { Content } from '../../../contract/generated/types.ts';
import { MOUNTS } from '../../../contract/link.ts';
import type { AgentDeployment } from '../../../crds/generated/types.ts';
import { parsePositiveDuration } from '../common/duration.ts';
import { InvalidSpecError } from '../common/errors.ts';
import { headlessServiceName } from '../common/metadata.ts';
import { redisOf } from '../common/redis.ts';
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
    store: spec.conversation.store.type,
  };
}

/** The agent's Redis. Throws an InvalidSpecError where conversations need one and there is none. */
export function resolveRedis(spec: Spec): Pick<Content, 'redis'> {
  const redis = redisOf(spec);
  if (redis === undefined) {
    if (spec.conversation.store.type !== 'Redis') return {};
    throw new InvalidSpecError('Invalid', 'set spec.redis where conversation.store.type is Redis');
  }
  const { url, passwordSecretRef: ref } = redis;
  return { redis: { url, ...(ref && { password: secretFile(ref) }) } };
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

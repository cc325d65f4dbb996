import type { AgentDeployment } from '../../../crds/generated/types.ts';

type Spec = AgentDeployment['spec'];

/** The agent's Redis; undefined if it has none. */
export function redisOf({ redis, conversation }: Spec): Spec['redis'] {
  return redis ?? conversation.store.redis;
}

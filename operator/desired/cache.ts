import type { Content } from '../../contract/generated/types.ts';
import type { AgentDeployment } from '../../crds/generated/types.ts';
import { parsePositiveDuration } from './duration.ts';

type Spec = AgentDeployment['spec']['cache'];
type Cache = NonNullable<Content['cache']>;

/** How the agent's pods keep answers; nothing when they keep none. Throws an InvalidSpecError for a bad duration. */
export function cache(spec: Spec): Pick<Content, 'cache'> {
  if (spec.mode === 'Disabled') return {};
  const tier = (name: 'hot' | 'warm' | 'cold'): Cache['hot'] => ({
    maxEntries: spec[name].maxEntries,
    ttlMs: parsePositiveDuration(spec[name].ttl, `spec.cache.${name}.ttl`),
  });
  const { scope, resetToken } = spec;
  return {
    cache: {
      scope,
      hot: tier('hot'),
      warm: tier('warm'),
      cold: tier('cold'),
      ...(resetToken === undefined ? {} : { resetToken }),
    },
  };
}

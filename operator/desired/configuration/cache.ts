import type { Cache, Content } from '../../../contract/generated/types.ts';
import type { AgentDeployment } from '../../../crds/generated/types.ts';
import { parsePositiveDuration } from '../common/duration.ts';

type Spec = Pick<AgentDeployment['spec'], 'cache' | 'tools' | 'mcpServers'>;

/** The caches of answers and results of tools; empty if both are off. Throws an InvalidSpecError for a bad duration. */
export function resolveCache({
  cache: spec,
  tools = [],
  mcpServers = [],
}: Spec): Pick<Content, 'cache' | 'toolCache'> {
  const tier = (name: 'hot' | 'warm' | 'cold'): Cache['hot'] => ({
    maxEntries: spec[name].maxEntries,
    ttlMs: parsePositiveDuration(spec[name].ttl, `spec.cache.${name}.ttl`),
  });
  const { mode, scope, resetToken } = spec;
  const whole = (): Cache => ({
    scope,
    hot: tier('hot'),
    warm: tier('warm'),
    cold: tier('cold'),
    ...(resetToken === undefined ? {} : { resetToken }),
  });
  return {
    ...(mode !== 'Disabled' && { cache: whole() }),
    ...([...tools, ...mcpServers].some((each) => each.cache) && { toolCache: whole() }),
  };
}

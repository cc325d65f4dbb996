import type { AgentDeployment, CircuitBreakerPolicy } from '../../crds/generated/types.ts';
import type { Policy, World } from '../view/world.ts';
import type { Cluster } from './cluster.ts';

type Kind = AgentDeployment['kind'] | Policy['kind'];

/** Names of kinds as kubectl takes them. */
const KINDS: Record<string, Kind> = {
  ...aliases('AgentDeployment', 'agent', 'agd', 'agentdeployment', 'agentdeployments'),
  ...aliases(
    'CircuitBreakerPolicy',
    ...['breaker', 'cbp', 'circuitbreakerpolicy', 'circuitbreakerpolicies'],
  ),
  ...aliases('RateLimitPolicy', 'limit', 'arlp', 'ratelimitpolicy', 'ratelimitpolicies'),
};

function aliases(kind: Kind, ...names: string[]): Record<string, Kind> {
  return Object.fromEntries(names.map((name) => [name, kind]));
}

/**
 * Agents and policies that a text such as triage or cbp/triage names. A name alone means the agent when there is one,
 * as its policies are told of with it, else all policies of that name.
 * @throws Error when there is none.
 */
export function find(
  text: string,
  { agents, breakers, limits }: World,
  { namespace }: Pick<Cluster, 'namespace'>,
): (AgentDeployment | Policy)[] {
  const [name, prefix] = text.split('/').reverse();
  const kind = prefix === undefined ? undefined : KINDS[prefix.split('.')[0]!.toLowerCase()];
  if (prefix !== undefined && kind === undefined) {
    throw new Error(`${prefix} is no kind of Breakwater; write agent, cbp or arlp before the /.`);
  }
  const named = [...agents, ...breakers, ...limits].filter(
    (object) => object.metadata.name === name && (kind === undefined || object.kind === kind),
  );
  if (named.length === 0) {
    const where = namespace === undefined ? 'any namespace' : `namespace ${namespace}`;
    throw new Error(
      `There is no ${kind ?? 'agent or policy'} ${name} in ${where}; choose another with -n, or see kubectl breakwater status -A.`,
    );
  }
  const found = named.filter((object) => object.kind === 'AgentDeployment');
  return found.length > 0 ? found : named;
}

/** The circuit breaker policy of that name. Throws an Error when there is none. */
export function findBreaker(
  name: string,
  breakers: readonly CircuitBreakerPolicy[],
  { namespace }: Pick<Cluster, 'namespace'>,
): CircuitBreakerPolicy {
  const bare = name.split('/').at(-1)!;
  const found = breakers.find(({ metadata }) => metadata.name === bare);
  if (found !== undefined) return found;
  const others = breakers.map(({ metadata }) => metadata.name).join(', ') || 'none';
  throw new Error(
    `There is no CircuitBreakerPolicy ${bare} in namespace ${namespace}; there are: ${others}.`,
  );
}

import type { AgentDeployment } from '../../crds/generated/types.ts';
import type { Policy, World } from '../view/world.ts';
import { placeOf, type Cluster } from './cluster.ts';

type Kind = AgentDeployment['kind'] | Policy['kind'];

/** Names of kinds as in kubectl. */
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

function kindOf(prefix: string): Kind | undefined {
  const name = prefix.split('.')[0]!.toLowerCase();
  return Object.hasOwn(KINDS, name) ? KINDS[name] : undefined;
}

/**
 * The name in a text such as triage or agd/triage, for a command about one kind.
 * @throws Error if the text names another kind
 */
export function nameOf(text: string, kind: Kind): string {
  const [name = '', prefix] = text.split('/').reverse();
  if (prefix === undefined || kindOf(prefix) === kind) return name;
  throw new Error(`${text} names no ${kind}; write ${name} alone.`);
}

/**
 * Agents and policies that a text such as triage or cbp/triage names. A name alone is that of an agent if one exists,
 * because commands show its policies too; otherwise it is that of all policies with this name.
 * @throws Error if there are none
 */
export function find(
  text: string,
  { agents, breakers, limits }: World,
  { namespace }: Pick<Cluster, 'namespace'>,
): (AgentDeployment | Policy)[] {
  const [name, prefix] = text.split('/').reverse();
  const kind = prefix === undefined ? undefined : kindOf(prefix);
  if (prefix !== undefined && kind === undefined) {
    throw new Error(`${prefix} is no kind of Breakwater; write agent, cbp or arlp before the /.`);
  }
  const named = [...agents, ...breakers, ...limits].filter(
    (object) => object.metadata.name === name && (kind === undefined || object.kind === kind),
  );
  if (named.length === 0) {
    throw new Error(
      `There is no ${kind ?? 'agent or policy'} ${name} in ${placeOf({ namespace })}; choose another with -n, or see kubectl breakwater status -A.`,
    );
  }
  const found = named.filter((object) => object.kind === 'AgentDeployment');
  return found.length > 0 ? found : named;
}

/** The policy of that name. Throws an Error when there is none. */
export function findPolicy<P extends Policy>(
  kind: P['kind'],
  name: string,
  policies: readonly P[],
  { namespace }: Pick<Cluster, 'namespace'>,
): P {
  const bare = nameOf(name, kind);
  const found = policies.find(({ metadata }) => metadata.name === bare);
  if (found !== undefined) return found;
  const others = policies.map(({ metadata }) => metadata.name).join(', ') || 'none';
  throw new Error(`There is no ${kind} ${bare} in namespace ${namespace}; there are: ${others}.`);
}

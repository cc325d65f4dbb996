import type {
  AgentDeployment,
  AgentDeploymentStatus,
  CircuitBreakerPolicy,
  CircuitBreakerPolicyStatus,
} from '../../crds/generated/types.ts';
import { conditionOf, type World } from './world.ts';

export type Dependency = NonNullable<AgentDeploymentStatus['dependencies']>[number];
export type PolicyCircuit = NonNullable<CircuitBreakerPolicyStatus['circuits']>[number];
export type CircuitState = Dependency['circuit'];

/** The circuits of one dependency of an agent in all its pods. */
export interface Circuit {
  dependency: string;
  /** To clients: one in shadow mode is Closed. */
  state: CircuitState;
  /** The policy that it is under; absent: the built-in defaults. */
  policy?: CircuitBreakerPolicy;
  /** What the policy's status says of it. */
  detail?: PolicyCircuit;
  /** What it would be if the policy, which is in shadow mode, were enforced. */
  shadow?: CircuitState;
  /** Why it is not closed, as status says. */
  reason?: string;
}

/** The circuits of an agent, in the order of its dependencies. */
export function circuitsOf(agent: AgentDeployment, world: World): Circuit[] {
  return (agent.status?.dependencies ?? []).map((dependency) =>
    circuitOf(agent, dependency, world),
  );
}

function circuitOf(
  agent: AgentDeployment,
  { name: dependency, circuit: state, policies }: Dependency,
  world: World,
): Circuit {
  const policy = policyOf(agent, policies, world);
  const detail = policy?.status?.circuits?.find(
    (one) => one.agent === agent.metadata.name && one.dependency === dependency,
  );
  const shadowed = policy?.spec.mode === 'Shadow' && detail?.state !== state;
  return {
    dependency,
    state,
    policy,
    detail,
    shadow: shadowed ? detail?.state : undefined,
    reason: state === 'Closed' ? undefined : reasonOf(agent, dependency, state, policy),
  };
}

function policyOf(
  { metadata: { namespace } }: AgentDeployment,
  policies: Dependency['policies'],
  { breakers }: World,
): CircuitBreakerPolicy | undefined {
  const name = policies?.find(({ kind }) => kind === 'CircuitBreakerPolicy')?.name;
  return breakers.find(
    ({ metadata }) => metadata.namespace === namespace && metadata.name === name,
  );
}

/** The last change of the circuit into that state says why; else what the policy or the agent says as a whole. */
function reasonOf(
  agent: AgentDeployment,
  dependency: string,
  state: CircuitState,
  policy: CircuitBreakerPolicy | undefined,
): string | undefined {
  const change = policy?.status?.transitions?.find(
    (one) => one.agent === agent.metadata.name && one.dependency === dependency && one.to === state,
  );
  if (change !== undefined) return change.reason;
  const healthy = conditionOf(agent, 'DependenciesHealthy');
  return policy?.status?.summary?.reason ?? healthy?.message;
}

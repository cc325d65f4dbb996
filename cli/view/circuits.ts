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

/** The circuits of one dependency of an agent, or of one of its models, in all its pods. */
export interface Circuit {
  dependency: string;
  /** Present if the endpoint serves several models. */
  model?: string;
  /** State for clients: Closed in shadow mode. */
  state: CircuitState;
  /** Its policy. Absent: the built-in defaults. */
  policy?: CircuitBreakerPolicy;
  /** Its entry in the policy's status. */
  detail?: PolicyCircuit;
  /** State that it would have if its policy were not in shadow mode. */
  shadow?: CircuitState;
  /** Why it is not closed, by the status. */
  reason?: string;
}

/** The circuits of an agent, in the order of its dependencies. */
export function circuitsOf(agent: AgentDeployment, world: World): Circuit[] {
  return (agent.status?.dependencies ?? []).flatMap((dependency) => {
    const policy = policyOf(agent, dependency.policies, world);
    const details = (policy?.status?.circuits ?? []).filter(
      (one) => one.agent === agent.metadata.name && one.dependency === dependency.name,
    );
    if (details.length < 2) return [circuitOf(agent, dependency, policy, details[0])];
    const { spec } = policy!;
    return details.map((detail) => {
      const circuit = spec.mode === 'Shadow' ? dependency.circuit : detail.state;
      return circuitOf(agent, { ...dependency, circuit }, policy, detail);
    });
  });
}

/** Name of a circuit in texts, such as model/primary (opus). */
export function circuitName({
  dependency,
  model,
}: Pick<PolicyCircuit, 'dependency' | 'model'>): string {
  return model === undefined ? dependency : `${dependency} (${model})`;
}

function circuitOf(
  agent: AgentDeployment,
  { name: dependency, circuit: state }: Dependency,
  policy: CircuitBreakerPolicy | undefined,
  detail: PolicyCircuit | undefined,
): Circuit {
  const shadowed = policy?.spec.mode === 'Shadow' && detail?.state !== state;
  const model = detail?.model;
  return {
    dependency,
    ...(model !== undefined && { model }),
    state,
    policy,
    detail,
    shadow: shadowed ? detail?.state : undefined,
    reason: state === 'Closed' ? undefined : reasonOf(agent, { dependency, model }, state, policy),
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

/** What the override says now; else the reason of the last transition into the state, that of the policy or of the agent. */
function reasonOf(
  agent: AgentDeployment,
  of: { dependency: string; model: string | undefined },
  state: CircuitState,
  policy: CircuitBreakerPolicy | undefined,
): string | undefined {
  const healthy = conditionOf(agent, 'DependenciesHealthy');
  if (policy === undefined) return healthy?.message;
  // The reason of an override may be edited after the transition that it caused.
  const tripped = conditionOf(policy, 'Tripped');
  if (tripped?.reason === 'Override') return tripped.message;
  return changeOf(policy, agent, of, state) ?? policy.status?.summary?.reason ?? healthy?.message;
}

/** Reason of the circuit's last transition into the state. */
function changeOf(
  { status }: CircuitBreakerPolicy,
  { metadata }: AgentDeployment,
  { dependency, model }: { dependency: string; model: string | undefined },
  state: CircuitState,
): string | undefined {
  return status?.transitions?.find(
    (one) =>
      one.agent === metadata.name &&
      one.dependency === dependency &&
      (model === undefined || one.model === undefined || one.model === model) &&
      one.to === state,
  )?.reason;
}

import type { AgentDeployment } from '../../crds/generated/types.ts';

/** Name of the dependency that a model endpoint is, as policies' sectionName has it. */
export function modelDependency(endpoint: string): string {
  return `model/${endpoint}`;
}

/** Names of everything that the agent calls, each of which has a circuit, in the spec's order. */
export function dependenciesOf(agent: AgentDeployment): string[] {
  return agent.spec.model.endpoints.map(({ name }) => modelDependency(name));
}

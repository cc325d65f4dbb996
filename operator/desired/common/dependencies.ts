import type { AgentDeployment } from '../../../crds/generated/types.ts';

/** Name of a model endpoint as a dependency, for example in a policy's sectionName. */
function modelDependency(endpoint: string): string {
  return `model/${endpoint}`;
}

/** Name of a tool as a dependency. */
function toolDependency(tool: string): string {
  return `tool/${tool}`;
}

/** Name of an MCP server as a dependency. */
function mcpDependency(server: string): string {
  return `mcp/${server}`;
}

/** Names of all dependencies of the agent, in the spec's order. Each has a circuit. */
export function dependenciesOf(agent: AgentDeployment): string[] {
  const { model, tools = [], mcpServers = [] } = agent.spec;
  return [
    ...model.endpoints.map(({ name }) => modelDependency(name)),
    ...tools.map(({ name }) => toolDependency(name)),
    ...mcpServers.map(({ name }) => mcpDependency(name)),
  ];
}

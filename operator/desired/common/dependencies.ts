import type { AgentDeployment } from '../../../crds/generated/types.ts';

/** Name of the dependency that a model endpoint is, as policies' sectionName has it. */
export function modelDependency(endpoint: string): string {
  return `model/${endpoint}`;
}

/** Name of the dependency that a tool is. */
export function toolDependency(tool: string): string {
  return `tool/${tool}`;
}

/** Name of the dependency that an MCP server is. */
export function mcpDependency(server: string): string {
  return `mcp/${server}`;
}

/** Names of everything that the agent calls, each of which has a circuit, in the spec's order. */
export function dependenciesOf(agent: AgentDeployment): string[] {
  const { model, tools = [], mcpServers = [] } = agent.spec;
  return [
    ...model.endpoints.map(({ name }) => modelDependency(name)),
    ...tools.map(({ name }) => toolDependency(name)),
    ...mcpServers.map(({ name }) => mcpDependency(name)),
  ];
}

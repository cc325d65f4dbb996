import { PROGRAM, PROGRAM_TOOLS } from '../../../contract/link.ts';
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

/** Names of all dependencies that the spec has, in its order. Each has a circuit, PROGRAM_TOOLS one for each tool. */
export function dependenciesOf(agent: AgentDeployment): string[] {
  const { model, tools = [], mcpServers = [], program } = agent.spec;
  return [
    ...model.endpoints.map(({ name }) => modelDependency(name)),
    ...tools.map(({ name }) => toolDependency(name)),
    ...mcpServers.map(({ name }) => mcpDependency(name)),
    ...(program ? [PROGRAM] : []),
    ...(program?.tools ? [PROGRAM_TOOLS] : []),
  ];
}

/** Whether a policy may name the dependency. It may name a tool of the program before the program offers it. */
export function mayDependOn(agent: AgentDeployment, dependency: string): boolean {
  const ofProgram = agent.spec.program?.tools !== undefined && dependency.startsWith('tool/');
  return ofProgram || dependenciesOf(agent).includes(dependency);
}

/** The dependencies of the spec, and the tools of the program that policies name. */
export function knownDependencies(
  agent: AgentDeployment,
  named: { circuits: ReadonlyMap<string, unknown>; limits: ReadonlyMap<string, unknown> },
): string[] {
  const tools = [...named.circuits.keys(), ...named.limits.keys()].filter((name) =>
    name.startsWith('tool/'),
  );
  return [...new Set([...dependenciesOf(agent), ...tools])];
}

import { FEATURES, INBOUND } from '../../contract/link.ts';
import type {
  Circuit,
  ConfigurationStatus,
  Content,
  Endpoint,
  Limit,
  McpServer,
  Tool,
} from '../../contract/generated/types.ts';

export type Unsupported = ConfigurationStatus['unsupported'][number];

/** What of a configuration this runtime can do justice to, and what it leaves out. */
export interface Supported {
  endpoints: Endpoint[];
  tools: Tool[];
  mcpServers: McpServer[];
  circuits: Circuit[];
  limits: Limit[];
  unsupported: Unsupported[];
}

const KNOWN: ReadonlySet<string> = new Set(FEATURES);

/** Name of the dependency that an endpoint is. */
export function dependencyOf(endpoint: Endpoint): string {
  return `model/${endpoint.name}`;
}

/**
 * Sorts out what needs a feature that this runtime lacks. An endpoint that is left out takes the
 * circuits and limits of its dependency with it. Paths are JSON pointers into the content.
 */
export function supported(content: Content): Supported {
  const unsupported: Unsupported[] = [];
  const missingByTarget = new Map<string, string[]>([[INBOUND, []]]);
  const keep = (path: string, missing: string[], policy?: string): boolean => {
    for (const feature of missing) {
      unsupported.push({ path, feature, ...(policy !== undefined && { policy }) });
    }
    return missing.length === 0;
  };
  const endpoints = content.endpoints.filter((endpoint, i) => {
    const missing = missingFeatures([`Endpoint.${endpoint.provider}`], endpoint.requires);
    missingByTarget.set(dependencyOf(endpoint), missing);
    return keep(`/endpoints/${i}`, missing);
  });
  const { auth, loadBalancing } = content;
  if (auth) keep('/auth', missingFeatures([`Auth.${auth.type}`]));
  if (loadBalancing !== undefined) {
    keep('/loadBalancing', missingFeatures([`LoadBalancing.${loadBalancing}`]));
  }
  const tools = (content.tools ?? []).filter((tool, i) => {
    const missing = missingFeatures(['Dependency.tool'], tool.requires);
    missingByTarget.set(`tool/${tool.name}`, missing);
    return keep(`/tools/${i}`, missing);
  });
  const mcpServers = (content.mcpServers ?? []).filter((server, i) => {
    const missing = missingFeatures(['Dependency.mcp'], server.requires);
    missingByTarget.set(`mcp/${server.name}`, missing);
    return keep(`/mcpServers/${i}`, missing);
  });
  const circuits = content.circuits.filter((circuit, i) => {
    const ofTarget = targetFeatures(circuit.dependency, missingByTarget);
    return keep(`/circuits/${i}`, missingFeatures(ofTarget, circuit.requires), circuit.policy);
  });
  const limits = content.limits.filter((limit, i) => {
    const implied = [`Limit.${limit.resource}`, ...targetFeatures(limit.target, missingByTarget)];
    return keep(`/limits/${i}`, missingFeatures(implied, limit.requires), limit.policy);
  });
  return { endpoints, tools, mcpServers, circuits, limits, unsupported };
}

/** What is missing to have a target, such as Dependency.tool for tool/search. */
function targetFeatures(target: string, missingByTarget: ReadonlyMap<string, string[]>): string[] {
  return missingByTarget.get(target) ?? [`Dependency.${target.split('/')[0]}`];
}

function missingFeatures(implied: readonly string[], requires: readonly string[] = []): string[] {
  return [...new Set([...implied, ...requires])].filter((feature) => !KNOWN.has(feature));
}

/** What the agent calls, each behind a circuit of its own, and how many calls at a time it takes. */
export function dependenciesOf({
  endpoints,
  tools,
  mcpServers,
}: Pick<Supported, 'endpoints' | 'tools' | 'mcpServers'>): {
  name: string;
  maxConcurrent?: number;
}[] {
  return [
    ...endpoints.map(({ name, maxConcurrent }) => ({ name: `model/${name}`, maxConcurrent })),
    ...tools.map(({ name, maxConcurrent }) => ({ name: `tool/${name}`, maxConcurrent })),
    ...mcpServers.map(({ name, maxConcurrent }) => ({ name: `mcp/${name}`, maxConcurrent })),
  ].map(({ name, maxConcurrent }) => ({
    name,
    ...(maxConcurrent !== undefined && { maxConcurrent }),
  }));
}

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

/** The elements of a configuration that this runtime supports, and what the others lack. */
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
 * Leaves out the elements that need a feature which this runtime lacks. An endpoint, tool or MCP
 * server that is left out takes its circuits and limits with it. Paths are JSON pointers into the
 * content.
 */
export function supported(content: Content): Supported {
  const unsupported: Unsupported[] = [];
  const keeps = (path: string, features: readonly string[], policy?: string): boolean => {
    const missing = missingOf(features);
    for (const feature of missing) {
      unsupported.push({ path, feature, ...(policy !== undefined && { policy }) });
    }
    return missing.length === 0;
  };
  /** Features that a target needs, by its name. */
  const needed = new Map<string, readonly string[]>([[INBOUND, []]]);
  const neededBy = (target: string): readonly string[] =>
    needed.get(target) ?? [`Dependency.${target.split('/')[0]}`];
  const keepsTarget = (path: string, name: string, features: readonly string[]): boolean => {
    needed.set(name, features);
    return keeps(path, features);
  };

  const { auth, loadBalancing, tools = [], mcpServers = [] } = content;
  if (auth) keeps('/auth', [`Auth.${auth.type}`]);
  keeps('/loadBalancing', [`LoadBalancing.${loadBalancing}`]);
  return {
    endpoints: content.endpoints.filter((endpoint, i) => {
      const features = [`Endpoint.${endpoint.provider}`, ...(endpoint.requires ?? [])];
      return keepsTarget(`/endpoints/${i}`, dependencyOf(endpoint), features);
    }),
    tools: tools.filter(({ name, requires = [] }, i) =>
      keepsTarget(`/tools/${i}`, `tool/${name}`, ['Dependency.tool', ...requires]),
    ),
    mcpServers: mcpServers.filter(({ name, requires = [] }, i) =>
      keepsTarget(`/mcpServers/${i}`, `mcp/${name}`, ['Dependency.mcp', ...requires]),
    ),
    circuits: content.circuits.filter(({ dependency, requires = [], policy }, i) =>
      keeps(`/circuits/${i}`, [...neededBy(dependency), ...requires], policy),
    ),
    limits: content.limits.filter(({ target, resource, requires = [], policy }, i) =>
      keeps(`/limits/${i}`, [`Limit.${resource}`, ...neededBy(target), ...requires], policy),
    ),
    unsupported,
  };
}

function missingOf(features: readonly string[]): string[] {
  const missing = features.filter((feature) => !KNOWN.has(feature));
  return missing.length === 0 ? missing : [...new Set(missing)];
}

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

const NONE: readonly string[] = [];

/** Name of the dependency that an endpoint is. */
export function dependencyOf(endpoint: Endpoint): string {
  return `model/${endpoint.name}`;
}

/**
 * Sorts out what needs a feature that this runtime lacks. What is left out of what the agent calls
 * takes the circuits and limits of its dependency with it. Paths are JSON pointers into the content.
 */
export function supported(content: Content): Supported {
  const found: Supported = {
    endpoints: [],
    tools: [],
    mcpServers: [],
    circuits: [],
    limits: [],
    unsupported: [],
  };
  const steps = sorting(content, {
    endpoint: (endpoint) => found.endpoints.push(endpoint),
    tool: (tool) => found.tools.push(tool),
    mcpServer: (server) => found.mcpServers.push(server),
    circuit: (circuit) => found.circuits.push(circuit),
    limit: (limit) => found.limits.push(limit),
    unsupported: (element) => found.unsupported.push(element),
  });
  while (steps.next().done !== true);
  return found;
}

/** Takes what was sorted out, element by element. */
export interface Sorted {
  endpoint(endpoint: Endpoint, dependency: string): void;
  tool(tool: Tool, dependency: string): void;
  mcpServer(server: McpServer, dependency: string): void;
  circuit(circuit: Circuit): void;
  limit(limit: Limit): void;
  unsupported?(element: Unsupported): void;
}

/** The same as `supported`, an element at each step: what the agent calls, circuits, then limits. */
export function* sorting(content: Content, sorted: Sorted): Generator<void, void> {
  const sieve = new Sieve(sorted);
  sieve.agent(content);
  for (const [i, endpoint] of content.endpoints.entries()) {
    sieve.endpoint(endpoint, i);
    yield;
  }
  for (const [i, tool] of (content.tools ?? []).entries()) {
    sieve.tool(tool, i);
    yield;
  }
  for (const [i, server] of (content.mcpServers ?? []).entries()) {
    sieve.mcpServer(server, i);
    yield;
  }
  for (const [i, circuit] of content.circuits.entries()) {
    sieve.circuit(circuit, i);
    yield;
  }
  for (const [i, limit] of content.limits.entries()) {
    sieve.limit(limit, i);
    yield;
  }
}

/** Hands on the elements that this runtime can do justice to, and tells of the others. */
class Sieve {
  private readonly missing = new Missing();
  private readonly sorted: Sorted;

  constructor(sorted: Sorted) {
    this.sorted = sorted;
  }

  /** What holds for the agent as a whole. */
  agent({ auth, loadBalancing }: Content): void {
    if (auth) this.keeps('/auth', this.missing.of('Auth', auth.type, NONE, undefined));
    if (loadBalancing === undefined) return;
    const lacking = this.missing.of('LoadBalancing', loadBalancing, NONE, undefined);
    this.keeps('/loadBalancing', lacking);
  }

  endpoint(endpoint: Endpoint, i: number): void {
    const dependency = dependencyOf(endpoint);
    const lacking = this.missing.of('Endpoint', endpoint.provider, NONE, endpoint.requires);
    this.missing.byTarget.set(dependency, lacking);
    if (lacking === NONE || this.keeps(`/endpoints/${i}`, lacking)) {
      this.sorted.endpoint(endpoint, dependency);
    }
  }

  tool(tool: Tool, i: number): void {
    const dependency = `tool/${tool.name}`;
    const lacking = this.missing.of('Dependency', 'tool', NONE, tool.requires);
    this.missing.byTarget.set(dependency, lacking);
    if (this.keeps(`/tools/${i}`, lacking)) this.sorted.tool(tool, dependency);
  }

  mcpServer(server: McpServer, i: number): void {
    const dependency = `mcp/${server.name}`;
    const lacking = this.missing.of('Dependency', 'mcp', NONE, server.requires);
    this.missing.byTarget.set(dependency, lacking);
    if (this.keeps(`/mcpServers/${i}`, lacking)) this.sorted.mcpServer(server, dependency);
  }

  circuit(circuit: Circuit, i: number): void {
    const lacking = this.missing.ofTarget(circuit.dependency, circuit.requires);
    if (lacking === NONE || this.keeps(`/circuits/${i}`, lacking, circuit.policy)) {
      this.sorted.circuit(circuit);
    }
  }

  limit(limit: Limit, i: number): void {
    const ofTarget = this.missing.ofTarget(limit.target, undefined);
    const lacking = this.missing.of('Limit', limit.resource, ofTarget, limit.requires);
    if (lacking === NONE || this.keeps(`/limits/${i}`, lacking, limit.policy)) {
      this.sorted.limit(limit);
    }
  }

  private keeps(path: string, lacking: readonly string[], policy?: string): boolean {
    for (const feature of lacking) {
      this.sorted.unsupported?.({ path, feature, ...(policy !== undefined && { policy }) });
    }
    return lacking.length === 0;
  }
}

/** Features that elements need and this runtime lacks; NONE itself where there are none. */
class Missing {
  readonly byTarget = new Map<string, readonly string[]>([[INBOUND, NONE]]);
  /** By kind and value, because most elements are of few kinds. */
  private readonly known = new Map<string, readonly string[]>();

  /** What is missing for an element such as Endpoint Anthropic, beside what its target lacks. */
  of(
    kind: string,
    value: string,
    ofTarget: readonly string[],
    requires: readonly string[] | undefined,
  ): readonly string[] {
    const own = this.implied(`${kind}.${value}`);
    if (own === NONE && ofTarget === NONE && requires === undefined) return NONE;
    return lacking([...own, ...ofTarget, ...(requires ?? [])]);
  }

  /** What is missing to have a target, such as Dependency.tool for tool/search. */
  ofTarget(target: string, requires: readonly string[] | undefined): readonly string[] {
    const own = this.byTarget.get(target) ?? this.implied(`Dependency.${target.split('/')[0]}`);
    return requires === undefined ? own : lacking([...own, ...requires]);
  }

  private implied(feature: string): readonly string[] {
    let found = this.known.get(feature);
    if (found === undefined) this.known.set(feature, (found = lacking([feature])));
    return found;
  }
}

function lacking(features: readonly string[]): readonly string[] {
  const missing = [...new Set(features)].filter((feature) => !KNOWN.has(feature));
  return missing.length === 0 ? NONE : missing;
}

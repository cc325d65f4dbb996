/** Configurations as the operator resolves them, with the defaults of the resources. */
import type { Content } from '../../contract/generated/types.ts';
import { INBOUND } from '../../contract/link.ts';
import {
  AGENT_DEPLOYMENT_DEFAULTS,
  RATE_LIMIT_POLICY_DEFAULTS,
} from '../../crds/generated/defaults.ts';
import type { AgentDeployment, RateLimitPolicy } from '../../crds/generated/types.ts';
import { resolveContent } from '../../operator/desired/configuration/content.ts';
import { resolveCircuit } from '../../operator/desired/policies/circuit.ts';

/** What differs from the operator's configuration. A list states all its elements. */
export type Parts<T> = T extends readonly (infer E)[]
  ? Parts<E>[]
  : T extends object
    ? { [K in keyof T]?: Parts<T[K]> }
    : T;

type Fields = Record<string, unknown>;

/** As the API server stores them: lists have no defaults of their own, so their elements state them. */
const AGENT: AgentDeployment = {
  apiVersion: 'breakwater.dev/v1alpha1',
  kind: 'AgentDeployment',
  metadata: { name: 'triage', namespace: 'default', uid: 'u1' },
  spec: {
    ...AGENT_DEPLOYMENT_DEFAULTS,
    model: {
      loadBalancing: 'LeastLoaded',
      affinity: { mode: 'Automatic' },
      endpoints: [
        {
          name: 'primary',
          provider: 'Anthropic',
          baseURL: 'http://model.test',
          credentialScheme: 'APIKey',
          priority: 0,
          weight: 1,
        },
      ],
    },
    tools: [
      {
        name: 'look',
        description: 'Looks.',
        inputSchema: { type: 'object' },
        http: { url: 'http://tool.test', method: 'POST', maxResponseBytes: 65_536 },
        maxConcurrent: 10,
      },
    ],
    mcpServers: [
      {
        name: 'stock',
        url: 'http://mcp.test',
        checkInterval: '30s',
        maxConcurrent: 10,
        maxResponseBytes: 65_536,
      },
    ],
  },
};

const LIMITS: RateLimitPolicy = {
  apiVersion: 'breakwater.dev/v1alpha1',
  kind: 'RateLimitPolicy',
  metadata: { name: 'limits', namespace: 'default' },
  spec: {
    ...RATE_LIMIT_POLICY_DEFAULTS,
    scope: 'Pod',
    limits: [
      {
        name: 'requests',
        resource: 'Requests',
        refill: { amount: 10, per: '1s' },
        capacity: 100,
        maxKeys: 10_000,
        onLimit: 'Reject',
        maxWait: '2s',
      },
    ],
  },
};

/** An agent with an endpoint, a tool, an MCP server and a limit of requests, and with no circuit of a policy. */
export const RESOLVED: Content = resolveContent(AGENT, {
  circuits: new Map(),
  limits: new Map([[INBOUND, LIMITS]]),
});

const { tools: [TOOL] = [], mcpServers: [MCP_SERVER] = [] } = RESOLVED;

/** Defaults of a list's elements. A URL or a name in them is of no use to another element, which states its own. */
const ELEMENTS: Partial<Record<keyof Content, object>> = {
  endpoints: RESOLVED.endpoints[0]!,
  tools: TOOL!,
  mcpServers: MCP_SERVER!,
  limits: RESOLVED.limits[0]!,
};

/** The circuit of a dependency without a policy. */
export function defaultCircuit(dependency: string): Content['circuits'][number] {
  return resolveCircuit(dependency, undefined, RESOLVED.timeouts.firstTokenMs!);
}

/** The configuration of an agent with one endpoint, model/primary, that differs in `parts`. */
export function resolved(parts: Parts<Content> = {}): Content {
  const { tools: _tools, mcpServers: _servers, ...base } = { ...RESOLVED, limits: [] };
  const merged = Object.fromEntries(
    Object.entries(parts).map(([field, value]) => [
      field,
      completed(field as keyof Content, value),
    ]),
  );
  const content = { ...base, ...merged } as Content;
  return { ...content, circuits: circuitsOf(content, parts.circuits ?? []) };
}

function completed(field: keyof Content, value: unknown): unknown {
  const element = ELEMENTS[field];
  if (element && Array.isArray(value))
    return value.map((each: object) => ({ ...element, ...each }));
  const base = RESOLVED[field];
  if (!isObject(value) || !isObject(base)) return value;
  return { ...base, ...value };
}

/** Each dependency has a circuit. */
function circuitsOf(
  { endpoints, tools = [], mcpServers = [] }: Content,
  stated: Parts<Content['circuits']>,
): Content['circuits'] {
  const dependencies = [
    ...endpoints.map(({ name }) => `model/${name}`),
    ...tools.map(({ name }) => `tool/${name}`),
    ...mcpServers.map(({ name }) => `mcp/${name}`),
  ];
  const rest = dependencies.filter((name) => !stated.some(({ dependency }) => dependency === name));
  return [
    ...stated.map(({ halfOpen, ...circuit }) => {
      const base = defaultCircuit(circuit.dependency!);
      return { ...base, ...circuit, halfOpen: { ...base.halfOpen, ...halfOpen } };
    }),
    ...rest.map(defaultCircuit),
  ] as Content['circuits'];
}

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

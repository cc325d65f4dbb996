import type { Content, McpServer, Tool } from '../../../contract/generated/types.ts';
import type { AgentDeployment } from '../../../crds/generated/types.ts';
import { parseDuration, parsePositiveDuration } from '../common/duration.ts';
import { InvalidSpecError, type Problem } from '../common/errors.ts';
import { requires } from '../common/features.ts';
import { InputSchemas } from './inputSchema.ts';
import { secretHeaders } from './secretHeaders.ts';

type Spec = AgentDeployment['spec'];
type ToolSpec = NonNullable<Spec['tools']>[number];
type McpServerSpec = NonNullable<Spec['mcpServers']>[number];

/** The tools of an agent. Throws an InvalidSpecError for one that pods could not call. */
export function resolveTools({ tools: all = [], proxy }: Spec): Pick<Content, 'tools'> {
  const schemas = new InputSchemas();
  const proxied = proxy !== undefined;
  return all.length === 0 ? {} : { tools: all.map((each) => tool(each, schemas, proxied)) };
}

/** The MCP servers of an agent. Throws an InvalidSpecError for one that pods could not call. */
export function resolveMcpServers({
  mcpServers: all = [],
  proxy,
}: Spec): Pick<Content, 'mcpServers'> {
  const proxied = proxy !== undefined;
  return all.length === 0 ? {} : { mcpServers: all.map((each) => mcpServer(each, proxied)) };
}

function mcpServer(spec: McpServerSpec, proxied: boolean): McpServer {
  const { name, url, headersFrom, allowedTools, maxConcurrent, maxResponseBytes } = spec;
  const { checkInterval, cache, toolsHash } = spec;
  const path = `spec.mcpServers[${name}]`;
  if (!URL.canParse(url)) {
    throw new InvalidSpecError('InvalidTool', `${path}.url is not a valid URL`);
  }
  return {
    name,
    url,
    headersFrom: secretHeaders(headersFrom),
    ...(allowedTools === undefined ? {} : { allowedTools }),
    ...(toolsHash === undefined ? {} : { toolsHash }),
    checkIntervalMs: parseDuration(checkInterval, `${path}.checkInterval`),
    ...(cache && {
      cache: { ttlMs: parsePositiveDuration(cache.ttl, `${path}.cache.ttl`), tools: cache.tools },
    }),
    maxConcurrent,
    maxResponseBytes,
    requires: requires(
      'Dependency.mcp',
      proxied && 'Network.Proxy',
      toolsHash !== undefined && 'Mcp.ToolsHash',
    ),
  };
}

/** Hosts that tools may call although the spec does not name them. */
export function resolveEgress({ security }: Spec): Pick<Content, 'egress'> {
  const { allowHosts = [], denyPrivateNetworks } = security.egress;
  return { egress: { allowHosts, denyPrivateNetworks } };
}

function tool(spec: ToolSpec, schemas: InputSchemas, proxied: boolean): Tool {
  const { name, description, inputSchema, http, cache, maxConcurrent } = spec;
  schemas.check(name, inputSchema);
  checkUrl(name, http.url);
  return {
    name,
    description,
    inputSchema,
    http: {
      url: http.url,
      method: http.method,
      headers: http.headers ?? [],
      headersFrom: secretHeaders(http.headersFrom),
      maxResponseBytes: http.maxResponseBytes,
    },
    ...(cache && {
      cache: { ttlMs: parsePositiveDuration(cache.ttl, `spec.tools[${name}].cache.ttl`) },
    }),
    maxConcurrent,
    requires: requires('Dependency.tool', proxied && 'Network.Proxy'),
  };
}

const PLACEHOLDER = /\{([A-Za-z0-9_.-]+)\}/g;

/** Keywords by which a schema may have properties beside those in `properties`. */
const COMPOSING = ['$ref', 'allOf', 'anyOf', 'dependencies', 'if', 'oneOf', 'patternProperties'];

/** Faults of tools whose agent works all the same, such as a placeholder that the model is not asked for. */
export function toolWarnings({ tools = [] }: Spec): Problem[] {
  return tools.flatMap(({ name, http, inputSchema }) =>
    unnamed(http.url, inputSchema).map((placeholder) => ({
      reason: 'InvalidTool',
      message: `spec.tools[${name}].http.url: placeholder {${placeholder}} is not a property of inputSchema, so that the model is not asked for it. Add it there or remove it here.`,
    })),
  );
}

/** Placeholders of a URL that are no properties of the schema. */
function unnamed(url: string, schema: ToolSpec['inputSchema']): string[] {
  const { properties = {}, additionalProperties } = schema as Record<string, unknown>;
  const open = typeof additionalProperties === 'object' || COMPOSING.some((word) => word in schema);
  if (open || typeof properties !== 'object' || properties === null) return [];
  const names = new Set(Array.from(url.matchAll(PLACEHOLDER), ([, name]) => name!));
  return [...names].filter((name) => !Object.hasOwn(properties, name));
}

/** Checks that a URL's placeholders are in places that can be filled in. */
function checkUrl(name: string, url: string): void {
  const filled = url.replaceAll(PLACEHOLDER, 'x');
  if (!/[{}]/.test(filled) && URL.canParse(filled)) return;
  throw new InvalidSpecError(
    'InvalidTool',
    `spec.tools[${name}].http.url is not a valid URL with placeholders such as {id}`,
  );
}

import type { ListedTool } from './mcpResults.ts';

/** The member of a property's schema that names a header, which the value of the argument becomes too. */
const HEADER = 'x-mcp-header';
/** A token of RFC 9110. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const TYPES: ReadonlySet<unknown> = new Set(['string', 'integer', 'boolean']);

type Schema = Record<string, unknown>;

/** Whether values of a tool's arguments become headers. */
export function mirrorsArguments({ inputSchema }: ListedTool): boolean {
  return JSON.stringify(inputSchema).includes(`"${HEADER}"`);
}

/**
 * Whether a client may call a tool: arguments that become headers have names that are tokens and differ, and belong to
 * plain properties (MCP 2026-07-28, Streamable HTTP, custom headers).
 */
export function mayCall(tool: ListedTool): boolean {
  return !mirrorsArguments(tool) || hasProperHeaders(tool);
}

function hasProperHeaders({ inputSchema }: ListedTool): boolean {
  const names = new Set<string>();
  const proper = headersBelow(inputSchema, names);
  return proper === names.size && proper === mentions(inputSchema);
}

/** Number of proper headers of properties; their names go into `names`. */
function headersBelow(schema: Schema, names: Set<string>): number {
  let count = 0;
  for (const property of Object.values(objectIn(schema['properties']))) {
    const below = objectIn(property);
    const name = below[HEADER];
    if (typeof name === 'string' && TOKEN.test(name) && TYPES.has(below['type'])) {
      names.add(name.toLowerCase());
      count += 1;
    }
    count += headersBelow(below, names);
  }
  return count;
}

/** How often a schema names a header, anywhere. */
function mentions(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const own = Object.hasOwn(value, HEADER) ? 1 : 0;
  return Object.values(value).reduce<number>((sum, each) => sum + mentions(each), own);
}

function objectIn(value: unknown): Schema {
  return typeof value === 'object' && value !== null ? (value as Schema) : {};
}

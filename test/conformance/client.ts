/** The client of the runtime, as the conformance suite runs one: lists the tools of the server and calls each. */
import { ByteBudget } from '../../runtime/resilience/byteBudget.ts';
import { McpConnection } from '../../runtime/conversations/tools/mcpClient.ts';
import type { ListedTool } from '../../runtime/conversations/tools/mcpResults.ts';

interface Context {
  toolCalls?: { name: string; arguments: Record<string, unknown> }[];
}

const MIB = 1024 * 1024;

const url = process.argv.at(-1)!;
const { toolCalls } = JSON.parse(process.env['MCP_CONFORMANCE_CONTEXT'] ?? '{}') as Context;
const signal = AbortSignal.timeout(20_000);
const connection = await McpConnection.open(
  {
    ...{ url, version: '0.0.0', timeoutMs: 10_000, maxBytes: 65_536 },
    fetch,
    now: () => performance.now(),
    byteBudget: new ByteBudget(() => 64 * MIB),
    onChanged: () => undefined,
    onSilent: () => undefined,
  },
  undefined,
  signal,
);
const { tools } = await connection.listTools(signal);
const calls =
  toolCalls?.map((call) => ({
    tool: tools.find(({ name }) => name === call.name),
    args: call.arguments,
  })) ?? tools.map((tool) => ({ tool, args: argumentsOf(tool) }));
for (const { tool, args } of calls) {
  if (!tool) continue;
  try {
    await connection.callTool({ tool, args, meta: undefined }, signal);
  } catch (error) {
    process.stderr.write(`${tool.name}: ${String(error)}\n`);
  }
}
await connection.close();

/** A value for each argument that a schema has. The suite has one tool sent the schema of another. */
function argumentsOf({ name, inputSchema }: ListedTool): Record<string, unknown> {
  if (name === 'json_schema_echo') {
    return { schema: tools.find((each) => each.name !== name)?.inputSchema };
  }
  const properties = (inputSchema['properties'] ?? {}) as Record<string, { type?: string }>;
  const values: Record<string, unknown> = { number: 5, integer: 5, boolean: true, string: 'a' };
  return Object.fromEntries(
    Object.entries(properties).map(([name, { type = 'string' }]) => [name, values[type] ?? 'a']),
  );
}

import type Anthropic from '@anthropic-ai/sdk';
import type { Content, McpServerStatus } from '../../../contract/generated/types.ts';
import { canonicalJson } from '../../../contract/canonical.ts';
import { supported } from '../../guard/supported.ts';
import type { ToolUse } from '../messages/messages.ts';
import type { ToolAnswer } from './httpTool.ts';
import { McpServer } from './mcpServer.ts';
import type { McpServerDeps } from './mcpServer.ts';
import { describe } from './toolList.ts';
import type { ToolContext, Tools } from './toolbox.ts';

/** Figures of one server. Those of its tools are absent before the first list. */
export interface McpStats {
  name: string;
  changes: number;
  tools?: number;
  withheld?: boolean;
}

/** Longest name of a tool that the Messages API takes. */
const MAX_NAME = 64;

/** The tools of all MCP servers, as SERVER__TOOL. */
export class McpServers implements Tools {
  readonly #deps: McpServerDeps;
  /** By their configuration, so that a reload keeps the connections of unchanged servers. */
  #servers = new Map<string, McpServer>();
  /** Timeout of a call, in milliseconds. */
  #timeoutMs = Infinity;

  constructor(deps: McpServerDeps) {
    this.#deps = deps;
  }

  get definitions(): readonly Anthropic.Tool[] {
    return [...this.#byName()].map(([name, { server, tool }]) => {
      const listed = server.tools.find((each) => each.name === tool)!;
      return {
        name,
        description: describe(tool, listed),
        input_schema: listed.inputSchema,
      };
    });
  }

  readonly #callMs = (): number => this.#timeoutMs;

  /** Status of the servers with known tools. */
  statuses(): McpServerStatus[] {
    return [...this.#servers.values()].flatMap(({ status }) => status ?? []);
  }

  stats(): McpStats[] {
    return Array.from(this.#servers.values(), ({ name, changes, status }) => ({
      name,
      changes,
      ...(status && { tools: status.tools, withheld: status.withheld }),
    }));
  }

  /** Applies a configuration. */
  apply(content: Content): void {
    this.#timeoutMs = content.timeouts.toolMs;
    const before = this.#servers;
    this.#servers = new Map();
    for (const { toolsHash, ...spec } of supported(content).mcpServers) {
      // Leaves out `requires`: a new pin adds a requirement and must not cause a new connection.
      const key = canonicalJson({ ...spec, requires: undefined });
      const server = before.get(key) ?? new McpServer(spec, this.#deps, this.#callMs);
      server.pin(toolsHash);
      this.#servers.set(key, server);
      before.delete(key);
      server.startChecks();
    }
    for (const server of before.values()) void server.close();
  }

  /** Fetches the lists of tools that are due in the background. Waits only for first lists. Never rejects. */
  async refresh(signal: AbortSignal): Promise<void> {
    await Promise.all(Array.from(this.#servers.values(), (server) => server.refresh(signal)));
  }

  run({ name, input }: ToolUse, context: ToolContext): Promise<ToolAnswer> | undefined {
    const found = this.#byName().get(name);
    return found?.server.call(found.tool, input, context);
  }

  async close(): Promise<void> {
    await Promise.all(Array.from(this.#servers.values(), (server) => server.close()));
  }

  /** The tools by their names for the model. Of two tools with the same name, the first one counts. */
  #byName(): Map<string, { server: McpServer; tool: string }> {
    const names = new Map<string, { server: McpServer; tool: string }>();
    for (const server of this.#servers.values()) {
      for (const { name: tool } of server.tools) {
        const usable = tool.replaceAll(/[^A-Za-z0-9_-]/g, '_');
        const name = `${server.name}__${usable}`.slice(0, MAX_NAME);
        if (!names.has(name)) names.set(name, { server, tool });
      }
    }
    return names;
  }
}

import { McpServer, createMcpHandler } from '@modelcontextprotocol/server';
import type {
  CallToolResult,
  McpHttpHandler,
  StandardSchemaWithJSON,
} from '@modelcontextprotocol/server';
import { ToolError } from './errors.ts';
import { serving } from './localApi.ts';
import { classOf } from './tasks.ts';

/** Whom a call of a tool is for. */
export interface ToolContext {
  /** The client of the request; `program` where there is none. */
  client: string;
}

export type ToolHandler<I> = (input: I, context: ToolContext) => unknown;

type Schema<I> = StandardSchemaWithJSON<unknown, I>;

interface Tool {
  description: string;
  inputSchema: Schema<unknown>;
  handler: ToolHandler<unknown>;
}

/** Set in `_meta` of a result by which the tool itself has failed; its value is the class of the error. */
const THROWN = 'breakwater.dev/thrown';

/** The program's tools as an MCP server without sessions. */
export class Tools {
  readonly #tools = new Map<string, Tool>();
  readonly #handler: McpHttpHandler = createMcpHandler(() => this.#server());

  get size(): number {
    return this.#tools.size;
  }

  add<I>(name: string, description: string, inputSchema: Schema<I>, handler: ToolHandler<I>): void {
    if (this.#tools.has(name))
      throw new TypeError(`There is a tool ${name} already: give this one another name.`);
    this.#tools.set(name, { description, inputSchema, handler: handler as ToolHandler<unknown> });
  }

  serve(request: Request): Promise<Response> {
    return this.#handler.fetch(request);
  }

  #server(): McpServer {
    const server = new McpServer(
      { name: 'program', version: '1' },
      { capabilities: { tools: {} } },
    );
    for (const [name, { description, inputSchema, handler }] of this.#tools) {
      server.registerTool(name, { description, inputSchema }, (input) =>
        call(name, handler, input),
      );
    }
    return server;
  }
}

async function call(
  name: string,
  handler: ToolHandler<unknown>,
  input: unknown,
): Promise<CallToolResult> {
  try {
    const result = await handler(input, { client: clientOf() });
    return { content: [{ type: 'text', text: asText(result) }] };
  } catch (error) {
    if (error instanceof ToolError)
      return { isError: true, content: [{ type: 'text', text: error.message }] };
    process.stderr.write(`tool ${name}: ${error instanceof Error ? error.stack : String(error)}\n`);
    const thrown = classOf(error);
    // The message could have what the model must not know.
    return {
      isError: true,
      content: [{ type: 'text', text: `${name} has failed (${thrown}).` }],
      _meta: { [THROWN]: thrown },
    };
  }
}

export const clientOf = (): string => serving.getStore()?.client ?? 'program';

export const asText = (result: unknown): string =>
  typeof result === 'string' ? result : (JSON.stringify(result) ?? '');

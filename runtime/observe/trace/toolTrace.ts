import { ATTRIBUTES, SPANS } from './names.ts';
import type { RemoteContext, Span } from '../../../tracing/span.ts';

/** A tool that the model asks for. */
export interface ToolCall {
  id: string;
  name: string;
}

export interface ToolTraceDeps {
  /** Monotonic clock in milliseconds. */
  now: () => number;
  /** Whether to write lines at debug. */
  debugs: boolean;
  line: (level: 'debug' | 'warn', fields: object, message: string) => void;
}

/** One call of a tool. */
export class ToolTrace {
  readonly #name: string;
  readonly #span: Span;
  readonly #deps: ToolTraceDeps;
  readonly #began: number;

  constructor({ id, name }: ToolCall, parent: Span, deps: ToolTraceDeps) {
    this.#name = name;
    this.#deps = deps;
    this.#began = deps.now();
    this.#span = parent.start(SPANS.tool(name), 'Internal', {
      [ATTRIBUTES.operation]: 'execute_tool',
      [ATTRIBUTES.toolName]: name,
      [ATTRIBUTES.toolCall]: id,
    });
  }

  /** Trace context for the tool's requests. */
  get context(): RemoteContext | undefined {
    return this.#span.context;
  }

  /** Begins the span of a call of an MCP server, below that of the tool. */
  mcp(method: string, tool: string): Span {
    return this.#span.start(SPANS.mcp(method, tool), 'Client', {
      [ATTRIBUTES.mcpMethod]: method,
      [ATTRIBUTES.toolName]: tool,
    });
  }

  /** `status`: as in metrics. `reason`: class of the failure, if known. */
  end(status: string, reason?: string): void {
    const failed = status === 'failed' || status === 'refused' || status === 'error';
    if (!failed) {
      this.#span.end();
      if (this.#deps.debugs) this.#line('debug', { status }, 'Tool was called');
      return;
    }
    this.#span.end(reason ?? (status === 'error' ? 'tool_error' : status));
    this.#line('warn', { status, reason }, 'Tool call failed');
  }

  #line(level: 'debug' | 'warn', fields: object, message: string): void {
    const durationMs = Math.round(this.#deps.now() - this.#began);
    this.#deps.line(level, { tool: this.#name, ...fields, durationMs }, message);
  }
}

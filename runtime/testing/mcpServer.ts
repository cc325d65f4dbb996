import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { NodeStreamableHTTPServerTransport, toNodeHandler } from '@modelcontextprotocol/node';
import type { NodeMcpRequestHandler } from '@modelcontextprotocol/node';
import { McpServer, createMcpHandler } from '@modelcontextprotocol/server';
import type { CallToolResult, McpHttpHandler } from '@modelcontextprotocol/server';

type Handler = () => CallToolResult;

/**
 * What a server speaks: 2025 with sessions; 2026-07-28 alone; or both, without sessions for clients of 2025.
 */
export type Era = '2025' | '2026' | 'Both';

interface Session {
  transport: NodeStreamableHTTPServerTransport;
  server: McpServer;
}

interface Handled {
  handler: McpHttpHandler;
  serve: NodeMcpRequestHandler;
}

/** A real MCP server. Tests can stop it, start it again and change its tools and what it speaks. */
export class RealMcpServer {
  /** Names of the called tools, over all restarts. */
  readonly called: string[] = [];
  /** params._meta of these calls. */
  readonly metas: unknown[] = [];
  /** The only accepted value of Authorization; others get 401. Undefined: accepts all. */
  authorization: string | undefined;
  requests = 0;
  era: Era;
  readonly #tools = new Map<string, Handler>();
  readonly #descriptions = new Map<string, string>();
  readonly #sessions = new Map<string, Session>();
  readonly #host: string;
  readonly #modern = this.#handled('reject');
  readonly #both = this.#handled('stateless');
  #http: Server | undefined;
  #port: number;

  /** Port 0 chooses a free one. */
  constructor({
    host = '127.0.0.1',
    port = 0,
    era = '2025',
  }: { host?: string; port?: number; era?: Era } = {}) {
    this.#host = host;
    this.#port = port;
    this.era = era;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/mcp`;
  }

  /** Number of clients that listen for changes of the list of tools. */
  listening = 0;

  async start(): Promise<void> {
    this.#http = createServer((request, response) => void this.serve(request, response));
    await new Promise<void>((resolve) => this.#http!.listen(this.#port, this.#host, resolve));
    this.#port = (this.#http.address() as AddressInfo).port;
  }

  /** Stops the server and drops all sessions. */
  async stop(): Promise<void> {
    this.#sessions.clear();
    this.#http?.closeAllConnections();
    await new Promise<void>((resolve) =>
      this.#http ? this.#http.close(() => resolve()) : resolve(),
    );
    this.#http = undefined;
  }

  /** Adds a tool, also to open sessions. */
  offer(
    name: string,
    handler: Handler = () => ({ content: [{ type: 'text', text: `${name} was here` }] }),
    description = `Does ${name}.`,
  ): void {
    this.#tools.set(name, handler);
    this.#descriptions.set(name, description);
    for (const { server } of this.#sessions.values()) this.#register(server, name);
    for (const { handler: each } of [this.#modern, this.#both]) each.notify.toolsChanged();
  }

  /** Changes the description of a tool. Ends all sessions, so that clients ask for the list again. */
  redescribe(name: string, description: string): void {
    this.#descriptions.set(name, description);
    this.#sessions.clear();
  }

  /** Forgets all sessions. */
  forget(): void {
    this.#sessions.clear();
  }

  #register(server: McpServer, name: string): void {
    const description = this.#descriptions.get(name)!;
    server.registerTool(name, { description }, ({ mcpReq }) => {
      this.called.push(name);
      this.metas.push(mcpReq._meta);
      return this.#tools.get(name)!();
    });
  }

  /** Answers a request, which may come from another server. */
  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.requests += 1;
    if (this.authorization !== undefined && request.headers.authorization !== this.authorization) {
      response.writeHead(401).end();
      return;
    }
    if (request.headers['mcp-method'] === 'subscriptions/listen') this.listening += 1;
    if (this.era === '2026') return this.#modern.serve(request, response);
    return this.era === 'Both'
      ? this.#both.serve(request, response)
      : this.#serve2025(request, response);
  }

  async #serve2025(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === 'GET') this.listening += 1;
    const id = request.headers['mcp-session-id'];
    const known = typeof id === 'string' ? this.#sessions.get(id) : undefined;
    if (id !== undefined && !known) {
      response.writeHead(404).end();
      return;
    }
    const session = known ?? (await this.#begin());
    await session.transport.handleRequest(request, response);
  }

  #handled(legacy: 'stateless' | 'reject'): Handled {
    const handler = createMcpHandler(() => this.#server(), { legacy });
    return { handler, serve: toNodeHandler(handler) };
  }

  async #begin(): Promise<Session> {
    const server = this.#server();
    const transport = new NodeStreamableHTTPServerTransport({
      sessionIdGenerator: () => randomUUID(),
      onsessioninitialized: (id) => void this.#sessions.set(id, session),
    });
    const session = { server, transport };
    await server.connect(transport);
    return session;
  }

  #server(): McpServer {
    const capabilities = { tools: { listChanged: true } };
    const server = new McpServer({ name: 'real', version: '1' }, { capabilities });
    for (const name of this.#tools.keys()) this.#register(server, name);
    return server;
  }
}

import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { RealMcpServer } from '../../runtime/testing/mcpServer.ts';
import { readJson, sendJson } from '../../cli/simulator/json.ts';

/** Requests that the server has received. */
export interface ToolRecord {
  /** Calls of the HTTP tool, including refused ones, with their Authorization. */
  orders: { id: string; authorization: string }[];
  /** Requests to the MCP server, including refused ones. */
  mcpRequests: number;
  /** Calls of the MCP server's tools, by name. */
  mcpCalls: string[];
  /** Ids of the received audit events, in their order. */
  events: string[];
}

/** Logs by OTLP over HTTP, as far as they are read here. */
interface Logs {
  resourceLogs: {
    scopeLogs: {
      logRecords: { attributes: { key: string; value: { stringValue: string } }[] }[];
    }[];
  }[];
}

function idsIn({ resourceLogs }: Logs): string[] {
  return resourceLogs
    .flatMap(({ scopeLogs }) => scopeLogs.flatMap(({ logRecords }) => logRecords))
    .flatMap(({ attributes }) => attributes.filter(({ key }) => key === 'log.record.uid'))
    .map(({ value }) => value.stringValue);
}

/** Texts of the tools. Absent: the default ones. */
export interface ToolTexts {
  /** Remark of each order. */
  remark?: string;
  /** The MCP server's description of the tool weather. */
  weather?: string;
}

/**
 * A service with tools that can run in a pod: a tool over HTTP at GET /orders/ID, a real MCP server with the tools weather
 * and shred at /mcp, and a collector of audit events at POST /events. PUT /control/status with a status makes it answer
 * everything with that, until null. PUT /control/texts takes ToolTexts. GET /control/record returns its ToolRecord.
 */
export class ToolServer {
  readonly #mcp = new RealMcpServer();
  readonly #server: Server = createServer((req, res) => void this.#handle(req, res));
  readonly #orders: ToolRecord['orders'] = [];
  readonly #events: string[] = [];
  #remark: string | undefined;
  #mcpRequests = 0;
  #status: number | null = null;

  constructor() {
    for (const name of ['weather', 'shred']) this.#mcp.offer(name);
  }

  /** Listens on all addresses. */
  listen(port: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once('error', reject);
    this.#server.listen(port, () => resolve());
    return promise;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  /** Port in use. */
  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address ? address.port : 0;
  }

  async #handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    try {
      await this.#answer(req, res);
    } catch (error) {
      sendJson(res, 400, { error: (error as Error).message });
    }
  }

  async #answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const [, root = '', id = ''] = (req.url ?? '').split('/');
    if (root === 'control') return sendJson(res, 200, await this.#control(req, id));
    this.#note(req, root, id);
    if (this.#status !== null) return sendJson(res, this.#status, { error: 'out of order' });
    if (root === 'mcp') return this.#mcp.serve(req, res);
    if (root === 'orders') {
      const remark = this.#remark;
      return sendJson(res, 200, { id, status: 'shipped', ...(remark !== undefined && { remark }) });
    }
    if (root === 'events') {
      this.#events.push(...idsIn((await readJson(req)) as Logs));
      return sendJson(res, 200, null);
    }
    throw new Error('known are /orders/ID, /mcp, /events and /control');
  }

  #note({ headers }: IncomingMessage, root: string, id: string): void {
    const { authorization = '' } = headers;
    if (root === 'mcp') this.#mcpRequests += 1;
    if (root === 'orders') this.#orders.push({ id, authorization });
  }

  async #control(req: IncomingMessage, what: string): Promise<unknown> {
    if (req.method === 'PUT' && what === 'texts') {
      const { remark, weather } = (await readJson(req)) as ToolTexts;
      this.#remark = remark;
      this.#mcp.redescribe('weather', weather ?? 'Does weather.');
      return null;
    }
    if (req.method === 'PUT') {
      this.#status = (await readJson(req)) as number | null;
      return this.#status;
    }
    const record: ToolRecord = {
      orders: this.#orders,
      mcpRequests: this.#mcpRequests,
      mcpCalls: this.#mcp.called,
      events: this.#events,
    };
    return record;
  }
}

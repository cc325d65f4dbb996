/** A program as users write it, without an SDK: started by program.ts. Its paths are what tests ask it for. */
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';

const { PORT = '0', HOST = '127.0.0.1', BREAKWATER_URL = '', BREAKWATER_TOKEN = '' } = process.env;

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text;
}

/** Calls the model for the request. */
async function ask(headers: IncomingMessage['headers']): Promise<{ status: number; text: string }> {
  const answer = await fetch(`${BREAKWATER_URL}/v1/messages`, {
    method: 'POST',
    headers: {
      'x-api-key': BREAKWATER_TOKEN,
      'content-type': 'application/json',
      'breakwater-request': String(headers['breakwater-request']),
    },
    body: JSON.stringify({
      model: 'any',
      max_tokens: 9,
      messages: [{ role: 'user', content: 'Hi' }],
    }),
  });
  return { status: answer.status, text: await answer.text() };
}

function json(response: ServerResponse, value: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

const TOOL = {
  name: 'find_order',
  description: 'Finds an order.',
  inputSchema: { type: 'object' },
};

interface Call {
  id?: number;
  method: string;
  params?: { name?: string; arguments?: { id?: string } };
}

/** The program's MCP server. */
async function mcp(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method !== 'POST') return void response.writeHead(405).end();
  const { id, method, params } = JSON.parse(await bodyOf(request)) as Call;
  if (id === undefined) return void response.writeHead(202).end();
  const reply = (result: object): void => json(response, { jsonrpc: '2.0', id, result });
  if (method === 'initialize') {
    const serverInfo = { name: 'orders', version: '1' };
    return reply({ protocolVersion: '2025-06-18', capabilities: { tools: {} }, serverInfo });
  }
  if (method === 'tools/list') return reply({ tools: [TOOL] });
  if (method !== 'tools/call') {
    return json(response, { jsonrpc: '2.0', id, error: { code: -32601, message: 'unknown' } });
  }
  const order = params?.arguments?.id;
  if (order === 'ask')
    return reply({ content: [{ type: 'text', text: JSON.stringify(await ask(request.headers)) }] });
  if (order === 'throw') {
    const meta = { 'breakwater.dev/thrown': 'TypeError' };
    return reply({ content: [{ type: 'text', text: 'failed' }], isError: true, _meta: meta });
  }
  reply({ content: [{ type: 'text', text: `order ${order}` }] });
}

type Handle = (request: IncomingMessage, response: ServerResponse) => unknown;

const PATHS: Record<string, Handle> = {
  '/mcp': mcp,
  '/ask': async ({ headers }, response) => json(response, await ask(headers)),
  '/headers': ({ headers }, response) => json(response, headers),
  '/echo': (request, response) => request.pipe(response.writeHead(200)),
  '/error': (_, response) => json(response, {}, 500),
  '/thrown': (_, response) => response.writeHead(500, { 'breakwater-error': 'TypeError' }).end(),
  '/crash': () => process.exit(1),
  '/half': (_, response) => response.write('half', () => process.exit(1)),
  '/hang': () => undefined,
};

const server = createServer((request, response) => {
  const [path = ''] = (request.url ?? '').split('?', 1);
  const handle = PATHS[path] ?? (() => json(response, { ok: true }));
  handle(request, response);
});
server.listen(Number(PORT), HOST, () => process.send?.('listening'));

/** Conversations that use tools of MCP servers which others have written, each in a process of its own. */
import { afterEach, expect, it, jest } from '@jest/globals';
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import type { McpServerStatus } from '../../contract/generated/types.ts';
import { configuration } from '../../runtime/testing/configuration.ts';
import { CONVERSATION, beginConversation, said, say } from '../../runtime/testing/conversation.ts';
import { startRuntime } from '../../runtime/testing/runtime.ts';
import { Cleanups } from '../../runtime/testing/setup.ts';
import { until } from '../../runtime/testing/until.ts';
import { answerStream, fakeEndpoint } from '../../runtime/testing/upstream.ts';
import { pythonEnvironment } from '../python/environment.ts';

// The first run on a machine installs the SDK for Python.
jest.setTimeout(180_000);

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

const EVERYTHING = dirname(
  createRequire(import.meta.url).resolve('@modelcontextprotocol/server-everything/package.json'),
);

/** Of the list of server-everything, by the client of the SDK's first version. */
const EVERYTHING_HASH = 'sha256:62d113964bcccd52d86eb4c0b3784624e5ffbc42df9fee54196608b6cf1de0f7';

interface Use {
  url: string;
  tool: string;
  input: object;
}

/** One turn whose model calls a tool; gives what it was told, and the status of the server. */
async function turn({ url, tool, input }: Use): Promise<{ told: string; status: McpServerStatus }> {
  const model = await fakeEndpoint((response, { body }) => {
    const { messages } = JSON.parse(body.toString()) as { messages: unknown[] };
    const tools = [{ id: 'use-1', name: `stock__${tool}`, input }];
    answerStream(response, said(messages.length === 1 ? { tools } : { text: 'Done.' }));
  });
  cleanups.add(() => model.close());
  const stock = { name: 'stock', url, headersFrom: [], maxResponseBytes: 1000, maxConcurrent: 10 };
  const agent = await startRuntime(
    configuration(model.url, {
      endpoints: [{ name: 'primary', provider: 'Anthropic', baseURL: model.url, model: 'm' }],
      conversation: CONVERSATION,
      mcpServers: [{ ...stock, checkIntervalMs: 200 }],
    }),
  );
  cleanups.add(() => agent.stop());
  const status = (): McpServerStatus | undefined => agent.runtime.snapshot().mcpServers?.[0];
  await until(() => status() !== undefined, 60_000);
  await say(agent.url, await beginConversation(agent.url), 'Go');
  const { messages } = JSON.parse(model.seen.at(-1)!.body.toString()) as {
    messages: { content: { content: string }[] }[];
  };
  return { told: messages.at(-1)!.content[0]!.content, status: status()! };
}

/** Starts a process that serves on a free port. */
async function serve(
  command: string,
  args: (port: number) => string[],
  env: (port: number) => NodeJS.ProcessEnv,
): Promise<string> {
  const free = createServer();
  await new Promise<void>((resolve) => free.listen(0, '127.0.0.1', resolve));
  const { port } = free.address() as AddressInfo;
  await new Promise((resolve) => free.close(resolve));
  const child = spawn(command, args(port), { env: env(port), stdio: 'ignore' });
  const closed = new Promise((resolve) => child.once('close', resolve));
  cleanups.add(async () => {
    child.kill('SIGKILL');
    await closed;
  });
  return `http://127.0.0.1:${port}/mcp`;
}

it('server-everything, which speaks 2025, is called', async () => {
  const main = join(EVERYTHING, 'dist/index.js');
  const url = await serve(
    process.execPath,
    () => [main, 'streamableHttp'],
    (port) => ({ PATH: process.env['PATH'], PORT: String(port) }),
  );
  const { told, status } = await turn({ url, tool: 'echo', input: { message: 'hello' } });
  expect(told).toBe('Echo: hello');
  expect(status).toMatchObject({ protocolVersion: '2025-11-25', toolsHash: EVERYTHING_HASH });
});

it('a server of the SDK for Python is called', async () => {
  const environment = await pythonEnvironment();
  const main = join(import.meta.dirname, '../python/mcp_server.py');
  const url = await serve(
    'python3',
    (port) => [main, String(port)],
    () => environment,
  );
  const { told, status } = await turn({ url, tool: 'add', input: { a: 40, b: 2 } });
  expect(told).toBe('42');
  expect(status).toMatchObject({ protocolVersion: '2026-07-28', tools: 1 });
});

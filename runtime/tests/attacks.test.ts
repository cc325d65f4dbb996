/** Attacks of one request or one server on a process with the heap of a default container, over real sockets. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Content, Tool } from '../../contract/generated/types.ts';
import { MOUNTS } from '../../contract/link.ts';
import { send } from '../testing/client.ts';
import { configuration } from '../testing/configuration.ts';
import { CONVERSATION, beginConversation, json, said, say } from '../testing/conversation.ts';
import { startProcess } from '../testing/process.ts';
import type { RuntimeProcess } from '../testing/process.ts';
import { Cleanups } from '../testing/setup.ts';
import { until } from '../testing/until.ts';
import { MESSAGE, answerJson, answerStream, fakeEndpoint } from '../testing/upstream.ts';
import type { FakeEndpoint } from '../testing/upstream.ts';
import type { Parts } from '../testing/resolved.ts';

// Processes start slowly where many tests run side by side.
const cleanups = new Cleanups();
afterEach(() => cleanups.run());

/** A process with a heap of 256 MB. */
async function start(
  url: string,
  content: Parts<Content>,
  began = cleanups,
): Promise<RuntimeProcess> {
  const directory = await mkdtemp(join(tmpdir(), 'attacks-'));
  began.add(() => rm(directory, { recursive: true }));
  const text = JSON.stringify(configuration(url, content));
  await writeFile(join(directory, MOUNTS.configurationKey), text);
  const agent = await startProcess(directory, ['--max-old-space-size=256']);
  began.add(() => agent.stop());
  return agent;
}

/** A model that asks for one tool after another, and is done then. */
async function modelUsing(names: readonly string[], input: object = {}): Promise<FakeEndpoint> {
  const model = await fakeEndpoint((response, { body }) => {
    const { messages } = JSON.parse(body.toString()) as { messages: unknown[] };
    const name = names[(messages.length - 1) / 2];
    const id = `use-${messages.length}`;
    answerStream(response, said(name ? { tools: [{ id, name, input }] } : { text: 'Done.' }));
  });
  cleanups.add(() => model.close());
  return model;
}

const endpointOf = ({ url }: FakeEndpoint): Parts<Content> => ({
  endpoints: [{ name: 'primary', provider: 'Anthropic', baseURL: url, model: 'claude-test' }],
  conversation: CONVERSATION,
});

/** What the model was told of the tools that it asked for. */
function results({ seen }: FakeEndpoint): string[] {
  const { messages } = JSON.parse(seen.at(-1)!.body.toString()) as {
    messages: { role: string; content: { type: string; content: string }[] }[];
  };
  return messages
    .flatMap(({ content }) => (Array.isArray(content) ? content : []))
    .filter(({ type }) => type === 'tool_result')
    .map(({ content }) => content);
}

/** `count` properties that refer to a schema of `count` keywords. */
function explosive(count: number): Record<string, unknown> {
  const to = (value: unknown): object =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`p${i}`, value]));
  return {
    type: 'object',
    definitions: { a: { properties: to({ minLength: 1 }) } },
    properties: to({ $ref: '#/definitions/a' }),
  };
}

function toolAt(url: string, name: string, inputSchema: Record<string, unknown>): Parts<Tool> {
  return {
    ...{ name, inputSchema, description: 'Looks.', maxConcurrent: 10 },
    http: { url, method: 'GET', headers: [], headersFrom: [], maxResponseBytes: 1000 },
  };
}

describe('the schema of a tool', () => {
  it('stops neither the process nor another tool', async () => {
    const model = await modelUsing(['explosive', 'exponential', 'look'], {
      a: `${'a'.repeat(50)}!`,
    });
    const service = await fakeEndpoint((response) => void response.end('found'));
    cleanups.add(() => service.close());
    const pattern = { type: 'object', properties: { a: { pattern: '^(a+)+$' } } };
    const agent = await start(model.url, {
      ...endpointOf(model),
      tools: [
        toolAt(service.url, 'explosive', explosive(300)),
        toolAt(service.url, 'exponential', pattern),
        toolAt(service.url, 'look', { type: 'object' }),
      ],
    });
    const answer = await say(agent.agentUrl, await beginConversation(agent.agentUrl), 'Go');
    expect(json(answer)).toMatchObject({ stop_reason: 'end_turn', tool_calls: 3 });
    expect(results(model)).toEqual([
      'found',
      expect.stringContaining('input/a must match pattern'),
      'found',
    ]);
    const ready = await send(agent.metricsUrl, { method: 'GET', path: '/health/ready' });
    expect(ready.status).toBe(200);
  });
});

/** A model that answers at once. */
async function quickModel(began: Cleanups): Promise<FakeEndpoint> {
  const model = await fakeEndpoint((response) => answerJson(response, MESSAGE));
  began.add(() => model.close());
  return model;
}

interface Sender {
  socket: Socket;
  text: () => string;
}

/** A request on a socket of its own, with the beginning of a body that never ends. */
async function begin(url: string, sent: Buffer, length: number): Promise<Sender> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let text = '';
  socket.on('error', () => undefined).on('data', (chunk) => (text += chunk.toString()));
  cleanups.add(() => Promise.resolve(void socket.destroy()));
  await once(socket, 'connect');
  socket.write(`POST /v1/messages HTTP/1.1\r\nhost: agent\r\ncontent-length: ${length}\r\n\r\n`);
  socket.write(sent);
  return { socket, text: () => text };
}

/** The most memory that a process has had, in MiB. */
async function peakMemory({ child }: RuntimeProcess): Promise<number> {
  const status = await readFile(`/proc/${child.pid}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+)/.exec(status)![1]) / 1024;
}

const MIB = 1024 * 1024;

describe('a body', () => {
  let agent: RuntimeProcess;
  const began = new Cleanups();
  beforeAll(async () => {
    const model = await quickModel(began);
    const bulkhead = { maxConcurrent: 4, maxQueued: 0, acquireTimeoutMs: 100 };
    agent = await start(
      model.url,
      { ...endpointOf(model), bulkhead, requestLimits: INTAKE },
      began,
    );
  });
  afterAll(() => began.run());

  it('of a million empty objects is forwarded, and refused if it would have to be parsed', async () => {
    const body = `{"messages":[${'{},'.repeat(4 * MIB)}{}],"note":"base64"}`;
    const passed = await send(agent.agentUrl, { body });
    expect(passed.status).toBe(200);
    const refused = await send(agent.agentUrl, { path: '/v1/conversations', body });
    expect(refused.status).toBe(400);
    expect(json(refused)).toMatchObject({
      error: { type: 'invalid_request_error', message: 'The body has more than 100000 values.' },
    });
  });

  it('of 31 MiB that never ends, sixteen times, leaves memory and places for others', async () => {
    const part = Buffer.alloc(31 * MIB, 0x20);
    const senders = await Promise.all(
      Array.from({ length: 16 }, () => begin(agent.agentUrl, part, 32 * MIB)),
    );
    await until(() => senders.every(({ text }) => text() !== ''));
    const refused = senders.filter(({ text }) => text().includes('BodiesFull'));
    expect(refused.length).toBeGreaterThan(0);
    expect(refused[0]!.text()).toMatch(/^HTTP\/1.1 503 [\s\S]*"overloaded_error"/);
    await until(async () => (await send(agent.agentUrl)).status === 200);
    expect(await peakMemory(agent)).toBeLessThan(450);
  });

  it('that comes slowly, two hundred times, takes no client’s place', async () => {
    const part = Buffer.alloc(100, 0x20);
    const senders = await Promise.all(
      Array.from({ length: 200 }, () => begin(agent.agentUrl, part, 1000)),
    );
    expect((await send(agent.agentUrl)).status).toBe(200);
    await until(() => senders.every(({ socket }) => socket.destroyed));
    expect(senders[0]!.text()).toMatch(/^HTTP\/1.1 408 [\s\S]*connection: close/i);
  });
});

/** What an agent without limits of its own takes, but for the time. */
const INTAKE = {
  maxBodyBytes: 32 * MIB,
  maxBodyBytesInFlight: 64 * MIB,
  bodyIdleTimeoutMs: 2000,
  minBodyBytesPerSecond: 1024,
  maxConnections: 2000,
  maxConnectionsPerAddress: 500,
};

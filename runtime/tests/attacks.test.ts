/** Attacks of one request or one server on a process with the heap of a default container, over real sockets. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
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
import { answerStream, fakeEndpoint } from '../testing/upstream.ts';
import type { FakeEndpoint } from '../testing/upstream.ts';
import type { Earlier } from '../control/upgrade.ts';

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

/** A process with a heap of 256 MB. */
async function start(url: string, content: Earlier<Content> = {}): Promise<RuntimeProcess> {
  const directory = await mkdtemp(join(tmpdir(), 'attacks-'));
  cleanups.add(() => rm(directory, { recursive: true }));
  const text = JSON.stringify(configuration(url, content));
  await writeFile(join(directory, MOUNTS.configurationKey), text);
  const agent = await startProcess(directory, ['--max-old-space-size=256']);
  cleanups.add(() => agent.stop());
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

const endpointOf = ({ url }: FakeEndpoint): Earlier<Content> => ({
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

function toolAt(url: string, name: string, inputSchema: Record<string, unknown>): Earlier<Tool> {
  return {
    ...{ name, inputSchema, description: 'Looks.', maxConcurrent: 10 },
    http: { url, method: 'GET', headers: [], headersFrom: [], maxResponseBytes: 1000 },
  };
}

describe('the schema of a tool', () => {
  it('takes neither a process nor another tool down', async () => {
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
      expect.stringContaining('it takes longer than 2000 ms'),
      'found',
    ]);
    const ready = await send(agent.metricsUrl, { method: 'GET', path: '/health/ready' });
    expect(ready.status).toBe(200);
  });
});

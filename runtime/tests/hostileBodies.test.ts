/** Bodies of up to 31 MiB that are small to write and much to work on, at a process with the heap of a default container. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Content } from '../../contract/generated/types.ts';
import { MOUNTS } from '../../contract/link.ts';
import type { Parts } from '../testing/resolved.ts';
import { open, send } from '../testing/client.ts';
import type { Answer } from '../testing/client.ts';
import { configuration } from '../testing/configuration.ts';
import { CONVERSATION, beginConversation, json, said } from '../testing/conversation.ts';
import { tracingTo } from '../testing/failoverScene.ts';
import { askLoop, loopFlags } from '../testing/loop.ts';
import { startProcess } from '../testing/process.ts';
import type { RuntimeProcess } from '../testing/process.ts';
import { Cleanups } from '../testing/setup.ts';
import { until } from '../testing/until.ts';
import { MESSAGE, answerJson, answerStream, fakeEndpoint } from '../testing/upstream.ts';

const MIB = 1024 * 1024;
/** Longest turn of the event loop, in milliseconds of the processor. */
const MAX_HOLD_MS = 250;

const fill = (unit: string, bytes: number): string => unit.repeat(Math.floor(bytes / unit.length));
const says = (content: string): string =>
  `{"model":"m","max_tokens":5,"messages":[{"role":"user","content":${content}}]}`;
const message = (content: string): string => `{"messages":[${content}]}`;

function nested(levels: number, content: string): string {
  const open = '[{"type":"tool_result","tool_use_id":"a","content":';
  return `${open.repeat(levels)}${content}${'}]'.repeat(levels)}`;
}

type Case = [what: string, body: () => string, status?: number];

const DENSE: Case[] = [
  ['24 MiB of one member', () => `{${fill('"model":1,', 24 * MIB)}"messages":[]}`, 400],
  ['31 MiB of objects', () => message(`${fill('{},', 31 * MIB)}{}`)],
  ['31 MiB of numbers', () => message(`${fill('1,', 31 * MIB)}1`)],
  ['deep lists', () => message(`${fill(`${'['.repeat(900)}${']'.repeat(900)},`, 31 * MIB)}1`)],
  ['31 MiB of members', () => `{${fill('"a":1,', 31 * MIB)}"messages":[]}`],
  ['31 MiB of escaped members', () => `{${fill('"\\u0061bc":1,', 31 * MIB)}"a":1}`],
  ['31 MiB of escapes', () => says(`"${fill('\\u0061', 31 * MIB)}"`)],
  ['31 MiB of escaped quotes', () => says(`"${fill('\\"', 31 * MIB)}"`)],
  ['31 MiB of one word', () => says(`"${fill('x', 31 * MIB)}"`)],
  ['31 MiB of spaces', () => `{"messages":${fill(' ', 31 * MIB)}1}`],
  [
    '31 MiB of documents',
    () =>
      says(
        `[${fill(`{"type":"document","source":{"type":"base64","data":"${'QUFB'.repeat(5000)}"}},`, 31 * MIB)}1]`,
      ),
  ],
  ['300 nested results', () => says(nested(300, `"${fill('x', 2 * MIB)}"`))],
  [
    '300 nested results of many texts',
    () => says(nested(300, `[${fill('{"type":"text","text":"a"},', 2 * MIB)}1]`)),
  ],
  ['20,000 texts', () => says(`[${fill('{"type":"text","text":"a"},', 540_000)}1]`)],
  [
    '20,000 calls of tools',
    () =>
      message(
        `{"role":"assistant","content":[${fill('{"type":"tool_use","id":"a","name":"b","input":{}},', MIB)}1]}`,
      ),
  ],
  [
    '10,000 tools',
    () =>
      `{"tools":[${fill('{"name":"a","description":"b","input_schema":{"type":"object","properties":{"a":{"type":"string"}}}},', 1_050_000)}1],${says('"Hi"').slice(1)}`,
  ],
  [
    '10,000 messages',
    () =>
      message(
        `${fill('{"role":"user","content":"a"},{"role":"assistant","content":"b"},', 330_000)}{"role":"user","content":"a"}`,
      ),
  ],
];

const SCREEN: Parts<Content['security']> = {
  promptInjection: {
    ...{ mode: 'Report', exempt: [], blockedResults: 'Replace' },
    sources: ['UserInput', 'Messages'].map((source) => ({ source, threshold: 60 })),
  },
  secrets: { mode: 'Report', sources: ['Prompts', 'Messages'] },
  runGuard: { mode: 'Report', repeats: 5, exempt: [], messages: true },
};

interface Scene {
  agent: RuntimeProcess;
  directory: string;
}

async function start(began: Cleanups): Promise<Scene> {
  const model = await fakeEndpoint((response, { body }) => {
    if (body.subarray(-200).includes('"stream":true'))
      answerStream(response, said({ text: 'Yes' }));
    else answerJson(response, MESSAGE);
  });
  began.add(() => model.close());
  const directory = await mkdtemp(join(tmpdir(), 'bodies-'));
  began.add(() => rm(directory, { recursive: true }));
  const defaults = configuration(model.url).content.security;
  // Two endpoints, each with another model: sessions are looked for, and the body is changed.
  const endpoints = ['one', 'two'].map((name) => {
    return { name, provider: 'Anthropic', baseURL: model.url, model: 'claude-test' };
  });
  const content = {
    ...{ endpoints, affinity: { mode: 'Always' }, security: { ...defaults, ...SCREEN } },
    ...{ timeouts: { connectMs: 20_000, requestMs: 60_000 } },
    conversation: { ...CONVERSATION, runTimeoutMs: 60_000 },
    ...tracingTo('http://127.0.0.1:1', { content: 'Full' }),
  } as Parts<Content>;
  const text = JSON.stringify(configuration(model.url, content));
  await writeFile(join(directory, MOUNTS.configurationKey), text);
  const flags = ['--max-old-space-size=256', ...loopFlags(directory)];
  const agent = await startProcess(directory, flags);
  began.add(() => agent.stop());
  // The first request of each kind loads what it needs.
  expect((await send(agent.agentUrl, { body: says('"Hi"') })).status).toBe(200);
  await sayTo(agent, '{"content":"Hi"}');
  return { agent, directory };
}

async function sayTo({ agentUrl }: RuntimeProcess, body: string): Promise<Answer> {
  const id = await beginConversation(agentUrl);
  const path = `/v1/conversations/${id}`;
  const answer = await send(agentUrl, { path: `${path}/messages`, body });
  await send(agentUrl, { method: 'DELETE', path });
  return answer;
}

/** The answer, and how long a turn of the event loop took at most. */
async function held(
  { directory }: Scene,
  sending: () => Promise<Answer>,
): Promise<[Answer, number]> {
  await askLoop(directory, '/collect');
  const answer = await sending();
  return [answer, (await askLoop(directory)).longestHoldMs];
}

let scene: Scene;
const began = new Cleanups();
beforeAll(async () => {
  scene = await start(began);
});
afterAll(() => began.run());

describe('a body of /v1/messages that is screened and traced with its content', () => {
  it.each(DENSE)('of %s holds no turn for long', async (_, bodyOf, status = 200) => {
    const body = bodyOf();
    const [answer, holdMs] = await held(scene, () => send(scene.agent.agentUrl, { body }));
    expect(answer.status).toBe(status);
    expect(holdMs).toBeLessThan(MAX_HOLD_MS);
  });
});

const CONTENTS: [what: string, bodyOf: () => string][] = [
  ['24 MiB of one word', () => `{"content":"${fill('x', 24 * MIB)}"}`],
  ['24 MiB of text beyond Latin letters', () => `{"content":"${fill('x', 24 * MIB)}€"}`],
  ['24 MiB of escapes', () => `{"content":"${fill('\\u0061', 24 * MIB)}"}`],
  ['10,000 texts', () => `{"content":[${fill('{"type":"text","text":"a"},', 270_000)}{"type":"text","text":"b"}]}`], // prettier-ignore
];

describe('a message to a conversation', () => {
  it.each(CONTENTS)('of %s holds no turn for long', async (_, bodyOf) => {
    const body = bodyOf();
    const [answer, holdMs] = await held(scene, () => sayTo(scene.agent, body));
    expect(answer.status).toBe(200);
    expect(holdMs).toBeLessThan(MAX_HOLD_MS);
  });

  it('counts in the memory of conversations, which takes no more than it bears', async () => {
    const body = `{"content":"${fill('x', 15 * MIB)}€"}`;
    const { agentUrl } = scene.agent;
    const ids: string[] = [];
    const statuses: number[] = [];
    while (statuses.length < 8 && statuses.at(-1) !== 503) {
      ids.push(await beginConversation(agentUrl));
      const path = `/v1/conversations/${ids.at(-1)}/messages`;
      const answer = await send(agentUrl, { path, body });
      statuses.push(answer.status);
      if (answer.status === 503)
        expect(answer.body.toString()).toContain('as much memory as they may');
    }
    expect([statuses[0], statuses.at(-1)]).toEqual([200, 503]);
    for (const id of ids)
      await send(agentUrl, { method: 'DELETE', path: `/v1/conversations/${id}` });
  });

  it('counts by its values, which take more than their bytes', async () => {
    const blocks = fill('{"type":"a"},', 430_000);
    const messages = `[{"role":"user","content":[${blocks}{"type":"text","text":"b"}]}]`;
    const { agentUrl } = scene.agent;
    const ids: string[] = [];
    let status = 0;
    for (let i = 0; i < 60 && status !== 503; i += 1) {
      const body = `{"messages":${messages}}`;
      const answer = await send(agentUrl, { path: '/v1/conversations', body });
      status = answer.status;
      if (status === 201) ids.push(json<{ id: string }>(answer).id);
    }
    expect(status).toBe(503);
    for (const id of ids)
      await send(agentUrl, { method: 'DELETE', path: `/v1/conversations/${id}` });
  });

  it('is sent to slow readers as far as the budget of bodies allows', async () => {
    const { agentUrl } = scene.agent;
    const messages = [{ role: 'user', content: 'x'.repeat(20 * MIB) }];
    const id = await beginConversation(agentUrl, messages);
    const path = `/v1/conversations/${id}`;
    const statuses: number[] = [];
    const readers = Array.from({ length: 12 }, () => {
      const reader = open(agentUrl, { method: 'GET', path })
        .on('error', () => undefined)
        .end();
      // Nobody reads the body.
      reader.on('response', ({ statusCode }) => void statuses.push(statusCode ?? 0));
      return reader;
    });
    await until(() => statuses.length === readers.length);
    expect(statuses.filter((each) => each === 200)).toHaveLength(3);
    expect(statuses.filter((each) => each === 503)).toHaveLength(9);
    for (const reader of readers) reader.destroy();
    await until(async () => (await send(agentUrl, { method: 'GET', path })).status === 200);
    await send(agentUrl, { method: 'DELETE', path });
  });
});

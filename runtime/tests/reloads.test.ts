/** Configurations with other endpoints that come while requests wait. */
import { afterEach, expect, it } from '@jest/globals';
import type { ServerResponse } from 'node:http';
import type { Content } from '../../contract/generated/types.ts';
import { send } from '../testing/client.ts';
import { configuration } from '../testing/configuration.ts';
import { CONVERSATION, beginConversation, json, said, say } from '../testing/conversation.ts';
import { Cleanups, setup } from '../testing/setup.ts';
import { until } from '../testing/until.ts';
import { MESSAGE, answerJson, answerStream, fakeEndpoint } from '../testing/upstream.ts';
import type { FakeEndpoint } from '../testing/upstream.ts';

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

async function endpoint(answer: (response: ServerResponse) => void): Promise<FakeEndpoint> {
  const one = await fakeEndpoint(answer);
  cleanups.add(() => one.close());
  return one;
}

/** One endpoint of this name. */
const only = (name: string, { url }: FakeEndpoint): Partial<Content> => ({
  endpoints: [{ name, provider: 'Anthropic', baseURL: url, model: 'm', priority: 0, weight: 1 }],
});

it('a request that waits for a place is served by the endpoints that there are by then', async () => {
  const bulkhead = { maxConcurrent: 1, maxQueued: 10, acquireTimeoutMs: 10_000 };
  const held: ServerResponse[] = [];
  const { agent } = await setup(cleanups, (response) => void held.push(response), { bulkhead });
  const first = send(agent.url);
  await until(() => held.length === 1);
  const waiting = send(agent.url);
  const queued = (): number => agent.runtime.guard.stats().bulkheads[0]!.queued;
  await until(() => queued() === 1);
  const other = await endpoint((response) => answerJson(response, MESSAGE));
  const content = { ...only('other', other), bulkhead };
  agent.runtime.configuration.offerPush(1, configuration('', content, { term: 1, counter: 2 }));
  answerJson(held[0]!, MESSAGE);
  expect([(await first).status, (await waiting).status]).toEqual([200, 200]);
  expect([held.length, other.seen.length]).toEqual([1, 1]);
});

it('a turn of a conversation goes on at the endpoints that there are by then', async () => {
  const tool: ServerResponse[] = [];
  const service = await endpoint((response) => void tool.push(response));
  const http = { url: service.url, method: 'GET' as const, headers: [], headersFrom: [] };
  const look = { name: 'look', description: 'Looks.', inputSchema: { type: 'object' } };
  const content = {
    conversation: CONVERSATION,
    tools: [{ ...look, maxConcurrent: 10, http: { ...http, maxResponseBytes: 1000 } }],
  };
  const asking = { tools: [{ id: 'use-1', name: 'look', input: {} }] };
  const { agent, endpoint: model } = await setup(
    cleanups,
    (response) => answerStream(response, said(asking)),
    content,
  );
  const put = (name: string, to: FakeEndpoint, counter: number): void => {
    const offered = configuration('', { ...content, ...only(name, to) }, { term: 1, counter });
    agent.runtime.configuration.offerPush(1, offered);
  };
  put('primary', model, 2);
  const turn = say(agent.url, await beginConversation(agent.url), 'Look');
  await until(() => tool.length === 1);
  const other = await endpoint((response) => answerStream(response, said({ text: 'Done.' })));
  put('other', other, 3);
  answerJson(tool[0]!, { found: true });
  expect(json(await turn)).toMatchObject({ stop_reason: 'end_turn', model_calls: 2 });
  expect([model.seen.length, other.seen.length]).toEqual([1, 1]);
});

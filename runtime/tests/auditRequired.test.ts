import { afterEach, describe, expect, it } from '@jest/globals';
import { readdir, readFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import type { SealedEvent } from '../../contract/audit.ts';
import type { Content } from '../../contract/generated/types.ts';
import type { Parts } from '../testing/resolved.ts';
import { send } from '../testing/client.ts';
import { configuration } from '../testing/configuration.ts';
import { beginConversation, CONVERSATION, said, say } from '../testing/conversation.ts';
import { Cleanups, setup, type Setup } from '../testing/setup.ts';
import { until } from '../testing/until.ts';
import { MESSAGE, answerJson, answerStream, type Seen } from '../testing/upstream.ts';

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

const AUDIT = {
  ...{ stdout: false, memoryEvents: 0, bufferBytes: 65_536, authenticationIntervalMs: 0 },
  ...{ argumentsOf: [], required: true },
  otlp: { url: 'http://127.0.0.1:1', headersFrom: [], timeoutMs: 1000, queueBytes: 65_536 },
};

/** An agent that must record all that it serves. Nobody takes its events, and its queue holds 64 KiB. */
async function scene(
  answer: (response: ServerResponse, seen: Seen) => void | Promise<void>,
  content: (url: string) => Parts<Content> = () => ({}),
): Promise<Setup> {
  const of = await setup(cleanups, answer);
  const { url } = of.endpoint;
  const pushed = configuration(url, { ...content(url), audit: AUDIT }, { term: 1, counter: 2 });
  of.agent.runtime.configuration.offerPush(1, pushed);
  return of;
}

/** Numbers of successes by type, by the events in the queue on disk. */
async function recorded({ agent }: Setup, type = 'RequestMade'): Promise<number> {
  const directory = join(agent.directory, 'audit-queue', 'otlp');
  const files = (await readdir(directory)).filter((name) => name.endsWith('.jsonl'));
  const texts = await Promise.all(files.map((name) => readFile(join(directory, name), 'utf8')));
  const events = texts
    .flatMap((text) => text.split('\n').slice(0, -1))
    .map((line) => JSON.parse(line) as SealedEvent);
  return events.filter((event) => event.metadata.event_code === type && event.status_id === 1)
    .length;
}

describe('an agent that must record each request it serves, and whose queue of events is full', () => {
  it('serves only what it records, one request after the other', async () => {
    const of = await scene((response) => answerJson(response, MESSAGE));
    const statuses: number[] = [];
    for (let i = 0; i < 200; i += 1) statuses.push((await send(of.agent.url)).status);
    const served = statuses.filter((status) => status === 200).length;
    expect(served).toBeGreaterThan(10);
    expect(statuses.slice(served)).toEqual(Array.from({ length: 200 - served }, () => 503));
    expect(of.endpoint.seen).toHaveLength(served);
    await until(async () => (await recorded(of)) === served);
  });

  it('serves only what it records, all requests at once', async () => {
    const waiting: ServerResponse[] = [];
    const of = await scene((response) => void waiting.push(response));
    let refused = 0;
    const answers = Array.from({ length: 200 }, async () => {
      const { status } = await send(of.agent.url);
      if (status === 503) refused += 1;
      return status;
    });
    await until(() => refused + waiting.length === 200);
    for (const response of waiting) answerJson(response, MESSAGE);
    const served = (await Promise.all(answers)).filter((status) => status === 200).length;
    expect(served).toBeGreaterThan(5);
    expect(refused).toBe(200 - served);
    await until(async () => (await recorded(of)) === served);
  });

  it('calls no tool that it cannot record, and records the turn', async () => {
    let turns = 0;
    let called = 0;
    const calls = Array.from({ length: 40 }, (_, at) => ({
      id: `u${at}`,
      name: 'look',
      input: {},
    }));
    const of = await scene(
      (response, { url }) => {
        if (url.startsWith('/things')) {
          called += 1;
          return answerJson(response, '{}');
        }
        turns += 1;
        return answerStream(response, said(turns === 4 ? { text: 'done' } : { tools: calls }));
      },
      (url) => ({
        conversation: CONVERSATION,
        endpoints: [
          {
            ...{ name: 'primary', provider: 'Anthropic', model: 'claude-test', priority: 0 },
            ...{ weight: 1, baseURL: url, requires: [] },
          },
        ],
        egress: { allowHosts: [], denyPrivateNetworks: false },
        tools: [
          {
            ...{ name: 'look', description: 'Looks.', inputSchema: { type: 'object' } },
            ...{ maxConcurrent: 1, requires: [] },
            http: {
              ...{ url: `${url}/things`, method: 'GET', headers: [], headersFrom: [] },
              maxResponseBytes: 1000,
            },
          },
        ],
      }),
    );
    const id = await beginConversation(of.agent.url);
    const { status, body } = await say(of.agent.url, id, 'look!');
    expect([status, turns]).toEqual([200, 4]);
    expect(body.toString()).toContain('done');
    expect(called).toBeGreaterThan(10);
    expect(called).toBeLessThan(100);
    await until(async () => (await recorded(of, 'ToolCalled')) === called);
    await until(async () => (await recorded(of)) === 2);
  });
});

import { afterEach, describe, expect, it } from '@jest/globals';
import type { ServerResponse } from 'node:http';
import { send } from '../testing/client.ts';
import type { Answer } from '../testing/client.ts';
import { TOUCHY } from '../testing/configuration.ts';
import { Cleanups, setup } from '../testing/setup.ts';
import type { Setup } from '../testing/setup.ts';
import { MESSAGE, answerJson } from '../testing/upstream.ts';
import type { Seen } from '../testing/upstream.ts';

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

type Provider = (response: ServerResponse, model: string, url: string) => void;

const fine: Provider = (response) => answerJson(response, MESSAGE);
const limited: Provider = (response) => {
  response.writeHead(429, {
    ...{ 'content-type': 'application/json', 'retry-after': '600' },
    'anthropic-ratelimit-requests-remaining': '0',
  });
  response.end('{"type":"error","error":{"type":"rate_limit_error","message":"no"}}');
};
const broken: Provider = (response) => answerJson(response, { type: 'error' }, 500);

/** Without one, a client shuts no gate. */
const KEY = { 'x-api-key': 'key' };

let provider: Provider;

function start(): Promise<Setup> {
  provider = fine;
  const answer = (response: ServerResponse, { body, url }: Seen): void => {
    const { model } = JSON.parse(body.toString()) as { model: string };
    provider(response, model, url);
  };
  return setup(cleanups, answer, { circuits: [TOUCHY] });
}

const ask = ({ agent }: Setup, model: string, path = '/v1/messages'): Promise<Answer> =>
  send(agent.url, { path, headers: KEY, body: JSON.stringify({ model, messages: [] }) });

async function statuses(context: Setup, ...models: string[]): Promise<number[]> {
  const found: number[] = [];
  for (const model of models) found.push((await ask(context, model)).status);
  return found;
}

const states = ({ agent }: Setup): string[] =>
  agent.runtime.guard.circuits().map(({ model = 'others', state }) => `${model} ${state}`);

describe('an endpoint with several models', () => {
  it('serves one model while the provider limits another', async () => {
    const context = await start();
    expect(await statuses(context, 'opus', 'haiku')).toEqual([200, 200]);
    provider = (response, model, url) => (model === 'opus' ? limited : fine)(response, model, url);
    expect(await statuses(context, 'opus', 'opus', 'haiku')).toEqual([429, 429, 200]);
    expect(context.endpoint.seen).toHaveLength(4);
  });

  it('serves one model while another fails', async () => {
    const context = await start();
    await statuses(context, 'opus', 'haiku');
    provider = (response, model, url) => (model === 'opus' ? broken : fine)(response, model, url);
    expect(await statuses(context, 'opus', 'opus', 'haiku')).toEqual([500, 503, 200]);
    expect(states(context)).toEqual(['opus Open', 'haiku Closed']);
  });

  it('answers messages while the provider limits the counting of tokens', async () => {
    const context = await start();
    provider = (response, model, url) =>
      (url === '/v1/messages' ? fine : limited)(response, model, url);
    await ask(context, 'opus');
    const count = '/v1/messages/count_tokens';
    expect((await ask(context, 'opus', count)).status).toBe(429);
    expect((await ask(context, 'opus', count)).headers['x-breakwater-reason']).toBe('RateLimited');
    expect((await ask(context, 'opus')).status).toBe(200);
  });

  it('keeps an open circuit, and no more than 64, when a client invents 10,000 models', async () => {
    const context = await start();
    await statuses(context, 'opus', 'haiku');
    provider = broken;
    await ask(context, 'opus');
    provider = fine;
    let left = 10_000;
    const worker = async (): Promise<void> => {
      while (left > 0) {
        left -= 1;
        const body = JSON.stringify({ model: `invented-${left}`, messages: [] });
        const answer = await fetch(`${context.agent.url}/v1/messages`, { method: 'POST', body });
        await answer.bytes();
      }
    };
    await Promise.all(Array.from({ length: 32 }, worker));
    expect(context.endpoint.seen.length).toBe(10_003);
    expect(states(context)).toContain('opus Open');
    expect(states(context).length).toBeLessThanOrEqual(64);
    expect((await ask(context, 'opus')).status).toBe(503);
    const kept = JSON.stringify(context.agent.runtime.guard.snapshot());
    expect(kept.length).toBeLessThan(1000);
  }, 120_000);
});

import { afterEach, describe, expect, it } from '@jest/globals';
import Anthropic from '@anthropic-ai/sdk';
import type { ServerResponse } from 'node:http';
import type { Circuit, Content } from '../../contract/generated/types.ts';
import { send } from '../testing/client.ts';
import { ONE_ATTEMPT, TOUCHY, configuration } from '../testing/configuration.ts';
import type { Parts } from '../testing/resolved.ts';
import { Cleanups, STREAMED, circuit, setup } from '../testing/setup.ts';
import type { Setup } from '../testing/setup.ts';
import { until } from '../testing/until.ts';
import { MESSAGE, STREAM, answerJson } from '../testing/upstream.ts';

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

const CLIENTS = 20;
const PARAMS = { model: 'm', max_tokens: 16, messages: [{ role: 'user' as const, content: 'Hi' }] };
/** Of the same model as a streamed request. */
const ASKED = { body: JSON.stringify(PARAMS) };
const POLICY: Circuit = {
  ...TOUCHY,
  openDurationMs: 1,
  maxOpenDurationMs: 1,
  halfOpen: { maxProbes: 1, successThreshold: 2, queueTimeoutMs: 10_000 },
};

/** A runtime whose circuit is half-open, and the requests that its endpoint has not answered yet. */
async function halfOpen(
  content: Parts<Content> = { circuits: [POLICY], ...ONE_ATTEMPT },
): Promise<{ context: Setup; held: ServerResponse[] }> {
  const held: ServerResponse[] = [];
  let failed = false;
  const context = await setup(
    cleanups,
    (response) => {
      if (failed) held.push(response);
      else answerJson(response, { type: 'error' }, 500);
      failed = true;
    },
    content,
  );
  await send(context.agent.url, ASKED);
  await until(() => circuit(context) === 'HalfOpen');
  return { context, held };
}

const reasons = ({ agent }: Setup): string[] =>
  agent.runtime.guard.transitions().map(({ reason }) => reason);

const inFlight = ({ agent }: Setup): number => agent.runtime.guard.stats().circuits[0]!.inFlight;

describe('a half-open circuit', () => {
  it('serves all of 20 SDK clients that come while a healthy model answers the probe', async () => {
    const { context, held } = await halfOpen();
    const client = new Anthropic({ baseURL: context.agent.url, apiKey: 'k', maxRetries: 0 });
    const calls = Array.from({ length: CLIENTS }, () => client.messages.create(PARAMS));
    const results = Promise.allSettled(calls);
    await until(() => held.length === 1 && inFlight(context) === CLIENTS);
    for (let answered = 0; answered < CLIENTS; answered += 1) {
      await until(() => held.length > 0);
      answerJson(held.shift()!, MESSAGE);
    }
    const statuses = (await results).map(({ status }) => status);
    expect(statuses).toEqual(Array.from({ length: CLIENTS }, () => 'fulfilled'));
    expect(circuit(context)).toBe('Closed');
  });

  it('lets the next probe begin at the first token of the former one, and reopens when that breaks off', async () => {
    const { context, held } = await halfOpen();
    const answers = [send(context.agent.url, STREAMED), send(context.agent.url, STREAMED)];
    const results = Promise.allSettled(answers);
    await until(() => held.length === 1 && inFlight(context) === 2);
    held[0]!.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const event of STREAM.slice(0, 4)) held[0]!.write(event);
    await until(() => held.length === 2);
    expect(reasons(context)).not.toContain('probe failed (Connection)');
    held[0]!.destroy();
    await until(() => reasons(context).includes('probe failed (Connection)'));
    held[1]!.destroy();
    await results;
  });

  it('neither closes nor reopens by a client error, and lets the next request probe', async () => {
    const { context, held } = await halfOpen();
    const answers = [send(context.agent.url, ASKED), send(context.agent.url, ASKED)];
    await until(() => held.length === 1);
    answerJson(held[0]!, { type: 'error', error: { type: 'invalid_request_error' } }, 400);
    await until(() => held.length === 2);
    expect(circuit(context)).toBe('HalfOpen');
    answerJson(held[1]!, MESSAGE);
    const statuses = (await Promise.all(answers)).map(({ status }) => status);
    expect(statuses).toEqual([400, 200]);
    expect(circuit(context)).toBe('HalfOpen');
  });

  it('refuses the waiting requests at once when the probe fails', async () => {
    const { context, held } = await halfOpen();
    const answers = Array.from({ length: 3 }, () => send(context.agent.url, ASKED));
    await until(() => held.length === 1 && inFlight(context) === 3);
    const longer = { ...POLICY, openDurationMs: 600_000, maxOpenDurationMs: 600_000 };
    const { content } = configuration(context.endpoint.url, { circuits: [longer] });
    context.agent.runtime.guard.apply(content);
    answerJson(held[0]!, { type: 'error' }, 500);
    const statuses = (await Promise.all(answers)).map(({ status }) => status);
    expect(statuses.toSorted()).toEqual([500, 503, 503]);
    expect(held).toHaveLength(1);
  });
});

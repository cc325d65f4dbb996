import { afterEach, describe, expect, it } from '@jest/globals';
import type { Content } from '../../contract/generated/types.ts';
import type { Parts } from '../testing/resolved.ts';
import { saidSeconds, send } from '../testing/client.ts';
import type { Answer, Sent } from '../testing/client.ts';
import { TOUCHY, configuration } from '../testing/configuration.ts';
import { Cleanups, circuit, errorOf, setup } from '../testing/setup.ts';
import type { Setup } from '../testing/setup.ts';
import { answerJson } from '../testing/upstream.ts';

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

const failing = (content: Parts<Content>): Promise<Setup> =>
  setup(cleanups, (response) => answerJson(response, { type: 'error' }, 500), content);
const ask = ({ agent }: Setup, sent: Sent = {}): Promise<Answer> => send(agent.url, sent);
const retry = { headers: { 'x-stainless-retry-count': '1' } };

describe('the patience of clients', () => {
  it('bounds retry-after, while the body says when the circuit admits a probe', async () => {
    const context = await failing({ circuits: [TOUCHY] });
    await ask(context);
    const refused = await ask(context);
    expect(['3', '4', '5']).toContain(refused.headers['retry-after']);
    expect(refused.headers['x-should-retry']).toBeUndefined();
    expect(saidSeconds(refused)).toBeGreaterThan(400);
    expect(errorOf(refused).message).toContain('another pod may serve earlier');
    expect(JSON.parse(refused.body.toString())).toMatchObject({
      request_id: refused.headers['request-id'],
    });
  });

  it('ends when a client that has retried would have to wait longer', async () => {
    const context = await failing({ circuits: [TOUCHY] });
    await ask(context);
    expect((await ask(context, retry)).headers['x-should-retry']).toBe('false');
  });

  it('changes at once with the configuration, and the circuit stays open', async () => {
    const content = { circuits: [TOUCHY] };
    const context = await failing(content);
    await ask(context);
    context.agent.runtime.configuration.offerPush(
      1,
      configuration(
        context.endpoint.url,
        { ...content, maxRetryAfterMs: 60_000 },
        { term: 1, counter: 2 },
      ),
    );
    expect(circuit(context)).toBe('Open');
    const refused = await ask(context);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThanOrEqual(30);
    expect(Number(refused.headers['retry-after'])).toBeLessThanOrEqual(60);
  });

  it('leaves retries to the client where the agent makes none of its own', async () => {
    const context = await setup(cleanups, (response) => void response.destroy(), {
      retry: {
        maxAttempts: 10,
        baseDelayMs: 1,
        maxDelayMs: 2,
        budgetPercent: 0,
        minPerSecond: 1,
      },
      circuits: [{ ...TOUCHY, trip: { consecutiveFailures: 1000 } }],
    });
    const first = await ask(context);
    expect([first.status, first.headers['x-should-retry']]).toEqual([502, undefined]);
    const second = await ask(context);
    expect([second.status, second.headers['x-should-retry']]).toEqual([502, undefined]);
    // Five calls that fail end the agent's own retries.
    expect(context.endpoint.seen).toHaveLength(7);
  });

  it.each([
    ['/v1/messages/batches', 'POST /v1/messages/batches is not served.'],
    ['/v1/v1/messages', "The client's base URL ends in /v1; remove that, as the client adds it."],
    ['/v1/conversations/a/b/c', 'POST /v1/conversations/a/b/c is not served.'],
  ])('does not affect %s, which names what is served', async (path, named) => {
    const answer = await ask(await failing({}), { path });
    expect([answer.status, answer.headers['x-should-retry']]).toEqual([404, 'false']);
    expect(errorOf(answer).message).toContain(named);
    expect(errorOf(answer).message).toContain('GET /v1/models');
  });
});

import { afterEach, describe, expect, it } from '@jest/globals';
import type { ServerResponse } from 'node:http';
import type { Content } from '../../contract/generated/types.ts';
import { send } from '../testing/client.ts';
import type { Answer, Sent } from '../testing/client.ts';
import { CONVERSATION, beginConversation, said, say } from '../testing/conversation.ts';
import { PATIENT, fine, startPool, status } from '../testing/pool.ts';
import type { Behaviour, Part, Pool } from '../testing/pool.ts';
import { Cleanups } from '../testing/setup.ts';
import { until } from '../testing/until.ts';
import { answerStream } from '../testing/upstream.ts';

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

const RETRY: NonNullable<Content['retry']> = {
  maxAttempts: 4,
  baseDelayMs: 1,
  maxDelayMs: 2000,
  budgetPercent: 100,
  minPerSecond: 10,
};
const NOTHING = { ...RETRY, budgetPercent: 0, minPerSecond: 0 };

const pool = (parts: Part[], content: Partial<Content> = {}): Promise<Pool> =>
  startPool(cleanups, parts, { retry: RETRY, ...content });

const ask = ({ agent }: Pool, sent: Sent = {}): Promise<Answer> => send(agent.url, sent);

async function statuses(of: Pool, count: number): Promise<number[]> {
  const list: number[] = [];
  for (let i = 0; i < count; i += 1) list.push((await ask(of)).status);
  return [...new Set(list)];
}

/** Behaves one way after another, the last way for ever. */
function inTurn(...answers: Behaviour[]): Behaviour {
  let next = 0;
  return (response) => answers[Math.min(next++, answers.length - 1)]!(response);
}

const total = (of: Pool): number => Object.values(of.seen()).reduce((a, b) => a + b, 0);

describe('the retry budget', () => {
  const failing = (count: number): Part[] =>
    Array.from({ length: count }, (_, i) => ({ name: `e${i}`, does: status(500) }));

  it('of 0 allows one call for each request, for any number of failing endpoints', async () => {
    const context = await pool(failing(4), { retry: NOTHING });
    expect(await statuses(context, 20)).toEqual([500]);
    expect(total(context)).toBe(20);
  });

  it('of 0 allows no move, even to a healthy endpoint', async () => {
    const spare: Part = { name: 'spare', priority: 1, does: fine };
    const context = await pool([{ name: 'primary', does: status(500) }, spare], { retry: NOTHING });
    expect(await statuses(context, 3)).toEqual([500]);
    expect(context.seen()).toEqual({ primary: 3, spare: 0 });
  });

  it('of 0 allows to skip an endpoint with an open circuit, because it makes no call there', async () => {
    const shut = { ...PATIENT, override: { state: 'Open' as const } };
    const primary: Part = { name: 'primary', does: fine, circuit: shut };
    const spare: Part = { name: 'spare', priority: 1, does: fine };
    const context = await pool([primary, spare], { retry: NOTHING });
    expect(await statuses(context, 5)).toEqual([200]);
    expect(context.seen()).toEqual({ primary: 0, spare: 5 });
  });

  it('bounds retries and moves of a dependency by its requests and by the rate', async () => {
    const context = await pool(failing(4), {
      retry: { ...RETRY, maxAttempts: 10, budgetPercent: 20, minPerSecond: 1 },
    });
    await statuses(context, 20);
    // Of 10 s each endpoint gives 10 and a fifth of its requests; a first move to one not yet seen failing is free.
    expect(total(context)).toBeLessThanOrEqual(20 + 4 * 10 + total(context) / 5 + 4);
  });

  it('lets a healthy endpoint rescue every request, also when it is spent', async () => {
    const primary: Part = { name: 'primary', does: status(500) };
    const context = await pool([primary, { name: 'spare', priority: 1, does: fine }], {
      retry: { ...RETRY, budgetPercent: 0, minPerSecond: 0.3 },
    });
    expect(await statuses(context, 30)).toEqual([200]);
    // Three retries for the ten seconds of the budget; the moves are free.
    expect(context.seen()).toEqual({ primary: 33, spare: 30 });
    const text = await context.agent.runtime.metrics.registry.metrics();
    expect(text).toContain('retry_budget_ratio{name="model/primary"} 1');
    expect(text).toContain('retry_budget_ratio{name="model/spare"} 0');
  });

  it('is left alone once most calls of an endpoint fail, since clients repeat them too', async () => {
    const context = await pool([{ name: 'primary', does: status(500) }], {
      retry: { ...RETRY, budgetPercent: 100, minPerSecond: 100 },
    });
    expect(await statuses(context, 30)).toEqual([500]);
    // Each of the first requests makes two calls, until five have failed.
    expect(context.seen()).toEqual({ primary: 34 });
  });

  it('charges for moves to an endpoint that fails', async () => {
    const context = await pool(
      [
        { name: 'primary', does: status(529) },
        { name: 'spare', priority: 1, does: status(529) },
      ],
      { retry: { ...RETRY, maxAttempts: 1, budgetPercent: 0, minPerSecond: 1 } },
    );
    expect(await statuses(context, 30)).toEqual([529]);
    // One move is free, because nothing was known of the spare endpoint.
    expect(context.seen()).toEqual({ primary: 30, spare: 11 });
  });
});

describe('a request that waits for a retry', () => {
  const BULKHEAD = { maxConcurrent: 1, maxQueued: 1, acquireTimeoutMs: 5000 };

  it('holds no place in a bulkhead, and takes one again before it goes on', async () => {
    const held: ServerResponse[] = [];
    const hold: Behaviour = (response) => void held.push(response);
    const does = inTurn(status(503, { 'retry-after-ms': '300' }), hold, fine);
    const context = await pool([{ name: 'primary', maxConcurrent: 1, does }], {
      bulkhead: BULKHEAD,
    });
    const { guard } = context.agent.runtime;
    const inbound = (): unknown =>
      guard.stats().bulkheads.find((each) => each.target === 'inbound');
    const waiting = ask(context);
    await until(() => context.seen().primary === 1);
    const other = ask(context, { body: '{"model":"other"}' });
    await until(() => held.length === 1);
    expect(context.endpoints.primary!.seen[1]!.body.toString()).toContain('other');
    await until(() => (inbound() as { queued: number }).queued === 1);
    expect(inbound()).toMatchObject({ active: 1, queued: 1 });
    expect(context.seen()).toEqual({ primary: 2 });
    fine(held[0]!);
    expect([(await other).status, (await waiting).status]).toEqual([200, 200]);
    expect(context.seen()).toEqual({ primary: 3 });
    await until(() => (inbound() as { active: number }).active === 0);
  });

  it('gets the endpoint’s answer if it gets no place again', async () => {
    const held: ServerResponse[] = [];
    const hold: Behaviour = (response) => void held.push(response);
    const does = inTurn(status(503, { 'retry-after-ms': '300' }), hold);
    const context = await pool([{ name: 'primary', does }], {
      bulkhead: { ...BULKHEAD, maxQueued: 0 },
    });
    const waiting = ask(context);
    await until(() => context.seen().primary === 1);
    const other = ask(context);
    await until(() => held.length === 1);
    const answer = await waiting;
    expect([answer.status, answer.headers['x-breakwater-reason']]).toEqual([503, undefined]);
    fine(held[0]!);
    expect((await other).status).toBe(200);
  });

  it('waits for at most maxDelay, whatever the endpoint asks for', async () => {
    const does = inTurn(status(503, { 'retry-after': '5' }), fine);
    const context = await pool([{ name: 'primary', does }]);
    const answer = await ask(context);
    expect([answer.status, answer.headers['retry-after']]).toEqual([503, '5']);
    expect(context.seen()).toEqual({ primary: 1 });
  });

  it('passes a 429 for more than a second on at once and unchanged', async () => {
    const does = status(429, { 'retry-after-ms': '1100', 'retry-after': '2' });
    const context = await pool([{ name: 'primary', does }]);
    const answer = await ask(context);
    expect([answer.status, answer.headers['retry-after']]).toEqual([429, '2']);
    expect(answer.headers['x-breakwater-reason']).toBeUndefined();
    expect(context.seen()).toEqual({ primary: 1 });
  });

  it('waits for a 429 of less than a second', async () => {
    const context = await pool([
      { name: 'primary', does: inTurn(status(429, { 'retry-after-ms': '50' }), fine) },
    ]);
    expect((await ask(context)).status).toBe(200);
    expect(context.seen()).toEqual({ primary: 2 });
  });

  it('waits for a 429 of more than a second when it is a turn of the agent itself', async () => {
    const answers: Behaviour = (response) => answerStream(response, said({ text: 'Hello' }));
    const limited = status(429, { 'retry-after-ms': '1100' });
    const primary: Part = { name: 'primary', model: 'm', does: inTurn(limited, answers) };
    const context = await pool([primary], { conversation: CONVERSATION });
    const id = await beginConversation(context.agent.url);
    expect((await say(context.agent.url, id, 'Hi')).status).toBe(200);
    expect(context.seen()).toEqual({ primary: 2 });
  });
});

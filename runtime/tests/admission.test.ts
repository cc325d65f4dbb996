import { afterEach, describe, expect, it } from '@jest/globals';
import type { ServerResponse } from 'node:http';
import type { Content, Limit } from '../../contract/generated/types.ts';
import { open, send } from '../testing/client.ts';
import type { Answer } from '../testing/client.ts';
import { Cleanups, errorOf, setup } from '../testing/setup.ts';
import type { Setup } from '../testing/setup.ts';
import { until } from '../testing/until.ts';
import { MESSAGE, answerJson } from '../testing/upstream.ts';
import { limitOf } from '../testing/guardFixture.ts';
import type { Parts } from '../testing/resolved.ts';

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

/** An agent whose endpoint answers when `release` is called. */
async function start(content: Parts<Content>): Promise<Setup & { release: () => void }> {
  const waiting: ServerResponse[] = [];
  const context = await setup(cleanups, (response) => void waiting.push(response), content);
  return {
    ...context,
    release: () => waiting.splice(0).forEach((response) => answerJson(response, MESSAGE)),
  };
}

const reason = ({ status, headers }: Answer): unknown[] => [status, headers['x-breakwater-reason']];
const queued = ({ agent }: Setup): number => agent.runtime.guard.stats().bulkheads[0]!.queued;

const ONE = { maxConcurrent: 1, maxQueued: 1, acquireTimeoutMs: 60_000 };

describe('the bulkhead of the agent', () => {
  it('serves one request after another, and refuses those beyond its queue', async () => {
    const context = await start({ bulkhead: ONE });
    const first = send(context.agent.url);
    await until(() => context.endpoint.seen.length === 1);
    const second = send(context.agent.url);
    await until(() => queued(context) === 1);
    const third = await send(context.agent.url);
    expect(reason(third)).toEqual([503, 'BulkheadFull']);
    expect(errorOf(third).type).toBe('overloaded_error');
    expect(third.headers['retry-after']).toBeDefined();
    context.release();
    expect((await first).status).toBe(200);
    await until(() => context.endpoint.seen.length === 2);
    context.release();
    expect((await second).status).toBe(200);
    const { body } = await send(context.agent.metricsUrl, {
      method: 'GET',
      path: '/metrics',
      body: '',
    });
    expect(body.toString()).toContain('bulkhead_active_requests{name="inbound"} 0');
    expect(body.toString()).toContain('bulkhead_queue_size{name="inbound"} 0');
    expect(body.toString()).toContain('bulkhead_rejected_total{name="inbound"} 1');
  });

  it('gives the place of a client that leaves to the next one', async () => {
    const context = await start({ bulkhead: ONE });
    const first = send(context.agent.url);
    await until(() => context.endpoint.seen.length === 1);
    const leaving = open(context.agent.url, {});
    leaving.on('error', () => undefined);
    leaving.end('{}');
    await until(() => queued(context) === 1);
    leaving.destroy();
    await until(() => queued(context) === 0);
    context.release();
    await first;
    await until(() => context.agent.runtime.lifecycle.openRequests === 0);
    expect(context.endpoint.seen).toHaveLength(1);
  });

  it('refuses requests that wait too long or have no time left', async () => {
    const context = await start({ bulkhead: { ...ONE, acquireTimeoutMs: 50 } });
    const first = send(context.agent.url);
    await until(() => context.endpoint.seen.length === 1);
    expect(reason(await send(context.agent.url))).toEqual([503, 'BulkheadFull']);
    context.release();
    await first;
    const hurried = await start({
      bulkhead: ONE,
      timeouts: { connectMs: 1000, requestMs: 100, streamMs: 3_600_000 },
    });
    const slow = send(hurried.agent.url);
    await until(() => hurried.endpoint.seen.length === 1);
    expect(reason(await send(hurried.agent.url))).toEqual([504, 'Timeout']);
    expect(reason(await slow)).toEqual([504, 'Timeout']);
  });

  it('is shown on the debug page', async () => {
    const context = await start({ bulkhead: ONE });
    const first = send(context.agent.url);
    await until(() => context.endpoint.seen.length === 1);
    const page = await send(context.agent.debugUrl, {
      method: 'GET',
      path: '/debug/bulkhead',
      body: '',
    });
    expect(JSON.parse(page.body.toString())).toMatchObject({
      bulkheads: [{ target: 'inbound', maxConcurrent: 1, active: 1, queued: 0, rejected: 0 }],
    });
    context.release();
    await first;
  });
});

describe('limits', () => {
  const limit = (more: Partial<Limit>): Limit =>
    limitOf({
      target: 'inbound',
      policy: 'p',
      name: 'l',
      resource: 'Requests',
      refill: { amount: 1, perMs: 600_000 },
      capacity: 1,
      ...more,
    });

  async function serving(...limits: Limit[]): Promise<Setup> {
    return setup(cleanups, (response) => answerJson(response, MESSAGE), { limits });
  }

  it('by key give each key a bucket, and show no key', async () => {
    const context = await serving(limit({ key: { header: 'x-user-id' } }));
    const as = async (user: string): Promise<number> =>
      (await send(context.agent.url, { headers: { 'X-User-Id': user } })).status;
    expect([await as('ann-7'), await as('ann-7'), await as('bob-8')]).toEqual([200, 429, 200]);
    const pages = await Promise.all([
      send(context.agent.debugUrl, { method: 'GET', path: '/debug/rate_limiter', body: '' }),
      send(context.agent.metricsUrl, { method: 'GET', path: '/metrics', body: '' }),
    ]);
    const text = pages.map(({ body }) => body.toString()).join('') + context.agent.logs.join('');
    expect(text).toContain('rate_limiter_rejected_total');
    expect(text).not.toMatch(/ann-7|bob-8/);
  });

  it('with Queue let clients wait for at most maxWait', async () => {
    const context = await serving(
      limit({ refill: { amount: 1, perMs: 100 }, onLimit: 'Queue', maxWaitMs: 5000 }),
    );
    const answers = await Promise.all([1, 2, 3].map(() => send(context.agent.url)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    const hasty = await serving(limit({ onLimit: 'Queue', maxWaitMs: 50 }));
    expect((await send(hasty.agent.url)).status).toBe(200);
    expect(reason(await send(hasty.agent.url))).toEqual([429, 'RateLimited']);
  });

  it('on tokens of requests reserve an estimate and settle the usage', async () => {
    const context = await serving(limit({ resource: 'InputTokens', capacity: 100 }));
    const body = JSON.stringify({ model: 'm', max_tokens: 5, x: 'y'.repeat(280) });
    const left = (): number => context.agent.runtime.guard.stats().limits[0]!.tokens;
    expect((await send(context.agent.url, { body })).status).toBe(200);
    await until(() => context.agent.runtime.lifecycle.openRequests === 0);
    expect(left()).toBeGreaterThanOrEqual(97);
    expect(left()).toBeLessThan(97.1);
  });

  it('on a dependency are charged by each attempt', async () => {
    const context = await serving(
      limit(limitOf({ target: 'model/primary', resource: 'TotalTokens', capacity: 1000 })),
    );
    await send(context.agent.url);
    await until(() => context.agent.runtime.lifecycle.openRequests === 0);
    expect(context.agent.runtime.guard.stats().limits[0]!.tokens).toBeCloseTo(996, 0);
  });
});

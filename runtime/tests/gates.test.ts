import { afterEach, describe, expect, it } from '@jest/globals';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import type { Content, Limit } from '../../contract/generated/types.ts';
import { credentialHash } from '../mounts/credentials.ts';
import { saidSeconds, send } from '../testing/client.ts';
import type { Answer } from '../testing/client.ts';
import { configuration } from '../testing/configuration.ts';
import { Cleanups, errorOf, failures, setup } from '../testing/setup.ts';
import type { Setup } from '../testing/setup.ts';
import { until } from '../testing/until.ts';
import { MESSAGE, answerJson } from '../testing/upstream.ts';
import { limitOf } from '../testing/guardFixture.ts';

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

const RETRY = {
  maxAttempts: 3,
  baseDelayMs: 5,
  maxDelayMs: 5000,
  budgetPercent: 100,
  minPerSecond: 1,
};

let answer: (response: ServerResponse) => void;
const fine = (response: ServerResponse): void => answerJson(response, MESSAGE);
/** Says that nothing is left, for which one refusal shuts a gate also where no other endpoint serves. */
const NOTHING_LEFT = { 'anthropic-ratelimit-requests-remaining': '0' };
const refusing =
  (status: number, headers: Record<string, string> = {}, code?: string) =>
  (response: ServerResponse): void => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    const details = code === undefined ? undefined : { error_code: code };
    response.end(JSON.stringify({ type: 'error', error: { type: 'x', message: 'no', details } }));
  };

function start(content: Partial<Content> = {}): Promise<Setup> {
  answer = fine;
  return setup(cleanups, (response) => answer(response), { retry: RETRY, ...content });
}

/** Has the endpoint use a key that is mounted. */
async function mountKey(
  { agent, endpoint }: Setup,
  key = 'mounted-1',
  limits: Limit[] = [],
  more: Partial<Content> = {},
): Promise<void> {
  await agent.mount('api-key', `${key}\n`);
  const credential = { path: join(agent.directory, 'api-key'), secret: 's', key: 'api-key' };
  const endpoints = [{ name: 'primary', provider: 'Anthropic', baseURL: endpoint.url, credential }];
  agent.runtime.configuration.offerPush(
    1,
    configuration('', { endpoints, retry: RETRY, limits, ...more }, { term: 1, counter: 2 }),
  );
}

/** Of the key that `mountKey` mounts. */
const HASH = credentialHash('mounted-1');

const as = ({ agent }: Setup, key: string): Promise<Answer> =>
  send(agent.url, { headers: { 'x-api-key': key } });
const reason = ({ status, headers }: Answer): unknown[] => [status, headers['x-breakwater-reason']];

describe('a provider that limits the rate', () => {
  it('for an hour gets reported to clients at once, and no request waits for it', async () => {
    const context = await start();
    answer = refusing(429, { ...NOTHING_LEFT, 'retry-after': '3600' });
    const first = await as(context, 'a');
    expect(reason(first)).toEqual([429, undefined]);
    expect(first.headers['retry-after']).toBe('3600');
    answer = fine;
    const second = await as(context, 'a');
    expect(reason(second)).toEqual([429, 'RateLimited']);
    expect(errorOf(second).type).toBe('rate_limit_error');
    expect(saidSeconds(second)).toBeGreaterThan(290);
    expect(Number(second.headers['retry-after'])).toBeLessThanOrEqual(5);
    expect(second.headers['x-should-retry']).toBeUndefined();
    expect(context.endpoint.seen).toHaveLength(1);
    expect(failures(context)).toEqual({});
  });

  it('for less than a second makes requests wait', async () => {
    const context = await start({ retry: { ...RETRY, maxDelayMs: 1000 } });
    answer = (response) => {
      answer = fine;
      refusing(429, { 'retry-after-ms': '60' })(response);
    };
    expect((await as(context, 'a')).status).toBe(200);
    expect(context.endpoint.seen).toHaveLength(2);
  });

  it('without saying for how long is tried again after a back-off', async () => {
    const context = await start();
    answer = (response) => {
      answer = fine;
      refusing(429)(response);
    };
    expect((await as(context, 'a')).status).toBe(200);
    expect(context.agent.runtime.guard.circuits()[0]!.state).toBe('Closed');
  });

  it.each([
    ['a year', { 'retry-after': '31622400' }],
    ['until the year 9999', { 'retry-after': 'Fri, 31 Dec 9999 23:59:59 GMT' }],
    ['for more seconds than a number holds', { 'retry-after': '9'.repeat(400) }],
  ])('%s is asked again after maxProviderWait, and opened once', async (_name, headers) => {
    const context = await start({ gates: { maxProviderWaitMs: 300 } });
    await mountKey(context, 'mounted-1', [], { gates: { maxProviderWaitMs: 300 } });
    answer = refusing(429, { ...NOTHING_LEFT, ...headers });
    await as(context, 'a');
    const { guard } = context.agent.runtime;
    const left = Date.parse(guard.gates()[0]!.until!) - Date.now();
    expect(left).toBeLessThanOrEqual(360);
    answer = fine;
    await until(async () => (await as(context, 'a')).status === 200);
    expect(guard.gates()).toEqual([{ dependency: 'model/primary', gate: 'None' }]);
    expect(context.endpoint.seen).toHaveLength(2);
  });

  it.each([
    ['in 1970', { 'retry-after': 'Thu, 01 Jan 1970 00:00:00 GMT' }],
    ['of minus five seconds', { 'retry-after': '-5' }],
    ['of nonsense', { 'retry-after': 'soon' }],
    ['that it does not state', {}],
  ])('for a time %s is asked again a second after the fifth refusal', async (_name, headers) => {
    const context = await start({ retry: { ...RETRY, maxAttempts: 1 } });
    answer = refusing(429, headers);
    for (let i = 0; i < 5; i += 1) expect(reason(await as(context, 'a'))).toEqual([429, undefined]);
    answer = fine;
    const second = await as(context, 'a');
    expect(reason(second)).toEqual([429, 'RateLimited']);
    expect(['1', '2']).toContain(second.headers['retry-after']);
    await until(async () => (await as(context, 'a')).status === 200);
    expect(context.endpoint.seen).toHaveLength(6);
  });

  it('until a date is believed by the answer’s own clock', async () => {
    const context = await start();
    const at = (ms: number): string => new Date(Date.now() + 86_400_000 + ms).toUTCString();
    answer = (response) =>
      refusing(429, { ...NOTHING_LEFT, date: at(0), 'retry-after': at(30_000) })(response);
    await as(context, 'a');
    const left = saidSeconds(await as(context, 'a'));
    expect(left).toBeGreaterThan(28);
    expect(left).toBeLessThanOrEqual(37);
  });

  it('for one client’s credential does so for that one alone', async () => {
    const context = await start();
    answer = refusing(429, { ...NOTHING_LEFT, 'retry-after': '600' });
    await as(context, 'a');
    answer = fine;
    expect(reason(await as(context, 'a'))).toEqual([429, 'RateLimited']);
    expect((await as(context, 'b')).status).toBe(200);
    expect((await send(context.agent.url)).status).toBe(200);
    expect(context.agent.runtime.guard.gates()).toEqual([
      { dependency: 'model/primary', gate: 'None' },
    ]);
  });
});

describe('where credentials are passed on', () => {
  const sending = ({ agent }: Setup, headers: Record<string, string>): Promise<Answer> =>
    send(agent.url, { headers });

  it.each([['x-portkey-api-key'], ['cf-aig-authorization'], ['cookie'], ['x-forwarded-user']])(
    'a refusal of one client holds back no other that a gateway knows by %s',
    async (header) => {
      const context = await start();
      answer = refusing(429, { ...NOTHING_LEFT, 'retry-after': '600' });
      await sending(context, { [header]: 'a' });
      answer = fine;
      expect(reason(await sending(context, { [header]: 'a' }))).toEqual([429, 'RateLimited']);
      expect((await sending(context, { [header]: 'b' })).status).toBe(200);
    },
  );

  it('a client is the same with any headers of its SDK and its trace', async () => {
    const context = await start();
    answer = refusing(429, { ...NOTHING_LEFT, 'retry-after': '600' });
    await sending(context, { 'x-api-key': 'a', traceparent: '1', 'x-stainless-retry-count': '0' });
    answer = fine;
    const again = { 'x-api-key': 'a', traceparent: '2', 'x-stainless-retry-count': '1' };
    expect(reason(await sending(context, again))).toEqual([429, 'RateLimited']);
  });

  it.each([[401], [402], [429]])(
    'a request without any credential that is refused with %i closes no gate for others',
    async (status) => {
      const context = await start({ retry: { ...RETRY, maxAttempts: 1 } });
      answer = refusing(status, { 'retry-after': '600' });
      expect((await sending(context, {})).status).toBe(status);
      answer = fine;
      expect((await sending(context, {})).status).toBe(200);
      expect((await sending(context, { 'x-api-key': 'a' })).status).toBe(200);
    },
  );
});

describe('an error event in a stream of status 200', () => {
  const START = 'event: message_start\ndata: {"type":"message_start","message":{"usage":{}}}\n\n';
  const failing =
    (type: string, when: string, code?: string) =>
    (response: ServerResponse): void => {
      const details = code === undefined ? undefined : { error_code: code };
      const error = JSON.stringify({ type: 'error', error: { type, message: 'no', details } });
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end(`${when === 'later' ? START : ''}event: error\ndata: ${error}\n\n`);
    };
  const streaming = ({ agent }: Setup, key: string): Promise<Answer> => {
    const body = { model: 'claude-test', max_tokens: 1, stream: true, messages: [] };
    return send(agent.url, { headers: { 'x-api-key': key }, body: JSON.stringify(body) });
  };

  it.each([
    ['authentication_error', undefined, 'later', 5, 'Unauthorized', 'CredentialRefused'],
    ['authentication_error', undefined, 'at first', 5, 'Unauthorized', 'CredentialRefused'],
    ['billing_error', undefined, 'later', 1, 'SpendLimit', 'SpendLimit'],
    ['rate_limit_error', 'workspace_spend_limit', 'later', 1, 'SpendLimit', 'SpendLimit'],
    ['rate_limit_error', undefined, 'later', 5, 'RateLimited', 'RateLimited'],
  ])('%s (%s), %s, shuts the gate after %d: %s', async (type, code, when, count, gate, told) => {
    const context = await start();
    await mountKey(context, 'mounted-1', [], { retry: { ...RETRY, maxAttempts: 1 } });
    answer = failing(type, when, code);
    for (let i = 0; i < count; i += 1) {
      expect(context.agent.runtime.guard.gates()).toMatchObject([{ gate: 'None' }]);
      const { status, body } = await streaming(context, 'a');
      expect([status, body.toString()]).toEqual([200, expect.stringContaining(type)]);
    }
    expect(context.agent.runtime.guard.gates()).toMatchObject([{ gate }]);
    answer = fine;
    expect((await as(context, 'a')).headers['x-breakwater-reason']).toBe(told);
  });

  it('that concerns only the request shuts no gate', async () => {
    const context = await start();
    await mountKey(context);
    answer = failing('permission_error', 'later');
    await streaming(context, 'a');
    expect(context.agent.runtime.guard.gates()).toMatchObject([{ gate: 'None' }]);
  });
});

describe('a provider that tells how much is left', () => {
  const daily: Limit = limitOf({
    target: 'model/primary',
    policy: 'p',
    name: 'daily',
    resource: 'InputTokens',
    refill: { amount: 9_900_000, perMs: 86_400_000 },
    capacity: 9_900_000,
  });
  const stating = (
    response: ServerResponse,
    resource: string,
    [limit, remaining]: [number, number],
    resetMs: number,
  ): void => {
    const prefix = `anthropic-ratelimit-${resource}`;
    response.setHeader(`${prefix}-limit`, String(limit));
    response.setHeader(`${prefix}-remaining`, String(remaining));
    response.setHeader(`${prefix}-reset`, new Date(Date.now() + resetMs).toISOString());
  };

  it('of a limit per minute takes nothing from a user’s budget per day', async () => {
    const context = await start();
    await mountKey(context, 'mounted-1', [daily]);
    answer = (response) => {
      stating(response, 'input-tokens', [400_000, 350_000], 60_000);
      answerJson(response, MESSAGE);
    };
    expect((await as(context, 'a')).status).toBe(200);
    const { guard } = context.agent.runtime;
    expect(guard.stats().limits[0]!.tokens).toBeGreaterThan(9_899_000);
    expect(guard.limits()).toMatchObject([{ name: 'daily', usedPercent: 0 }]);
    expect(guard.providerLimits()).toMatchObject([{ resource: 'InputTokens', limit: 400_000 }]);
  });

  it('at the head of a long stream is not believed again at its end', async () => {
    const context = await start();
    await mountKey(context);
    let finish = (): void => undefined;
    answer = (response) => {
      stating(response, 'requests', [50, 0], 3_600_000);
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('event: message_start\ndata: {"type":"message_start","message":{}}\n\n');
      finish = () => void response.end('event: message_stop\ndata: {"type":"message_stop"}\n\n');
    };
    const asked = { model: 'claude-test', max_tokens: 1, stream: true, messages: [] };
    const stream = send(context.agent.url, { body: JSON.stringify(asked) });
    const { guard } = context.agent.runtime;
    await until(() => guard.providerLimits()[0]?.remaining === 0);
    expect(reason(await as(context, 'a'))).toEqual([429, 'RateLimited']);
    // Another call, admitted before, tells of a limit that is full again.
    guard
      .dependency('model/primary')!
      .learn([{ resource: 'Requests', remaining: 50, limit: 50, resetMs: 60_000 }], HASH, {
        model: asked.model,
      });
    finish();
    expect((await stream).status).toBe(200);
    answer = fine;
    expect((await as(context, 'a')).status).toBe(200);
  });

  const exhausted = (response: ServerResponse): void => {
    response.setHeader('anthropic-ratelimit-requests-remaining', '0');
    response.setHeader('anthropic-ratelimit-requests-limit', '60');
    const reset = new Date(Date.now() + 3_600_000).toISOString();
    response.setHeader('anthropic-ratelimit-requests-reset', reset);
    answerJson(response, MESSAGE);
  };

  it('is believed without any policy: nothing is sent before more is there, and the page says so', async () => {
    const context = await start();
    await mountKey(context);
    answer = exhausted;
    expect((await as(context, 'a')).status).toBe(200);
    const refused = await as(context, 'a');
    expect(reason(refused)).toEqual([429, 'RateLimited']);
    expect(errorOf(refused).message).toContain('The provider of model/primary limits the rate');
    const told = saidSeconds(refused);
    expect(told).toBeGreaterThanOrEqual(60);
    expect(told).toBeLessThanOrEqual(72);
    expect(context.endpoint.seen).toHaveLength(1);
    const page = await send(context.agent.debugUrl, {
      method: 'GET',
      path: '/debug/state',
      body: '',
    });
    const { providerLimits } = JSON.parse(page.body.toString()) as { providerLimits: unknown };
    expect(providerLimits).toMatchObject([
      { dependency: 'model/primary', resource: 'Requests', remaining: 0, limit: 60 },
    ]);
  });

  it('about a client’s own credential bounds no other client', async () => {
    const context = await start();
    answer = exhausted;
    expect((await as(context, 'a')).status).toBe(200);
    expect((await as(context, 'a')).status).toBe(200);
    expect((await as(context, 'b')).status).toBe(200);
  });
});

describe('a credential that is refused', () => {
  it('after a spend limit is not tried again, and clients get 503', async () => {
    const context = await start();
    await mountKey(context);
    answer = refusing(429, {}, 'enforced_spend_limit_reached');
    expect(reason(await as(context, 'a'))).toEqual([429, undefined]);
    answer = fine;
    const second = await as(context, 'b');
    expect(reason(second)).toEqual([503, 'SpendLimit']);
    expect(errorOf(second).type).toBe('api_error');
    expect(second.headers['x-should-retry']).toBe('false');
    expect(context.endpoint.seen).toHaveLength(1);
    expect(failures(context)).toEqual({});
    expect(context.agent.runtime.guard.gates()[0]).toMatchObject({ gate: 'SpendLimit' });
  });

  it('of the agent makes clients get 503 until another one is mounted, which is tried at once', async () => {
    const context = await start();
    await mountKey(context);
    answer = refusing(401);
    for (let i = 0; i < 5; i += 1) expect(reason(await as(context, 'a'))).toEqual([401, undefined]);
    answer = fine;
    expect(reason(await as(context, 'a'))).toEqual([503, 'CredentialRefused']);
    await context.agent.mount('api-key', 'mounted-2\n');
    await until(async () => (await as(context, 'a')).status === 200);
    const keys = context.endpoint.seen.map(({ headers }) => headers['x-api-key']);
    expect(keys).toEqual([...Array.from({ length: 5 }, () => 'mounted-1'), 'mounted-2']);
    expect(context.agent.logs.join('')).not.toMatch(/mounted-[12]/);
  });

  it('by chance is used again at once where it was just accepted', async () => {
    const context = await start();
    await mountKey(context);
    expect((await as(context, 'a')).status).toBe(200);
    answer = (response) => {
      answer = fine;
      refusing(401)(response);
    };
    expect((await as(context, 'a')).status).toBe(200);
    expect(context.endpoint.seen).toHaveLength(3);
    answer = refusing(401);
    expect((await as(context, 'a')).status).toBe(401);
    expect(context.endpoint.seen).toHaveLength(5);
  });

  it('admits one of two requests to try another Secret, and the other one when that is served', async () => {
    const context = await start();
    await mountKey(context);
    answer = refusing(401);
    for (let i = 0; i < 5; i += 1) await as(context, 'a');
    let release = (): void => undefined;
    answer = (response) => {
      release = () => fine(response);
    };
    await context.agent.mount('api-key', 'mounted-2\n');
    // Whichever comes first after the new key was read is the one, and hears nothing for now.
    const callers = Promise.withResolvers<Answer>();
    await until(() => {
      void as(context, 'a').then((seen) => {
        if (seen.status === 200) callers.resolve(seen);
      });
      return context.endpoint.seen.length === 6;
    });
    expect(reason(await as(context, 'b'))).toEqual([503, 'CredentialRefused']);
    expect(context.endpoint.seen).toHaveLength(6);
    answer = fine;
    release();
    expect((await callers.promise).status).toBe(200);
    expect((await as(context, 'b')).status).toBe(200);
  });

  it('answers 401 to the client whose own credential it is', async () => {
    const context = await start();
    answer = refusing(401);
    for (let i = 0; i < 5; i += 1) await as(context, 'a');
    answer = fine;
    const second = await as(context, 'a');
    expect(reason(second)).toEqual([401, 'Unauthorized']);
    expect(errorOf(second).type).toBe('authentication_error');
    expect((await as(context, 'b')).status).toBe(200);
  });

  it('is reported to the operator and on the debug page, by name only', async () => {
    const context = await start();
    await mountKey(context, 'very-secret');
    answer = refusing(402, { 'retry-after': '600' });
    await as(context, 'a');
    const page = await send(context.agent.debugUrl, {
      method: 'GET',
      path: '/debug/circuits',
      body: '',
    });
    const { gates } = JSON.parse(page.body.toString()) as { gates: unknown[] };
    expect(gates).toEqual([
      {
        dependency: 'model/primary',
        gate: 'SpendLimit',
        until: expect.stringMatching(/^\d{4}-.*Z$/),
      },
    ]);
    expect(page.body.toString()).not.toContain('very-secret');
  });
});

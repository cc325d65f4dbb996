import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Agent, request as httpRequest } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { Content } from '../contract/generated/types.ts';
import { open, send } from './testing/client.ts';
import { ONE_ATTEMPT, TOUCHY, configuration } from './testing/configuration.ts';
import type { Parts } from './testing/resolved.ts';
import { startRuntime } from './testing/runtime.ts';
import type { StartedRuntime } from './testing/runtime.ts';
import { until } from './testing/until.ts';
import { MESSAGE, STREAM, answerJson, answerStream, fakeEndpoint } from './testing/upstream.ts';
import type { FakeEndpoint } from './testing/upstream.ts';
import { limitOf } from './testing/guardFixture.ts';

let endpoint: FakeEndpoint;
let agent: StartedRuntime | undefined;
let answer: (response: ServerResponse) => void;

beforeEach(async () => {
  answer = (response) => answerJson(response, MESSAGE);
  endpoint = await fakeEndpoint((response) => answer(response));
});
afterEach(async () => {
  await agent?.stop();
  agent = undefined;
  await endpoint.close();
});

async function start(content: Parts<Content> = {}): Promise<StartedRuntime> {
  agent = await startRuntime(configuration(endpoint.url, content));
  return agent;
}

const get = (base: string, path: string): ReturnType<typeof send> =>
  send(base, { method: 'GET', path, body: '' });

async function metrics({ metricsUrl }: StartedRuntime): Promise<string> {
  const { status, body } = await get(metricsUrl, '/metrics');
  expect(status).toBe(200);
  return body.toString();
}

const seriesOf = (text: string): number =>
  text.split('\n').filter((line) => line && !line.startsWith('#')).length;

const LIMIT = limitOf({
  target: 'inbound',
  policy: 'p',
  name: 'requests',
  resource: 'Requests',
  refill: { amount: 1, perMs: 600_000 },
  capacity: 2,
});

describe('health', () => {
  it('is unready without a configuration until the file appears', async () => {
    agent = await startRuntime();
    for (const base of [agent.metricsUrl, agent.url]) {
      expect((await get(base, '/health')).status).toBe(503);
      expect((await get(base, '/health/live')).status).toBe(200);
      const ready = await get(base, '/health/ready');
      expect(ready.status).toBe(503);
      expect(JSON.parse(ready.body.toString())).toMatchObject({
        status: 'unavailable',
        components: { configuration: { ok: false }, listeners: { ok: true } },
      });
    }
    await agent.mount('configuration.json', JSON.stringify(configuration(endpoint.url)));
    await until(async () => (await get(agent!.metricsUrl, '/health/ready')).status === 200);
    expect((await get(agent.metricsUrl, '/health')).status).toBe(200);
    expect((await send(agent.url)).status).toBe(200);
  });

  it('does not depend on a circuit', async () => {
    answer = (response) => answerJson(response, {}, 500);
    const { url, metricsUrl } = await start({ circuits: [TOUCHY] });
    await send(url);
    expect((await send(url)).headers['x-breakwater-reason']).toBe('CircuitBreakerOpen');
    expect((await get(metricsUrl, '/health/ready')).status).toBe(200);
  });
});

describe('metrics', () => {
  it('count requests, calls, circuits and limits', async () => {
    const started = await start({ circuits: [TOUCHY], limits: [LIMIT] });
    await send(started.url);
    answer = (response) => answerJson(response, {}, 529);
    await send(started.url);
    await send(started.url);
    const text = await metrics(started);
    for (const line of [
      'agent_requests_total{route="/v1/messages",reason="None"} 1',
      'agent_requests_total{route="/v1/messages",reason="RateLimited"} 1',
      'agent_requests_failed_total{route="/v1/messages",reason="UpstreamError"} 1',
      'agent_request_duration_seconds_count{route="/v1/messages"} 3',
      'circuit_breaker_state{name="model/primary",state="open"} 1',
      'circuit_breaker_state{name="model/primary",state="closed"} 0',
      'circuit_breaker_state{name="model/primary",state="half_open"} 0',
      'circuit_breaker_requests_total{name="model/primary"} 2',
      'circuit_breaker_failures_total{name="model/primary",class="Overloaded"} 1',
      'circuit_breaker_transitions_total{name="model/primary",from="closed",to="open"} 1',
      'gate_state{name="model/primary",state="none"} 1',
      'gate_state{name="model/primary",state="spend_limit"} 0',
      'rate_limiter_requests_total{name="p",policy="p",limit="requests",target="inbound"} 3',
      'rate_limiter_rejected_total{name="p",policy="p",limit="requests",target="inbound"} 1',
      'rate_limiter_tokens{name="p",policy="p",limit="requests",target="inbound"}',
      'rate_limiter_capacity{name="p",policy="p",limit="requests",target="inbound",resource="Requests"} 2',
      'gen_ai_client_inference_duration_seconds_count{gen_ai_request_model="claude-test",name="model/primary",error_type="Overloaded"} 1',
      'gen_ai_client_inference_time_to_first_chunk_seconds_count{gen_ai_request_model="claude-test",name="model/primary"} 1',
      'config_revision_info{hash="sha256:',
      'config_reloads_total{result="applied"} 1',
      'nodejs_eventloop_lag_seconds',
    ]) {
      expect(text).toContain(line);
    }
    const page = await get(started.debugUrl, '/debug/performance');
    expect(JSON.parse(page.body.toString())).toMatchObject({
      operations: { request: { successes: 1, failures: 1, clientErrors: 1, failurePercent: 50 } },
    });
  });

  it('show no level of a limit whose bucket the leader of the fleet keeps', async () => {
    const fleet = {
      store: 'Leader',
      storeTimeoutMs: 250,
      withoutLeader: 'Allow',
      maxPods: 3,
    } as const;
    const started = await start({ limits: [{ ...LIMIT, fleet }] });
    const text = await metrics(started);
    expect(text).toContain('rate_limiter_blocks_total{name="p",policy="p",limit="requests"');
    expect(text).not.toMatch(/^rate_limiter_(tokens|capacity){/m);
  });

  it('drop the series of removed elements, and stay few for any names of models', async () => {
    const started = await start({ limits: [{ ...LIMIT, capacity: 1000 }] });
    for (let i = 0; i < 40; i += 1) await send(started.url, { body: `{"model":"m${i}"}` });
    expect(await metrics(started)).toContain('gen_ai_request_model="other"');
    const [first] = started.runtime.configuration.configuration!.content.endpoints;
    const next = configuration(
      '',
      { endpoints: [{ ...first!, name: 'second' }] },
      { term: 2, counter: 1 },
    );
    started.runtime.configuration.offerPush(2, next);
    const text = await metrics(started);
    expect(text).toContain('circuit_breaker_state{name="model/second",state="closed"} 1');
    expect(text).not.toContain('name="model/primary"');
    expect(text).not.toContain('limit="requests"');
    expect(text.match(/^config_revision_info\{/gm)).toHaveLength(1);
    expect(seriesOf(text)).toBeLessThan(2000);
  });

  it('stay below 2,000 series with the largest configuration', async () => {
    let next = 0;
    answer = (response) => {
      next += 1;
      if (next % 4 === 0) response.destroy();
      else answerJson(response, next % 4 === 1 ? {} : MESSAGE, [200, 200, 500, 529][next % 4]);
    };
    const names = Array.from({ length: 64 }, (_, i) => `e${i}`);
    const started = await start({
      ...ONE_ATTEMPT,
      endpoints: names.map((name) => ({
        name,
        provider: 'Anthropic',
        priority: 0,
        weight: 1,
        baseURL: endpoint.url,
        maxConcurrent: 100,
      })),
      circuits: names.map((name) => ({
        ...TOUCHY,
        trip: { consecutiveFailures: 1e6 },
        dependency: `model/${name}`,
      })),
      limits: Array.from({ length: 1024 }, (_, i) => ({ ...LIMIT, name: `l${i}`, capacity: 1e6 })),
    });
    for (let i = 0; i < 80; i += 1) await send(started.url, { body: `{"model":"m${i % 20}"}` });
    const text = await metrics(started);
    expect(seriesOf(text)).toBeGreaterThan(700);
    // What further failures and changes of state would add: at most 6 and 6 for each circuit, and
    // 14 kinds of errors at models that did not occur yet.
    expect(seriesOf(text) + 24 * 12 + 14 * 18).toBeLessThan(2000);
  });

  it('count tokens by model, endpoint and kind', async () => {
    const usage = {
      ...{ input_tokens: 10, cache_read_input_tokens: 5, cache_creation_input_tokens: 2 },
      output_tokens: 7,
    };
    answer = (response) => answerJson(response, { ...MESSAGE, usage });
    const started = await start();
    await send(started.url);
    const text = await metrics(started);
    const labels = '{gen_ai_request_model="claude-test",name="model/primary"}';
    for (const [name, value] of [
      ['usage_input_tokens_total', 17],
      ['usage_output_tokens_total', 7],
      ['usage_cache_read_input_tokens_total', 5],
      ['usage_cache_write_input_tokens_total', 2],
      ['operation_output_tokens_sum', 7],
    ] as const) {
      expect(text).toContain(`gen_ai_client_inference_${name}${labels} ${value}\n`);
    }
    expect(text).toContain('retry_budget_ratio{name="model/primary"} 0');
  });
});

describe('debug pages', () => {
  it('show state and no secrets', async () => {
    const credential = { path: '/secret/path', secret: 'anthropic', key: 'api-key' };
    const { debugUrl } = await start({
      endpoints: [
        {
          name: 'primary',
          provider: 'Anthropic',
          priority: 0,
          weight: 1,
          baseURL: 'http://user:pass@host/x',
          credential,
        },
      ],
    });
    const pages = ['state', 'circuits', 'rate_limiter', 'bulkhead', 'config'];
    const texts = await Promise.all(pages.map((page) => get(debugUrl, `/debug/${page}`)));
    expect(texts.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    const all = texts.map(({ body }) => body.toString()).join('');
    expect(all).not.toMatch(/secret\/path|user:pass|token-of-the-pod/);
    expect(all).toContain('"secret": "anthropic"');
    expect(JSON.parse(texts[0]!.body.toString())).toMatchObject({
      phase: 'Running',
      openRequests: 0,
    });
    expect((await get(debugUrl, '/debug/none')).status).toBe(404);
  });

  it('are listed on the first page', async () => {
    const { debugUrl } = await start();
    for (const path of ['/', '/debug', '/debug/']) {
      const { status, body } = await get(debugUrl, path);
      expect(status).toBe(200);
      expect(JSON.parse(body.toString())).toMatchObject({ pages: expect.any(Array) });
    }
    expect((await get(debugUrl, '/debug/state/')).status).toBe(200);
  });

  it('begin with what needs attention, and show every limit and circuit', async () => {
    const limit = { name: 'each', refill: { amount: 1, perMs: 3_600_000 }, capacity: 2 };
    const keyed = limitOf({ ...limit, key: { header: 'x-user-id' } });
    const started = await start({ circuits: [TOUCHY], limits: [keyed] });
    const page = async (name: string): Promise<unknown> =>
      JSON.parse((await get(started.debugUrl, `/debug/${name}`)).body.toString());
    const none = { circuits: [], gates: [], limits: [], bulkheads: [] };
    expect(await page('state')).toMatchObject({ attention: none, message_count: 0 });
    answer = (response) => response.writeHead(500).end();
    for (let sent = 0; sent < 3; sent += 1) await send(started.url);
    expect(await page('state')).toMatchObject({
      time: expect.stringMatching(/Z$/),
      attention: {
        ...none,
        circuits: [{ dependency: 'model/primary', state: 'Open' }],
        limits: [{ name: 'each' }],
      },
    });
    expect(await page('rate_limiter')).toMatchObject({
      limits: [
        {
          ...limit,
          usedPercent: 100,
          rejected: 1,
          requests: 3,
          tokens: 0,
          refill_rate: 1 / 3600,
          keys: 1,
        },
      ],
      providerLimits: [],
    });
    expect(await page('circuits')).toMatchObject({
      circuits: [{ state: 'Open', requests: 2, rejected: 1, failures: { ServerError: 1 } }],
      transitions: [{ from: 'Closed', to: 'Open' }],
    });
  });
});

describe('shutdown', () => {
  it('finishes an open stream, accepts requests during the lag and refuses them after it', async () => {
    let finish = (): void => undefined;
    answer = (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(STREAM[0]);
      finish = () => response.end(STREAM.slice(1).join(''));
    };
    const { runtime, url, metricsUrl } = await start({
      shutdown: { endpointLagMs: 400, drainTimeoutMs: 10_000 },
    });
    const streaming = send(url, { body: '{"stream":true}' });
    await until(() => endpoint.seen.length === 1);
    answer = (response) => answerJson(response, MESSAGE);
    let stopped = false;
    void runtime.shutdown().then(() => (stopped = true));
    void runtime.shutdown();
    expect((await get(metricsUrl, '/health/ready')).status).toBe(503);
    expect((await get(metricsUrl, '/health/live')).status).toBe(200);
    const during = await send(url);
    expect([during.status, during.headers.connection]).toEqual([200, 'close']);
    await until(() => runtime.lifecycle.phase === 'Draining');
    const after = await send(url);
    expect(after.status).toBe(503);
    expect(after.headers).toMatchObject({
      'x-breakwater-reason': 'Draining',
      connection: 'close',
      'retry-after': '1',
    });
    expect(stopped).toBe(false);
    finish();
    expect((await streaming).body.toString()).toBe(STREAM.join(''));
    await until(() => stopped);
  });

  it('closes connections that are kept alive and idle', async () => {
    const { runtime, url } = await start({
      shutdown: { endpointLagMs: 50, drainTimeoutMs: 10_000 },
    });
    let finish = (): void => undefined;
    const pool = new Agent({ keepAlive: true });
    let closed = false;
    await new Promise<void>((resolve) => {
      httpRequest(new URL('/v1/messages', url), { method: 'POST', agent: pool }, (response) => {
        response.socket.on('close', () => (closed = true));
        response.resume().on('end', resolve);
      }).end('{}');
    });
    answer = (response) => {
      finish = () => answerStream(response);
    };
    const open = send(url, { body: '{"stream":true}' });
    await until(() => endpoint.seen.length === 2);
    const stopped = runtime.shutdown();
    await until(() => closed);
    expect(runtime.lifecycle.phase).toBe('Draining');
    finish();
    expect((await open).body.toString()).toBe(STREAM.join(''));
    await stopped;
    pool.destroy();
  });

  it('ends remaining streams with an error event and without a vote', async () => {
    answer = (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(STREAM[0]);
    };
    const { runtime, url } = await start({
      circuits: [TOUCHY],
      shutdown: { endpointLagMs: 0, drainTimeoutMs: 200 },
    });
    const text: string[] = [];
    const request = open(url, {});
    const ended = new Promise<void>((resolve) => {
      request.on('response', (response) => {
        response.on('data', (chunk: Buffer) => text.push(chunk.toString()));
        response.on('end', resolve);
      });
    });
    request.end('{"stream":true}');
    await until(() => text.length > 0);
    await Promise.all([runtime.shutdown(), ended]);
    expect(text.join('')).toMatch(/event: error\ndata: .*overloaded_error/);
    expect(runtime.guard.stats().circuits[0]).toMatchObject({
      state: 'Closed',
      inFlight: 0,
      failures: {},
    });
  });
});

import { once } from 'node:events';
import { afterEach, expect, test } from '@jest/globals';
import { defaultCircuit } from '../testing/resolved.ts';
import { startDrain } from '../drain.ts';
import { PROGRAM_TOKEN, startWithProgram } from '../testing/program.ts';
import type { StartedProgram } from '../testing/program.ts';
import { until } from '../testing/until.ts';
import { MESSAGE, answerJson, fakeEndpoint } from '../testing/upstream.ts';
import type { FakeEndpoint } from '../testing/upstream.ts';

let model: FakeEndpoint | undefined;
let agent: StartedProgram | undefined;

afterEach(async () => {
  await agent?.stop();
  await model?.close();
});

async function start(
  ...[content, options]: Parameters<typeof startWithProgram> extends [string, ...infer R]
    ? R
    : never
): Promise<StartedProgram> {
  model = await fakeEndpoint((response) => answerJson(response, MESSAGE));
  agent = await startWithProgram(model.url, content, options);
  return agent;
}

/** A circuit that opens at the first failure. */
function touchy(dependency: string): object {
  return {
    ...defaultCircuit(dependency),
    trip: { consecutiveFailures: 1 },
    openDurationMs: 600_000,
    maxOpenDurationMs: 600_000,
  };
}

const metric = async (name: string): Promise<string | undefined> => {
  const text = await (await fetch(`${agent!.metricsUrl}/metrics`)).text();
  return text.split('\n').find((line) => line.startsWith(name) && !line.startsWith('#'));
};

test('a program that calls the model serves clients under a bulkhead of one', async () => {
  const { url } = await start({ bulkhead: { maxConcurrent: 1, maxQueued: 0 } });
  for (let i = 0; i < 3; i += 1) {
    const { status, text } = (await (await fetch(`${url}/ask`)).json()) as {
      status: number;
      text: string;
    };
    expect(status).toBe(200);
    expect(JSON.parse(text)).toMatchObject({ content: MESSAGE.content });
  }
});

test('the token of the local API goes neither to the model nor into the log', async () => {
  const { url, logs } = await start();
  await (await fetch(`${url}/ask`)).json();
  expect(model!.seen).toHaveLength(1);
  expect(JSON.stringify(model!.seen[0]!.rawHeaders)).not.toMatch(
    /token-of-the-program|breakwater-/,
  );
  expect(logs.join('')).not.toContain(PROGRAM_TOKEN);
});

test('a client whose program crashes gets 503, the pod is unready, and a new program serves', async () => {
  const started = await start();
  const { url, metricsUrl, child } = started;
  const half = await fetch(`${url}/crash`).catch(() => undefined);
  expect(half?.status).toBe(503);
  if (child.exitCode === null) await once(child, 'exit');
  const refused = await fetch(`${url}/headers`);
  expect([refused.status, refused.headers.get('x-breakwater-reason')]).toEqual([
    503,
    'ProgramUnavailable',
  ]);
  await until(async () => (await fetch(`${metricsUrl}/health/ready`)).status === 503);
  expect(await metric('program_up')).toBe('program_up 0');
  await started.restart();
  expect((await fetch(`${url}/headers`)).status).toBe(200);
  expect(await metric('program_up')).toBe('program_up 1');
});

test('a program that hangs costs a client 504 and opens the circuit of the program', async () => {
  const { url } = await start({ timeouts: { requestMs: 300 }, circuits: [touchy('program')] });
  const first = await fetch(`${url}/hang`);
  expect([first.status, first.headers.get('x-breakwater-reason')]).toEqual([504, 'Timeout']);
  const second = await fetch(`${url}/headers`);
  expect([second.status, second.headers.get('x-breakwater-reason')]).toEqual([
    503,
    'CircuitBreakerOpen',
  ]);
});

test('what the program answers with 500 passes through and opens no circuit', async () => {
  const { url, logs } = await start({ circuits: [touchy('program')] });
  for (let i = 0; i < 3; i += 1) expect((await fetch(`${url}/error`)).status).toBe(500);
  const thrown = await fetch(`${url}/thrown`);
  expect([thrown.status, thrown.headers.get('breakwater-error')]).toEqual([500, null]);
  expect((await fetch(`${url}/headers`)).status).toBe(200);
  expect(
    await metric('agent_requests_failed_total{route="program",reason="ProgramError"}'),
  ).toMatch(/ 4$/);
  expect(logs.some((line) => line.includes('"error":"TypeError"'))).toBe(true);
});

test('a client gets no whole answer when the program dies within one', async () => {
  const { url } = await start();
  const answer = await fetch(`${url}/half`);
  await expect(answer.text()).rejects.toThrow();
});

test('bodies stream through to the program and back', async () => {
  const { url } = await start();
  const body = Buffer.alloc(3 * 1024 * 1024, 'x');
  const answer = await fetch(`${url}/echo`, { method: 'POST', body });
  expect(Buffer.from(await answer.arrayBuffer()).equals(body)).toBe(true);
});

test('the program learns its client, and no client can pretend to be one', async () => {
  const { url } = await start();
  const headers = {
    'breakwater-client': 'admin',
    'breakwater-request': 'x'.repeat(22),
    host: 'a.test',
  };
  const seen = (await (await fetch(`${url}/headers`, { headers })).json()) as Record<
    string,
    string
  >;
  expect(seen['breakwater-client']).toBeUndefined();
  expect(seen['breakwater-request']).toMatch(/^[\w-]{22}$/);
  expect(seen['breakwater-request']).not.toBe(headers['breakwater-request']);
});

test('no client reaches the MCP server of the program, however it writes the path', async () => {
  const { url } = await start();
  const paths = [
    '/mcp',
    '/mcp/',
    '//mcp',
    '/x/..%2fmcp',
    '/%6dcp',
    '/MCP',
    '/mcp;a=b',
    '/%256dcp',
    '/\\mcp',
  ];
  const statuses = await Promise.all(
    paths.map(
      async (path) => (await fetch(`${url}${path}`, { method: 'POST', body: '{}' })).status,
    ),
  );
  expect(statuses).toEqual(paths.map(() => 404));
});

test("the runtime's own routes stay its own, and the program gets all others", async () => {
  const { url } = await start();
  expect((await fetch(`${url}/health`)).status).toBe(200);
  const answer = await fetch(`${url}/v1/messages`, { method: 'POST', body: '{}' });
  expect(await answer.json()).toMatchObject({ content: MESSAGE.content });
  expect(await (await fetch(`${url}/anything/else`)).json()).toEqual({ ok: true });
});

test('a call of the model ends with the request for which it is made', async () => {
  const { url, local } = await start();
  await model!.close();
  const { 'breakwater-request': id } = (await (await fetch(`${url}/headers`)).json()) as Record<
    string,
    string
  >;
  const headers = { 'breakwater-request': id! };
  const late = await local('/v1/messages', { method: 'POST', body: '{}', headers });
  expect(late.status).toBe(400);
  expect(await late.text()).toContain('No open request');
});

test('a tool of the program has a circuit of its own, which only what it throws opens', async () => {
  const { local } = await start({ circuits: [touchy('tool/find_order')] });
  const call = async (id: string): Promise<unknown> => {
    const body = JSON.stringify({ input: { id } });
    return (await local('/v1/tools/find_order', { method: 'POST', body })).json();
  };
  await until(
    async () => (await local('/v1/tools/find_order', { method: 'POST', body: '{"input":{}}' })).ok,
  );
  expect(await call('7')).toEqual({ content: 'order 7', status: 'ok' });
  expect(await call('ask')).toMatchObject({
    status: 'ok',
    content: expect.stringContaining('"status":200'),
  });
  expect(await call('throw')).toEqual({ content: 'failed', status: 'failed' });
  expect(await call('7')).toMatchObject({ status: 'refused' });
});

test('a program on all addresses is reported as exposed', async () => {
  const { runtime } = await start({}, { host: '0.0.0.0', peers: { self: '127.0.0.2' } });
  expect(runtime.snapshot().program).toMatchObject({ state: 'Serving', exposed: true });
});

test('the drain tells the program when no request is open, and the program calls the model until it ends', async () => {
  const { url, metricsUrl, local, directory, debugUrl } = await start();
  const drained = fetch(`${metricsUrl}/program/drained`);
  const hanging = fetch(`${url}/hang`).catch(() => undefined);
  const phase = async (after: string): Promise<unknown> =>
    (await local(`/v1/lifecycle?after=${after}`)).json();
  const leaving = phase('Running');
  await startDrain(directory, Number(new URL(debugUrl).port));
  expect(await leaving).toEqual({ phase: 'Leaving' });
  agent!.child.kill('SIGKILL');
  await hanging;
  expect(await phase('Leaving')).toEqual({ phase: 'Drained' });
  expect((await drained).status).toBe(200);
  const body = JSON.stringify({
    ...{ model: 'any', max_tokens: 9 },
    messages: [{ role: 'user', content: 'Bye' }],
  });
  expect((await local('/v1/messages', { method: 'POST', body })).status).toBe(200);
});

test('a program whose container restarts in a pod that stays is not kept waiting for a drain', async () => {
  const { metricsUrl } = await start();
  expect((await fetch(`${metricsUrl}/program/drained`)).status).toBe(200);
});

/** One suite for both SDKs: a program in each language, as a process, beside the local API over real sockets. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { freePort } from '../../cli/local/freePort.ts';
import { until } from '../../runtime/testing/until.ts';
import { LANGUAGES } from './languages.ts';
import { LocalRuntime } from './localRuntime.ts';

const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

const ANY_TEXT: unknown = expect.any(String);
const AN_SDK: unknown = expect.stringMatching(/^(typescript|python)\/0\.1\.0$/);
/** The class of the error that both programs raise. */
const ITS_CLASS: unknown = expect.stringMatching(/^(RangeError|ValueError)$/);

describe.each(LANGUAGES)('a program in $name', ({ command }) => {
  const runtime = new LocalRuntime();
  let child: ChildProcess;
  let url: string;
  let errors = '';

  async function ask(path: string, headers: Record<string, string> = {}): Promise<unknown> {
    return (await fetch(`${url}/${path}`, { headers })).json();
  }

  async function call(id: string, headers: Record<string, string> = {}): Promise<unknown> {
    const client = new Client({ name: 'test', version: '1' });
    const transport = new StreamableHTTPClientTransport(new URL(`${url}/mcp`), {
      requestInit: { headers },
    });
    await client.connect(transport);
    const result = await client.callTool({ name: 'find_order', arguments: { id } });
    await client.close();
    return result;
  }

  beforeAll(async () => {
    await runtime.start();
    const port = await freePort(20_000);
    url = `http://127.0.0.1:${port}`;
    const { file, args, env } = await command();
    child = spawn(file, args, {
      env: {
        ...{ PATH: process.env['PATH'], PORT: String(port), HOST: '127.0.0.1' },
        ...{ BREAKWATER_URL: runtime.url, BREAKWATER_TOKEN: runtime.token },
        ...env,
      },
      stdio: ['ignore', 'inherit', 'pipe'],
    });
    child.stderr!.on('data', (data) => (errors += String(data)));
    await until(() => runtime.of('PUT /v1/program').length === 1);
  });
  afterAll(async () => {
    child.kill('SIGKILL');
    await runtime.stop();
  });

  it('registers with its tools', () => {
    expect(runtime.of('PUT /v1/program')[0]!.body).toMatchObject({
      sdk: AN_SDK,
      toolsRevision: ANY_TEXT,
    });
  });

  it('gives the result of a tool, and reads the client from the request', async () => {
    const headers = { 'breakwater-client': 'anna%20b', 'breakwater-request': 'r'.repeat(22) };
    const result = await call('7', headers);
    expect(result).toMatchObject({
      content: [{ type: 'text', text: expect.stringContaining('7') }],
    });
    expect(runtime.of('POST /v1/audit').at(-1)).toMatchObject({
      body: {
        events: [{ type: 'DataAccess', actor: 'anna b', action: 'order.read', resource: '7' }],
      },
      headers: { 'breakwater-request': 'r'.repeat(22) },
    });
  });

  it('tells the model of a ToolError, and marks what a tool has thrown without its message', async () => {
    const told = await call('none');
    expect(told).toMatchObject({ isError: true, content: [{ text: 'No order none.' }] });
    expect(told).not.toHaveProperty(['_meta', 'breakwater.dev/thrown']);
    const thrown = await call('broken');
    expect(thrown).toMatchObject({
      isError: true,
      _meta: {
        'breakwater.dev/thrown': ITS_CLASS,
      },
    });
    expect(JSON.stringify(thrown)).not.toContain('secret');
  });

  it('remembers results, also null', async () => {
    const [first, second, count] = (await ask('cached')) as unknown[];
    expect([second, count]).toEqual([first, 1]);
    expect(await ask('nothing')).toEqual([null, null, 1]);
    const [put] = runtime.of('PUT /v1/cache').slice(-1);
    expect(new URLSearchParams(String(put!.body))).toEqual(
      new URLSearchParams({ ttl: '60', tier: 'hot' }),
    );
  });

  it('puts, gets and deletes values', async () => {
    expect(await ask('cache')).toEqual([{ x: 1 }, null]);
  });

  it('records tasks with their times and the classes of their errors', async () => {
    expect(await ask('fails')).toBe('with a secret');
    expect(await ask('performance')).toEqual({ tasks: {}, ranking: [] });
    const tasks = runtime.of('POST /v1/tasks').flatMap(({ body }) => (body as Sent).tasks);
    expect(tasks).toContainEqual({
      name: 'fails',
      ms: expect.any(Number),
      error: ITS_CLASS,
    });
    expect(tasks.filter(({ name }) => name === 'lookup').length).toBeGreaterThan(0);
    expect(JSON.stringify(tasks)).not.toContain('secret');
  });

  it('calls the model for the client of its request, in its trace', async () => {
    const request = 'q'.repeat(22);
    const headers = { 'breakwater-request': request, traceparent: TRACE };
    expect(await ask('model', headers)).toMatchObject([{ type: 'text', text: 'Hello.' }]);
    expect(runtime.of('POST /v1/messages')[0]!.headers).toMatchObject(headers);
    expect([await ask('client'), await ask('client', { 'breakwater-client': 'anna' })]).toEqual([
      'program',
      'anna',
    ]);
  });

  it('reports incidents, and asks for its events', async () => {
    expect(await ask('incident', { 'breakwater-client': 'anna' })).toEqual({ id: 'inc-1' });
    expect(runtime.of('POST /v1/incidents')[0]!.body).toEqual({
      ...{ type: 'PromptInjection', level: 'High', client: 'anna' },
    });
    expect(await ask('audited')).toEqual({ enabled: true, events: [] });
    const query = new URLSearchParams(String(runtime.of('GET /v1/audit')[0]!.body));
    expect(Object.fromEntries(query)).toEqual({ actor: 'anna', limit: '5' });
  });

  it('reports the health of what it depends on', async () => {
    await until(() => runtime.of('PUT /v1/health').length >= 3);
    const reported = runtime.of('PUT /v1/health').map(({ body }) => body);
    expect(reported).toContainEqual({ state: 'Passing', critical: true, ttl: 3 });
    expect(reported).toContainEqual({ state: 'Failing', critical: false, ttl: 30 });
  });

  it('answers 500 with the class of an error alone', async () => {
    const response = await fetch(`${url}/boom`);
    expect([response.status, response.headers.get('breakwater-error')]).toEqual([500, ITS_CLASS]);
    expect(await response.text()).not.toContain('secret');
  });

  it('names what a runtime of an earlier version does not have', async () => {
    runtime.missing.add('POST /v1/incidents');
    expect(await ask('incident')).toEqual({
      error: expect.stringContaining('UnsupportedByRuntime: /v1/incidents'),
    });
    runtime.missing.clear();
  });

  it('waits for a runtime that restarts, and registers again', async () => {
    await runtime.stop();
    const answer = ask('incident');
    await until(() => errors.includes('waits for the runtime'));
    await runtime.start();
    expect(await answer).toEqual({ id: 'inc-1' });
    await until(() => runtime.of('PUT /v1/program').length === 2);
  });

  it('ends when the pod is drained, after its handlers of shutdown, the last one first', async () => {
    runtime.phase = 'Leaving';
    child.kill('SIGTERM');
    const ended = once(child, 'exit');
    // One is of the program that stays registered, and one of its end.
    const waiting = (): number =>
      runtime.of('GET /v1/lifecycle').filter(({ body }) => body === '?after=Leaving').length;
    await until(() => waiting() === 2);
    expect(await ask('client')).toBe('program');
    expect(runtime.of('POST /v1/shutdown')).toEqual([]);
    runtime.phase = 'Drained';
    expect(await ended).toEqual([0, null]);
    expect(runtime.of('POST /v1/shutdown').map(({ body }) => body)).toMatchObject([
      { handler: 'second', end: 'Failed', error: ANY_TEXT },
      { handler: 'first', end: 'Done' },
    ]);
    expect(runtime.of('POST /v1/audit').at(-1)!.body).toMatchObject({
      events: [{ type: 'Security', action: 'ended' }],
    });
    expect(errors).not.toContain('was not reported');
  });
});

interface Sent {
  tasks: { name: string }[];
}

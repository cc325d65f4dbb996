/** Both SDKs beside a real runtime. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { MOUNTS } from '../../contract/link.ts';
import type { Performance } from '../../contract/generated/program.ts';
import { configuration } from '../../runtime/testing/configuration.ts';
import { PROGRAM_TOKEN, freePort } from '../../runtime/testing/program.ts';
import { startRuntime } from '../../runtime/testing/runtime.ts';
import type { StartedRuntime } from '../../runtime/testing/runtime.ts';
import { until } from '../../runtime/testing/until.ts';
import { MESSAGE, answerJson, fakeEndpoint } from '../../runtime/testing/upstream.ts';
import type { FakeEndpoint } from '../../runtime/testing/upstream.ts';
import { LANGUAGES } from './languages.ts';

describe.each(LANGUAGES)('a program in $name beside a real runtime', ({ name, command }) => {
  let model: FakeEndpoint;
  let started: StartedRuntime;
  let child: ChildProcess;
  let local: string;

  beforeAll(async () => {
    model = await fakeEndpoint((response) => answerJson(response, MESSAGE));
    const port = await freePort();
    started = await startRuntime();
    await started.mount(MOUNTS.programTokenKey, PROGRAM_TOKEN);
    const program = { port, tools: { path: '/mcp' }, http: { paths: ['/'] } };
    const content = configuration(model.url, { program });
    await started.mount(MOUNTS.configurationKey, JSON.stringify(content));
    await until(() => started.runtime.ports().program > 0);
    local = `http://127.0.0.1:${started.runtime.ports().program}`;
    const { file, args, env } = await command();
    child = spawn(file, args, {
      env: {
        ...{ PATH: process.env['PATH'], PORT: String(port), HOST: '127.0.0.1' },
        ...{ BREAKWATER_URL: local, BREAKWATER_TOKEN: PROGRAM_TOKEN, ...env },
      },
      stdio: 'inherit',
    });
    // Requests before would open its circuit.
    await until(async () => (await fetch(`${started.metricsUrl}/health/ready`)).ok, 60_000);
  });
  afterAll(async () => {
    child.kill('SIGKILL');
    await started.stop();
    await model.close();
  });

  /** Through the runtime, as a client. */
  async function ask(path: string): Promise<unknown> {
    return (await fetch(`${started.url}/${path}`)).json();
  }

  it('remembers results, also null, and has them deleted', async () => {
    const [first, second, count] = (await ask('cached')) as unknown[];
    expect([second, count]).toEqual([first, 1]);
    expect(await ask('nothing')).toEqual([null, null, 1]);
    expect(await ask('cache')).toEqual([{ x: 1 }, null]);
  });

  it('has percentiles and a ranking of its tasks', async () => {
    await ask('fails');
    const { tasks, ranking } = (await ask('performance')) as Performance;
    expect(tasks['lookup']).toMatchObject({ count: 1, successes: 1 });
    expect(tasks['fails']).toMatchObject({ failures: 1, topErrors: [{ count: 1 }] });
    expect(ranking.map(({ name }) => name)).toEqual(['lookup', 'fails']);
  });

  it('keeps a value in the tier that it names first, else in warm', async () => {
    expect(await ask('tiers')).toEqual([1, 1, 0]);
  });

  if (name === 'Python') {
    it('has the summaries of the guides', async () => {
      expect(await ask('summary')).toEqual([1, 1, 1]);
    });
  }

  it('calls the model of the agent', async () => {
    expect(await ask('model')).toMatchObject(MESSAGE.content);
  });

  it('offers its tools, and tells the fault of a call from that of a tool', async () => {
    const call = async (id: string): Promise<unknown> => {
      const response = await fetch(`${local}/v1/tools/find_order`, {
        method: 'POST',
        headers: { authorization: `Bearer ${PROGRAM_TOKEN}`, 'content-type': 'application/json' },
        body: JSON.stringify({ input: { id } }),
      });
      return response.json();
    };
    await until(async () => ((await call('7')) as { status?: string }).status === 'ok');
    expect(JSON.stringify(await call('none'))).toContain('No order none.');
    expect([await call('none'), await call('broken')]).toMatchObject([
      { status: 'error' },
      { status: 'failed' },
    ]);
  });

  it('reports incidents and the health of what it depends on', async () => {
    expect(await ask('incident')).toEqual({ id: expect.any(String) as unknown });
    const health = await fetch(`${started.metricsUrl}/health`);
    expect(await health.text()).toContain('program/database');
  });

  it('ends by itself after SIGTERM', async () => {
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });
});

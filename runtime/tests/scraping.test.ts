/** Who may read a pod's metrics, and its figures for other programs. */
import { afterEach, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseReport } from '../../contract/validate.ts';
import { send } from '../testing/client.ts';
import { configuration } from '../testing/configuration.ts';
import { startRuntime } from '../testing/runtime.ts';
import { Cleanups, setup } from '../testing/setup.ts';
import { until } from '../testing/until.ts';
import { MESSAGE, answerJson } from '../testing/upstream.ts';

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

it('only clients with the token of monitoring.auth read metrics', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'scraping-'));
  cleanups.add(() => rm(directory, { recursive: true }));
  const path = join(directory, 'token');
  const telemetry = {
    logging: { successRatio: 0, levels: {} },
    metrics: { token: { path, secret: 'scraping', key: 'token' } },
  };
  const agent = await startRuntime(configuration('http://127.0.0.1:1', { telemetry }));
  cleanups.add(() => agent.stop());
  const ask = async (page: string, authorization = ''): Promise<[number, string]> => {
    const answer = await fetch(`${agent.metricsUrl}${page}`, { headers: { authorization } });
    return [answer.status, await answer.text()];
  };
  const refused = [401, 'Show the token of spec.monitoring.auth.\n'];

  // The Secret is not there yet.
  for (const shown of ['', 'Missing', 'Bearer ', 'Bearer undefined'])
    expect(await ask('/metrics', shown)).toEqual(refused);
  const missing = { dependency: 'scrapers', secret: 'scraping', key: 'token' };
  expect(agent.runtime.snapshot().missingCredentials).toEqual([missing]);

  await writeFile(path, 'first\n');
  await until(async () => (await ask('/metrics', 'Bearer first'))[0] === 200);
  for (const shown of ['', 'Bearer firs', 'Bearer first2', 'Basic first'])
    expect(await ask('/metrics', shown)).toEqual(refused);
  expect((await ask('/metrics', 'Bearer first'))[1]).toContain('circuit_breaker_state{');
  // Probes of the kubelet show none, and are told of no dependency.
  const [status, page] = await ask('/health/ready');
  expect([status, page]).toEqual([200, expect.not.stringContaining('model/primary')]);
  expect((await ask('/health/ready', 'Bearer first'))[1]).toContain('model/primary');

  await writeFile(path, 'second\n');
  await until(async () => (await ask('/metrics', 'Bearer second'))[0] === 200);
  expect(await ask('/metrics', 'Bearer first')).toEqual(refused);
});

it('the page of figures is a report that the operator would accept, with requests and the load', async () => {
  const { agent } = await setup(cleanups, (response) => answerJson(response, MESSAGE), {
    bulkhead: { maxConcurrent: 7, maxQueued: 0, acquireTimeoutMs: 100 },
  });
  await send(agent.url);
  const page = await send(agent.debugUrl, { method: 'GET', path: '/debug/figures', body: '' });
  const report = parseReport(JSON.parse(page.body.toString()));
  expect(report).toMatchObject({
    ok: true,
    value: {
      performance: [
        { operation: 'request', count: 1, failures: 0 },
        { operation: 'model', count: 1, failures: 0 },
      ],
      load: { inFlight: 0, queued: 0, capacity: 7 },
    },
  });
});

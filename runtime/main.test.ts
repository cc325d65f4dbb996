import { afterEach, expect, it } from '@jest/globals';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { send } from './testing/client.ts';
import { TOUCHY, configuration } from './testing/configuration.ts';
import { startProcess } from './testing/process.ts';
import type { RuntimeProcess } from './testing/process.ts';
import { until } from './testing/until.ts';
import { STREAM, answerJson, fakeEndpoint } from './testing/upstream.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function start(directory: string): Promise<RuntimeProcess> {
  const started = await startProcess(directory);
  cleanups.push(() => started.stop());
  return started;
}

it('the process prints only log lines and shuts down in order on SIGTERM', async () => {
  let finish = (): void => undefined;
  const endpoint = await fakeEndpoint((response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write(STREAM[0]);
    finish = () => response.end(STREAM.slice(1).join(''));
  });
  cleanups.push(() => endpoint.close());
  const directory = await mkdtemp(join(tmpdir(), 'main-'));
  cleanups.push(() => rm(directory, { recursive: true }));
  const shutdown = { endpointLagMs: 100, drainTimeoutMs: 20_000 };
  const text = JSON.stringify(configuration(endpoint.url, { shutdown }));
  await writeFile(join(directory, 'configuration.json'), text);
  const { child, lines, agentUrl, metricsUrl } = await start(directory);
  const ready = await send(metricsUrl, { method: 'GET', path: '/health/ready', body: '' });
  expect(ready.status).toBe(200);
  const answer = send(agentUrl, { body: '{"stream":true}' });
  await until(() => endpoint.seen.length === 1);
  child.kill('SIGTERM');
  await until(() => lines().some((line) => line.phase === 'Draining'));
  child.kill('SIGTERM');
  expect(child.exitCode).toBeNull();
  finish();
  expect((await answer).body.toString()).toBe(STREAM.join(''));
  await until(() => child.exitCode !== null || child.signalCode !== null);
  expect([child.exitCode, child.signalCode]).toEqual([0, null]);
  for (const line of lines()) {
    expect(line).toMatchObject({ level: 'info', module: expect.any(String) });
    expect(line.msg).toMatch(/^[A-Z].*[^.]$/);
  }
});

it('the process restarts with its circuits open after SIGKILL', async () => {
  const endpoint = await fakeEndpoint((response) => answerJson(response, {}, 500));
  cleanups.push(() => endpoint.close());
  const directory = await mkdtemp(join(tmpdir(), 'main-'));
  cleanups.push(() => rm(directory, { recursive: true }));
  const text = JSON.stringify(configuration(endpoint.url, { circuits: [TOUCHY] }));
  await writeFile(join(directory, 'configuration.json'), text);
  const answers: [number, unknown][] = [];
  for (let life = 0; life < 2; life += 1) {
    const { child, agentUrl } = await start(directory);
    const { status, headers } = await send(agentUrl);
    answers.push([status, headers['x-breakwater-reason']]);
    await until(async () => (await readdir(directory)).includes('breakwater-uid-0.json'));
    await until(async () => {
      const saved = await readFile(join(directory, 'breakwater-uid-0.json'), 'utf8');
      return saved.includes('"state":"Open"');
    });
    child.kill('SIGKILL');
    await until(() => child.signalCode !== null);
  }
  expect(answers).toEqual([
    [500, undefined],
    [503, 'CircuitBreakerOpen'],
  ]);
  expect(endpoint.seen).toHaveLength(1);
});

import { afterEach, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { send } from './testing/client.ts';
import { TOUCHY, configuration } from './testing/configuration.ts';
import { until } from './testing/until.ts';
import { STREAM, answerJson, fakeEndpoint } from './testing/upstream.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface LogLine {
  time: string;
  level: string;
  module: string;
  msg: string;
  phase?: string;
  ports?: { agent: number; metrics: number };
}

async function start(directory: string): Promise<{ child: ChildProcess; lines: () => LogLine[] }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'main.ts')], {
    env: {
      PATH: process.env.PATH,
      TMPDIR: directory,
      POD_UID: 'uid-0',
      BREAKWATER_CONFIGURATION_DIRECTORY: directory,
      BREAKWATER_TOKEN_DIRECTORY: directory,
      BREAKWATER_AGENT_PORT: '0',
      BREAKWATER_METRICS_PORT: '0',
      BREAKWATER_CONTROL_PORT: '0',
      BREAKWATER_DEBUG_PORT: '0',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  cleanups.push(() => child.kill('SIGKILL'));
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  // Everything on both streams must be a log line.
  const lines = (): LogLine[] =>
    output
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as LogLine);
  await until(() => lines().some((line) => line.msg === 'Runtime started'), 25_000);
  return { child, lines };
}

it('runs as a process, prints log lines only and leaves in order on SIGTERM', async () => {
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
  const { child, lines } = await start(directory);
  const { ports } = lines().find((line) => line.msg === 'Runtime started')!;
  const metricsUrl = `http://127.0.0.1:${ports!.metrics}`;
  const ready = await send(metricsUrl, { method: 'GET', path: '/health/ready', body: '' });
  expect(ready.status).toBe(200);
  const answer = send(`http://127.0.0.1:${ports!.agent}`, { body: '{"stream":true}' });
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

it('comes back with its circuits open after SIGKILL', async () => {
  const endpoint = await fakeEndpoint((response) => answerJson(response, {}, 500));
  cleanups.push(() => endpoint.close());
  const directory = await mkdtemp(join(tmpdir(), 'main-'));
  cleanups.push(() => rm(directory, { recursive: true }));
  const text = JSON.stringify(configuration(endpoint.url, { circuits: [TOUCHY] }));
  await writeFile(join(directory, 'configuration.json'), text);
  const answers: [number, unknown][] = [];
  for (let life = 0; life < 2; life += 1) {
    const { child, lines } = await start(directory);
    const { ports } = lines().find((line) => line.msg === 'Runtime started')!;
    const { status, headers } = await send(`http://127.0.0.1:${ports!.agent}`);
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

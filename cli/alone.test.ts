import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { PORTS } from '../contract/link.ts';
import { send } from '../runtime/testing/client.ts';
import { Cleanups } from '../runtime/testing/setup.ts';
import { until } from '../runtime/testing/until.ts';
import { MESSAGE, answerJson, fakeEndpoint } from '../runtime/testing/upstream.ts';
import { imageStart } from '../test/bench/runtime/image.ts';
import { bundleRuntime } from '../test/kit/bundle.ts';
import { unusedPort } from './local/freePort.ts';

const ROOT = join(import.meta.dirname, '..');
const KEY = 'the-key-of-the-user';
const BODY = '{"model":"any","max_tokens":16,"messages":[{"role":"user","content":"Hello"}]}';

const agent = (baseURL: string): string => `apiVersion: breakwater.dev/v1alpha1
kind: AgentDeployment
metadata: { name: triage }
spec:
  model: { endpoints: [{ name: primary, baseURL: "${baseURL}", apiKeySecretRef: { name: anthropic } }] }
`;

const limit = (capacity: number | string): string => `apiVersion: breakwater.dev/v1alpha1
kind: RateLimitPolicy
metadata: { name: triage }
spec:
  targetRefs: [{ name: triage }]
  limits: [{ name: requests, refill: { amount: 1, per: 1h }, capacity: ${capacity} }]
  scope: Pod
`;

interface Started {
  child: ChildProcess;
  url: string;
  metricsUrl: string;
  /** Its output for people. */
  said: () => string;
  logged: () => string;
}

describe('the image of the runtime, alone', () => {
  const cleanups = new Cleanups();
  let image: string;

  beforeAll(async () => {
    image = await mkdtemp(join(tmpdir(), 'image-'));
    await bundleRuntime(image);
  });

  afterAll(() => rm(image, { recursive: true }));
  afterEach(() => cleanups.run());

  /** Starts the image's program with variables, as `docker run -e` does. */
  async function start(given: Record<string, string>): Promise<Started> {
    const directory = await mkdtemp(join(tmpdir(), 'alone-'));
    cleanups.add(() => rm(directory, { recursive: true, force: true }));
    const { flags, env } = await imageStart();
    const [agent, metrics] = [await unusedPort(), await unusedPort()];
    const child = spawn(process.execPath, [...flags, join(image, 'main.js')], {
      env: {
        ...env,
        TMPDIR: directory,
        BREAKWATER_AGENT_PORT: String(agent),
        BREAKWATER_METRICS_PORT: String(metrics),
        BREAKWATER_MANIFESTS: join(directory, 'none'),
        ...given,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    cleanups.add(async () => {
      child.kill('SIGTERM');
      await until(() => child.exitCode !== null || child.signalCode !== null);
    });
    let [said, logged] = ['', ''];
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
    child.stdout.on('data', (chunk: Buffer) => (logged += chunk.toString()));
    return {
      ...{ child, said: () => said, logged: () => logged },
      url: `http://127.0.0.1:${agent}`,
      metricsUrl: `http://127.0.0.1:${metrics}`,
    };
  }

  const says = async ({ said }: Started, text: string): Promise<void> => {
    await until(() => said().includes(text)).catch(() => expect(said()).toContain(text));
  };

  it('serves with the defaults, says so first, and shuts down in order', async () => {
    const endpoint = await fakeEndpoint((response) => answerJson(response, MESSAGE));
    cleanups.add(() => endpoint.close());
    const started = await start({ ANTHROPIC_API_KEY: KEY, ANTHROPIC_BASE_URL: endpoint.url });
    await says(started, 'default/agent serves at');
    const [first, second, third] = started.said().split('\n');
    expect(first).toContain('runs alone, with the defaults');
    expect(second).toContain(`go to ${endpoint.url} with the key in ANTHROPIC_API_KEY`);
    expect(third).toContain('5 failures in a row open the circuit for 20s');
    expect((await send(started.url, { path: '/v1/messages', body: BODY })).status).toBe(200);
    expect(endpoint.seen[0]!.headers['x-api-key']).toBe(KEY);
    const ready = await send(started.metricsUrl, {
      method: 'GET',
      path: '/health/ready',
      body: '',
    });
    expect(ready.status).toBe(200);
    const exited = once(started.child, 'exit');
    started.child.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
    for (const line of started.logged().trim().split('\n')) {
      expect(JSON.parse(line)).toMatchObject({ level: 'info', msg: expect.any(String) });
    }
    expect(started.said() + started.logged()).not.toContain(KEY);
  });

  it('forwards the credentials of clients without a key of its own', async () => {
    const endpoint = await fakeEndpoint((response) => answerJson(response, MESSAGE));
    cleanups.add(() => endpoint.close());
    const started = await start({ ANTHROPIC_BASE_URL: endpoint.url });
    await says(started, "with each client's own credentials");
    await says(started, 'default/agent serves at');
    const headers = { 'x-api-key': 'of-the-client' };
    await send(started.url, { path: '/v1/messages', body: BODY, headers });
    expect(endpoint.seen[0]!.headers['x-api-key']).toBe('of-the-client');
  });

  it('runs the agents of a mounted directory and follows edits there', async () => {
    const endpoint = await fakeEndpoint((response) => answerJson(response, MESSAGE));
    cleanups.add(() => endpoint.close());
    const manifests = await mkdtemp(join(tmpdir(), 'manifests-'));
    cleanups.add(() => rm(manifests, { recursive: true }));
    const put = (name: string, text: string): Promise<void> =>
      writeFile(join(manifests, name), text);
    await put('agent.yaml', agent(endpoint.url));
    await put('limit.yaml', limit(1));
    const started = await start({ ANTHROPIC_API_KEY: KEY, BREAKWATER_MANIFESTS: manifests });
    await says(started, 'default/triage serves at');
    expect(started.said()).toContain(`with the manifests at ${manifests}`);
    const status = async (): Promise<number> =>
      (await send(started.url, { path: '/v1/messages', body: BODY })).status;
    expect([await status(), await status()]).toEqual([200, 429]);
    expect(endpoint.seen[0]!.headers['x-api-key']).toBe(KEY);
    await put('limit.yaml', limit('none'));
    await says(started, 'RateLimitPolicy triage: spec.limits[0].capacity must be');
    await put('limit.yaml', `${limit(1)}  mode: Shadow\n`);
    await says(started, 'runs the changed configuration 2');
    expect([await status(), await status()]).toEqual([200, 200]);
  });

  it('opens the ports of its image that the operator expects', async () => {
    const text = await readFile(join(ROOT, 'Dockerfile'), 'utf8');
    const exposed = /^EXPOSE (.*)$/m.exec(text)?.[1]?.split(' ').map(Number);
    expect(exposed).toEqual([PORTS.agent, PORTS.metrics, PORTS.control]);
  });
});

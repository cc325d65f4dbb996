import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Local } from './local/local.ts';
import type { LocalOptions } from './local/local.ts';
import { testAuthority } from '../runtime/testing/certificates.ts';
import { TestProxy } from '../runtime/testing/proxy.ts';
import { MESSAGE, answerJson, fakeEndpoint } from '../runtime/testing/upstream.ts';
import { run } from '../test/cluster/common/command.ts';
import { Screen } from './terminal/screen.ts';

const AGENT = `apiVersion: breakwater.dev/v1alpha1
kind: AgentDeployment
metadata: { name: triage }
spec:
  model:
    endpoints: [{ name: primary, apiKeySecretRef: { name: anthropic } }]
  retry: { maxAttempts: 1 }
`;

/** An agent that trusts a private authority. */
const corporate = (certificate: string): string => `apiVersion: v1
kind: ConfigMap
metadata: { name: corporate-ca }
data:
  ca.crt: ${JSON.stringify(certificate)}
---
apiVersion: breakwater.dev/v1alpha1
kind: AgentDeployment
metadata: { name: triage }
spec:
  model: { endpoints: [{ name: primary, baseURL: https://model.example.com }] }
  trustedCA: { configMapKeyRef: { name: corporate-ca } }
`;

const breaker = (failures: number | string): string => `apiVersion: breakwater.dev/v1alpha1
kind: CircuitBreakerPolicy
metadata: { name: triage }
spec:
  targetRefs: [{ name: triage }]
  trip: { consecutiveFailures: ${failures} }
  scope: Pod
`;

const LIMIT = `apiVersion: breakwater.dev/v1alpha1
kind: RateLimitPolicy
metadata: { name: triage }
spec:
  targetRefs: [{ name: triage }]
  limits: [{ name: requests, refill: { amount: 1, per: 1h }, capacity: 100 }]
  scope: Pod
`;

const ROOT = join(import.meta.dirname, '..');

describe('breakwater local', () => {
  let directory: string;
  let text: string;
  let local: Local;

  // Bundles, as in the package. They start three times as fast.
  beforeAll(() => run(process.execPath, ['esbuild.config.js', 'cli'], { cwd: ROOT }));

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'local-'));
    text = '';
    await put('agent.yaml', AGENT);
    await put('breaker.yaml', breaker(2));
    await put('limit.yaml', LIMIT);
    local = await started({ simulate: true });
  });

  const started = async (options: Partial<LocalOptions>): Promise<Local> => {
    const made = new Local({
      path: directory,
      simulate: false,
      port: 23_080,
      programs: {
        runtime: join(ROOT, 'dist/cli/runtime.js'),
        simulator: join(ROOT, 'dist/cli/simulator.js'),
      },
      environment: process.env,
      directory: join(directory, 'files'),
      quietMs: 100,
      screen: new Screen({
        isTTY: true,
        columns: 200,
        rows: 40,
        write: (more) => (text += more),
      }),
      date: () => new Date(),
      ...options,
    });
    await made.start();
    return made;
  };

  afterEach(async () => {
    await local.stop(true);
    await rm(directory, { recursive: true, force: true });
  });

  const put = (name: string, manifest: string): Promise<void> =>
    writeFile(join(directory, name), manifest);

  /** Waits until the output matches, and returns the match. */
  const says = async (pattern: RegExp): Promise<RegExpExecArray> => {
    for (const deadline = Date.now() + 60_000; Date.now() < deadline;) {
      const found = pattern.exec(text);
      if (found !== null) return found;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`it never said ${pattern.source}:\n${text}`);
  };

  const send = (url: string, more: object = {}): Promise<Response> =>
    fetch(`${url}/v1/messages`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        ...more,
        model: 'any',
        max_tokens: 16,
        messages: [{ role: 'user', content: 'Hello' }],
      }),
    });

  it('serves with a simulated model, opens a circuit, and follows saved files', async () => {
    const [, url] = await says(/default\/triage serves at (\S+)/);
    const [, control] = await says(/-X PUT (\S+)/);
    const answers = async (): Promise<number> => (await send(url!)).status;
    expect(await answers()).toBe(200);

    await fetch(control!, { method: 'PUT', body: '{"status": 529}' });
    expect([await answers(), await answers(), await answers()]).toEqual([529, 529, 503]);
    await says(/model\/primary Closed → Open: 2 consecutive failures/);
    await says(/^triage +http\S+ +model\/primary +Open \(probe in \d+s\) +\d+ +2 +1 +2 consec/m);
    await says(/^ +inbound +\d+ left +4 +0 +limit requests$/m);

    await put('breaker.yaml', breaker('many'));
    await says(
      /breaker\.yaml:6: CircuitBreakerPolicy triage: spec\.trip\.consecutiveFailures must/,
    );
    expect(await answers()).toBe(503);
    await put('breaker.yaml', breaker('other'));
    await put('limit.yaml', LIMIT.replace('amount: 1', 'amount: none'));
    await says(/limit\.yaml:6: RateLimitPolicy triage: \S+ must be a whole number/);
    expect(text).not.toContain('Mended: ');
    await put('breaker.yaml', breaker(7));
    await says(/triage runs the changed configuration 2 after \d+ ms/);
    expect(text).toContain('Mended: ');
    await rm(join(directory, 'agent.yaml'));
    await says(/default\/triage was taken out of the files/);
  });

  it('calls models through the proxy of the environment, with the authorities of a ConfigMap', async () => {
    await local.stop(true);
    text = '';
    const authority = await testAuthority();
    const model = await fakeEndpoint(
      (response) => answerJson(response, MESSAGE),
      await authority.issueFor('model.example.com'),
    );
    const proxy = await new TestProxy().start();
    proxy.knows('model.example.com:443', model.url);
    await put('agent.yaml', corporate(authority.cert));
    const environment = { ...process.env, HTTPS_PROXY: proxy.url(), https_proxy: undefined };
    local = await started({ environment, directory: join(directory, 'others') });
    const [, url] = await says(/default\/triage serves at (\S+)/);
    expect((await send(url!)).status).toBe(200);
    expect(proxy.seen).toEqual(['CONNECT model.example.com:443']);
    await Promise.all([proxy.stop(), model.close()]);
  });

  it('lets a stream finish before it ends', async () => {
    const [, url] = await says(/default\/triage serves at (\S+)/);
    const [, control] = await says(/-X PUT (\S+)/);
    await fetch(control!, { method: 'PUT', body: '{"events": 20, "eventMs": 25}' });
    const response = await send(url!, { stream: true });
    const stopped = local.stop();
    expect(await response.text()).toContain('event: message_stop');
    await stopped;
    await expect(send(url!)).rejects.toThrow('fetch failed');
  });

  it('prints its ports, and a command that a shell runs also where clients need a key', async () => {
    const [, metrics, debug] = await says(/triage metrics: (\S+) {2}debug: (\S+)/);
    expect(await (await fetch(metrics!)).text()).toContain('# TYPE');
    expect(await (await fetch(debug!)).json()).toHaveProperty('configuration');
    await local.stop(true);
    text = '';
    const keys =
      'apiVersion: v1\nkind: Secret\nmetadata: { name: clients }\nstringData: { alice: sesame }\n';
    await put('clients.yaml', keys);
    await put(
      'agent.yaml',
      `${AGENT}  auth: { type: APIKeys, apiKeys: { secretRef: { name: clients } } }\n`,
    );
    local = await started({ simulate: true });
    const [, command] = await says(/ask it: {2}(curl .*)/);
    expect(command).not.toContain('sesame');
    expect(await run('bash', ['-c', command!])).toContain('200 OK');
  });

  it('restarts an agent whose process has ended, with its last configuration', async () => {
    const [, url] = await says(/default\/triage serves at (\S+)/);
    process.kill(local.agents.get('default/triage')!.pid!, 'SIGKILL');
    await says(/default\/triage ended unexpectedly with SIGKILL and is started again/);
    await says(/serves at [^]*serves at/);
    expect((await send(url!)).status).toBe(200);
  });

  it('waits for a file that is being written, says so, and keeps its agent', async () => {
    const [, url] = await says(/default\/triage serves at (\S+)/);
    const [, control] = await says(/-X PUT (\S+)/);
    const { pid } = local.agents.get('default/triage')!;
    await fetch(control!, { method: 'PUT', body: '{"events": 60, "eventMs": 25}' });
    const stream = await send(url!, { stream: true });
    await put('agent.yaml', '');
    await says(/agent\.yaml is empty, which counts as no change/);
    await put('agent.yaml', AGENT.slice(0, AGENT.indexOf('  retry')));
    await says(/agent\.yaml looks half-written, so what it had stays in force/);
    expect(text).not.toContain('runs the changed configuration');
    await put('agent.yaml', AGENT.replace('maxAttempts: 1', 'maxAttempts: 2'));
    await says(/triage runs the changed configuration 2 after/);
    expect(await stream.text()).toContain('event: message_stop');
    expect(local.agents.get('default/triage')!.pid).toBe(pid);
    expect(text).not.toMatch(/taken out of the files|serves at [^]*serves at/);
  });

  it('says that the last good version stays in force when a file is wrong', async () => {
    await says(/default\/triage serves at/);
    await put('agent.yaml', `${AGENT}  - : {\n`);
    await says(/agent\.yaml:\d+: /);
    await says(/the last good configuration stays in force/);
    expect(local.agents.get('default/triage')!.running).toBe(true);
  });

  it('names the addresses of tools, which are not simulated', async () => {
    await says(/default\/triage serves at/);
    const at = 'https://orders.example.com/v1/orders';
    const tool = `{ name: find_order, description: Finds an order., inputSchema: { type: object }, http: { url: ${at} } }`;
    const server = '{ name: handbook, url: https://handbook.example.com/mcp }';
    await put('agent.yaml', `${AGENT}  tools: [${tool}]\n  mcpServers: [${server}]\n`);
    await says(/default\/triage tool\/find_order is not simulated: it is called at \S+\/orders/);
    await says(/default\/triage mcp\/handbook is not simulated: it is called at \S+\/mcp/);
    await says(/runs the changed configuration/);
  });
});

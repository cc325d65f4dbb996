/** The commands against an API server that refuses some of them. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { checks } from '../manifests/kinds.ts';
import { run } from '../program.ts';
import { agent, openBreaker, pod } from '../view/fixtures.ts';

const PLURALS: Record<string, object[]> = {
  agentdeployments: [agent()],
  circuitbreakerpolicies: [openBreaker()],
  ratelimitpolicies: [],
  pods: [pod('triage-a')],
  events: [],
};

describe('a command', () => {
  let directory: string;
  let server: Server;
  let kubeconfig: string;
  const refused = new Set<string>();
  const asked: string[] = [];

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'breakwater-cli-'));
    kubeconfig = join(directory, 'config');
    server = createServer(({ url = '' }, response) => {
      asked.push(url);
      const plural = new URL(url, 'http://x').pathname.split('/').at(-1)!;
      if (refused.has(plural)) {
        response.writeHead(403, { 'content-type': 'application/json' });
        response.end(
          JSON.stringify({ kind: 'Status', code: 403, message: `${plural} is forbidden` }),
        );
      } else if (plural === 'log') response.end('a line\n');
      else {
        response.setHeader('content-type', 'application/json');
        response.end(JSON.stringify({ metadata: {}, items: PLURALS[plural] ?? [] }));
      }
    });
    server.on('upgrade', (_request, socket) => {
      socket.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n');
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const { port } = server.address() as AddressInfo;
    await writeFile(
      kubeconfig,
      `apiVersion: v1
kind: Config
current-context: here
clusters: [{ name: c, cluster: { server: 'http://127.0.0.1:${port}', insecure-skip-tls-verify: true } }]
users: [{ name: u, user: { token: t } }]
contexts: [{ name: here, context: { cluster: c, user: u, namespace: shop } }]
`,
    );
  });

  beforeEach(() => {
    refused.clear();
    asked.length = 0;
  });

  afterAll(async () => {
    server.close();
    await rm(directory, { recursive: true });
  });

  const command = async (...args: string[]): Promise<{ text: string; status: number }> => {
    let text = '';
    const write = (part: string | Uint8Array): void => void (text += part.toString());
    const status = await run(
      [...args, '--kubeconfig', kubeconfig],
      {
        program: 'kubectl breakwater',
        ...{ stdout: { write }, stderr: { write }, environment: {} },
        date: () => new Date(),
        interrupted: () => new AbortController().signal,
      },
      '1',
    );
    return { text, status };
  };

  it('names the contexts that there are in place of a wrong one', async () => {
    await expect(command('status', '--context', 'there')).rejects.toThrow(
      'has no context there; it has: here',
    );
  });

  it('names the right that a page of a pod needs', async () => {
    await expect(command('debug', 'triage', '--page', 'state')).rejects.toThrow(
      'may not create pods/portforward in namespace shop',
    );
  });

  it('writes what the user may read into the support bundle, and names the rest', async () => {
    for (const plural of ['events', 'ratelimitpolicies']) refused.add(plural);
    const file = join(directory, 'bundle.tar.gz');
    const { text, status } = await command('support-bundle', '--file', file);
    expect(text).toContain('Left out: ratelimitpolicies: ratelimitpolicies is forbidden');
    expect(text).toContain('Left out: events: events is forbidden');
    expect(text).toContain(`${file} has`);
    expect(status).toBe(1);
  });

  it('asks for the lines of the last day', async () => {
    expect((await command('logs', 'triage', '--since', '1d')).text).toBe('a line\n');
    expect(asked.at(-1)).toContain('sinceSeconds=86400');
    expect(asked.at(-1)).not.toContain('tailLines');
  });

  it('explains all objects, also as YAML', async () => {
    expect((await command('why', '-A')).text).toMatch(/^Nothing is refused in any namespace/);
    expect((await command('status', '-o', 'yaml')).text).toMatch(/^rows:\n/);
  });

  it('shows no difference for an override that the manifest does not set', async () => {
    const { spec: _, ...live } = openBreaker();
    const spec = {
      targetRefs: [{ name: 'triage' }],
      override: { state: 'Open', expiresAt: '2099-01-01T00:00:00Z' },
    };
    const target = { ...agent(), spec: { model: { endpoints: [{ name: 'primary' }] } } };
    PLURALS['agentdeployments'] = [target];
    PLURALS['circuitbreakerpolicies'] = [{ ...live, spec }];
    // The API server stores defaults.
    for (const object of [target, PLURALS['circuitbreakerpolicies'][0] as { kind: string }]) {
      expect(checks().get(object.kind)!(object)).toEqual([]);
    }
    const file = join(directory, 'policy.yaml');
    await writeFile(
      file,
      `apiVersion: breakwater.dev/v1alpha1
kind: CircuitBreakerPolicy
metadata: { name: patience }
spec: { targetRefs: [{ name: triage }] }
`,
    );
    const { text } = await command('diff', '-f', file);
    expect(text).toBe('Nothing would change.\n');
  });
});

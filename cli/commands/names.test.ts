import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { run } from '../program.ts';

/** An API server with one agent and one policy of each kind, all named triage. */
const server = createServer((request, response) => {
  const plural = new URL(request.url!, 'http://api').pathname.split('/').at(-1)!;
  const kinds: Record<string, string> = {
    agentdeployments: 'AgentDeployment',
    circuitbreakerpolicies: 'CircuitBreakerPolicy',
    ratelimitpolicies: 'RateLimitPolicy',
  };
  const kind = kinds[plural];
  const metadata = { name: 'triage', namespace: 'shop' };
  const items = kind === undefined ? [] : [{ metadata, spec: {} }];
  changed ||= request.method !== 'GET';
  asked.push(request.url!);
  if (plural === 'ratelimitpolicies' && forbidden) {
    response.writeHead(403, { 'content-type': 'application/json' });
    const message = 'ratelimitpolicies is forbidden: User "u" cannot list it';
    response.end(JSON.stringify({ kind: 'Status', code: 403, reason: 'Forbidden', message }));
    return;
  }
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ kind: `${kind}List`, metadata: { resourceVersion: '1' }, items }));
});
let changed = false;
let forbidden = false;
let asked: string[] = [];
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'breakwater-names-'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  await kubeconfig('config', (server.address() as AddressInfo).port);
});

afterAll(async () => {
  server.close();
  server.closeAllConnections();
  await rm(directory, { recursive: true, force: true });
});

async function kubeconfig(file: string, port: number): Promise<void> {
  const server = `http://127.0.0.1:${port}`;
  const text = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'u', user: {} }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u', namespace: 'shop' } }],
    'current-context': 'x',
  };
  await writeFile(join(directory, file), JSON.stringify(text));
}

async function call(line: string, file = 'config'): Promise<{ status: number; text: string }> {
  let text = '';
  const write = (more: string): void => void (text += more);
  const status = await run(
    [...line.split(' '), '--kubeconfig', join(directory, file)],
    {
      program: 'breakwater',
      stdout: { write },
      stderr: { write },
      environment: {},
      date: () => new Date(0),
      interrupted: () => new AbortController().signal,
    },
    '1',
  );
  return { status, text };
}

describe('a name on the command line', () => {
  it.each([
    ['status nobody', 'There is no agent nobody in namespace shop.'],
    ['status nobody --watch', 'There is no agent nobody in namespace shop.'],
    ['top nobody', 'There is no agent nobody in namespace shop.'],
    ['security nobody', 'There is no agent nobody in namespace shop.'],
    ['top nobody -A', 'There is no agent nobody in any namespace.'],
    ['trips nobody', 'There is no agent or policy nobody in namespace shop'],
    ['why nobody', 'There is no agent or policy nobody in namespace shop'],
    ['why pod/triage', 'pod is no kind of Breakwater'],
    ['status cbp/triage', 'cbp/triage names no AgentDeployment'],
    ['debug triage --page circuit', 'circuit is no page; write one of state, circuits,'],
  ])('%s fails with the reason', async (line, message) => {
    await expect(call(line)).rejects.toThrow(message);
  });

  it.each(['status agd/triage', 'status agent/triage', 'trips cbp/triage', 'trips triage'])(
    '%s finds it',
    async (line) => {
      expect((await call(line)).text).not.toBe('');
    },
  );

  it('limit cbp/triage changes no policy of another kind', async () => {
    const line = 'limit cbp/triage --rate 1/s --for 1m --timeout 1ms';
    await expect(call(line)).rejects.toThrow('names no RateLimitPolicy');
    expect(changed).toBe(false);
  });

  it.each(['reset arlp/triage', 'open agd/triage --for 1m', 'close limit/triage --for 1m'])(
    '%s changes no policy of another kind',
    async (line) => {
      await expect(call(`${line} --timeout 1ms`)).rejects.toThrow('names no CircuitBreakerPolicy');
      expect(changed).toBe(false);
    },
  );
});

it('status --watch fails where the API server does not answer', async () => {
  const closed = createServer();
  await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
  const { port } = closed.address() as AddressInfo;
  await new Promise((resolve) => closed.close(resolve));
  await kubeconfig('nobody', port);
  await expect(call('status --watch', 'nobody')).rejects.toThrow('Is http://127.0.0.1');
});

it.each(['status --watch', 'console'])('%s says what the user may not list', async (line) => {
  forbidden = true;
  await expect(call(line)).rejects.toThrow('Ask for the cluster role view');
  forbidden = false;
});

it('status --watch lists each kind once', async () => {
  asked = [];
  await expect(call('status nobody --watch')).rejects.toThrow('There is no agent nobody');
  const lists = asked.filter((url) => !url.includes('watch='));
  expect(lists).toHaveLength(4);
});

it('a kubeconfig that is missing or names no context is named', async () => {
  await expect(call('status', 'nowhere')).rejects.toThrow(/There is no kubeconfig at .+nowhere;/);
  await writeFile(join(directory, 'empty'), JSON.stringify({ apiVersion: 'v1', kind: 'Config' }));
  await expect(call('status', 'empty')).rejects.toThrow('empty names no current context');
});

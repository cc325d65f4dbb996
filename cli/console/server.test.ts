import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { request, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { agent } from '../view/fixtures.ts';
import type { World } from '../view/world.ts';
import type { TableChange } from './answers.ts';
import { ConsoleServer } from './server.ts';
import type { Source } from './source.ts';

class FakeSource implements Source {
  now: World = { agents: [agent()], breakers: [], limits: [], pods: [] };
  readonly listeners = new Set<() => void>();
  world = (): World => this.now;
  problem = (): undefined => undefined;
  onChange = (changed: () => void): (() => void) => {
    this.listeners.add(changed);
    return () => void this.listeners.delete(changed);
  };
  figures = () => Promise.resolve([]);
  lines = (_: unknown, id: string) => Promise.resolve([{ pod: 'p', line: id }]);
  changes = (manifest: string) => Promise.resolve({ effects: [manifest] });
}

interface Asked {
  method?: string;
  headers?: Record<string, string>;
  body?: string;
}

const PAGE = { type: 'text/html', body: Buffer.from('<!doctype html>') };

let source: FakeSource;
let server: ConsoleServer;
let url: URL;
let authorization: string;

beforeEach(async () => {
  source = new FakeSource();
  server = new ConsoleServer(source, new Map([['/', PAGE]]));
  url = new URL(await server.listen(0));
  authorization = `Bearer ${new URLSearchParams(url.hash.slice(1)).get('t')}`;
});
afterEach(() => server.close());

async function ask(
  path: string,
  { method = 'GET', headers = { authorization }, body }: Asked = {},
): Promise<{ status: number; body: string; headers: Record<string, unknown> }> {
  const asked = request({ host: '127.0.0.1', port: url.port, path, method, headers });
  asked.end(body);
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    asked.on('response', resolve).on('error', reject);
  });
  return { status: response.statusCode!, body: await text(response), headers: response.headers };
}

describe('the server of the console', () => {
  it('gives the page to anybody on this computer, and data only to those who know its token', async () => {
    expect((await ask('/', { headers: {} })).status).toBe(200);
    const { status, body } = await ask('/api/agents/shop/triage/requests/r1', { headers: {} });
    expect(status).toBe(401);
    expect(body).toContain('Open the address that the command has printed');
    const wrong = { authorization: authorization.replace(/.$/, '!') };
    expect((await ask('/api/table', { headers: wrong })).status).toBe(401);
    const right = await ask('/api/agents/shop/triage/requests/r%2F1');
    expect([right.status, JSON.parse(right.body)]).toEqual([
      200,
      { lines: [{ pod: 'p', text: 'r/1' }] },
    ]);
  });

  it.each([
    ['another host, as after a rebinding of its name', { host: 'evil.example' }, 421],
    ['another port', { host: '127.0.0.1:1' }, 421],
    ['another origin', { origin: 'https://evil.example' }, 403],
    ['no origin of its own', { origin: 'null' }, 403],
  ])('serves no request of %s', async (_case, headers, status) => {
    for (const path of ['/', '/api/agents/shop/triage']) {
      expect((await ask(path, { headers: { authorization, ...headers } })).status).toBe(status);
    }
  });

  it.each(['POST', 'PUT', 'PATCH', 'DELETE'])('takes no %s', async (method) => {
    for (const path of ['/', '/api/table', '/api/agents/shop/triage']) {
      expect((await ask(path, { method })).status).toBe(405);
    }
  });

  it('lets the page load nothing from elsewhere', async () => {
    const { headers } = await ask('/');
    expect(headers['content-security-policy']).toContain("default-src 'none'; script-src 'self'");
    expect(headers['x-content-type-options']).toBe('nosniff');
  });

  it('says what is not there', async () => {
    expect((await ask('/other')).status).toBe(404);
    expect((await ask('/api/other')).status).toBe(404);
    expect((await ask('/api/agents/shop/none')).body).toContain('There is no such agent.');
    expect((await ask('/api/agents/%E0%A4%A/x')).status).toBe(400);
  });

  it('takes an edited manifest of a bounded size', async () => {
    const post = (body: string) => ask('/api/changes', { method: 'POST', body });
    expect(JSON.parse((await post('kind: X')).body)).toMatchObject({ effects: ['kind: X'] });
    expect((await post('x'.repeat(1_600_000))).status).toBe(413);
  });

  it('sends all lines first and changed ones then, and forgets a page that leaves', async () => {
    const abort = new AbortController();
    const { signal } = abort;
    const answer = await fetch(new URL('/api/table', url), { headers: { authorization }, signal });
    const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
    const next = async (): Promise<TableChange> =>
      JSON.parse((await reader.read()).value!) as TableChange;
    expect((await next()).changed.map(({ key }) => key)).toEqual(['shop/triage']);
    const [one] = source.now.agents;
    const other = { ...one!, metadata: { ...one!.metadata, name: 'other' } };
    source.now = { ...source.now, agents: [other] };
    source.listeners.forEach((each) => each());
    const change = await next();
    expect(change.changed.map(({ key }) => key)).toEqual(['shop/other']);
    expect(change.gone).toEqual(['shop/triage']);
    abort.abort();
    await reader.read().catch(() => undefined);
    const deadline = Date.now() + 10_000;
    while (source.listeners.size > 0 && Date.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(source.listeners.size).toBe(0);
  });
});

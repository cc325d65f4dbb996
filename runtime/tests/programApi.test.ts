import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Ajv } from 'ajv';
import { parse } from 'yaml';
import schema from '../../contract/generated/program.schema.json' with { type: 'json' };
import { AUDIT } from '../testing/configuration.ts';
import { PROGRAM_TOKEN, startWithProgram } from '../testing/program.ts';
import type { StartedProgram } from '../testing/program.ts';
import { until } from '../testing/until.ts';
import { MESSAGE, answerJson, fakeEndpoint } from '../testing/upstream.ts';
import type { FakeEndpoint } from '../testing/upstream.ts';

interface Operation {
  responses: Record<string, { content?: Record<string, { schema?: { $ref?: string } }> }>;
}

const METHODS = ['get', 'put', 'post', 'delete'] as const;
const document = parse(
  readFileSync(join(import.meta.dirname, '../../contract/program.openapi.yaml'), 'utf8'),
) as { paths: Record<string, Partial<Record<(typeof METHODS)[number], Operation>>> };

/** A request to each operation of the document that it takes, by method and path. */
const EXAMPLES: Record<string, { path?: string; body?: object; text?: string }> = {
  'put /v1/program': { body: { sdk: 'typescript/0.1.0', instance: 'a1', toolsRevision: 'r1' } },
  'get /v1/lifecycle': {},
  'post /v1/messages': {
    body: { model: 'any', max_tokens: 9, messages: [{ role: 'user', content: 'Hi' }] },
  },
  'post /v1/messages/count_tokens': {
    body: { model: 'any', messages: [{ role: 'user', content: 'Hi' }] },
  },
  'get /v1/models': {},
  'get /v1/models/{model}': { path: '/v1/models/claude' },
  'post /v1/tools/{name}': { path: '/v1/tools/find_order', body: { input: { id: '7' } } },
  'post /v1/tasks': {
    body: {
      tasks: [
        { name: 'lookup', ms: 12.5 },
        { name: 'lookup', ms: 3, error: 'TypeError' },
      ],
      instance: 'a1',
      running: { lookup: 2 },
    },
  },
  'get /v1/performance': {},
  'put /v1/cache/{key}': { path: '/v1/cache/a%2Fb?ttl=60&tier=hot', text: 'bytes' },
  'get /v1/cache/{key}': { path: '/v1/cache/a%2Fb' },
  'get /v1/cache': {},
  'delete /v1/cache/{key}': { path: '/v1/cache/a%2Fb' },
  'delete /v1/cache': {},
  'post /v1/audit': {
    body: {
      events: [{ type: 'DataAccess', actor: 'u1', action: 'order.read', metadata: { id: 7 } }],
    },
  },
  'get /v1/audit': { path: '/v1/audit?actor=u1&type=DataAccess&outcome=Success' },
  'post /v1/incidents': { body: { type: 'DataExfiltration', level: 'High', client: 'u1' } },
  'get /v1/incidents': {},
  'put /v1/health/{name}': { path: '/v1/health/db', body: { state: 'Passing', critical: true } },
  'post /v1/shutdown': { body: { handler: 'db', end: 'Done', ms: 3 } },
};

const ajv = new Ajv({ strict: false, schemas: [schema] });

let model: FakeEndpoint;
let agent: StartedProgram;

beforeAll(async () => {
  model = await fakeEndpoint((response) => answerJson(response, MESSAGE));
  agent = await startWithProgram(model.url, { audit: AUDIT });
  await until(() => agent.runtime.snapshot().program?.tools === 1);
});

afterAll(async () => {
  await agent.stop();
  await model.close();
});

function send(name: string): Promise<Response> {
  const [method = '', path = ''] = name.split(' ');
  const { path: url = path, body, text = JSON.stringify(body) } = EXAMPLES[name]!;
  return agent.local(url, {
    method: method.toUpperCase(),
    ...(text !== undefined && { body: text }),
  });
}

function json(path: string, body: unknown, method = 'POST'): Promise<Response> {
  return agent.local(path, { method, body: JSON.stringify(body) });
}

const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  METHODS.flatMap((method) => (methods[method] ? [`${method} ${path}`] : [])),
);

test('there is an example of each operation', () => {
  expect(Object.keys(EXAMPLES).toSorted()).toEqual(operations.toSorted());
});

describe('each operation answers as the document says', () => {
  test.each(Object.keys(EXAMPLES))('%s', async (name) => {
    const [method, path = ''] = name.split(' ');
    const answer = await send(name);
    const { responses } = document.paths[path]![method as 'get']!;
    const text = await answer.text();
    expect({ status: answer.status, text: answer.ok ? '' : text }).toEqual({
      status: 'default' in responses && '204' in responses ? 204 : 200,
      text: '',
    });
    const { $ref } = responses['200']?.content?.['application/json']?.schema ?? {};
    if ($ref === undefined) return;
    const validate = ajv.getSchema(`program.schema.json#/definitions/${$ref.split('/').at(-1)}`)!;
    void validate(JSON.parse(text));
    expect(validate.errors).toBeNull();
  });
});

describe('each operation refuses a request without the token', () => {
  test.each(Object.keys(EXAMPLES))('%s', async (name) => {
    const [method = '', path = ''] = name.split(' ');
    const url = `${agent.localUrl}${EXAMPLES[name]!.path ?? path}`;
    const answers = await Promise.all([
      fetch(url, { method: method.toUpperCase() }),
      fetch(url, { method: method.toUpperCase(), headers: { 'x-api-key': 'guess' } }),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([401, 401]);
    const body: unknown = await answers[0].json();
    expect(ajv.validate('program.schema.json#/definitions/Error', body)).toBe(true);
  });
});

test('both forms of the token are accepted', async () => {
  const headers = { 'x-api-key': PROGRAM_TOKEN };
  expect((await fetch(`${agent.localUrl}/v1/cache`, { headers })).status).toBe(200);
});

test.each([
  ['PUT', '/v1/program', { sdk: 'typescript', instance: 'a' }, 'body/sdk'],
  ['POST', '/v1/tasks', { tasks: Array(513).fill({ name: 'a', ms: 1 }) }, 'body/tasks'],
  ['POST', '/v1/tasks', { tasks: [{ name: 'a', ms: 1, error: 'no such order: 7' }] }, 'error'],
  ['POST', '/v1/tasks', { tasks: [], hidden: 1 }, 'body/hidden'],
  ['POST', '/v1/audit', { events: [] }, 'body/events'],
  ['POST', '/v1/audit', { events: [{ type: 'Gossip', action: 'a' }] }, 'type'],
  ['POST', '/v1/incidents', { type: 'Bad', level: 'High' }, 'body/type'],
  ['PUT', '/v1/health/no%20name', { state: 'Passing' }, 'name'],
  ['PUT', '/v1/cache/a?ttl=0', {}, 'ttl'],
  ['PUT', '/v1/cache/a?tier=cool', {}, 'tier'],
  ['POST', '/v1/tools/find_order', { id: 7 }, 'input'],
])('%s %s refuses a wrong body, and names what is wrong', async (method, path, body, what) => {
  const answer = await json(path, body, method);
  expect([answer.status, answer.headers.get('x-breakwater-reason')]).toEqual([
    400,
    'InvalidRequest',
  ]);
  expect(await answer.text()).toContain(what);
});

test('a body above 256 KiB is refused, with its length and without', async () => {
  const body = 'x'.repeat(256 * 1024 + 1);
  const stated = await agent.local('/v1/cache/big', { method: 'PUT', body });
  expect(stated.status).toBe(413);
  const chunks = new Blob([body]).stream();
  const init = { method: 'PUT', body: chunks, duplex: 'half' } as RequestInit;
  expect((await agent.local('/v1/cache/big', init)).status).toBe(413);
  const fits = await agent.local('/v1/cache/big', { method: 'PUT', body: body.slice(1) });
  expect(fits.status).toBe(204);
});

test('a value is found again until its ttl is over or it is deleted, and an empty one is a hit', async () => {
  await agent.local('/v1/cache/empty', { method: 'PUT', body: '' });
  const hit = await agent.local('/v1/cache/empty');
  expect([hit.status, await hit.text()]).toEqual([200, '']);
  await agent.local('/v1/cache/empty', { method: 'DELETE' });
  const gone = await agent.local('/v1/cache/empty');
  expect([gone.status, gone.headers.get('x-breakwater-reason')]).toEqual([404, 'NotCached']);
  await agent.local('/v1/cache/short?ttl=0.001', { method: 'PUT', body: 'a' });
  await until(async () => (await agent.local('/v1/cache/short')).status === 404);
});

test("tasks show their figures and the guides' ranking", async () => {
  const tasks = [
    ...[
      { name: 'fast', ms: 10 },
      { name: 'slow', ms: 3000 },
    ],
    { name: 'bad', ms: 10, error: 'KeyError' },
  ];
  await json('/v1/tasks', { tasks });
  const found = (await (await agent.local('/v1/performance')).json()) as {
    tasks: Record<string, object>;
    ranking: { name: string; score: number }[];
  };
  expect(found.tasks['bad']).toMatchObject({
    failures: 1,
    topErrors: [{ type: 'KeyError', count: 1 }],
  });
  const order = found.ranking.filter(({ name }) => ['fast', 'slow', 'bad'].includes(name));
  expect(order.map(({ name }) => name)).toEqual(['fast', 'slow', 'bad']);
  expect(order[1]!.score).toBeCloseTo(1 / 4);
});

test('an event of the program is marked as its own in the audit', async () => {
  await json('/v1/audit', { events: [{ type: 'Configuration', action: 'flag.set' }] });
  const line = agent.audited.find((each) => each.includes('flag.set'));
  expect(JSON.parse(line!)).toMatchObject({
    metadata: { event_code: 'ProgramEvent' },
    actor: { app_name: 'program' },
    unmapped: { program: { type: 'Configuration' } },
  });
});

test('an incident of the program is marked as reported, and holds no text of it', async () => {
  const told = 'text that nobody may see';
  await json('/v1/incidents', { type: 'SessionHijacking', level: 'Critical', client: told });
  const { security } = agent.runtime.snapshot();
  const found = security!.incidents.find(({ type }) => type === 'SessionHijacking');
  expect(found).toMatchObject({ level: 'Critical', form: 'Reported', count: 1 });
  expect(JSON.stringify(security)).not.toContain(told);
});

test('a critical dependency that the program calls failing makes the pod unready', async () => {
  await json('/v1/health/queue', { state: 'Failing', critical: true }, 'PUT');
  const ready = await fetch(`${agent.metricsUrl}/health/ready`);
  expect([ready.status, await ready.text()]).toEqual([
    503,
    expect.stringContaining('program/queue'),
  ]);
  await json('/v1/health/queue', { state: 'Passing', critical: true, ttl: 0.001 }, 'PUT');
  await until(async () => {
    const text = await (await fetch(`${agent.metricsUrl}/health/ready`)).text();
    return text.includes('"Timeout"');
  });
  await json('/v1/health/queue', { state: 'Passing' }, 'PUT');
});

test('the debug pages need the token of the program', async () => {
  expect((await fetch(`${agent.debugUrl}/debug/state`)).status).toBe(401);
  const headers = { authorization: `Bearer ${PROGRAM_TOKEN}` };
  const page = await fetch(`${agent.debugUrl}/debug/program`, { headers });
  expect(await page.json()).toMatchObject({ state: 'Serving', tools: 1 });
});

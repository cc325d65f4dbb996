import { afterEach, describe, expect, it } from '@jest/globals';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SealedEvent } from '../../contract/audit.ts';
import type { Content } from '../../contract/generated/types.ts';
import type { Parts } from '../testing/resolved.ts';
import { send } from '../testing/client.ts';
import { configuration } from '../testing/configuration.ts';
import { CONVERSATION, said } from '../testing/conversation.ts';
import { Cleanups, errorOf, setup } from '../testing/setup.ts';
import type { Setup } from '../testing/setup.ts';
import { until } from '../testing/until.ts';
import { MESSAGE, answerJson, answerStream } from '../testing/upstream.ts';

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

const AUDIT = {
  ...{ stdout: true, memoryEvents: 100, bufferBytes: 1024 * 1024, required: false },
  ...{ authenticationIntervalMs: 3_600_000, argumentsOf: [] },
};

type Clients = NonNullable<Content['auth']>['clients'];
const OWN = { conversations: 'Own', admin: false };

interface Scene extends Setup {
  /** Tools that the model was offered with each call. */
  offered: string[][];
  allow(clients: Clients): void;
  ask(client: string, path: string, body?: object, method?: string): ReturnType<typeof send>;
}

async function scene(content: Parts<Content> = {}, endpoint: object = {}): Promise<Scene> {
  const offered: string[][] = [];
  const of = await setup(cleanups, (response, { body }) => {
    const asked = JSON.parse(body.toString()) as { stream?: boolean; tools?: { name: string }[] };
    offered.push((asked.tools ?? []).map(({ name }) => name));
    if (asked.stream) answerStream(response, said({ text: 'Done.' }));
    else answerJson(response, MESSAGE);
  });
  const path = join(of.agent.directory, 'clients');
  await mkdir(path);
  for (const name of ['alice', 'bob', 'root']) await writeFile(join(path, name), `key of ${name}`);
  let counter = 1;
  const allow = (clients: Clients): void => {
    const auth = {
      type: 'APIKeys',
      apiKeys: { path, secret: 'clients' },
      ...(clients && { clients }),
    };
    const endpoints = [
      { name: 'primary', provider: 'Anthropic', baseURL: of.endpoint.url, ...endpoint },
    ];
    const whole = { auth, audit: AUDIT, ...content, endpoints } as Parts<Content>;
    counter += 1;
    of.agent.runtime.configuration.offerPush(
      1,
      configuration(of.endpoint.url, whole, { term: 1, counter }),
    );
  };
  const ask: Scene['ask'] = (client, route, body, method = 'POST') =>
    send(of.agent.url, {
      ...{ path: route, method },
      headers: { 'x-api-key': `key of ${client}` },
      ...(body && { body: JSON.stringify(body) }),
    });
  return { ...of, offered, allow, ask };
}

const HAIKU = { model: 'claude-haiku-4-5', max_tokens: 10, messages: [] };

describe('the allowance of clients', () => {
  it('is unlimited until the spec bounds it, and changes without a restart', async () => {
    const of = await scene();
    of.allow(undefined);
    expect((await of.ask('alice', '/v1/messages', HAIKU)).status).toBe(200);
    of.allow([
      { name: 'alice', allow: { ...OWN, routes: ['Messages'], models: ['claude-haiku-*'] } },
    ]);
    expect((await of.ask('alice', '/v1/messages', HAIKU)).status).toBe(200);
    const refused = [
      await of.ask('alice', '/v1/messages', { ...HAIKU, model: 'claude-opus-4-1' }),
      await of.ask('alice', '/v1/messages/count_tokens', HAIKU),
      await of.ask('bob', '/v1/messages', HAIKU),
    ];
    expect(refused.map(({ status }) => status)).toEqual([403, 403, 403]);
    expect(refused.map(({ headers }) => headers['x-breakwater-reason'])).toEqual(
      refused.map(() => 'Forbidden'),
    );
    expect(errorOf(refused[0]!)).toEqual({
      type: 'permission_error',
      message: 'This client may not use this model.',
    });
    const ambiguous = await send(of.agent.url, {
      headers: { 'x-api-key': 'key of alice' },
      body: '{"model":"claude-opus-4-1","mod\\u0065l":"claude-haiku-4-5","max_tokens":10}',
    });
    expect([ambiguous.status, errorOf(ambiguous)]).toEqual([
      400,
      { type: 'invalid_request_error', message: 'model: is there twice. Send it once.' },
    ]);
    expect(of.endpoint.seen).toHaveLength(2);
  });

  it('is enforced, recorded in the audit and reported as an incident, without the client’s text', async () => {
    const of = await scene();
    of.allow([{ name: 'alice', allow: { ...OWN, models: ['claude-haiku-*'] } }]);
    await of.ask('alice', '/v1/messages', { ...HAIKU, model: 'ignore all\u001b previous' });
    const found = (type: string): SealedEvent[] =>
      of.agent.audited
        .map((line) => JSON.parse(line) as SealedEvent)
        .filter(({ metadata }) => metadata.event_code === type);
    await until(() => found('RequestMade').length === 1);
    expect(found('AuthorizationDenied')).toMatchObject([
      {
        class_uid: 6003,
        action_id: 2,
        status_code: 'Forbidden',
        severity: 'Medium',
        actor: { user: { uid: 'alice' } },
        resources: [{ type: 'model', name: 'unknown' }],
      },
    ]);
    expect(found('SecurityIncident')).toMatchObject([{ status_code: 'PrivilegeEscalation' }]);
    expect(of.agent.audited.join('')).not.toContain('ignore all');
  });

  it('includes spec.routes for a client with bounds only where it names Provider', async () => {
    const of = await scene({ routes: ['/v1/messages/batches'] });
    const models = ['claude-haiku-*'];
    of.allow([
      { name: 'alice', allow: { ...OWN, models } },
      { name: 'bob', allow: { ...OWN, maxTokens: 10 } },
      { name: 'root', allow: { ...OWN, models, routes: ['Messages', 'Provider'] } },
    ]);
    const batch = {
      requests: [{ custom_id: 'a', params: { ...HAIKU, model: 'claude-opus-4-1' } }],
    };
    const answers = [];
    for (const client of ['alice', 'bob', 'root'])
      answers.push(await of.ask(client, '/v1/messages/batches', batch));
    expect(answers.map(({ status }) => status)).toEqual([403, 403, 200]);
    expect(errorOf(answers[0]!).message).toContain('allow.routes');
    of.allow([{ name: 'alice', allow: OWN }]);
    expect((await of.ask('alice', '/v1/messages/batches', batch)).status).toBe(200);
  });

  it.each(['MODEL', 'Model', 'mode\\u004c', 'max_to\u212aens'])(
    'is not evaded by a member that other servers read as one of those it bounds: %s',
    async (name) => {
      const of = await scene();
      of.allow([{ name: 'alice', allow: { ...OWN, models: ['claude-haiku-*'], maxTokens: 10 } }]);
      const answer = await send(of.agent.url, {
        headers: { 'x-api-key': 'key of alice' },
        body: `{"model":"claude-haiku-4-5","max_tokens":10,"${name}":"claude-opus-4-1"}`,
      });
      expect([answer.status, of.endpoint.seen.length]).toEqual([400, 0]);
      expect(errorOf(answer).message).toMatch(/^(model|max_tokens): /);
    },
  );

  it('bounds tools and answers in conversations, and can include those of other clients', async () => {
    const tool = (name: string): object => ({
      ...{ name, description: name, inputSchema: { type: 'object' } },
      http: {
        ...{ url: 'http://127.0.0.1:1', method: 'GET', headers: [], headersFrom: [] },
        maxResponseBytes: 1000,
      },
    });
    const of = await scene(
      {
        conversation: { ...CONVERSATION, maxTokens: 4096 },
        tools: [tool('look'), tool('erase')],
      },
      { model: 'claude-test' },
    );
    of.allow([
      { name: 'alice', allow: { ...OWN, tools: ['look'], maxTokens: 7 } },
      { name: 'bob', allow: OWN },
      { name: 'root', allow: { conversations: 'Own', admin: true } },
    ]);
    const begun = await of.ask('alice', '/v1/conversations', {});
    const { id } = JSON.parse(begun.body.toString()) as { id: string };
    const path = `/v1/conversations/${id}`;
    await of.ask('alice', `${path}/messages`, { content: 'Go.' });
    expect(of.offered.at(-1)).toEqual(['look']);
    expect(JSON.parse(of.endpoint.seen.at(-1)!.body.toString())).toMatchObject({
      max_tokens: 7,
    });
    expect((await of.ask('bob', path, undefined, 'GET')).status).toBe(404);
    expect((await of.ask('root', path, undefined, 'GET')).status).toBe(200);
    await of.ask('root', `${path}/messages`, { content: 'Go on.' });
    expect(of.offered.at(-1)).toEqual(['look', 'erase']);
  });
});

import { afterEach, describe, expect, it } from '@jest/globals';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SealedEvent } from '../../contract/audit.ts';
import { FIRST_HASH, chainHash, unsealed } from '../../contract/audit.ts';
import type { Content } from '../../contract/generated/types.ts';
import { send } from '../testing/client.ts';
import { AUDIT, TELEMETRY, TOUCHY, configuration } from '../testing/configuration.ts';
import { CONVERSATION, beginConversation, said, say } from '../testing/conversation.ts';
import { ocsfFaults } from '../testing/ocsf/ocsf.ts';
import { Cleanups, setup } from '../testing/setup.ts';
import type { Setup } from '../testing/setup.ts';
import { until } from '../testing/until.ts';
import { MESSAGE, answerJson, answerStream } from '../testing/upstream.ts';

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

type Line = SealedEvent & { stream: string } & Record<string, unknown>;

const linesOf = ({ agent }: Setup): Line[] => agent.audited.map((line) => JSON.parse(line) as Line);
const typesOf = (of: Setup): (string | undefined)[] =>
  linesOf(of).map(({ metadata }) => metadata.event_code);

/** The events of a type, once there are as many. */
async function events(of: Setup, type: string, count = 1): Promise<Line[]> {
  const found = (): Line[] => linesOf(of).filter(({ metadata }) => metadata.event_code === type);
  await until(() => found().length >= count);
  return found();
}

async function configure(of: Setup, content: Partial<Content>, counter: number): Promise<void> {
  const pushed = configuration(of.endpoint.url, content, { term: 1, counter });
  of.agent.runtime.configuration.offerPush(1, pushed);
  await Promise.resolve();
}

async function withKeys(content: Partial<Content> = {}): Promise<Setup> {
  const of = await setup(cleanups, (response) => {
    response.setHeader('request-id', 'req_of_the_endpoint');
    answerJson(response, MESSAGE);
  });
  const path = join(of.agent.directory, 'clients');
  await mkdir(path);
  await writeFile(join(path, 'alice'), 'sesame');
  const auth = { type: 'APIKeys', apiKeys: { path, secret: 'clients' } };
  await configure(of, { auth, audit: AUDIT, ...content }, 2);
  return of;
}

describe('the audit on standard output', () => {
  it('records client, address, usage and result of a request', async () => {
    const of = await withKeys();
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    await send(of.agent.url, { headers: { 'x-api-key': 'sesame', traceparent } });
    const [made] = await events(of, 'RequestMade');
    expect(made).toMatchObject({
      stream: 'audit',
      class_uid: 6003,
      status_id: 1,
      actor: { user: { uid: 'alice', type: 'APIKey' } },
      src_endpoint: { ip: '127.0.0.1' },
      api: { operation: 'messages.create', response: { code: 200 } },
      resources: [{ type: 'model', name: 'claude-test' }],
      ai_model: { name: 'claude-test' },
      message_context: { prompt_tokens: expect.any(Number), completion_tokens: expect.any(Number) },
      trace: { uid: '4bf92f3577b34da6a3ce929d0e0e4736' },
      metadata: { original_event_uid: 'req_of_the_endpoint' },
    });
    expect(JSON.stringify(made)).not.toContain('sesame');
  });

  it('records an accepted client now and then, and a refused one each time', async () => {
    const of = await withKeys();
    for (const key of ['sesame', 'sesame', 'simsim', 'simsim']) {
      await send(of.agent.url, { headers: { 'x-api-key': key } });
    }
    await events(of, 'RequestMade', 4);
    const failed = await events(of, 'AuthenticationFailed', 2);
    expect(await events(of, 'AuthenticationSucceeded')).toHaveLength(1);
    expect(failed).toHaveLength(2);
    expect(failed[0]).toMatchObject({
      class_uid: 3002,
      action_id: 2,
      status_code: 'Unauthorized',
      auth_protocol: 'APIKey',
      src_endpoint: { ip: '127.0.0.1' },
      // Its address, and the id of the key that it showed, which is the same each time.
      user: { uid: expect.stringMatching(/^127\.0\.0\.1\/[0-9a-f]{8}$/) },
    });
    expect(failed[1]!.user).toEqual(failed[0]!.user);
    expect(of.agent.audited.join('')).not.toMatch(/sesame|simsim/);
  });

  it('contains only events that are valid by OCSF, in one chain', async () => {
    const of = await withKeys({ circuits: [TOUCHY] });
    for (const path of ['/v1/messages', '/v1/messages/count_tokens', '/nowhere']) {
      await send(of.agent.url, { path, headers: { 'x-api-key': 'sesame' } });
    }
    await events(of, 'RequestMade', 3);
    let previous = FIRST_HASH;
    for (const [index, { stream, ...event }] of linesOf(of).entries()) {
      expect(stream).toBe('audit');
      expect(ocsfFaults(event)).toEqual([]);
      expect(event.metadata.sequence).toBe(index + 1);
      expect(event.unmapped?.previous_hash).toBe(previous);
      previous = chainHash(previous, unsealed(event));
      expect(event.unmapped?.hash).toBe(previous);
    }
  });

  it('believes x-forwarded-for only from trusted proxies', async () => {
    const of = await withKeys();
    const headers = { 'x-api-key': 'sesame', 'x-forwarded-for': '198.51.100.9, 192.0.2.7' };
    await send(of.agent.url, { headers });
    await configure(of, { audit: AUDIT, trustedProxies: ['127.0.0.0/8', '192.0.2.0/24'] }, 3);
    await send(of.agent.url, { headers });
    const made = await events(of, 'RequestMade', 2);
    expect(made.map(({ src_endpoint: source }) => source?.ip)).toEqual([
      '127.0.0.1',
      '198.51.100.9',
    ]);
  });

  it('records configurations, circuits, overrides and resets', async () => {
    const of = await setup(cleanups, (response) => {
      response.writeHead(500).end();
    });
    const touchy = { ...TOUCHY, resetToken: '1' };
    await configure(of, { audit: AUDIT, circuits: [touchy] }, 2);
    await send(of.agent.url);
    const [opened] = await events(of, 'CircuitOpened');
    expect(opened).toMatchObject({
      actor: { app_name: 'breakwater-runtime' },
      policy: { name: 'touchy' },
      resources: [{ name: 'model/primary' }],
    });
    await configure(of, { audit: AUDIT, circuits: [{ ...touchy, resetToken: '2' }] }, 3);
    await events(of, 'CircuitReset');
    await events(of, 'CircuitClosed');
    const override = { state: 'Open' as const };
    await configure(of, { audit: AUDIT, circuits: [{ ...touchy, override }] }, 4);
    await events(of, 'OverrideSet');
    await configure(of, { audit: AUDIT, circuits: [touchy] }, 5);
    await events(of, 'OverrideLifted');
    of.agent.runtime.configuration.refuse('Link', 'it is wrong', {});
    const [applied] = await events(of, 'ConfigurationApplied');
    expect(applied).toMatchObject({
      activity_name: 'Update',
      actor: { app_name: 'breakwater-operator' },
    });
    const refused = (await events(of, 'ConfigurationApplied', 5)).at(-1);
    expect(refused).toMatchObject({ status_id: 2, status_code: 'Refused' });
  });

  it('records a limit once when it begins to reject, and each rejected request', async () => {
    const limit = {
      ...{ target: 'inbound', policy: 'fair', name: 'each', resource: 'Requests' as const },
      ...{ refill: { amount: 1, perMs: 3_600_000 }, capacity: 1 },
      ...{ maxKeys: 10, onLimit: 'Reject' as const, maxWaitMs: 1, mode: 'Enforce' as const },
      requires: [],
    };
    const of = await setup(cleanups, (response) => answerJson(response, MESSAGE), {
      audit: AUDIT,
      limits: [limit],
    });
    for (let i = 0; i < 3; i += 1) await send(of.agent.url);
    const [hit] = await events(of, 'LimitHit');
    expect(hit).toMatchObject({ action_id: 2, policy: { name: 'fair' } });
    const made = await events(of, 'RequestMade', 3);
    expect(made.map(({ action_id: action }) => action)).toEqual([1, 2, 2]);
    expect(typesOf(of).filter((type) => type === 'LimitHit')).toHaveLength(1);
  });

  it('records conversations and tools, and arguments only if the spec asks for them', async () => {
    let asked = false;
    const of = await setup(cleanups, (response, { url }) => {
      if (url.startsWith('/things')) return answerJson(response, '{"colour":"blue"}');
      const ask = { tools: [{ id: 'u1', name: 'look', input: { id: 'secret-7' } }] };
      answerStream(response, said(asked ? { text: 'blue' } : ask));
      asked = !asked;
    });
    const tool = {
      name: 'look',
      description: 'Looks something up.',
      inputSchema: { type: 'object' },
      maxConcurrent: 10,
      http: {
        url: `${of.endpoint.url}/things/{id}`,
        method: 'GET' as const,
        ...{ headers: [], headersFrom: [], maxResponseBytes: 1000 },
      },
      requires: [],
    };
    const content = {
      conversation: CONVERSATION,
      endpoints: [
        {
          ...{
            name: 'primary',
            provider: 'Anthropic',
            model: 'claude-test',
            priority: 0,
            weight: 1,
          },
          ...{ baseURL: of.endpoint.url, requires: [] },
        },
      ],
      tools: [tool],
      egress: { allowHosts: [], denyPrivateNetworks: false },
    };
    await configure(of, { ...content, audit: AUDIT }, 2);
    const id = await beginConversation(of.agent.url);
    await say(of.agent.url, id, 'what colour has secret-7?');
    const [call] = await events(of, 'ToolCalled');
    expect(call).toMatchObject({
      resources: [{ type: 'tool', name: 'look' }],
      actor: { session: { uid: id } },
    });
    expect(of.agent.audited.join('')).not.toMatch(/secret-7|blue/);
    await configure(of, { ...content, audit: { ...AUDIT, argumentsOf: ['look'] } }, 3);
    await say(of.agent.url, id, 'and again?');
    const [, again] = await events(of, 'ToolCalled', 2);
    expect(again).toMatchObject({ api: { request: { data: '{"id":"secret-7"}' } } });
    await send(of.agent.url, { method: 'DELETE', path: `/v1/conversations/${id}`, body: '' });
    await events(of, 'ConversationErased');
    const idle = await beginConversation(of.agent.url);
    const conversation = { ...CONVERSATION, idleTimeoutMs: 1 };
    await configure(of, { ...content, conversation, audit: AUDIT }, 4);
    await until(async () => {
      const path = `/v1/conversations/${idle}`;
      return (await send(of.agent.url, { method: 'GET', path })).status === 404;
    });
    expect((await events(of, 'ConversationEnded'))[0]).toMatchObject({
      status_code: 'IdleTimeout',
      actor: { app_name: 'breakwater-runtime', session: { uid: idle } },
    });
    expect((await events(of, 'ConversationStarted'))[0]).toMatchObject({
      activity_name: 'Create',
      actor: { session: { uid: id } },
    });
    for (const { stream: _, ...event } of linesOf(of)) expect(ocsfFaults(event)).toEqual([]);
  });

  it('ends with the configuration that turns it off', async () => {
    const of = await withKeys();
    const telemetry = { ...TELEMETRY, logging: { successRatio: 1, levels: {} } };
    await configure(of, { telemetry }, 3);
    await send(of.agent.url);
    await until(() => of.agent.logs.some((line) => line.includes('"route":"/v1/messages"')));
    expect(linesOf(of).at(-1)).toMatchObject({ api: { operation: 'audit.end' } });
    expect(typesOf(of)).not.toContain('RequestMade');
  });
});

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Content } from '../../contract/generated/types.ts';
import { tracingEnvironment } from '../../tracing/settings.ts';
import { send } from '../testing/client.ts';
import { startCollector, treesOf } from '../testing/collector.ts';
import type { Collector } from '../testing/collector.ts';
import { TELEMETRY, TOUCHY, configuration } from '../testing/configuration.ts';
import { CONVERSATION, beginConversation, said } from '../testing/conversation.ts';
import { failoverScene, namedEndpoint, spanCount, tracingTo } from '../testing/failoverScene.ts';
import { startRuntime } from '../testing/runtime.ts';
import type { StartedRuntime } from '../testing/runtime.ts';
import { Cleanups } from '../testing/setup.ts';
import { until } from '../testing/until.ts';
import { MESSAGE, STREAM, answerJson, answerStream, fakeEndpoint } from '../testing/upstream.ts';
import type { FakeEndpoint } from '../testing/upstream.ts';

const cleanups = new Cleanups();
let collector: Collector;
beforeEach(async () => {
  collector = await startCollector();
  cleanups.add(() => collector.close());
});
afterEach(() => cleanups.run());

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';
const SAMPLED = `00-${TRACE}-${PARENT}-01`;
const UNSAMPLED = `00-${TRACE}-${PARENT}-00`;
const PROMPT = 'what the user wrote';
const BODY = JSON.stringify({
  model: 'claude-test',
  max_tokens: 16,
  messages: [{ role: 'user', content: PROMPT }],
});

type Tracing = NonNullable<Content['telemetry']['tracing']>;

/** Spans are sent at once. */
const ENVIRONMENT = tracingEnvironment({ OTEL_BSP_SCHEDULE_DELAY: '10' });

/** The same, to a collector that is not waited for. */
const IMPATIENT = { ...ENVIRONMENT, exportMs: 500 };

const telemetry = (tracing: Partial<Tracing> = {}): Pick<Content, 'telemetry'> =>
  tracingTo(collector.url, tracing);

const spansOf = (wanted: string): Collector['spans'] =>
  collector.spans.filter(({ name }) => name === wanted);

async function endpoint(answer: Parameters<typeof fakeEndpoint>[0]): Promise<FakeEndpoint> {
  const found = await fakeEndpoint(answer);
  cleanups.add(() => found.close());
  return found;
}

async function agentOf(
  content: Partial<Content>,
  environment = ENVIRONMENT,
): Promise<StartedRuntime> {
  const first = content.endpoints?.[0]?.baseURL ?? 'http://127.0.0.1:1';
  const agent = await startRuntime(configuration(first, content), undefined, {
    tracing: environment,
  });
  cleanups.add(() => agent.stop());
  await agent.runtime.tracing.settled();
  return agent;
}

describe('a traced request', () => {
  it('is one tree with its retry, its failover, its tool and its call of MCP', async () => {
    const scene = await failoverScene(cleanups, telemetry(), ENVIRONMENT);
    const { down, spare, service, mcp } = scene;
    const { answer, id } = await scene.ask({
      ...{ traceparent: SAMPLED, tracestate: 'vendor=1', baggage: 'secret=1' },
    });
    expect(answer.status).toBe(200);
    expect(answer.headers['x-breakwater-trace-id']).toBe(TRACE);
    await until(() =>
      collector.spans.some(({ name }) => name.startsWith(`POST ${'/v1/conversations/{'}`)),
    );
    const spans = collector.spans.filter(({ traceId }) => traceId === TRACE);
    const chats = treesOf(spans)[0]?.[1]?.slice(1);
    expect(treesOf(spans)).toHaveLength(1);
    expect(treesOf(spans)[0]!.slice(0, 1)).toEqual(['POST /v1/conversations/{id}/messages']);
    expect(treesOf(spans)[0]![1]!.slice(0, 1)).toEqual(['invoke_agent triage']);
    expect(chats).toEqual([
      ['chat claude-test', ['attempt'], ['attempt'], ['attempt']],
      ['execute_tool look'],
      expect.arrayContaining(['chat claude-test']),
      ['execute_tool stock__count', ['tools/call count']],
      expect.arrayContaining(['chat claude-test']),
    ]);
    const all = spans.filter(({ name }) => name === 'attempt').length;
    const [root] = spans.filter(({ parentSpanId }) => parentSpanId === PARENT);
    expect(root).toMatchObject({
      name: 'POST /v1/conversations/{id}/messages',
      kind: 2,
      attributes: { 'session.id': id, 'gen_ai.conversation.id': id, 'breakwater.attempts': all },
    });
    const chat = spans.find(({ name }) => name === 'chat claude-test')!;
    expect(chat.events).toEqual([
      {
        name: 'breakwater.retry',
        attributes: {
          'breakwater.reason': 'ServerError',
          'breakwater.wait_ms': expect.any(Number),
        },
      },
      {
        name: 'breakwater.fallback',
        attributes: {
          'breakwater.fallback.from': 'model/primary',
          'breakwater.fallback.to': 'model/spare',
          'breakwater.reason': 'ServerError',
        },
      },
    ]);
    const attempts = spans.filter(({ parentSpanId }) => parentSpanId === chat.spanId);
    expect(
      attempts.map(({ attributes, status }) => [attributes['error.type'], status.code]),
    ).toEqual([
      ['ServerError', 2],
      ['ServerError', 2],
      [undefined, expect.anything()],
    ]);
    // Each call names the span that it is made in, and nothing of what the client noted in baggage.
    const parentOf = (headers: Record<string, unknown>): unknown => headers['traceparent'];
    expect(down.seen.map(({ headers }) => parentOf(headers))).toContain(
      `00-${TRACE}-${attempts[0]!.spanId}-01`,
    );
    expect(spare.seen.map(({ headers }) => [headers['tracestate'], headers['baggage']])).toEqual(
      Array(3).fill(['vendor=1', undefined]),
    );
    const tool = spans.find(({ name }) => name === 'execute_tool look')!;
    expect(service.seen.map(({ headers }) => parentOf(headers))).toEqual([
      `00-${TRACE}-${tool.spanId}-01`,
    ]);
    const call = spans.find(({ name }) => name === 'tools/call count')!;
    expect(mcp.metas).toEqual([
      expect.objectContaining({
        traceparent: `00-${TRACE}-${call.spanId}-01`,
        tracestate: 'vendor=1',
      }),
    ]);
    expect(JSON.stringify(collector.spans)).not.toContain('Hello');
  });

  it('has the attributes of the convention on the call of the model', async () => {
    const model = await endpoint((response) => answerStream(response, STREAM));
    const agent = await agentOf({ endpoints: [namedEndpoint(model, 'primary')], ...telemetry() });
    const stream = JSON.stringify({ ...(JSON.parse(BODY) as object), stream: true });
    await send(agent.url, { body: stream, headers: { 'x-claude-code-session-id': 's-1' } });
    await until(() => collector.spans.length === 3);
    const chat = collector.spans.find(({ name }) => name === 'chat claude-test')!;
    expect(chat.kind).toBe(3);
    expect(chat.attributes).toEqual({
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': 'anthropic',
      'gen_ai.request.model': 'claude-test',
      'gen_ai.request.stream': true,
      'gen_ai.request.max_tokens': 16,
      'gen_ai.response.model': 'claude-test',
      'gen_ai.response.id': 'msg_1',
      'gen_ai.response.finish_reasons': ['end_turn'],
      'gen_ai.response.time_to_first_chunk': expect.any(Number),
      'gen_ai.usage.input_tokens': 3,
      'gen_ai.usage.output_tokens': 1,
      'server.address': '127.0.0.1',
      'server.port': Number(new URL(model.url).port),
    });
    expect(collector.spans.find(({ kind }) => kind === 2)!.attributes).toMatchObject({
      'http.route': '/v1/messages',
      'http.response.status_code': 200,
      'session.id': 's-1',
    });
    expect(collector.resource).toMatchObject({
      'service.name': 'triage',
      'service.namespace': 'default',
      'k8s.pod.name': 'triage-0',
    });
  });

  it('holds prompt and answer only where the configuration says Full', async () => {
    const model = await endpoint((response, { body }) =>
      body.includes('"stream":true') ? answerStream(response) : answerJson(response, MESSAGE),
    );
    const agent = await agentOf({
      endpoints: [namedEndpoint(model, 'primary')],
      ...telemetry({ content: 'Full' }),
    });
    await send(agent.url, { body: BODY });
    await send(agent.url, {
      body: JSON.stringify({ ...(JSON.parse(BODY) as object), stream: true }),
    });
    await until(() => collector.spans.length === 6);
    const said = JSON.stringify([
      { role: 'assistant', parts: [{ type: 'text', content: 'Hello' }], finish_reason: 'end_turn' },
    ]);
    for (const chat of collector.spans.filter(({ name }) => name === 'chat claude-test')) {
      expect(chat.attributes).toMatchObject({
        'gen_ai.input.messages': JSON.stringify([
          { role: 'user', parts: [{ type: 'text', content: PROMPT }] },
        ]),
        'gen_ai.output.messages': said,
      });
    }
  });

  it('has its id in the answer if it is refused, and its span names the reason', async () => {
    const model = await endpoint((response) => answerJson(response, MESSAGE));
    const agent = await agentOf({ endpoints: [namedEndpoint(model, 'primary')], ...telemetry() });
    const answer = await send(agent.url, { body: 'no JSON', headers: { traceparent: SAMPLED } });
    expect([answer.status, answer.headers['x-breakwater-trace-id']]).toEqual([400, TRACE]);
    await until(() => collector.spans.length === 1);
    expect(collector.spans[0]!.attributes).toMatchObject({
      'breakwater.reason': 'InvalidRequest',
      'breakwater.request.id': answer.headers['request-id'],
      'http.response.status_code': 400,
    });
  });
});

describe('the event of a fallback', () => {
  it('says that the circuit of the preferred endpoint is open', async () => {
    const down = await endpoint((response) => void response.writeHead(500).end('{}'));
    const spare = await endpoint((response) => answerJson(response, MESSAGE));
    const agent = await agentOf({
      endpoints: [namedEndpoint(down, 'primary'), namedEndpoint(spare, 'spare', 1)],
      circuits: [TOUCHY],
      ...telemetry(),
    });
    for (let i = 0; i < 2; i += 1) expect((await send(agent.url)).status).toBe(200);
    await until(() => spansOf('chat claude-test').length === 2);
    const reasons = spansOf('chat claude-test').flatMap(({ events }) =>
      events.map(({ name, attributes }) => [name, attributes['breakwater.reason']]),
    );
    expect(reasons).toEqual([
      ['breakwater.fallback', 'ServerError'],
      ['breakwater.fallback', 'CircuitBreakerOpen'],
    ]);
    expect(down.seen).toHaveLength(1);
  });
});

describe('the client in a trace', () => {
  it('is a hash, or its name if the configuration says Plain, without a restart', async () => {
    const path = await mkdtemp(join(tmpdir(), 'clients-'));
    cleanups.add(() => rm(path, { recursive: true }));
    await writeFile(join(path, 'alice'), 'sesame');
    const auth = { type: 'APIKeys', apiKeys: { path, secret: 'clients' } };
    const model = await endpoint((response) => answerJson(response, MESSAGE));
    const endpoints = [namedEndpoint(model, 'primary')];
    const agent = await agentOf({ endpoints, auth, ...telemetry() });
    await send(agent.url, { headers: { 'x-api-key': 'sesame' } });
    const plain = tracingTo(collector.url, {}, { userId: 'Plain' });
    agent.runtime.configuration.offerPush(
      1,
      configuration(model.url, { endpoints, auth, ...plain }, { term: 1, counter: 2 }),
    );
    await send(agent.url, { headers: { 'x-api-key': 'sesame' } });
    await until(() => spansOf('POST /v1/messages').length === 2);
    const [hashed, named] = spansOf('POST /v1/messages').map((span) => span.attributes['user.id']);
    expect([hashed, named]).toEqual([expect.stringMatching(/^[0-9a-f]{16}$/), 'alice']);
  });
});

describe('baggage of a client', () => {
  it.each([
    ['with tracing', () => collector.url],
    ['without', () => undefined],
  ])('%s goes to endpoints only if the configuration says so, without a restart', async (_, to) => {
    const url = to();
    const telemetryOf = (baggage: string): Pick<Content, 'telemetry'> => ({
      telemetry:
        url === undefined ? { ...TELEMETRY, baggage } : tracingTo(url, {}, { baggage }).telemetry,
    });
    const model = await endpoint((response) => answerStream(response, said({ text: 'Done.' })));
    const endpoints = [namedEndpoint(model, 'primary')];
    const shared = { endpoints, conversation: CONVERSATION };
    const agent = await agentOf({ ...shared, ...telemetryOf('Drop') });
    const headers = { baggage: 'tenant=a' };
    let counter = 1;
    for (const baggage of ['Drop', 'Forward', 'Drop']) {
      counter += 1;
      const next = configuration(
        model.url,
        { ...shared, ...telemetryOf(baggage) },
        { term: 1, counter },
      );
      agent.runtime.configuration.offerPush(1, next);
      const id = await beginConversation(agent.url);
      await send(agent.url, { headers });
      await send(agent.url, {
        ...{ path: `/v1/conversations/${id}/messages`, headers },
        body: JSON.stringify({ content: 'Hello' }),
      });
    }
    expect(model.seen.map((request) => request.headers['baggage'])).toEqual([
      ...[undefined, undefined],
      ...['tenant=a', 'tenant=a'],
      ...[undefined, undefined],
    ]);
  });
});

describe('a request that is not sampled', () => {
  it.each([
    ['the client says so', { ratio: 1 }, UNSAMPLED, false],
    [
      'the ratio says so and the client may not decide',
      { ratio: 0, parentBased: false },
      SAMPLED,
      false,
    ],
    ['nobody says so', { ratio: 0 }, SAMPLED, true],
  ])('when %s', async (_name, tracing, traceparent, kept) => {
    const model = await endpoint((response) => answerJson(response, MESSAGE));
    const agent = await agentOf({
      endpoints: [namedEndpoint(model, 'primary')],
      ...telemetry(tracing),
    });
    const answer = await send(agent.url, { headers: { traceparent } });
    expect(answer.headers['x-breakwater-trace-id']).toBe(TRACE);
    const passed = String(model.seen[0]!.headers['traceparent']);
    expect(passed).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-0${kept ? 1 : 0}$`));
    expect(passed).not.toContain(PARENT);
    await agent.runtime.tracing.flush();
    expect(collector.spans.length > 0).toBe(kept);
  });
});

describe('without tracing', () => {
  it('the trace context of the client passes unchanged, and its baggage goes to no provider', async () => {
    const model = await endpoint((response) => answerJson(response, MESSAGE));
    const agent = await agentOf({ endpoints: [namedEndpoint(model, 'primary')] });
    await send(agent.url, { headers: { traceparent: SAMPLED, baggage: 'secret=1' } });
    const { headers } = model.seen[0]!;
    expect([headers['traceparent'], headers['baggage']]).toEqual([SAMPLED, undefined]);
  });
});

describe('tracing', () => {
  it('is turned on, moved and off while requests go on', async () => {
    const model = await endpoint((response) => answerJson(response, MESSAGE));
    const endpoints = [namedEndpoint(model, 'primary')];
    const agent = await agentOf({ endpoints });
    const other = await startCollector();
    cleanups.add(() => other.close());
    let counter = 1;
    const apply = async (content: Partial<Content>): Promise<void> => {
      counter += 1;
      const next = configuration(model.url, { endpoints, ...content }, { term: 1, counter });
      agent.runtime.configuration.offerPush(1, next);
      await agent.runtime.tracing.settled();
    };
    await send(agent.url);
    await apply(telemetry());
    await send(agent.url);
    await apply(telemetry({ endpoint: `${other.url}/` }));
    await until(() => collector.spans.length === 3);
    await send(agent.url);
    await until(() => other.spans.length === 3);
    await apply({});
    expect((await send(agent.url)).headers['x-breakwater-trace-id']).toBeUndefined();
    await agent.runtime.tracing.flush();
    expect([collector.spans.length, other.spans.length]).toEqual([3, 3]);
  });

  it('is turned on by the variables of OpenTelemetry, unless the configuration names a collector', async () => {
    const model = await endpoint((response) => answerJson(response, MESSAGE));
    const variables = {
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1',
      OTEL_SERVICE_NAME: 'renamed',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=prod,k8s.cluster.name=a%20b',
      OTEL_BSP_SCHEDULE_DELAY: '10',
      OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
      OTEL_TRACES_SAMPLER_ARG: '0.5',
    };
    const environment = tracingEnvironment(variables);
    expect(environment).toMatchObject({ endpoint: true, ratio: 0.5, parentBased: true });
    const agent = await agentOf(
      { endpoints: [namedEndpoint(model, 'primary')], ...telemetry() },
      environment,
    );
    await send(agent.url);
    await until(() => collector.spans.length === 3);
    expect(collector.resource).toMatchObject({
      'service.name': 'renamed',
      'deployment.environment.name': 'prod',
      'k8s.cluster.name': 'a b',
    });
    expect(tracingEnvironment({ ...variables, OTEL_SDK_DISABLED: 'true' }).disabled).toBe(true);
  });

  it('sends the header values that are mounted at that time', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'headers-'));
    cleanups.add(() => rm(directory, { recursive: true }));
    const path = join(directory, 'token');
    await writeFile(path, 'sesame\n');
    const credential = { path, secret: 'collector', key: 'token' };
    const model = await endpoint((response) => answerJson(response, MESSAGE));
    const agent = await agentOf({
      endpoints: [namedEndpoint(model, 'primary')],
      ...telemetry({ headersFrom: [{ name: 'Authorization', prefix: 'Bearer ', credential }] }),
    });
    await send(agent.url);
    await until(() => collector.headers.length > 0);
    expect(collector.headers[0]).toMatchObject({
      authorization: 'Bearer sesame',
      'content-type': 'application/x-protobuf',
    });
  });
});

describe('a collector', () => {
  it.each([
    ['gone', () => undefined, 'http://127.0.0.1:1'],
    [
      'full',
      (response: { writeHead(status: number): { end(): void } }) => response.writeHead(400).end(),
      undefined,
    ],
  ])(
    'that is %s costs spans, which are counted, and no request',
    async (_name, answer, url) => {
      const unwilling = await startCollector(answer);
      cleanups.add(() => unwilling.close());
      const model = await endpoint((response) => answerJson(response, MESSAGE));
      const content = {
        endpoints: [namedEndpoint(model, 'primary')],
        ...telemetry({ endpoint: url ?? unwilling.url }),
      };
      const agent = await agentOf(content, IMPATIENT);
      expect((await send(agent.url)).status).toBe(200);
      await until(async () => (await spanCount(agent, 'export_failed')) === 3);
    },
    20_000,
  );

  it('that is slow costs spans once its queue is full, and no request', async () => {
    const stuck = await startCollector(() => undefined);
    cleanups.add(() => stuck.close());
    const model = await endpoint((response) => answerJson(response, MESSAGE));
    const environment = tracingEnvironment({
      ...{ OTEL_BSP_SCHEDULE_DELAY: '1', OTEL_BSP_MAX_QUEUE_SIZE: '5' },
      ...{ OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '1', OTEL_EXPORTER_OTLP_TIMEOUT: '500' },
    });
    const agent = await agentOf(
      { endpoints: [namedEndpoint(model, 'primary')], ...telemetry({ endpoint: stuck.url }) },
      environment,
    );
    for (let i = 0; i < 5; i += 1) expect((await send(agent.url)).status).toBe(200);
    await until(async () => (await spanCount(agent, 'queue_full')) > 0);
  });
});

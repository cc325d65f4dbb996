import { afterEach, describe, expect, it } from '@jest/globals';
import type { Endpoint } from '../../contract/generated/types.ts';
import { send } from '../testing/client.ts';
import type { Answer } from '../testing/client.ts';
import { TOUCHY } from '../testing/configuration.ts';
import { fine, startPool, status, streaming } from '../testing/pool.ts';
import type { Behaviour, Part, Pool } from '../testing/pool.ts';
import { Cleanups } from '../testing/setup.ts';
import { STREAM, answerStream, sse } from '../testing/upstream.ts';

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

const MODELS = [{ name: 'claude-opus-5', as: 'eu.anthropic.claude-opus-5' }];
const bedrock = (does: Behaviour = fine, rest: Partial<Part> = {}): Part => ({
  ...{ name: 'bedrock', provider: 'Bedrock', region: 'eu-central-1', key: 'of-agent', does },
  ...{ models: MODELS, betas: { accept: [], others: 'PassOver' }, ...rest },
});
const vertex = (rest: Partial<Endpoint> = {}): Part => ({
  ...{ name: 'vertex', provider: 'Vertex', region: 'europe-west1', project: 'p-1', key: 'ya29' },
  ...{ credentialScheme: 'Bearer', does: fine, ...rest },
});
const spare = (does: Behaviour = fine): Part => ({ name: 'spare', priority: 1, does });

function ask(
  { agent }: Pool,
  body: object = {},
  headers: Record<string, string> = {},
  path?: string,
): Promise<Answer> {
  const asked = { model: 'claude-opus-5', max_tokens: 5, messages: [], ...body };
  return send(agent.url, { body: JSON.stringify(asked), headers, ...(path && { path }) });
}

const refusing =
  (code: number, answer: unknown, headers: Record<string, string> = {}): Behaviour =>
  (response) =>
    response
      .writeHead(code, { 'content-type': 'application/json', ...headers })
      .end(JSON.stringify(answer));

const error = ({ body }: Answer): unknown =>
  (JSON.parse(body.toString()) as { error: unknown }).error;

describe('a request to Bedrock', () => {
  it('names the model as Bedrock does, and carries the agent’s key and no header of clouds from the client', async () => {
    const pool = await startPool(cleanups, [bedrock(), spare()]);
    const headers = {
      authorization: 'Bearer client',
      'x-amz-date': '1',
      'X-Goog-User-Project': 'x',
      'x-app': 'cli',
    };
    expect((await ask(pool, {}, headers, '/v1/messages?beta=true')).status).toBe(200);
    const [seen] = pool.endpoints['bedrock']!.seen;
    expect(seen).toMatchObject({
      url: '/v1/messages?beta=true',
      headers: { 'x-api-key': 'of-agent', 'x-app': 'cli' },
    });
    const dropped = ['authorization', 'x-amz-date', 'x-goog-user-project'];
    expect(dropped.filter((name) => name in seen!.headers)).toEqual([]);
    expect(seen!.body.toString()).toBe(
      '{"model":"eu.anthropic.claude-opus-5","max_tokens":5,"messages":[]}',
    );
  });

  it('loses a user that is JSON, and keeps another', async () => {
    const pool = await startPool(cleanups, [bedrock()]);
    await ask(pool, { metadata: { user_id: '{"device":"a"}' } });
    await ask(pool, { metadata: { user_id: 'ada' } });
    const [odd, plain] = pool.endpoints['bedrock']!.seen.map(({ body }) => body.toString());
    expect(odd).toContain('"metadata":{}');
    expect(plain).toContain('"metadata":{"user_id":"ada"}');
  });

  it('streams its answer unchanged', async () => {
    const pool = await startPool(cleanups, [bedrock(streaming)]);
    const { status: code, body } = await ask(pool, { stream: true });
    expect([code, body.toString()]).toEqual([200, STREAM.join('')]);
  });
});

describe('an endpoint that cannot take a request is passed over', () => {
  const counted = async ({ agent }: Pool): Promise<string[]> => {
    const text = await agent.runtime.metrics.registry.metrics();
    return text.match(/^endpoint_passed_over_total\{.*$/gm) ?? [];
  };

  it('for a model that it lacks', async () => {
    const pool = await startPool(cleanups, [bedrock(), spare()]);
    expect((await ask(pool, { model: 'claude-haiku-5' })).status).toBe(200);
    expect(pool.seen()).toEqual({ bedrock: 0, spare: 1 });
    expect(await counted(pool)).toEqual([
      'endpoint_passed_over_total{name="model/bedrock",reason="Model"} 1',
    ]);
    expect(pool.circuits()['model/bedrock']).toBe('Closed');
  });

  it('for a route that it lacks', async () => {
    const pool = await startPool(cleanups, [bedrock(), spare()]);
    await ask(pool, {}, {}, '/v1/messages/count_tokens');
    await send(pool.agent.url, { method: 'GET', path: '/v1/models' });
    expect(pool.seen()).toEqual({ bedrock: 0, spare: 2 });
  });

  it('for a body that is too large for it', async () => {
    const pool = await startPool(cleanups, [bedrock(), spare()]);
    await ask(pool, { system: 'x'.repeat(20 * 1024 * 1024) });
    expect(pool.seen()).toEqual({ bedrock: 0, spare: 1 });
  });

  it('for a beta that it lacks, while another one serves', async () => {
    const does = { now: fine };
    const pool = await startPool(cleanups, [
      bedrock(fine, { betas: { accept: ['known'], others: 'PassOver' } }),
      spare((response) => does.now(response)),
    ]);
    await ask(pool, {}, { 'anthropic-beta': 'known' });
    await ask(pool, {}, { 'anthropic-beta': 'known, other' });
    expect(pool.seen()).toEqual({ bedrock: 1, spare: 1 });
    does.now = status(529);
    expect((await ask(pool, {}, { 'anthropic-beta': 'other' })).status).toBe(200);
    expect(pool.endpoints['bedrock']!.seen[1]!.headers['anthropic-beta']).toBe('other');
  });

  it('but loses betas or keeps them, where its fields say so', async () => {
    const names = ['Drop', 'Send'] as const;
    const sent = names.map(async (others) => {
      const pool = await startPool(cleanups, [
        bedrock(fine, { betas: { accept: ['known'], others } }),
        spare(),
      ]);
      await ask(pool, {}, { 'anthropic-beta': 'other,known' });
      await ask(pool, {}, { 'anthropic-beta': 'other' });
      return pool.endpoints['bedrock']!.seen.map(({ headers }) => headers['anthropic-beta']);
    });
    expect(await Promise.all(sent)).toEqual([
      ['known', undefined],
      ['other,known', 'other'],
    ]);
  });

  it('and the client hears why, where none can take it', async () => {
    const pool = await startPool(cleanups, [bedrock()]);
    const answers = [
      await ask(pool, { model: 'claude-haiku-5' }),
      await ask(pool, {}, {}, '/v1/messages/count_tokens'),
      await ask(pool, { system: 'x'.repeat(20 * 1024 * 1024) }),
    ];
    expect(
      answers.map((answer) => [answer.status, (error(answer) as { type: string }).type]),
    ).toEqual([
      [404, 'not_found_error'],
      [404, 'not_found_error'],
      [413, 'request_too_large'],
    ]);
    expect(answers[0]!.body.toString()).toContain('no endpoint of the agent serves');
    expect(pool.seen()).toEqual({ bedrock: 0 });
  });
});

const ARN = 'arn:aws:iam::123456789012:role/agent';

describe('an error of a cloud', () => {
  it.each<[string, Behaviour, number, object]>([
    [
      'a refused role',
      refusing(403, { message: `${ARN} is not authorized` }),
      403,
      { type: 'permission_error', message: 'The provider refuses the credentials of the agent.' },
    ],
    [
      'a limit',
      refusing(429, [{ error: { status: 'RESOURCE_EXHAUSTED', message: ARN } }]),
      429,
      { type: 'rate_limit_error', message: 'The provider limits the rate of requests.' },
    ],
    [
      'a model that starts',
      refusing(429, { message: ARN }, { 'x-amzn-errortype': 'ModelNotReadyException' }),
      529,
      { type: 'overloaded_error', message: 'The model is overloaded.' },
    ],
    [
      'a failure',
      refusing(424, { message: ARN }),
      500,
      { type: 'api_error', message: 'The provider failed.' },
    ],
    [
      'a mistake of the client',
      refusing(400, { message: 'messages: Field required' }),
      400,
      { type: 'invalid_request_error', message: 'messages: Field required' },
    ],
    [
      'a prompt',
      refusing(400, { message: 'Input is too long for requested model.' }),
      400,
      {
        type: 'invalid_request_error',
        message: 'prompt is too long: Input is too long for requested model.',
      },
    ],
  ])(
    'has the shape of the client’s protocol and no name of the account: %s',
    async (_name, does, code, expected) => {
      const pool = await startPool(cleanups, [bedrock(does)], {
        retry: {
          ...{ maxAttempts: 1, baseDelayMs: 1, maxDelayMs: 1 },
          ...{ budgetPercent: 0, minPerSecond: 0 },
        },
      });
      const answer = await ask(pool);
      expect([answer.status, error(answer)]).toEqual([code, expected]);
      expect(answer.body.toString()).not.toContain('arn:');
    },
  );

  it('in a stream shows no text either, before its content or after', async () => {
    const failed = sse('error', { error: { type: 'api_error', message: ARN } });
    const early = await startPool(cleanups, [
      bedrock((response) => answerStream(response, [failed])),
    ]);
    const late = await startPool(cleanups, [
      bedrock((response) => answerStream(response, [...STREAM.slice(0, 4), failed])),
    ]);
    const answers = [await ask(early, { stream: true }), await ask(late, { stream: true })];
    for (const { body } of answers) {
      expect(body.toString()).toContain('event: error');
      expect(body.toString()).not.toContain('arn:');
    }
  });

  it.each([
    [
      'a model that is not enabled',
      403,
      `You don't have access to the model with the specified model ID.`,
    ],
    ['a beta', 400, 'invalid beta flag'],
    ['a missing profile', 400, `Invocation of model ID with on-demand throughput isn’t supported`],
  ])('moves the request without a vote: %s', async (_name, code, message) => {
    const pool = await startPool(cleanups, [
      bedrock(refusing(code, { message }), { circuit: TOUCHY }),
      spare(),
    ]);
    expect((await ask(pool)).status).toBe(200);
    expect(pool.seen()).toEqual({ bedrock: 1, spare: 1 });
    expect(pool.agent.runtime.guard.circuits()[0]).toMatchObject({ state: 'Closed' });
  });
});

describe('a request to Vertex', () => {
  it('has the model in the path and the version in the body', async () => {
    const pool = await startPool(cleanups, [vertex()]);
    await ask(
      pool,
      { stream: false },
      { 'anthropic-version': '2023-06-01', 'x-api-key': 'client' },
      '/v1/messages?beta=true',
    );
    await ask(pool, { stream: true }, { 'anthropic-version': '2026-10-21' });
    await ask(pool, {}, {}, '/v1/messages/count_tokens');
    const { seen } = pool.endpoints['vertex']!;
    const models = '/v1/projects/p-1/locations/europe-west1/publishers/anthropic/models';
    expect(seen.map(({ url, body }) => [url, body.toString()])).toEqual([
      [
        `${models}/claude-opus-5:rawPredict`,
        '{"anthropic_version":"vertex-2023-10-16","max_tokens":5,"messages":[],"stream":false}',
      ],
      [
        `${models}/claude-opus-5:streamRawPredict`,
        '{"anthropic_version":"2026-10-21","max_tokens":5,"messages":[],"stream":true}',
      ],
      [
        `${models}/count-tokens:rawPredict`,
        '{"anthropic_version":"vertex-2023-10-16","model":"claude-opus-5","max_tokens":5,"messages":[]}',
      ],
    ]);
    expect(seen[0]!.headers).toMatchObject({ authorization: 'Bearer ya29' });
    expect(seen[0]!.headers).not.toHaveProperty('x-api-key');
  });

  it.each(['../../x', 'a/b', 'a:b', ''])(
    'is not made for the model %j, which is no part of a path',
    async (model) => {
      const pool = await startPool(cleanups, [vertex()]);
      expect((await ask(pool, { model })).status).toBe(404);
      expect(pool.seen()).toEqual({ vertex: 0 });
    },
  );

  it('lowers max_tokens as elsewhere', async () => {
    const pool = await startPool(cleanups, [
      vertex({ maxTokens: 3, model: 'claude-opus-5@20260101' }),
    ]);
    await ask(pool);
    const [seen] = pool.endpoints['vertex']!.seen;
    expect(seen!.body.toString()).toContain('"max_tokens":3');
    expect(seen!.url).toContain('/claude-opus-5@20260101:rawPredict');
  });
});

it('the Claude Platform at AWS gets the workspace of the endpoint, not of the client', async () => {
  const platform: Part = {
    name: 'platform',
    provider: 'ClaudePlatformAWS',
    region: 'us-east-1',
    workspace: 'wrkspc_1',
    key: 'k',
    does: fine,
  };
  const pool = await startPool(cleanups, [platform]);
  await ask(pool, {}, { 'anthropic-workspace-id': 'wrkspc_2' });
  expect(pool.endpoints['platform']!.seen[0]!.headers['anthropic-workspace-id']).toBe('wrkspc_1');
});

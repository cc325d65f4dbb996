import { afterEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Content } from '../../contract/generated/types.ts';
import { send } from '../testing/client.ts';
import { configuration } from '../testing/configuration.ts';
import {
  CONVERSATION,
  beginConversation,
  eventsOf,
  json,
  said,
  say,
} from '../testing/conversation.ts';
import { startCollector, treesOf } from '../testing/collector.ts';
import type { ReceivedSpan } from '../testing/collector.ts';
import { tracingTo } from '../testing/failoverScene.ts';
import { RealRedis } from '../testing/redis.ts';
import { startRuntime } from '../testing/runtime.ts';
import type { StartedRuntime } from '../testing/runtime.ts';
import { Cleanups } from '../testing/setup.ts';
import { until } from '../testing/until.ts';
import { answerStream, fakeEndpoint } from '../testing/upstream.ts';
import type { FakeEndpoint } from '../testing/upstream.ts';
import type { Parts } from '../testing/resolved.ts';

// Three pods, a model and their clients share one process.
const BRIEF = { endpointLagMs: 0, drainTimeoutMs: 100, handlerTimeoutMs: 10_000 };

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

interface Fleet {
  pods: StartedRuntime[];
  model: FakeEndpoint;
  /** What DNS knows of. */
  listed: Set<string>;
  /** Has the model answer nobody, until it is told to resume. */
  hold(): void;
  resume(): void;
  /** Ends a pod as a node that fails does. */
  kill(index: number): Promise<void>;
}

/** Pods of one agent, as if they had addresses of their own. The model tells how many messages it was given. */
/** Fields of conversations, and the Redis that keeps them. Default: the memory of pods. */
type Store = Partial<NonNullable<Content['conversation']>> & Pick<Content, 'redis'>;

async function fleet(
  count: number,
  { redis, ...conversation }: Store = {},
  content: Parts<Content> = {},
): Promise<Fleet> {
  let held = false;
  const waiting: (() => void)[] = [];
  const model = await fakeEndpoint((response, { body }) => {
    const { messages } = JSON.parse(body.toString()) as { messages: unknown[] };
    const answer = (): void => answerStream(response, said({ text: String(messages.length) }));
    if (held) waiting.push(answer);
    else answer();
  });
  cleanups.add(() => model.close());
  const places = new Map<string, string>();
  const listed = new Set<string>();
  const endpoints = [
    { name: 'primary', provider: 'Anthropic', baseURL: model.url, model: 'claude-test' },
  ];
  const whole = configuration(model.url, {
    endpoints,
    ...(redis && { redis }),
    conversation: {
      ...CONVERSATION,
      ...{ peers: 'triage-headless.default.svc', store: redis ? 'Redis' : 'Memory' },
      ...conversation,
    },
    ...content,
  });
  const pods: StartedRuntime[] = [];
  for (let i = 0; i < count; i += 1) {
    const self = `10.0.0.${i + 1}`;
    const pod = await startRuntime(whole, undefined, {
      peers: {
        self,
        resolve: () => Promise.resolve([...listed]),
        locate: (address) => places.get(address) ?? '127.0.0.1:1',
      },
    });
    cleanups.add(() => pod.stop());
    places.set(self, new URL(pod.url).host);
    listed.add(self);
    pods.push(pod);
  }
  const kill = async (index: number): Promise<void> => {
    await pods[index]!.stop();
    listed.delete(`10.0.0.${index + 1}`);
  };
  const hold = (): void => {
    held = true;
  };
  const resume = (): void => {
    held = false;
    for (const answer of waiting.splice(0)) answer();
  };
  return { pods, model, listed, hold, resume, kill };
}

const textOf = (answer: Awaited<ReturnType<typeof say>>): string =>
  json<{ content: { text: string }[] }>(answer).content[0]!.text;

/** Conversations that go on, each message on a connection of its own to whichever pod comes next. */
async function carryOn(
  { pods }: Fleet,
  conversations: number,
  messages: number,
): Promise<Record<string, number>> {
  const outcomes: Record<string, number> = {};
  const one = async (first: number): Promise<void> => {
    const id = await beginConversation(pods[first % pods.length]!.url);
    for (let i = 0; i < messages; i += 1) {
      const answer = await say(pods[(first + i) % pods.length]!.url, id, `message ${i}`);
      const good = answer.status === 200 && textOf(answer) === String(2 * i + 1);
      const outcome = good ? 'good' : String(answer.status);
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: conversations }, (_, i) => one(i)));
  return outcomes;
}

/** The clients alice and bob, whose keys are their names. */
async function twoClients(): Promise<NonNullable<Content['auth']>> {
  const path = await mkdtemp(join(tmpdir(), 'clients-'));
  cleanups.add(() => rm(path, { recursive: true }));
  for (const name of ['alice', 'bob']) await writeFile(join(path, name), name);
  return { type: 'APIKeys', apiKeys: { path, secret: 'clients' } };
}

/** What a conversation of alice's answers bob, and then her, through each pod. */
async function triedByTheOther(pods: StartedRuntime[]): Promise<unknown[]> {
  const path = '/v1/conversations';
  const alice = { 'x-api-key': 'alice' };
  const begun = await send(pods[0]!.url, { path, body: '', headers: alice });
  const { id } = json<{ id: string }>(begun);
  const told: unknown[] = [];
  for (const key of ['bob', 'alice']) {
    const headers = { 'x-api-key': key };
    for (const { url } of pods) {
      const at = { path: `${path}/${id}`, body: '', headers };
      const read = await send(url, { ...at, method: 'GET' });
      const spoken = await say(url, id, 'Hello', { headers });
      const deleted = key === 'bob' ? [await send(url, { ...at, method: 'DELETE' })] : [];
      for (const { status, headers: answered } of [read, spoken, ...deleted])
        told.push([status, answered['x-breakwater-reason']]);
    }
  }
  return told;
}

const NOT_FOUND = [404, 'ConversationNotFound'];
const GOOD = [200, undefined];
const REFUSED_FIRST = [...Array.from({ length: 6 }, () => NOT_FOUND), GOOD, GOOD, GOOD, GOOD];

describe('conversations in memory', () => {
  it('continue in any of three pods: 20 of them, 10 messages each', async () => {
    const all = await fleet(3);
    expect(await carryOn(all, 20, 10)).toEqual({ good: 200 });
  });

  it('are forwarded as streams, with the credentials of the client', async () => {
    const { pods, model } = await fleet(2);
    const id = await beginConversation(pods[0]!.url);
    const answer = await say(pods[1]!.url, id, 'Hello', {
      stream: true,
      headers: { 'x-api-key': 'mine' },
    });
    expect(eventsOf(answer).map(({ type }) => type)).toEqual(['turn_start', 'text', 'turn_end']);
    expect(model.seen[0]!.headers['x-api-key']).toBe('mine');
  });

  it('need a key that both the asked pod and the owner accept', async () => {
    const path = await mkdtemp(join(tmpdir(), 'clients-'));
    cleanups.add(() => rm(path, { recursive: true }));
    await writeFile(join(path, 'shop'), 'key-of-the-shop\n');
    const auth = { type: 'APIKeys', apiKeys: { path, secret: 'clients' } };
    const { pods } = await fleet(2, {}, { auth });
    const shop = { 'x-api-key': 'key-of-the-shop' };
    const begun = await send(pods[0]!.url, {
      path: '/v1/conversations',
      body: '',
      headers: shop,
    });
    const { id } = json<{ id: string }>(begun);
    const forwarded = { 'x-breakwater-forwarded': '1' };
    const statuses = [
      await say(pods[1]!.url, id, 'Hello', { headers: shop }),
      await say(pods[1]!.url, id, 'Hello'),
      await say(pods[0]!.url, id, 'Hello', { headers: forwarded }),
      await say(pods[0]!.url, id, 'Hello', { headers: { ...forwarded, ...shop } }),
    ].map(({ status }) => status);
    expect(statuses).toEqual([200, 401, 401, 200]);
  });

  it('are visible only to the client that began them, through any pod', async () => {
    const { pods } = await fleet(2, {}, { auth: await twoClients() });
    expect(await triedByTheOther(pods)).toEqual(REFUSED_FIRST);
  });

  it('are read and deleted through any pod', async () => {
    const { pods } = await fleet(2);
    const path = `/v1/conversations/${await beginConversation(pods[0]!.url)}`;
    expect((await send(pods[1]!.url, { method: 'GET', path, body: '' })).status).toBe(200);
    expect((await send(pods[1]!.url, { method: 'DELETE', path, body: '' })).status).toBe(204);
    expect((await send(pods[0]!.url, { method: 'GET', path, body: '' })).status).toBe(404);
  });

  it.each([
    ['the pod is gone', true],
    ['DNS still lists the pod that is gone', false],
  ])('are lost when %s, and the answer says so', async (_why, delisted) => {
    const all = await fleet(2);
    const id = await beginConversation(all.pods[0]!.url);
    await say(all.pods[1]!.url, id, 'Hello');
    await all.kill(0);
    if (!delisted) all.listed.add('10.0.0.1');
    const answer = await say(all.pods[1]!.url, id, 'Hello?');
    expect([answer.status, answer.headers['x-breakwater-reason']]).toEqual([
      410,
      'ConversationLost',
    ]);
  });

  it('are never looked for at an address without a pod of the agent', async () => {
    const stranger = await fakeEndpoint((response) => void response.end('{}'));
    cleanups.add(() => stranger.close());
    const other = await fleet(3);
    const id = await beginConversation(other.pods[2]!.url);
    other.listed.delete('10.0.0.3');
    const answer = await say(other.pods[0]!.url, id, 'Hello');
    expect([answer.status, answer.headers['x-breakwater-reason']]).toEqual([
      410,
      'ConversationLost',
    ]);
    expect(other.model.seen).toHaveLength(0);
  });

  it('with invented ids are limited before they are forwarded, and real ones cost nothing in the asked pod', async () => {
    const limit = {
      ...{ target: 'inbound', policy: 'few', name: 'each', resource: 'Requests' as const },
      ...{ refill: { amount: 1, perMs: 3_600_000 }, capacity: 3 },
    };
    const { pods } = await fleet(2, {}, { limits: [limit] as unknown as Content['limits'] });
    const [front, owner] = pods;
    const id = await beginConversation(owner!.url);
    const read = async (which: string): Promise<number> =>
      (await send(front!.url, { method: 'GET', path: `/v1/conversations/${which}`, body: '' }))
        .status;
    for (let i = 0; i < 5; i += 1) expect(await read(id)).toBe(200);
    // The same pod as the owner, and a conversation that it never had.
    const madeUp = id.slice(0, -1) + (id.endsWith('A') ? 'Q' : 'A');
    const statuses: number[] = [];
    for (let i = 0; i < 5; i += 1) statuses.push(await read(madeUp));
    expect(statuses).toEqual([404, 404, 404, 429, 429]);
  });

  it('are not forwarded twice', async () => {
    const { pods } = await fleet(2);
    const id = await beginConversation(pods[0]!.url);
    const answer = await say(pods[1]!.url, id, 'Hello', {
      headers: { 'x-breakwater-forwarded': '1' },
    });
    expect(answer.status).toBe(410);
  });
});

describe('a traced message', () => {
  const route = 'POST /v1/conversations/{id}/messages';

  async function traced(conversation: Store): Promise<{
    asked: (from: StartedRuntime, id: string) => Promise<ReceivedSpan[]>;
    pods: StartedRuntime[];
  }> {
    const collector = await startCollector();
    cleanups.add(() => collector.close());
    const { pods } = await fleet(2, conversation, tracingTo(collector.url));
    for (const { runtime } of pods) await runtime.tracing.settled();
    const asked = async (from: StartedRuntime, id: string): Promise<ReceivedSpan[]> => {
      const answer = await say(from.url, id, 'Hello');
      expect(answer.status).toBe(200);
      for (const { runtime } of pods) await runtime.tracing.flush();
      const { 'x-breakwater-trace-id': trace } = answer.headers;
      return collector.spans.filter(({ traceId }) => traceId === trace);
    };
    return { asked, pods };
  }

  it('that another pod answers is one tree across both', async () => {
    const { asked, pods } = await traced({});
    const id = await beginConversation(pods[0]!.url);
    expect(treesOf(await asked(pods[1]!, id))).toEqual([
      [route, [route, ['invoke_agent triage', ['chat claude-test', ['attempt']]]]],
    ]);
  });

  it('names each of its commands to Redis', async () => {
    const redis = await RealRedis.start();
    cleanups.add(() => redis.stop());
    const { asked, pods } = await traced({ redis: { url: redis.url } });
    const id = await beginConversation(pods[0]!.url);
    const spans = await asked(pods[1]!, id);
    const [tree] = treesOf(spans);
    expect(tree!.filter((part) => String(part[0]).startsWith('EVAL'))).toEqual([
      ['EVAL take'],
      ['EVAL release'],
    ]);
    expect(spans.find(({ name }) => name === 'EVAL take')).toMatchObject({
      kind: 3,
      attributes: {
        'db.system.name': 'redis',
        'db.operation.name': 'EVAL',
        'db.stored_procedure.name': 'take',
        'server.address': '127.0.0.1',
        'server.port': redis.port,
      },
    });
    await redis.stop();
    const failed = await send(pods[0]!.url, { path: `/v1/conversations/${id}`, method: 'GET' });
    expect([failed.status, failed.headers['x-breakwater-trace-id']]).toEqual([
      503,
      expect.stringMatching(/^[0-9a-f]{32}$/),
    ]);
  });
});

describe('conversations in Redis', () => {
  async function redisFleet(
    count: number,
    password?: string,
  ): Promise<Fleet & { redis: RealRedis }> {
    const redis = await RealRedis.start(password);
    cleanups.add(() => redis.stop());
    return { ...(await fleet(count, { redis: { url: redis.url } })), redis };
  }

  it('continue in every pod: 20 of them, 10 messages each', async () => {
    const all = await redisFleet(3);
    expect(await carryOn(all, 20, 10)).toEqual({ good: 200 });
    expect(await all.redis.keys()).toHaveLength(20);
  });

  it('are visible only to the client that began them, whose name is not stored', async () => {
    const redis = await RealRedis.start();
    cleanups.add(() => redis.stop());
    const auth = await twoClients();
    const { pods } = await fleet(2, { redis: { url: redis.url } }, { auth });
    expect(await triedByTheOther(pods)).toEqual(REFUSED_FIRST);
    expect((await redis.keys()).join()).not.toContain('alice');
  });

  it('survive the pod in which they began', async () => {
    const all = await redisFleet(2);
    const id = await beginConversation(all.pods[0]!.url);
    await say(all.pods[0]!.url, id, 'Hello');
    await all.kill(0);
    expect(textOf(await say(all.pods[1]!.url, id, 'Still there?'))).toBe('3');
  });

  it('are stored before a stopping pod ends, even if its drain was too short', async () => {
    const redis = await RealRedis.start();
    cleanups.add(() => redis.stop());
    const all = await fleet(2, { redis: { url: redis.url } }, { shutdown: BRIEF });
    const id = await beginConversation(all.pods[0]!.url);
    await say(all.pods[0]!.url, id, 'Hello');
    all.hold();
    const cut = say(all.pods[0]!.url, id, 'Think about it');
    await until(() => all.model.seen.length === 2);
    await all.pods[0]!.runtime.shutdown();
    expect((await cut).status).not.toBe(200);
    all.resume();
    expect(textOf(await say(all.pods[1]!.url, id, 'Still there?'))).toBe('3');
    const line = all.pods[0]!.logs.find((each) => each.includes('"handler":"conversations"'));
    expect(line).toContain('Shutdown handler is done');
  });

  it('take one message at a time, over all pods', async () => {
    const all = await redisFleet(2);
    const id = await beginConversation(all.pods[0]!.url);
    const answers = await Promise.all([0, 1, 0, 1].map((i) => say(all.pods[i]!.url, id, 'Hello')));
    const statuses = answers.map(({ status }) => status);
    expect(statuses).toContain(200);
    expect(statuses.every((status) => status === 200 || status === 409)).toBe(true);
    expect(await all.redis.keys()).toHaveLength(1);
  });

  it('stay in memory where the store is Memory, although the agent has a Redis', async () => {
    const redis = await RealRedis.start();
    cleanups.add(() => redis.stop());
    const all = await fleet(1, { redis: { url: redis.url }, store: 'Memory' });
    expect(await carryOn(all, 1, 2)).toEqual({ good: 2 });
    expect(await redis.keys()).toEqual([]);
  });

  it('are deleted through any pod, and expire', async () => {
    const all = await redisFleet(2);
    const path = `/v1/conversations/${await beginConversation(all.pods[0]!.url)}`;
    expect((await send(all.pods[1]!.url, { method: 'DELETE', path, body: '' })).status).toBe(204);
    expect((await send(all.pods[0]!.url, { method: 'GET', path, body: '' })).status).toBe(404);
    const brief = await fleet(1, { redis: { url: all.redis.url }, idleTimeoutMs: 100 });
    await beginConversation(brief.pods[0]!.url);
    await until(async () => (await all.redis.keys()).length === 0);
  });

  it('are stored by a turn that ends while Redis hangs, and not answered twice', async () => {
    const redis = await RealRedis.start();
    cleanups.add(() => redis.stop());
    const timeouts = { connectMs: 1000, requestMs: 20_000, streamMs: 60_000 };
    const all = await fleet(2, { redis: { url: redis.url } }, { timeouts });
    const [pod, other] = all.pods;
    const id = await beginConversation(pod!.url);
    all.hold();
    const turn = say(pod!.url, id, 'Book it');
    await until(() => all.model.seen.length === 1);
    redis.pause();
    all.resume();
    const tries = (): number =>
      pod!.logs.filter((line) => line.includes('Connection to Redis starts anew')).length;
    await until(() => tries() >= 2);
    redis.unpause();
    const answer = await turn;
    expect([answer.status, textOf(answer)]).toEqual([200, '1']);
    expect(textOf(await say(other!.url, id, 'Is it booked?'))).toBe('3');
    expect(all.model.seen).toHaveLength(2);
  });

  it('tell a turn that another one has overtaken', async () => {
    const all = await redisFleet(2);
    const [pod, other] = all.pods;
    const id = await beginConversation(pod!.url);
    all.hold();
    const overtaken = say(pod!.url, id, 'Slow');
    await until(() => all.model.seen.length === 1);
    const lease = (await all.redis.keys()).find((key) => key.endsWith(':turn'));
    // As after a pause of the whole pod for longer than a lease.
    await all.redis.command('DEL', lease!);
    all.resume();
    const answer = await overtaken;
    expect([answer.status, answer.headers['x-breakwater-reason']]).toEqual([
      409,
      'ConversationOvertaken',
    ]);
    expect(answer.headers['x-should-retry']).toBe('false');
    expect(textOf(await say(other!.url, id, 'And now?'))).toBe('1');
  });

  it('are unavailable as long as Redis is', async () => {
    const all = await redisFleet(1);
    await beginConversation(all.pods[0]!.url);
    await all.redis.stop();
    const answer = await send(all.pods[0]!.url, { path: '/v1/conversations', body: '' });
    expect([answer.status, answer.headers['x-breakwater-reason']]).toEqual([
      503,
      'StoreUnavailable',
    ]);
    await all.redis.resume();
    await until(async () => {
      const { status } = await send(all.pods[0]!.url, { path: '/v1/conversations', body: '' });
      return status === 201;
    });
  });

  it('are stored with a password from a Secret', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'redis-'));
    cleanups.add(() => rm(directory, { recursive: true }));
    const path = join(directory, 'password');
    await writeFile(path, 'sesame\n');
    const redis = await RealRedis.start('sesame');
    cleanups.add(() => redis.stop());
    const password = { path, secret: 'redis', key: 'password' };
    const all = await fleet(1, { redis: { url: redis.url, password } });
    expect(
      textOf(await say(all.pods[0]!.url, await beginConversation(all.pods[0]!.url), 'Hi')),
    ).toBe('1');
  });
});

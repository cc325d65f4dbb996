import { afterEach, describe, expect, it } from '@jest/globals';
import type { ClientRequest, ServerResponse } from 'node:http';
import type { Content, Limit } from '../../contract/generated/types.ts';
import { open, send } from '../testing/client.ts';
import { TOUCHY, configuration } from '../testing/configuration.ts';
import { startRuntime } from '../testing/runtime.ts';
import { Cleanups, circuit, failures, setup } from '../testing/setup.ts';
import type { Setup } from '../testing/setup.ts';
import { until } from '../testing/until.ts';
import {
  MESSAGE,
  STREAM,
  answerJson,
  answerStream,
  fakeEndpoint,
  sse,
} from '../testing/upstream.ts';
import { limitOf } from '../testing/guardFixture.ts';
import type { Parts } from '../testing/resolved.ts';

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

type Respond = (response: ServerResponse) => void;

/** Tokens that a request reserves, and that its answer takes if it is whole. */
const MAX_TOKENS = 50;
const CAPACITY = 1000;
const RETRY = {
  maxAttempts: 3,
  baseDelayMs: 1,
  maxDelayMs: 5000,
  budgetPercent: 100,
  minPerSecond: 1,
};
const TIMEOUTS = { connectMs: 1000, requestMs: 20_000, streamMs: 3_600_000 };

/** What is to be seen of one request, as docs/on-call.md has it. */
interface Row {
  what: string;
  answer: Respond;
  stream?: boolean;
  content?: Parts<Content>;
  /** Status of the client's answer. */
  status: number;
  /** x-breakwater-reason, where the answer is ours. */
  reason?: string;
  /** Event error at the end of a stream that had begun. */
  brokenOff?: boolean;
  /** Attempts at the endpoint. */
  attempts: number;
  /** Failures that the circuit counted, by class. */
  failures: Record<string, number>;
  gate?: string;
  /** Requests and output tokens that are not given back. */
  charged: [requests: number, output: number];
}

const status =
  (code: number, headers: Record<string, string> = {}, type = 'api_error', details?: unknown) =>
  (response: ServerResponse): void => {
    response.writeHead(code, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify({ type: 'error', error: { type, message: 'no', details } }));
  };
const spent = { error_code: 'enforced_spend_limit_reached' };
const begun =
  (...events: string[]): Respond =>
  (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(events.join(''));
  };
/** Fails once and is well from then on. */
const once = (first: Respond): Respond => {
  let rest: Respond = first;
  return (response) => {
    rest(response);
    rest = (next) => answerJson(next, MESSAGE);
  };
};
const stopped = (stop_reason: string): Respond[] => [
  (response) => answerJson(response, { ...MESSAGE, stop_reason }),
  (response) =>
    answerStream(response, [
      ...STREAM.slice(0, -2),
      sse('message_delta', { delta: { stop_reason }, usage: { output_tokens: 1 } }),
      STREAM.at(-1)!,
    ]),
];
const error = (type: string): string => sse('error', { error: { type, message: 'o' } });
/** With tokens that the bytes show: 5 bytes are 2 tokens. */
const HEAD = STREAM.slice(0, 5);

const IGNORED = { attempts: 1, failures: {} };
const statuses = (codes: number[], row: Omit<Row, 'what' | 'answer' | 'status'>): Row[] =>
  codes.map((code) => ({ what: `status ${code}`, answer: status(code), status: code, ...row }));

const ROWS: Row[] = [
  ...statuses([400, 403, 404, 413, 422], { ...IGNORED, charged: [1, 0] }),
  ...statuses([401], { ...IGNORED, charged: [1, 0] }),
  ...statuses([402], { ...IGNORED, gate: 'SpendLimit', charged: [1, 0] }),
  {
    what: '400 with a spend limit',
    answer: status(400, {}, 'invalid_request_error', spent),
    status: 400,
    ...IGNORED,
    gate: 'SpendLimit',
    charged: [1, 0],
  },
  {
    what: '429 with a spend limit',
    answer: status(429, {}, 'rate_limit_error', spent),
    status: 429,
    ...IGNORED,
    gate: 'SpendLimit',
    charged: [0, 0],
  },
  {
    what: '429 with a retry-after that does not fit, and nothing left',
    answer: status(429, {
      'retry-after': '3600',
      'anthropic-ratelimit-requests-remaining': '0',
    }),
    status: 429,
    ...IGNORED,
    gate: 'RateLimited',
    charged: [0, 0],
  },
  {
    what: '429 with a retry-after that fits',
    answer: once(status(429, { 'retry-after-ms': '2' })),
    status: 200,
    attempts: 2,
    failures: {},
    charged: [1, 1],
  },
  {
    what: '429 without one',
    answer: status(429),
    status: 429,
    attempts: 3,
    failures: {},
    charged: [0, 0],
  },
  {
    what: '429 where RateLimited is a failure',
    answer: status(429, { 'retry-after': '3600' }),
    content: {
      circuits: [
        {
          dependency: 'model/primary',
          policy: 'p',
          trip: { consecutiveFailures: 100 },
          abandonedAfterMs: 60_000,
          failureOn: ['RateLimited'],
          recovery: { rampUpMs: 0 },
          mode: 'Enforce',
          requires: [],
          openDurationMs: 1000,
          maxOpenDurationMs: 1000,
          halfOpen: { maxProbes: 1, successThreshold: 1, queueTimeoutMs: 0 },
        },
      ],
    },
    status: 429,
    attempts: 1,
    failures: { RateLimited: 1 },
    charged: [0, 0],
  },
  ...statuses([408, 409], { attempts: 2, failures: {}, charged: [0, 0] }),
  ...statuses([500, 501, 502, 503, 504, 520, 521, 522, 523, 524, 525, 526, 527], {
    attempts: 3,
    failures: { ServerError: 3 },
    charged: [0, 0],
  }),
  ...statuses([529], { attempts: 2, failures: { Overloaded: 2 }, charged: [0, 0] }),
  {
    what: 'a connection that breaks',
    answer: (response) => response.destroy(),
    status: 502,
    reason: 'UpstreamUnreachable',
    attempts: 3,
    failures: { Connection: 3 },
    charged: [0, 0],
  },
  {
    what: 'a body that is not the protocol',
    answer: (response) => answerJson(response, { hello: 1 }),
    status: 502,
    reason: 'InvalidResponse',
    attempts: 3,
    failures: { InvalidResponse: 3 },
    charged: [3, 0],
  },
  {
    what: 'a body where a stream was asked for',
    answer: (response) => answerJson(response, MESSAGE),
    stream: true,
    status: 200,
    ...IGNORED,
    charged: [1, 1],
  },
  {
    what: 'a stream without any event',
    answer: (response) => answerStream(response, []),
    stream: true,
    status: 502,
    reason: 'InvalidResponse',
    attempts: 3,
    failures: { InvalidResponse: 3 },
    charged: [3, 0],
  },
  {
    what: 'a stream that ends without message_stop',
    answer: (response) => answerStream(response, HEAD),
    stream: true,
    status: 200,
    brokenOff: true,
    attempts: 1,
    failures: { InvalidResponse: 1 },
    charged: [1, 2],
  },
  {
    what: 'a stream that begins with overloaded_error',
    answer: (response) => answerStream(response, [sse('ping'), error('overloaded_error')]),
    stream: true,
    status: 200,
    brokenOff: true,
    attempts: 2,
    failures: { Overloaded: 2 },
    charged: [0, 0],
  },
  {
    what: 'an overloaded_error later in a stream',
    answer: (response) => answerStream(response, [...HEAD, error('overloaded_error')]),
    stream: true,
    status: 200,
    brokenOff: true,
    attempts: 1,
    failures: { Overloaded: 1 },
    charged: [1, 2],
  },
  {
    what: 'a stream that begins with rate_limit_error',
    answer: (response) => answerStream(response, [error('rate_limit_error')]),
    stream: true,
    status: 200,
    brokenOff: true,
    attempts: 3,
    failures: {},
    charged: [0, 0],
  },
  {
    what: 'no first token in time',
    answer: begun(sse('ping')),
    stream: true,
    content: { timeouts: { ...TIMEOUTS, firstTokenMs: 80 } },
    status: 504,
    reason: 'Timeout',
    attempts: 3,
    failures: { Timeout: 3 },
    charged: [3, 0],
  },
  {
    what: 'a stream that stalls',
    answer: begun(...HEAD),
    stream: true,
    content: { timeouts: { ...TIMEOUTS, streamIdleMs: 80 } },
    status: 200,
    brokenOff: true,
    attempts: 1,
    failures: { Timeout: 1 },
    charged: [1, 2],
  },
  {
    what: 'a stream without bytes before its content',
    answer: begun(...HEAD.slice(0, 1)),
    stream: true,
    content: { timeouts: { ...TIMEOUTS, transportIdleMs: 80 } },
    status: 504,
    reason: 'Timeout',
    attempts: 3,
    failures: { Timeout: 3 },
    charged: [3, 0],
  },
  {
    what: 'no answer before the deadline',
    answer: () => undefined,
    content: { timeouts: { ...TIMEOUTS, requestMs: 500 } },
    status: 504,
    reason: 'Timeout',
    attempts: 1,
    failures: { Timeout: 1 },
    charged: [1, 0],
  },
  ...['refusal', 'max_tokens', 'pause_turn'].flatMap((stop): Row[] =>
    stopped(stop).map((answer, i) => ({
      what: `stop reason ${stop}${i === 0 ? '' : ' of a stream'}`,
      answer,
      stream: i === 1,
      status: 200,
      ...IGNORED,
      charged: [1, 1],
    })),
  ),
];

function limit(resource: string): Limit {
  const refill = { amount: 1, perMs: 3_600_000 };
  const target = 'model/primary';
  return limitOf({ target, policy: 'p', name: resource, resource, refill, capacity: CAPACITY });
}

const LIMITS = [limit('Requests'), limit('OutputTokens')];

/** What is missing in the buckets: requests and output tokens. */
function charged({ agent }: Setup): number[] {
  return agent.runtime.guard.stats().limits.map(({ tokens }) => CAPACITY - Math.floor(tokens));
}

async function start(answer: Respond, content: Parts<Content> = {}): Promise<Setup> {
  const context = await setup(cleanups, answer, { retry: RETRY, limits: LIMITS, ...content });
  // The endpoint's own key, because no other one closes gates for everybody.
  await context.agent.mount('api-key', 'mounted\n');
  const { runtime, directory } = context.agent;
  const credential = { path: `${directory}/api-key`, secret: 's', key: 'api-key' };
  const { endpoints, ...rest } = runtime.configuration.configuration!.content;
  runtime.configuration.offerPush(1, {
    revision: { term: 1, counter: 2 },
    hash: `sha256:${'0'.repeat(64)}`,
    content: { ...rest, endpoints: endpoints.map((each) => ({ ...each, credential })) },
  });
  return context;
}

const body = (stream: boolean): string =>
  JSON.stringify({ model: 'm', max_tokens: MAX_TOKENS, stream, messages: [] });

/** A request for a stream, and what has come of it so far. */
function listen({ agent }: Setup): { request: ClientRequest; received: () => string } {
  const chunks: string[] = [];
  const request = open(agent.url, {});
  request.on('error', () => undefined);
  request.on('response', (response) => {
    response.on('error', () => undefined);
    response.on('data', (chunk: Buffer) => chunks.push(chunk.toString()));
  });
  request.end(body(true));
  return { request, received: () => chunks.join('') };
}

describe('a call', () => {
  it.each(ROWS)('$what', async (row) => {
    const context = await start(row.answer, row.content);
    const answer = await send(context.agent.url, { body: body(row.stream ?? false) });
    expect(answer.status).toBe(row.status);
    expect(answer.headers['x-breakwater-reason']).toBe(row.reason);
    expect(answer.body.toString().includes('event: error')).toBe(row.brokenOff ?? false);
    expect(context.endpoint.seen).toHaveLength(row.attempts);
    const { guard } = context.agent.runtime;
    await until(() => guard.stats().circuits[0]!.inFlight === 0);
    expect(failures(context)).toEqual(row.failures);
    expect(guard.gates()[0]!.gate).toBe(row.gate ?? 'None');
    expect(charged(context)).toEqual(row.charged);
  });

  it.each([
    ['at a closed port', 'http://127.0.0.1:1'],
    ['under a name that is not there', 'http://model.invalid'],
    ['without TLS', 'TLS'],
  ])('to an endpoint %s is a failure of the connection, and is refunded', async (_name, url) => {
    const plain = await fakeEndpoint((response) => answerJson(response, MESSAGE));
    cleanups.add(() => plain.close());
    const baseURL = url === 'TLS' ? plain.url.replace('http:', 'https:') : url;
    const agent = await startRuntime(configuration(baseURL, { retry: RETRY, limits: LIMITS }));
    cleanups.add(() => agent.stop());
    const answer = await send(agent.url, { body: body(false) });
    expect([answer.status, answer.headers['x-breakwater-reason']]).toEqual([
      502,
      'UpstreamUnreachable',
    ]);
    expect(failures({ agent, endpoint: plain })).toEqual({ Connection: 3 });
    expect(charged({ agent, endpoint: plain })).toEqual([0, 0]);
  });

  it.each([
    ['the first token', { firstTokenMs: 80 }, [sse('ping')]],
    ['the next bytes', { streamIdleMs: 80 }, HEAD],
    ['the first bytes of content', { transportIdleMs: 80 }, HEAD.slice(0, 1)],
    ['the whole answer', { requestMs: 120 }, [sse('ping')]],
  ])('counts as slow if the runtime gave up waiting for %s', async (_name, timeouts, events) => {
    const slowCalls = { percent: 100, slowerThanMs: 60_000, calls: 10, minimumCalls: 1 };
    const context = await start(begun(...events), {
      timeouts: { ...TIMEOUTS, ...timeouts },
      circuits: [{ ...TOUCHY, trip: { slowCalls } }],
      retry: { ...RETRY, maxAttempts: 1 },
    });
    await send(context.agent.url, { body: body(true) });
    await until(() => circuit(context) === 'Open');
  });

  it.each([
    ['before an answer', [] as string[], [1, 0]],
    ['in the middle of one', HEAD, [1, 2]],
  ])('whose client goes away %s', async (_name, events, cost) => {
    const context = await start((response) => {
      if (events.length > 0) begun(...events)(response);
    });
    const { request, received } = listen(context);
    await until(() => context.endpoint.seen.length === 1);
    await until(() => received() === events.join(''));
    request.destroy();
    const { guard } = context.agent.runtime;
    await until(() => guard.stats().circuits[0]!.inFlight === 0);
    expect(failures(context)).toEqual({});
    expect(charged(context)).toEqual(cost);
  });

  it('is never recorded if a limit rejects it', async () => {
    const context = await start((response) => answerJson(response, MESSAGE), {
      limits: [{ ...limit('Requests'), capacity: 1 }],
    });
    await send(context.agent.url, { body: body(false) });
    const answer = await send(context.agent.url, { body: body(false) });
    expect([answer.status, answer.headers['x-breakwater-reason']]).toEqual([429, 'RateLimited']);
    expect(context.endpoint.seen).toHaveLength(1);
    expect(failures(context)).toEqual({});
  });

  it('is ignored if a drain cuts it', async () => {
    const context = await start(begun(...HEAD), {
      shutdown: { endpointLagMs: 0, drainTimeoutMs: 50 },
    });
    const { guard } = context.agent.runtime;
    const { received } = listen(context);
    await until(() => received() === HEAD.join(''));
    await context.agent.runtime.shutdown();
    await until(() => guard.stats().circuits[0]!.inFlight === 0);
    expect(failures(context)).toEqual({});
    expect(charged(context)).toEqual([1, 2]);
  });
});

import { describe, expect, it } from '@jest/globals';
import { gzipSync } from 'node:zlib';
import type { Limit } from '../../contract/generated/types.ts';
import { FakeClock } from '../testing/fakeClock.ts';
import { Guard } from '../guard/guard.ts';
import { ByteBudget } from '../resilience/byteBudget.ts';
import { RetryBudgets } from '../resilience/retryBudget.ts';
import { configuration } from '../testing/configuration.ts';
import { sse } from '../testing/upstream.ts';
import type { Sink } from './attempt/attempt.ts';
import { ModelCaller } from './caller.ts';
import { Credentials } from '../mounts/credentials.ts';
import { TokenEstimator } from '../protocols/usage.ts';
import { anthropicMessages } from '../protocols/anthropicMessages.ts';
import { requestSize } from '../protocols/anthropicRequest.ts';
import { Cut } from '../errors/fault.ts';
import { Pool } from './pool/pool.ts';
import type { UpstreamBody, UpstreamResponse } from './transport/upstream.ts';
import { limitOf } from '../testing/guardFixture.ts';

/** Numbers that are the same in every run (mulberry32). */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

/** What the buckets are to be charged. */
interface Charge {
  requests: number;
  input: number;
  output: number;
  total: number;
}

/** A charge of which both figures are known. */
function charge(requests: number, input = 0, output = 0): Charge {
  return { requests, input, output, total: input + output };
}

type Ending = 'Whole' | 'Abort' | 'Break' | 'Short' | 'Overloaded' | 'Status' | 'Unreachable';
const ENDINGS: Ending[] = [
  'Whole',
  'Whole',
  'Whole',
  'Abort',
  'Break',
  'Short',
  'Overloaded',
  'Status',
  'Unreachable',
];

interface Case {
  body: Buffer;
  maxTokens: number;
  ending: Ending;
  status: number;
  /** Events before the ending. */
  events: { type: string; data: Record<string, unknown>; text: number }[];
  gzip: boolean;
}

function randomCase(below: (n: number) => number): Case {
  const maybe = <T>(value: T, percent = 70): T | undefined =>
    below(100) < percent ? value : undefined;
  const events: Case['events'] = [];
  const add = (type: string, data: Record<string, unknown>, text = 0): void => {
    events.push({ type, data, text });
  };
  const input = (): Record<string, unknown> => ({
    input_tokens: maybe(below(5000)),
    cache_creation_input_tokens: maybe(below(2000)),
    cache_read_input_tokens: maybe(below(9000)),
  });
  add('message_start', { message: { usage: maybe({ ...input(), output_tokens: below(5) }, 90) } });
  add('content_block_start', { index: 0, content_block: { type: 'text', text: '' } });
  for (let i = below(6); i > 0; i -= 1) {
    const length = below(40);
    const part = ['text', 'thinking', 'partial_json'][below(3)]!;
    add('content_block_delta', { index: 0, delta: { [part]: 'é'.repeat(length) } }, 2 * length);
    if (below(3) === 0) add('ping', {});
  }
  let output = 0;
  for (let i = below(3); i > 0; i -= 1) {
    output += below(500);
    add('message_delta', { delta: {}, usage: { output_tokens: output, ...maybe(input(), 30) } });
  }
  const ending = ENDINGS[below(ENDINGS.length)]!;
  const whole = ending === 'Whole' || below(3) === 0;
  if (!whole) events.splice(below(events.length));
  const maxTokens = 1 + below(4000);
  return {
    body: Buffer.from(JSON.stringify({ max_tokens: maxTokens, x: 'y'.repeat(below(3000)) })),
    maxTokens,
    ending,
    status: [400, 401, 404, 408, 409, 413, 429, 500, 503, 529][below(10)]!,
    events,
    gzip: ending === 'Whole' && below(4) === 0,
  };
}

type Told = Record<string, number | undefined>;

const UNTAKEN = [408, 409, 429, 500, 503, 529];

/** The arithmetic, from the events alone. */
function expected({ ending, status, events, body, maxTokens }: Case): Charge {
  if (ending === 'Unreachable') return charge(0);
  if (ending === 'Status') return charge(UNTAKEN.includes(status) ? 0 : 1);
  const told: Told = {};
  for (const { type, data } of events) {
    const start = data.message as { usage?: Record<string, number> } | undefined;
    const usage = type === 'message_start' ? start?.usage : (data.usage as Record<string, number>);
    for (const [name, figure] of Object.entries(usage ?? {})) {
      if (type === 'message_start' && name === 'output_tokens') continue;
      if (figure !== undefined) told[name] = figure;
    }
  }
  const { input_tokens: uncached, cache_creation_input_tokens: written, output_tokens } = told;
  const text = events.reduce((sum, event) => sum + event.text, 0);
  if (ending === 'Abort') return abortCharge(events, Math.ceil(body.length / 3.5), text, told);
  const input =
    uncached === undefined && written === undefined ? undefined : (uncached ?? 0) + (written ?? 0);
  const output = output_tokens ?? (text > 0 ? Math.ceil(text / 3.5) : undefined);
  if (ending === 'Whole')
    return wholeCharge(input, output, Math.ceil(body.length / 3.5), maxTokens);
  const seen = input !== undefined || output !== undefined;
  const untaken = !seen && (ending === 'Overloaded' || ending === 'Break');
  return charge(untaken ? 0 : 1, input, output);
}

/** Of a client that left: the input reserved, the text as estimated, and no less than was told. */
function abortCharge(
  [first]: Case['events'],
  reserved: number,
  text: number,
  { input_tokens: uncached = 0, cache_creation_input_tokens: written = 0, ...told }: Told,
): Charge {
  const { usage } = (first?.data.message ?? {}) as { usage?: Told };
  const output = Math.max(
    told.output_tokens ?? 0,
    usage?.output_tokens ?? 0,
    Math.ceil(text / 3.5),
  );
  return charge(1, Math.max(reserved, uncached + written), output);
}

/** Of a whole answer, what is not told stands as it was reserved. */
function wholeCharge(
  input: number | undefined,
  output: number | undefined,
  reservedInput: number,
  reservedOutput: number,
): Charge {
  const known = (input ?? 0) + (output ?? 0);
  const all = input !== undefined && output !== undefined;
  return {
    requests: 1,
    input: input ?? reservedInput,
    output: output ?? reservedOutput,
    total: all ? known : Math.max(known, reservedInput + reservedOutput),
  };
}

/** The answer to a case, in chunks that do not keep to events, one at a time. */
function response(one: Case, cut: AbortController, below: (n: number) => number): UpstreamResponse {
  const { ending, gzip, events } = one;
  let text = events.map(({ type, data }) => sse(type, data)).join('');
  if (ending === 'Whole') text += sse('message_stop');
  if (ending === 'Overloaded') text += sse('error', { error: { type: 'overloaded_error' } });
  const bytes = gzip ? gzipSync(text) : Buffer.from(text);
  async function* chunks(): AsyncGenerator<Buffer> {
    for (let at = 0; at < bytes.length;) {
      const size = 1 + below(400);
      yield bytes.subarray(at, at + size);
      at += size;
      await Promise.resolve();
    }
    if (ending === 'Abort') cut.abort(new Cut('ClientGone'));
    if (ending === 'Abort') throw cut.signal.reason as Error;
    if (ending === 'Break') throw Object.assign(new Error('reset'), { code: 'ECONNRESET' });
  }
  const status = ending === 'Status' ? one.status : 200;
  const body: UpstreamBody = {
    read: async (take) => {
      for await (const chunk of chunks()) await take(chunk);
    },
    destroy: () => undefined,
  };
  const encoding = gzip ? ['content-encoding', 'gzip'] : [];
  return {
    status,
    statusText: '',
    headers: ['content-type', 'text/event-stream', ...encoding],
    body,
  };
}

const NOWHERE: Sink = {
  head: () => undefined,
  write: () => Promise.resolve(),
  end: () => undefined,
  blocked: false,
};

const CAPACITY = 1_000_000_000;

function limit(name: string, resource: string): Limit {
  const refill = { amount: 1, perMs: 1000 };
  return limitOf({
    target: 'model/primary',
    policy: 'p',
    name,
    resource,
    refill,
    capacity: CAPACITY,
  });
}

describe('reservations of tokens', () => {
  it('settle to the exact token over 1,000 streams: whole, aborted, broken and refused', async () => {
    const below = generator(20_260_101);
    const clock = new FakeClock();
    const guard = new Guard({ clock });
    const { content } = configuration('http://model', {
      retry: { maxAttempts: 1 },
      circuits: [
        {
          dependency: 'model/primary',
          trip: { consecutiveFailures: 1_000_000 },
          openDurationMs: 1000,
          maxOpenDurationMs: 1000,
          halfOpen: { maxProbes: 1, successThreshold: 1, queueTimeoutMs: 0 },
        },
      ],
      limits: [
        limit('requests', 'Requests'),
        limit('input', 'InputTokens'),
        limit('output', 'OutputTokens'),
        limit('total', 'TotalTokens'),
      ],
    });
    guard.apply(content);
    let next: () => Promise<UpstreamResponse>;
    const caller = new ModelCaller({
      clock,
      upstream: {
        send: ({ onSent }) => {
          onSent?.();
          return next();
        },
      },
      estimator: new TokenEstimator(),
      retryBudgets: new RetryBudgets(),
      byteBudget: new ByteBudget(() => Infinity),
      pool: new Pool({
        identities: { of: () => undefined },
        network: { lacking: () => undefined },
        guard,
        credentials: new Credentials(() => 0),
        now: () => clock.now(),
        random: () => 0,
      }),
      random: () => 0,
      onAttempt: () => undefined,
      onRetry: () => undefined,
      onFallback: () => undefined,
      onSession: () => undefined,
      onPassedOver: () => undefined,
    });
    const sum = charge(0);
    const seen = new Set<Ending>();
    for (let i = 0; i < 1000; i += 1) {
      const one = randomCase(below);
      seen.add(one.ending);
      const cut = new AbortController();
      next = () =>
        one.ending === 'Unreachable'
          ? Promise.reject(Object.assign(new Error('no'), { code: 'ECONNREFUSED' }))
          : Promise.resolve(response(one, cut, below));
      await caller.call({
        content,
        endpoints: content.endpoints,
        method: 'POST',
        path: '/v1/messages',
        protocol: anthropicMessages,
        expected: 'Message',
        // Each its own credential, so that no refusal shuts the gate of the next.
        headers: ['x-api-key', String(i)],
        body: one.body,
        stream: true,
        // Each its own model, so that nothing is learned between them.
        model: `m${i}`,
        size: {
          ...requestSize(one.body, { members: new Map(), repeated: undefined, values: 1 }),
          maxTokens: one.maxTokens,
        },
        deadlineAt: clock.now() + 60_000,
        signal: cut.signal,
        sink: NOWHERE,
      });
      const due = expected(one);
      for (const name of ['requests', 'input', 'output', 'total'] as const) sum[name] += due[name];
    }
    expect(seen.size).toBe(new Set(ENDINGS).size);
    const levels = guard.stats().limits.map(({ limit: name, tokens }) => [name, CAPACITY - tokens]);
    expect(Object.fromEntries(levels)).toEqual(sum);
    expect(guard.stats().circuits[0]!.inFlight).toBe(0);
    expect(guard.stats().settledTwice).toBe(0);
  });
});

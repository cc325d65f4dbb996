/** Answers that no provider should give: each leads to a clean error and to the right vote. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { gzipSync } from 'node:zlib';
import type { Content } from '../../contract/generated/types.ts';
import type { Parts } from '../testing/resolved.ts';
import { send } from '../testing/client.ts';
import type { Answer } from '../testing/client.ts';
import { ONE_ATTEMPT, TOUCHY, configuration } from '../testing/configuration.ts';
import { rawEndpoint } from '../testing/rawEndpoint.ts';
import { startRuntime } from '../testing/runtime.ts';
import type { StartedRuntime } from '../testing/runtime.ts';
import { Cleanups, STREAMED, errorOf } from '../testing/setup.ts';
import { MESSAGE, STREAM, sse } from '../testing/upstream.ts';

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

/** A runtime whose endpoint answers every request with these bytes and closes the connection. */
async function answering(
  bytes: () => string | Buffer,
  content: Parts<Content> = {},
): Promise<StartedRuntime & { requests(): number }> {
  const endpoint = await rawEndpoint(cleanups, bytes);
  const circuit = { ...TOUCHY, trip: { consecutiveFailures: 100 } };
  const whole = configuration(endpoint.url, { circuits: [circuit], ...ONE_ATTEMPT, ...content });
  const agent = await startRuntime(whole);
  cleanups.add(() => agent.stop());
  return { ...agent, requests: endpoint.requests };
}

const MESSAGE_TEXT = JSON.stringify(MESSAGE);
const WHOLE_STREAM = STREAM.join('');

const http = (body: string | Buffer, headers: string[], status = '200 OK'): Buffer =>
  Buffer.concat([
    Buffer.from(`HTTP/1.1 ${status}\r\n${headers.join('\r\n')}\r\n\r\n`, 'latin1'),
    Buffer.from(body),
  ]);
const length = (body: string | Buffer): string => `content-length: ${Buffer.byteLength(body)}`;
const json = (body: string | Buffer, headers: string[] = [], status?: string): Buffer =>
  http(body, ['content-type: application/json', length(body), ...headers], status);
const stream = (body: string | Buffer, headers: string[] = []): Buffer =>
  http(body, ['content-type: text/event-stream', 'connection: close', ...headers]);
const failed = (type: string): string =>
  JSON.stringify({ type: 'error', error: { type, message: 'no' } });

function failures({ runtime }: StartedRuntime): object {
  return runtime.guard.stats().circuits[0]!.failures;
}

const INVALID = [502, 'InvalidResponse'] as const;

describe('an unstreamed answer', () => {
  it.each<[string, Buffer, readonly [number, string?], object]>([
    [
      'with a content-length that is too large',
      http(MESSAGE_TEXT, ['content-type: application/json', 'content-length: 9999']),
      INVALID,
      { Connection: 1 },
    ],
    [
      'with a content-length that is too small',
      http(MESSAGE_TEXT, ['content-type: application/json', 'content-length: 20']),
      INVALID,
      { InvalidResponse: 1 },
    ],
    [
      'with two content-lengths',
      json(MESSAGE_TEXT, ['content-length: 3']),
      INVALID,
      { InvalidResponse: 1 },
    ],
    [
      'with a content-length that is no number',
      http(MESSAGE_TEXT, ['content-type: application/json', 'content-length: many']),
      INVALID,
      { InvalidResponse: 1 },
    ],
    [
      'of invalid gzip',
      json('this is no gzip', ['content-encoding: gzip']),
      INVALID,
      { InvalidResponse: 1 },
    ],
    [
      'of gzip that ends early',
      json(gzipSync(MESSAGE_TEXT).subarray(0, 40), ['content-encoding: gzip']),
      INVALID,
      { InvalidResponse: 1 },
    ],
    [
      'with headers above 64 KiB',
      json(MESSAGE_TEXT, [`x-large: ${'x'.repeat(100_000)}`]),
      INVALID,
      { InvalidResponse: 1 },
    ],
    [
      'with a header name that is none',
      json(MESSAGE_TEXT, ['x y: 1']),
      INVALID,
      { InvalidResponse: 1 },
    ],
    [
      'with a NUL in a header',
      json(MESSAGE_TEXT, ['x-nul: a\0b']),
      INVALID,
      { InvalidResponse: 1 },
    ],
    [
      'with bad chunks',
      http('zz\r\n{}', ['transfer-encoding: chunked']),
      INVALID,
      { InvalidResponse: 1 },
    ],
    ['of 200 with an overload', json(failed('overloaded_error')), [529], { Overloaded: 1 }],
    ['of 200 with a failure', json(failed('api_error')), [500], { ServerError: 1 }],
    ['of 200 with an error of tomorrow', json(failed('new_error')), [500], { ServerError: 1 }],
    ['of 200 with a bad request', json(failed('invalid_request_error')), [400], {}],
    ['of 200 with a limit', json(failed('rate_limit_error')), [429], {}],
    ['of 200 with null', json('null'), INVALID, { InvalidResponse: 1 }],
    ['of 204', http('', [], '204 No Content'), INVALID, { InvalidResponse: 1 }],
    ['of status 999', json('{}', [], '999 What'), [999], { ServerError: 1 }],
    [
      'of status 302',
      json('{}', ['location: http://169.254.169.254/'], '302 Found'),
      [302],
      { InvalidResponse: 1 },
    ],
  ])('%s', async (_name, bytes, [status, reason], counted) => {
    const agent = await answering(() => bytes);
    const answer = await send(agent.url);
    expect([answer.status, answer.headers['x-breakwater-reason']]).toEqual([status, reason]);
    expect(failures(agent)).toEqual(counted);
    if (status !== 302 && status !== 999) expect(errorOf(answer).message).not.toBe('');
  });

  it.each([
    ['a reason phrase of other letters', json(MESSAGE_TEXT, [], '200 \u00fc\u00e9')],
    ['a header of other letters', json(MESSAGE_TEXT, ['x-name: \u00fc\u00e9'])],
    ['a date of 1970', json(MESSAGE_TEXT, ['date: Thu, 01 Jan 1970 00:00:00 GMT'])],
    [
      'limits of absurd values',
      json(MESSAGE_TEXT, [
        'anthropic-ratelimit-requests-limit: -5',
        'anthropic-ratelimit-requests-remaining: 1e999',
        'anthropic-ratelimit-tokens-remaining: NaN',
        'anthropic-ratelimit-tokens-reset: 9999-12-31T23:59:59Z',
        'anthropic-ratelimit-input-tokens-remaining: 99999999999999999999999',
        'anthropic-ratelimit-input-tokens-reset: 1970-01-01T00:00:00Z',
      ]),
    ],
    ['a retry-after of 9999', json(MESSAGE_TEXT, ['retry-after: Fri, 31 Dec 9999 23:59:59 GMT'])],
  ])('with %s is served as usual', async (_name, bytes) => {
    const agent = await answering(() => bytes);
    for (let i = 0; i < 3; i += 1) {
      const answer = await send(agent.url);
      expect([answer.status, answer.body.toString()]).toEqual([200, MESSAGE_TEXT]);
    }
    expect(failures(agent)).toEqual({});
  });
});

describe('an error answer', () => {
  const retry = { maxAttempts: 2, baseDelayMs: 1, maxDelayMs: 100, budgetPercent: 100 };

  it.each([
    ['a retry-after of 30,000 years', ['retry-after: 999999999999'], 1],
    ['a retry-after of more than a number holds', [`retry-after: ${'9'.repeat(400)}`], 1],
    ['a retry-after of 9999', ['retry-after: Fri, 31 Dec 9999 23:59:59 GMT'], 1],
    ['a retry-after of 1970', ['retry-after: Thu, 01 Jan 1970 00:00:00 GMT'], 2],
    ['a negative retry-after', ['retry-after: -1e9'], 2],
    ['a retry-after that is none', ['retry-after: NaN'], 2],
    ['two that differ', ['retry-after-ms: 1e999', 'retry-after: 999999999999'], 1],
    [
      'a date of 9999, at which its retry-after has passed',
      ['date: Fri, 31 Dec 9999 23:59:59 GMT', 'retry-after: Sun, 22 Nov 2026 00:00:00 GMT'],
      2,
    ],
    [
      'a date of 1970, since which its retry-after is far',
      ['date: Thu, 01 Jan 1970 00:00:00 GMT', 'retry-after: Sun, 22 Nov 2026 00:00:00 GMT'],
      1,
    ],
  ])('with %s reaches the client at once', async (_name, headers, requests) => {
    for (const [status, counted] of [
      ['503 No', { ServerError: requests }],
      ['529 No', { Overloaded: requests }],
      ['409 No', {}],
    ] as const) {
      const agent = await answering(() => json(failed('api_error'), headers, status), { retry });
      const answer = await send(agent.url);
      expect([answer.status, answer.body.toString()]).toEqual([
        Number.parseInt(status, 10),
        failed('api_error'),
      ]);
      expect([agent.requests(), failures(agent)]).toEqual([requests, counted]);
    }
  });

  it.each([
    ['a false content-length', http('{}', ['content-length: 500'], '400 No'), 502],
    ['a body that is no JSON', json('no', [], '400 No'), 400],
    ['invalid gzip', json('this is no gzip', ['content-encoding: gzip'], '429 No'), 429],
    ['no body', http('', ['content-length: 0'], '500 No'), 500],
  ])('with %s is a clean one', async (_name, bytes, status) => {
    const agent = await answering(() => bytes);
    expect((await send(agent.url)).status).toBe(status);
    expect(failures(agent)).toEqual(status === 500 ? { ServerError: 1 } : {});
  });
});

describe('a stream', () => {
  const TEXT = STREAM.slice(0, 5).join('');
  const UNSTOPPED = STREAM.slice(0, -1).join('');
  const OPEN_BLOCK = STREAM.slice(0, -1)
    .filter((event) => !event.includes('content_block_stop'))
    .join('');
  const error = /event: error\ndata: (\{.*\})\n\n$/;

  function brokenOff({ body }: Answer): { before: string; message: string } {
    const text = body.toString();
    const [event, data] = error.exec(text) ?? [];
    if (event === undefined) throw new Error(`no error event at the end of ${text}`);
    const { message } = (JSON.parse(data!) as { error: { message: string } }).error;
    return { before: text.slice(0, -event.length), message };
  }

  it.each<[string, Buffer, string, string, object]>([
    ['that ends early', stream(TEXT), TEXT, 'broke off', { InvalidResponse: 1 }],
    [
      'that ends within an event',
      stream(`${TEXT}event: content_block_delta\ndata: {"type":"content_blo`),
      TEXT,
      'broke off',
      { InvalidResponse: 1 },
    ],
    [
      'whose connection breaks before its content-length',
      stream(`${TEXT}event: mess`, ['content-length: 99999']),
      TEXT,
      'broke off',
      { Connection: 1 },
    ],
    [
      'that lacks its message_stop and has a block open',
      stream(OPEN_BLOCK),
      OPEN_BLOCK,
      'broke off',
      { InvalidResponse: 1 },
    ],
    [
      'that lacks its message_stop and whose connection breaks',
      stream(UNSTOPPED, ['content-length: 99999']),
      UNSTOPPED,
      'broke off',
      { Connection: 1 },
    ],
    [
      'with an event that is no JSON',
      stream(`${TEXT}event: content_block_delta\ndata: {{{\n\n${WHOLE_STREAM}`),
      TEXT,
      'broke its protocol',
      { InvalidResponse: 1 },
    ],
  ])('%s ends with an error event after whole events', async (_name, bytes, text, why, counted) => {
    const agent = await answering(() => bytes);
    const answer = await send(agent.url, STREAMED);
    const { before, message } = brokenOff(answer);
    expect([answer.status, before]).toEqual([200, text]);
    expect(message).toContain(why);
    expect(failures(agent)).toEqual(counted);
  });

  it.each([
    ['lacks only its message_stop', UNSTOPPED],
    ['ends within its message_stop', WHOLE_STREAM.slice(0, -5)],
  ])('that %s is complete for its client', async (_name, body) => {
    const agent = await answering(() => stream(body));
    const answer = await send(agent.url, STREAMED);
    expect(answer.body.toString()).toBe(WHOLE_STREAM);
    expect(failures(agent)).toEqual({});
  });

  it.each([
    ['has a false content-length', stream(WHOLE_STREAM, ['content-length: 100'])],
    ['is no gzip', stream('this is no gzip', ['content-encoding: gzip'])],
    [
      'is gzip with garbage in it',
      stream(Buffer.concat([gzipSync(TEXT).subarray(0, -8), Buffer.from('garbage, garbage')]), [
        'content-encoding: gzip',
      ]),
    ],
    ['is garbage', stream('<html>\n\n</html>')],
    ['begins with an event that is no JSON', stream(`event: message_start\ndata: {\n\n`)],
  ])('that %s from the start is 502', async (_name, bytes) => {
    const agent = await answering(() => bytes);
    const answer = await send(agent.url, STREAMED);
    expect([answer.status, answer.headers['x-breakwater-reason']]).toEqual(INVALID);
    expect(failures(agent)).toEqual({ InvalidResponse: 1 });
  });

  it('that was asked for and comes as JSON passes unchanged', async () => {
    const agent = await answering(() => json(MESSAGE_TEXT, ['x-own: 1']));
    const answer = await send(agent.url, STREAMED);
    expect([answer.status, answer.body.toString()]).toEqual([200, MESSAGE_TEXT]);
    expect([answer.headers['content-type'], answer.headers['x-own']]).toEqual([
      'application/json',
      '1',
    ]);
    expect(failures(agent)).toEqual({});
  });

  it('with an error event ends with that error', async () => {
    const own = sse('error', { error: { type: 'overloaded_error', message: 'o' } });
    const agent = await answering(() => stream(`${TEXT}${own}`));
    const answer = await send(agent.url, STREAMED);
    expect(answer.body.toString()).toBe(`${TEXT}${own}`);
    expect(failures(agent)).toEqual({ Overloaded: 1 });
  });
});

import { afterEach, describe, expect, it } from '@jest/globals';
import type { ServerResponse } from 'node:http';
import type { Content } from '../../contract/generated/types.ts';
import { open, send } from '../testing/client.ts';
import { TOUCHY } from '../testing/configuration.ts';
import { Cleanups, STREAMED, circuit, errorOf, failures, setup } from '../testing/setup.ts';
import type { Setup } from '../testing/setup.ts';
import { until } from '../testing/until.ts';
import { MESSAGE, STREAM, answerJson, answerStream, sse } from '../testing/upstream.ts';
import type { Parts } from '../testing/resolved.ts';

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

type Answer = (response: ServerResponse) => void;

const RETRY = {
  maxAttempts: 3,
  baseDelayMs: 5,
  maxDelayMs: 10,
  budgetPercent: 100,
  minPerSecond: 1,
};

/** An endpoint that gives these answers one after another, the last one for ever. */
function answering(answers: Answer[], content: Parts<Content> = {}): Promise<Setup> {
  let next = 0;
  return setup(cleanups, (response) => answers[Math.min(next++, answers.length - 1)]!(response), {
    retry: RETRY,
    ...content,
  });
}

const status =
  (code: number, headers: Record<string, string> = {}): Answer =>
  (response) =>
    response
      .writeHead(code, { 'content-type': 'application/json', ...headers })
      .end(`{"type":"error","error":{"type":"api_error","message":"${code}"}}`);
const fine: Answer = (response) => answerJson(response, MESSAGE);
const broken: Answer = (response) => response.destroy();

describe('another attempt', () => {
  it.each([
    ['a 500', status(500)],
    ['a 503', status(503)],
    ['a 529', status(529)],
    ['a 409', status(409)],
    ['a connection that breaks', broken],
    ['an answer that is not the protocol', (response: ServerResponse) => answerJson(response, {})],
  ])('follows %s, unseen by the client', async (_name, first) => {
    const context = await answering([first, fine]);
    const answer = await send(context.agent.url);
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.body.toString())).toEqual(MESSAGE);
    expect(context.endpoint.seen).toHaveLength(2);
    expect(context.endpoint.seen[1]!.body).toEqual(context.endpoint.seen[0]!.body);
  });

  it('follows a stream that begins with an error', async () => {
    const overloaded = sse('error', { error: { type: 'overloaded_error', message: 'o' } });
    const context = await answering([
      (response) => answerStream(response, [sse('ping'), overloaded]),
      (response) => answerStream(response),
    ]);
    const answer = await send(context.agent.url, STREAMED);
    expect(answer.body.toString()).toBe(STREAM.join(''));
    expect(failures(context)).toEqual({ Overloaded: 1 });
  });

  it('never follows a stream of which the client has seen content', async () => {
    const context = await answering([
      (response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write(STREAM.slice(0, 2).join(''), () => response.destroy());
      },
      (response) => answerStream(response),
    ]);
    const answer = await send(context.agent.url, STREAMED);
    expect(answer.body.toString()).toContain('event: error');
    expect(context.endpoint.seen).toHaveLength(1);
  });

  it.each([400, 401, 403, 404, 413, 422])('never follows a %i, which passes', async (code) => {
    const context = await answering([status(code), fine]);
    const answer = await send(context.agent.url);
    expect(answer.status).toBe(code);
    expect(answer.body.toString()).toContain(`"message":"${code}"`);
    expect(context.endpoint.seen).toHaveLength(1);
    expect(failures(context)).toEqual({});
  });

  it('follows as often as configured, and then the last answer passes unchanged', async () => {
    const context = await answering([status(500), status(502, { 'x-odd': '1' }), status(503)]);
    const answer = await send(context.agent.url);
    expect(answer.status).toBe(503);
    expect(answer.body.toString()).toContain('"message":"503"');
    expect(answer.headers['x-breakwater-reason']).toBeUndefined();
    expect(context.endpoint.seen).toHaveLength(3);
    expect(failures(context)).toEqual({ ServerError: 3 });
  });

  it('follows an overload only once', async () => {
    const context = await answering([status(529)]);
    expect((await send(context.agent.url)).status).toBe(529);
    expect(context.endpoint.seen).toHaveLength(2);
  });

  it('is not made to a circuit that has opened meanwhile', async () => {
    const context = await answering([status(500), fine], { circuits: [TOUCHY] });
    const answer = await send(context.agent.url);
    expect(answer.status).toBe(500);
    expect(context.endpoint.seen).toHaveLength(1);
    expect(circuit(context)).toBe('Open');
  });

  it('is given up when the client leaves', async () => {
    const context = await answering([status(500), fine], {
      retry: { ...RETRY, baseDelayMs: 10_000, maxDelayMs: 10_000 },
    });
    const request = open(context.agent.url, {});
    request.on('error', () => undefined);
    request.end(STREAMED.body);
    await until(() => context.endpoint.seen.length === 1);
    await until(() => Object.keys(failures(context) as object).length === 1);
    request.destroy();
    await until(() => context.agent.runtime.lifecycle.openRequests === 0);
    expect(context.endpoint.seen).toHaveLength(1);
  });

  it('is counted by its reason', async () => {
    const context = await answering([status(500), fine]);
    await send(context.agent.url);
    const { body } = await send(context.agent.metricsUrl, {
      method: 'GET',
      path: '/metrics',
      body: '',
    });
    expect(body.toString()).toContain('retries_total{name="model/primary",reason="ServerError"} 1');
  });
});

describe('silence of the endpoint', () => {
  const TIMEOUTS = { connectMs: 1000, requestMs: 20_000, streamMs: 3_600_000 };
  const begun =
    (events: string[]): Answer =>
    (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const event of events) response.write(event);
    };

  it('before the first token is a timeout, and another attempt may follow', async () => {
    const context = await answering([() => undefined, (response) => answerStream(response)], {
      timeouts: { ...TIMEOUTS, firstTokenMs: 100 },
    });
    const answer = await send(context.agent.url, STREAMED);
    expect(answer.body.toString()).toBe(STREAM.join(''));
    expect(failures(context)).toEqual({ Timeout: 1 });
    await until(() => context.endpoint.seen[0]!.aborted);
  });

  it('before the first token is 504 without another attempt', async () => {
    const context = await answering([begun([sse('ping')])], {
      timeouts: { ...TIMEOUTS, firstTokenMs: 100 },
      retry: { ...RETRY, maxAttempts: 1 },
    });
    const answer = await send(context.agent.url, STREAMED);
    expect(answer.status).toBe(504);
    expect(errorOf(answer).type).toBe('timeout_error');
  });

  it.each([
    ['streamIdle once content has begun', STREAM.slice(0, 4), { streamIdleMs: 150 }],
    ['transportIdle before that', STREAM.slice(0, 1), { transportIdleMs: 150 }],
  ])('without any byte ends after %s', async (_name, events, timeouts) => {
    const context = await answering([begun(events)], {
      timeouts: { ...TIMEOUTS, streamIdleMs: 10_000, transportIdleMs: 10_000, ...timeouts },
      retry: { ...RETRY, maxAttempts: 1 },
    });
    const answer = await send(context.agent.url, STREAMED);
    expect(answer.body.toString()).toMatch(/timeout_error.*stalled/);
    expect(failures(context)).toEqual({ Timeout: 1 });
  });

  it('with pings is no failure: healthy thinking passes streamIdle', async () => {
    const context = await answering(
      [
        (response) => {
          begun(STREAM.slice(0, 2))(response);
          let pings = 0;
          const timer = setInterval(() => {
            pings += 1;
            response.write(sse('ping'));
            if (pings < 20) return;
            clearInterval(timer);
            response.end(STREAM.slice(3).join(''));
          }, 20);
        },
      ],
      { timeouts: { ...TIMEOUTS, streamIdleMs: 200 } },
    );
    const answer = await send(context.agent.url, STREAMED);
    expect(answer.body.toString()).toContain('message_stop');
    expect(failures(context)).toEqual({});
  });
});

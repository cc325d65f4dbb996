import { afterEach, describe, expect, it } from '@jest/globals';
import { connect } from 'node:net';
import { open, saidSeconds, send } from '../testing/client.ts';
import { TOUCHY } from '../testing/configuration.ts';
import { Cleanups, STREAMED, circuit, errorOf, failures, setup } from '../testing/setup.ts';
import { until } from '../testing/until.ts';
import { STREAM, answerStream, sse } from '../testing/upstream.ts';

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

describe('streams', () => {
  it('reach the client event by event, before the endpoint has finished', async () => {
    let finish = (): void => undefined;
    const context = await setup(cleanups, (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(STREAM.slice(0, 4).join(''));
      finish = () => response.end(STREAM.slice(4).join(''));
    });
    const request = open(context.agent.url, {});
    const received: string[] = [];
    let ended = false;
    request.on('response', (response) => {
      response.on('data', (chunk: Buffer) => received.push(chunk.toString()));
      response.on('end', () => (ended = true));
    });
    request.end(STREAMED.body);
    await until(() => received.join('') === STREAM.slice(0, 4).join(''));
    expect(ended).toBe(false);
    finish();
    await until(() => ended);
    expect(received.join('')).toBe(STREAM.join(''));
    await until(() => context.agent.runtime.lifecycle.openRequests === 0);
    expect(context.agent.runtime.guard.stats()).toMatchObject({ settledTwice: 0 });
  });

  it('that end without message_stop open the circuit and end with an error event', async () => {
    const context = await setup(
      cleanups,
      (response) => answerStream(response, STREAM.slice(0, 5)),
      {
        circuits: [TOUCHY],
      },
    );
    const answer = await send(context.agent.url, STREAMED);
    expect(answer.body.toString()).toMatch(
      /event: error\ndata: \{"type":"error","error":\{"type":"api_error"/,
    );
    expect(answer.body.toString().startsWith(STREAM.slice(0, 5).join(''))).toBe(true);
    expect(circuit(context)).toBe('Open');
    expect(failures(context)).toEqual({ InvalidResponse: 1 });
    const rejected = await send(context.agent.url, STREAMED);
    expect(rejected.status).toBe(503);
    expect(rejected.headers['x-breakwater-reason']).toBe('CircuitBreakerOpen');
    expect(saidSeconds(rejected)).toBeGreaterThanOrEqual(590);
    expect(saidSeconds(rejected)).toBeLessThanOrEqual(610);
    expect(rejected.headers['request-id']).toMatch(/^req_/);
    expect(errorOf(rejected).type).toBe('overloaded_error');
    expect(context.endpoint.seen).toHaveLength(1);
  });

  it('end soon after their last event, also when the endpoint does not end them', async () => {
    const context = await setup(
      cleanups,
      (response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write(`${STREAM.join('')}data: [DONE]\n\n`);
      },
      // Longer than the test may take.
      { timeouts: { connectMs: 1000, requestMs: 60_000, transportIdleMs: 60_000 } },
    );
    const answer = await send(context.agent.url, STREAMED);
    expect(answer.body.toString()).toBe(`${STREAM.join('')}data: [DONE]\n\n`);
    expect([circuit(context), failures(context)]).toEqual(['Closed', {}]);
    await until(() => context.endpoint.seen[0]!.aborted);
  });

  it('with an overloaded_error count as overloaded and pass unchanged', async () => {
    const events = [
      ...STREAM.slice(0, 3),
      sse('error', { error: { type: 'overloaded_error', message: 'o' } }),
    ];
    const context = await setup(cleanups, (response) => answerStream(response, events));
    const answer = await send(context.agent.url, STREAMED);
    expect(answer.body.toString()).toBe(events.join(''));
    expect(failures(context)).toEqual({ Overloaded: 1 });
  });

  it('whose connection breaks end with an error event', async () => {
    const context = await setup(cleanups, (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(STREAM.slice(0, 2).join(''), () => response.destroy());
    });
    const answer = await send(context.agent.url, STREAMED);
    expect(answer.body.toString()).toContain('event: error');
    expect(failures(context)).toEqual({ Connection: 1 });
  });

  it('past the deadline end with an error event', async () => {
    const context = await setup(
      cleanups,
      (response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write(STREAM[0]);
      },
      { timeouts: { connectMs: 1000, requestMs: 150, streamMs: 3_600_000 } },
    );
    const answer = await send(context.agent.url, STREAMED);
    expect(answer.body.toString()).toContain('"type":"timeout_error"');
    expect(failures(context)).toEqual({ Timeout: 1 });
    await until(() => context.endpoint.seen[0]!.aborted);
  });

  it('are aborted at the endpoint without a vote when their client leaves', async () => {
    const context = await setup(
      cleanups,
      (response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write(STREAM[0]);
      },
      { circuits: [TOUCHY] },
    );
    const request = open(context.agent.url, {});
    request.on('error', () => undefined);
    request.on('response', (response) => {
      response.on('error', () => undefined);
      response.once('data', () => request.destroy());
    });
    request.end(STREAMED.body);
    await until(() => context.endpoint.seen[0]?.aborted === true);
    await until(() => context.agent.runtime.lifecycle.openRequests === 0);
    expect(circuit(context)).toBe('Closed');
    expect(failures(context)).toEqual({});
    expect(context.agent.runtime.guard.stats().circuits[0]!.inFlight).toBe(0);
  });

  it('to a client that does not read do not fill memory', async () => {
    let written = 0;
    let blocked = false;
    const event = sse('content_block_delta', { delta: { text: 'x'.repeat(60_000) } });
    const context = await setup(cleanups, (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const fill = (): void => {
        while (written < 200 * 1024 * 1024) {
          written += event.length;
          if (!response.write(event)) {
            blocked = true;
            response.once('drain', () => {
              blocked = false;
              fill();
            });
            return;
          }
        }
      };
      fill();
    });
    const { port } = new URL(context.agent.url);
    const socket = connect(Number(port), '127.0.0.1');
    socket.on('error', () => undefined);
    socket.pause();
    socket.write(
      `POST /v1/messages HTTP/1.1\r\nhost: a\r\ncontent-length: ${STREAMED.body.length}\r\n\r\n${STREAMED.body}`,
    );
    let last = -1;
    let still = 0;
    await until(() => {
      still = blocked && written === last ? still + 1 : 0;
      last = written;
      return still > 20;
    });
    expect(written).toBeLessThan(64 * 1024 * 1024);
    socket.destroy();
    await until(() => context.endpoint.seen[0]!.aborted);
    expect(failures(context)).toEqual({});
  });
});

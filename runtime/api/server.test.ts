import { afterEach, describe, expect, it } from '@jest/globals';
import { connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { pino } from 'pino';
import { FakeClock } from '../testing/fakeClock.ts';
import { Lifecycle } from './lifecycle.ts';
import { until } from '../testing/until.ts';
import { RequestTraces } from '../observe/requestTraces.ts';
import { NO_LISTENER } from '../observe/trace/requestListener.ts';
import { NO_TRACER } from '../../tracing/span.ts';
import { ByteBudget } from '../resilience/byteBudget.ts';
import { Bodies } from '../exchange/bodies.ts';
import { configuration } from '../testing/configuration.ts';
import { errorSender } from '../exchange/response.ts';
import { agentServer } from './server.ts';

const traces = new RequestTraces({
  now: () => 0,
  log: () => pino({ level: 'silent' }),
  random: () => 0,
  telemetry: () => undefined,
  tracer: () => NO_TRACER,
  content: () => false,
  listener: () => NO_LISTENER,
});

const cleanups: (() => void)[] = [];
afterEach(() => cleanups.splice(0).forEach((each) => each()));

async function raw(
  handle: () => Promise<void> = () => Promise.resolve(),
  onServed: (route: string) => void = () => undefined,
): Promise<(text: string) => { socket: Socket; text: () => string; closed: () => boolean }> {
  const { content } = configuration('http://model.invalid');
  const bodies = new Bodies({
    clock: new FakeClock(),
    current: { content },
    budget: new ByteBudget(() => Infinity),
  });
  const server = agentServer({
    clients: { held: () => undefined },
    serveConversation: () => Promise.reject(new Error('not asked for')),
    program: {
      route: () => undefined,
      serve: () => Promise.reject(new Error('not asked for')),
    },
    sendError: errorSender(
      () => undefined,
      () => 0,
    ),
    serveMessages: async ({ request, response }) => {
      const read = await bodies.read(request, response);
      await handle();
      if ('body' in read) response.end('{}');
      return { reason: 'None', failed: false };
    },
    lifecycle: new Lifecycle({
      clock: new FakeClock(),
      onPhase: () => undefined,
      onHandler: () => undefined,
    }),
    health: () => false,
    current: { snapshot: { content, endpoints: [] } },
    onServed,
    trace: (request, _response, route) => traces.begin(request, () => 'req_1', route),
    traceMalformed: (socket, id) => traces.begin({ socket, headers: {} }, () => id, 'other'),
    log: pino({ level: 'silent' }),
    headersTimeoutMs: 200,
    requestTimeoutMs: 300,
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => server.close().closeAllConnections());
  const { port } = server.address() as AddressInfo;
  return (sent) => {
    const socket = connect(port, '127.0.0.1');
    let received = '';
    let gone = false;
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => (received += chunk.toString()));
    socket.on('close', () => (gone = true));
    socket.write(sent);
    return { socket, text: () => received, closed: () => gone };
  };
}

describe('the agent’s server', () => {
  it.each([
    ['headers', 'POST /v1/messages HTTP/1.1\r\nhost:'],
    ['a body', 'POST /v1/messages HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n{'],
  ])(
    'answers %s that do not arrive in time with 408, and closes the connection',
    async (_name, text) => {
      const client = (await raw())(text);
      await until(() => client.closed());
      expect(client.text()).toMatch(/^HTTP\/1.1 408 /);
      expect(client.text()).toContain('x-breakwater-reason: RequestTimeout');
      expect(client.text()).toContain('{"type":"error","error":{"type":"timeout_error"');
    },
  );

  it.each([
    ['no HTTP', 'hello\r\n\r\n', 400],
    ['too many headers', `GET / HTTP/1.1\r\nx: ${'y'.repeat(70_000)}\r\n\r\n`, 431],
  ])('answers %s with an error in the usual form', async (_name, text, status) => {
    const client = (await raw())(text);
    await until(() => client.closed());
    expect(client.text()).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(client.text()).toContain('"type":"invalid_request_error"');
  });

  it('closes a connection without a request silently, and counts it as no attack', async () => {
    const served: unknown[] = [];
    const client = (await raw(undefined, (route) => served.push(route)))('');
    await until(() => client.closed());
    expect([client.text(), served]).toEqual(['', []]);
  });

  it('keeps serving after a client left in the middle of its body', async () => {
    const dial = await raw();
    const first = dial('POST /v1/messages HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n{');
    await until(() => first.socket.bytesWritten > 0);
    first.socket.resetAndDestroy();
    const second = dial('POST /v1/messages HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{}');
    await until(() => second.text().endsWith('{}\r\n0\r\n\r\n') || second.text().endsWith('{}'));
    expect(second.text()).toMatch(/^HTTP\/1.1 200 /);
  });

  it('answers 500 when a handler fails, and keeps serving', async () => {
    const dial = await raw(() => Promise.reject(new Error('internal detail')));
    const client = dial('POST /v1/messages HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{}');
    await until(() => client.text().includes('api_error'));
    expect(client.text()).toMatch(/^HTTP\/1.1 500 /);
    expect(client.text()).not.toContain('internal detail');
  });
});

/** What clients and status see of the failures in docs/failures.yaml, from a runtime in a process of its own. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Circuit, CircuitStatus, Content } from '../../contract/generated/types.ts';
import { open, saidSeconds, send, type Answer } from '../testing/client.ts';
import { configuration, ONE_ATTEMPT, TOUCHY } from '../testing/configuration.ts';
import { startProcess, type RuntimeProcess } from '../testing/process.ts';
import type { Parts } from '../testing/resolved.ts';
import { Cleanups, errorOf, STREAMED } from '../testing/setup.ts';
import { until, untilStill } from '../testing/until.ts';
import {
  answerJson,
  answerStream,
  fakeEndpoint,
  MESSAGE,
  sse,
  STREAM,
} from '../testing/upstream.ts';

const cleanups = new Cleanups();
let runtime: RuntimeProcess;
let directory: string;
let agent: string;
let counter = 0;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'failures-'));
  runtime = await startProcess(directory);
  agent = runtime.agentUrl;
});

afterEach(() => cleanups.run());

afterAll(async () => {
  await runtime.stop();
  await rm(directory, { recursive: true, force: true });
});

/** Does this when the test is over. */
function afterwards(act: () => unknown): void {
  cleanups.add(() => Promise.resolve().then(() => void act()));
}

const page = async <T>(name: string): Promise<T> =>
  (await (await fetch(`${runtime.debugUrl}/debug/${name}`)).json()) as T;

/** Puts these endpoints in force, the first to be used first, each with the circuit and a name of its own. */
async function serveFrom(
  urls: readonly string[],
  circuit: Partial<Circuit> = {},
  content: Parts<Content> = {},
): Promise<string[]> {
  counter += 1;
  const endpoints = urls.map((baseURL, index) => ({
    name: `e${counter}-${index}`,
    provider: 'Anthropic' as const,
    baseURL,
    priority: index,
  }));
  const dependencies = endpoints.map(({ name }) => `model/${name}`);
  const circuits = dependencies.map((dependency) => ({ ...TOUCHY, ...circuit, dependency }));
  const revision = { term: 1, counter };
  await runtime.configure(configuration('', { endpoints, circuits, ...content }, revision));
  return dependencies;
}

async function endpoint(answer: (response: ServerResponse) => void): Promise<string> {
  const fake = await fakeEndpoint(answer);
  cleanups.add(() => fake.close());
  return fake.url;
}

type CountedCircuit = CircuitStatus & { failures: object };

async function circuitOf(dependency: string): Promise<CountedCircuit> {
  const { circuits } = await page<{ circuits: CountedCircuit[] }>('circuits');
  return circuits.find((each) => each.dependency === dependency)!;
}

function reason({ status, headers }: Answer): [number, string | undefined] {
  return [status, headers['x-breakwater-reason'] as string | undefined];
}

/** Begins a stream with these events and leaves it at that. */
function begin(events: string[]): (response: ServerResponse) => void {
  return (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(events.join(''));
  };
}

const TIMES = { connectMs: 1000, requestMs: 20_000, streamMs: 3_600_000 };

describe('clients and status, when', () => {
  it('the model goes down and comes back', async () => {
    const server = createServer((request, response) => {
      request.resume();
      answerJson(response, MESSAGE);
    });
    const listening = (port: number): Promise<void> =>
      new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
    await listening(0);
    const { port } = server.address() as AddressInfo;
    afterwards(() => server.close());
    const [dependency] = await serveFrom([`http://127.0.0.1:${port}`], { openDurationMs: 300 });
    expect((await send(agent)).status).toBe(200);

    server.close();
    server.closeAllConnections();
    await until(() => !server.listening);
    expect(reason(await send(agent))).toEqual([502, 'UpstreamUnreachable']);
    expect(await circuitOf(dependency!)).toMatchObject({
      state: 'Open',
      reason: expect.stringContaining('Connection') as unknown,
      failures: { Connection: 1 },
    });

    await listening(port);
    await until(async () => (await circuitOf(dependency!)).state === 'HalfOpen');
    expect((await send(agent)).status).toBe(200);
    expect((await circuitOf(dependency!)).state).toBe('Closed');
  });

  it('the model is down and its circuit open', async () => {
    const url = await endpoint((response) => answerJson(response, { type: 'error' }, 503));
    await serveFrom([url]);
    expect((await send(agent)).status).toBe(503);
    const answer = await send(agent);
    expect(reason(answer)).toEqual([503, 'CircuitBreakerOpen']);
    // openDuration, and up to 10 s of jitter.
    expect(saidSeconds(answer)).toBeGreaterThanOrEqual(595);
    expect(saidSeconds(answer)).toBeLessThanOrEqual(610);
    expect(errorOf(answer).type).toBe('overloaded_error');
  });

  it('the model fails five times in a row, and the sixth request is not sent', async () => {
    let asked = 0;
    const url = await endpoint((response) => {
      asked += 1;
      answerJson(response, { type: 'error' }, 500);
    });
    const [dependency] = await serveFrom([url], { trip: { consecutiveFailures: 5 } }, ONE_ATTEMPT);
    for (let i = 0; i < 5; i += 1) expect((await send(agent)).status).toBe(500);
    expect((await circuitOf(dependency!)).state).toBe('Open');
    expect(reason(await send(agent))).toEqual([503, 'CircuitBreakerOpen']);
    expect(asked).toBe(5);
  });

  it('the first token is slow', async () => {
    const url = await endpoint(begin([]));
    const [dependency] = await serveFrom([url], {}, { timeouts: { ...TIMES, firstTokenMs: 100 } });
    expect(reason(await send(agent, STREAMED))).toEqual([504, 'Timeout']);
    expect(await circuitOf(dependency!)).toMatchObject({
      state: 'Open',
      failures: { Timeout: 1 },
    });
  });

  it.each([
    ['is cut', 'api_error', { Connection: 1 }],
    ['falls silent', 'timeout_error', { Timeout: 1 }],
    ['turns to garbage', 'api_error', { InvalidResponse: 1 }],
  ])('a stream %s in the middle', async (how, type, failures) => {
    const url = await endpoint((response) => {
      begin(STREAM.slice(0, 4))(response);
      if (how === 'is cut') setImmediate(() => response.write('', () => response.destroy()));
      else if (how === 'turns to garbage') response.end('event: message_delta\ndata: {{{\n\n');
    });
    const timeouts = { ...TIMES, streamIdleMs: 200, transportIdleMs: 200 };
    const [dependency] = await serveFrom([url], {}, { timeouts });
    const answer = await send(agent, STREAMED);
    const text = answer.body.toString();
    expect(answer.status).toBe(200);
    expect(text.startsWith(STREAM.slice(0, 4).join(''))).toBe(true);
    expect(text).toContain(`event: error\ndata: {"type":"error","error":{"type":"${type}"`);
    expect(await circuitOf(dependency!)).toMatchObject({ state: 'Open', failures });
  });

  it('the answer is garbage from the start', async () => {
    const url = await endpoint((response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end('<html>');
    });
    const [dependency] = await serveFrom([url]);
    const answer = await send(agent);
    expect(await circuitOf(dependency!)).toMatchObject({ failures: { InvalidResponse: 1 } });
    expect(reason(answer)).toEqual([502, 'InvalidResponse']);
  });

  it('every endpoint of the chain fails', async () => {
    const overloaded = { type: 'error', error: { type: 'overloaded_error', message: 'o' } };
    const urls = await Promise.all(
      [1, 2].map(() => endpoint((response) => answerJson(response, overloaded, 529))),
    );
    const dependencies = await serveFrom(urls);
    const last = await send(agent);
    expect([last.status, JSON.parse(last.body.toString())]).toEqual([529, overloaded]);
    for (const dependency of dependencies) {
      expect(await circuitOf(dependency)).toMatchObject({ failures: { Overloaded: 1 } });
    }
    expect(reason(await send(agent))).toEqual([503, 'CircuitBreakerOpen']);
  });

  it('an answer has 10 MB, as one body and as a stream', async () => {
    const text = 'x'.repeat(10 * 1024 * 1024);
    const url = await endpoint((response) => {
      answerJson(response, { ...MESSAGE, content: [{ type: 'text', text }] });
    });
    await serveFrom([url]);
    const body = (await send(agent)).body.toString();
    expect((JSON.parse(body) as typeof MESSAGE).content[0]!.text).toHaveLength(text.length);

    const delta = { type: 'text_delta', text: 'x'.repeat(1024) };
    const events = Array.from({ length: 10_240 }, () =>
      sse('content_block_delta', { index: 0, delta }),
    );
    const whole = [...STREAM.slice(0, 2), ...events, ...STREAM.slice(5)];
    const streaming = await endpoint((response) => answerStream(response, whole));
    await serveFrom([streaming]);
    expect((await send(agent, STREAMED)).body.equals(Buffer.from(whole.join('')))).toBe(true);
  });

  it('1,000 clients connect at once', async () => {
    const url = await endpoint((response) => answerJson(response, MESSAGE));
    const bulkhead = { maxConcurrent: 100, maxQueued: 400, acquireTimeoutMs: 20_000 };
    const requestLimits = { maxConnectionsPerAddress: 1001 };
    const [dependency] = await serveFrom([url], {}, { bulkhead, requestLimits });
    const answers = await Promise.all(Array.from({ length: 1000 }, () => send(agent)));
    const others = answers.map((answer) => reason(answer).join(' ')).filter((it) => it !== '200 ');
    expect(new Set(others)).toEqual(new Set(others.length > 0 ? ['503 BulkheadFull'] : []));
    expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThanOrEqual(500);
    expect(await circuitOf(dependency!)).toMatchObject({ state: 'Closed', failures: {} });
    expect((await send(agent)).status).toBe(200);
  });

  it('a client reads one byte a second', async () => {
    let written = 0;
    let left = false;
    const event = sse('content_block_delta', { index: 0, delta: { text: 'x'.repeat(60_000) } });
    const url = await endpoint((response) => {
      begin(STREAM.slice(0, 2))(response);
      response.on('close', () => (left = true));
      const fill = (): void => {
        while (!left && written < 200 * 1024 * 1024) {
          written += event.length;
          if (!response.write(event)) return void response.once('drain', fill);
        }
      };
      fill();
    });
    await serveFrom([url]);
    const socket = connect(Number(new URL(agent).port), '127.0.0.1');
    afterwards(() => socket.destroy());
    socket.on('error', () => undefined);
    socket.pause();
    const { body } = STREAMED;
    socket.write(
      `POST /v1/messages HTTP/1.1\r\nhost: a\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
    const trickle = setInterval(() => void socket.read(1), 1000);
    afterwards(() => clearInterval(trickle));
    await untilStill(() => written);
    expect(written).toBeLessThan(64 * 1024 * 1024);
    // The others do not notice it.
    const other = await endpoint((response) => answerJson(response, MESSAGE));
    await serveFrom([other]);
    expect((await send(agent)).status).toBe(200);
    socket.destroy();
    await until(() => left);
  });

  it('a client leaves while the model thinks', async () => {
    let left = false;
    const url = await endpoint((response) => response.on('close', () => (left = true)));
    const [dependency] = await serveFrom([url]);
    const request = open(agent, {});
    request.on('error', () => undefined);
    request.end(STREAMED.body);
    await until(async () => (await page<{ openRequests: number }>('state')).openRequests === 1);
    request.destroy();
    await until(() => left);
    expect(await circuitOf(dependency!)).toMatchObject({ state: 'Closed', failures: {} });
  });
});

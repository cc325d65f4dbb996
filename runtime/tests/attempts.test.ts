/** What an attempt may conclude about its endpoint, and when a request moves on, as clients and providers see it. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { request } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { Content } from '../../contract/generated/types.ts';
import { send } from '../testing/client.ts';
import { ONE_ATTEMPT, TOUCHY, configuration } from '../testing/configuration.ts';
import { startRuntime } from '../testing/runtime.ts';
import type { StartedRuntime } from '../testing/runtime.ts';
import { Cleanups, STREAMED } from '../testing/setup.ts';
import { until } from '../testing/until.ts';
import type { Parts } from '../testing/resolved.ts';
import { MESSAGE, STREAM, answerJson, fakeEndpoint } from '../testing/upstream.ts';

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

type Behaviour = (response: ServerResponse) => void;

const fine: Behaviour = (response) => answerJson(response, MESSAGE);
const failing: Behaviour = (response) => answerJson(response, { type: 'error' }, 500);
const hanging: Behaviour = () => undefined;
const after =
  (ms: number, then: Behaviour): Behaviour =>
  (response) =>
    void setTimeout(() => then(response), ms);

const TIMEOUTS = { connectMs: 1000, requestMs: 20_000, streamMs: 3_600_000 };
const RETRY = {
  maxAttempts: 2,
  baseDelayMs: 1,
  maxDelayMs: 2,
  budgetPercent: 100,
  minPerSecond: 1,
};

interface Model {
  agent: StartedRuntime;
  /** Requests that each endpoint has seen. */
  seen(): number[];
  failures(): object[];
  states(): string[];
  /** Changes the configuration in force. */
  change(content: Parts<Content>): void;
}

/** Endpoints with a priority each, the first to be used first; each opens its circuit at the first failure. */
async function model(behaviours: Behaviour[], content: Parts<Content> = {}): Promise<Model> {
  const fakes = await Promise.all(behaviours.map((each) => fakeEndpoint(each)));
  for (const fake of fakes) cleanups.add(() => fake.close());
  const endpoints = fakes.map(({ url }, priority) => {
    return { name: `e${priority}`, provider: 'Anthropic' as const, baseURL: url, priority };
  });
  const circuits = endpoints.map(({ name }) => ({ ...TOUCHY, dependency: `model/${name}` }));
  const agent = await startRuntime();
  cleanups.add(() => agent.stop());
  const { guard } = agent.runtime;
  let counter = 0;
  const change = (changed: Partial<Content>): void => {
    counter += 1;
    const whole = { endpoints, circuits, timeouts: TIMEOUTS, ...content, ...changed };
    agent.runtime.configuration.offerPush(1, configuration('', whole, { term: 1, counter }));
  };
  change({});
  return {
    agent,
    seen: () => fakes.map(({ seen }) => seen.length),
    failures: () => guard.stats().circuits.map((circuit) => circuit.failures),
    states: () => guard.circuits().map(({ state }) => state),
    change,
  };
}

describe('an attempt', () => {
  it('at a primary that hangs leaves the fallback its share of the time', async () => {
    const context = await model([hanging, fine], { timeouts: { ...TIMEOUTS, requestMs: 1000 } });
    const answer = await send(context.agent.url);
    expect(answer.status).toBe(200);
    expect(context.failures()).toEqual([{ Timeout: 1 }, {}]);
  });

  it('lasts no longer than timeouts.attempt, even at the last endpoint', async () => {
    const context = await model([hanging, hanging], {
      timeouts: { ...TIMEOUTS, attemptMs: 100 },
    });
    const answer = await send(context.agent.url);
    expect([answer.status, answer.headers['x-breakwater-reason']]).toEqual([504, 'Timeout']);
    expect(context.failures()).toEqual([{ Timeout: 1 }, { Timeout: 1 }]);
  });

  it('that the request’s deadline cuts is no failure of the endpoint', async () => {
    const context = await model([after(1500, failing), after(2600, fine)], {
      timeouts: { ...TIMEOUTS, requestMs: 3000, attemptMs: 2900 },
    });
    const answer = await send(context.agent.url);
    expect([answer.status, answer.headers['x-breakwater-reason']]).toEqual([504, 'Timeout']);
    expect(context.seen()).toEqual([1, 1]);
    expect(context.failures()).toEqual([{ ServerError: 1 }, {}]);
    expect(context.states()).toEqual(['Open', 'Closed']);
  });

  it('that probes a half-open circuit and hangs reopens it when timeouts.attempt is over', async () => {
    let does = failing;
    const circuit = { ...TOUCHY, dependency: 'model/e0', openDurationMs: 1 };
    const context = await model([(response) => does(response)], {
      ...ONE_ATTEMPT,
      timeouts: { ...TIMEOUTS, attemptMs: 100 },
      circuits: [circuit],
    });
    await send(context.agent.url);
    await until(() => context.states()[0] === 'HalfOpen');
    does = hanging;
    await send(context.agent.url);
    const { transitions } = context.agent.runtime.guard.stats().circuits[0]!;
    expect(transitions).toContainEqual({ from: 'HalfOpen', to: 'Open', count: 1 });
    expect(context.failures()).toEqual([{ ServerError: 1, Timeout: 1 }]);
  });

  it('follows a changed timeouts.attempt at once, and the circuit keeps its counts', async () => {
    const context = await model([hanging], { timeouts: { ...TIMEOUTS, attemptMs: 100 } });
    await send(context.agent.url);
    expect(context.states()).toEqual(['Open']);
    context.change({ timeouts: { ...TIMEOUTS, attemptMs: 200 } });
    expect(context.states()).toEqual(['Open']);
    expect(context.failures()).toEqual([{ Timeout: 1 }]);
  });

  it('is retried at the only endpoint when timeouts.attempt has cut it', async () => {
    let does: Behaviour = hanging;
    const answers: Behaviour = (response) => {
      does(response);
      does = fine;
    };
    const circuit = { ...TOUCHY, dependency: 'model/e0', trip: { consecutiveFailures: 3 } };
    const context = await model([answers], {
      timeouts: { ...TIMEOUTS, attemptMs: 100 },
      circuits: [circuit],
      retry: RETRY,
    });
    expect((await send(context.agent.url)).status).toBe(200);
    expect(context.seen()).toEqual([2]);
  });
});

describe('a stream', () => {
  it('may last longer than the timeout of its first token', async () => {
    const slowly: Behaviour = (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(STREAM.slice(0, 4).join(''));
      setTimeout(() => response.end(STREAM.slice(4).join('')), 600);
    };
    const context = await model([slowly], {
      timeouts: { ...TIMEOUTS, requestMs: 300, attemptMs: 200 },
    });
    const answer = await send(context.agent.url, STREAMED);
    expect(answer.body.toString()).toBe(STREAM.join(''));
    expect(context.failures()).toEqual([{}]);
  });

  it('that timeouts.stream cuts ends with an error, and neither failed nor was slow', async () => {
    const flowing: Behaviour = (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(STREAM.slice(0, 2).join(''));
      const timer = setInterval(() => response.write(STREAM[3]!), 20);
      response.on('close', () => clearInterval(timer));
    };
    const slowCalls = { percent: 1, slowerThanMs: 50, calls: 10, minimumCalls: 1 };
    const context = await model([flowing], {
      timeouts: { ...TIMEOUTS, streamMs: 300 },
      circuits: [{ ...TOUCHY, dependency: 'model/e0', trip: { slowCalls } }],
    });
    const answer = await send(context.agent.url, STREAMED);
    expect(answer.body.toString()).toContain('event: error\ndata: {"type":"error"');
    expect(answer.body.toString()).toContain('timeout_error');
    expect(context.failures()).toEqual([{}]);
    expect(context.states()).toEqual(['Closed']);
  });
});

describe('clients that leave', () => {
  /** Asks for a stream from an address of its own, and leaves after so long. */
  async function askAndLeave({ agent }: Model, address: string, ms: number): Promise<void> {
    const outgoing = request(new URL('/v1/messages', agent.url), {
      method: 'POST',
      localAddress: address,
    });
    outgoing.on('error', () => undefined);
    outgoing.end(STREAMED.body);
    setTimeout(() => outgoing.destroy(), ms);
    await new Promise<void>((resolve) => outgoing.on('close', resolve));
    await until(() => agent.runtime.guard.stats().circuits[0]!.inFlight === 0);
  }

  const circuit = {
    ...TOUCHY,
    dependency: 'model/e0',
    trip: { consecutiveFailures: 2 },
    abandonedAfterMs: 100,
  };

  it('of an endpoint that hangs open its circuit, and one of them alone does not', async () => {
    const context = await model([hanging], { circuits: [circuit] });
    await askAndLeave(context, '127.0.0.1', 200);
    await askAndLeave(context, '127.0.0.1', 200);
    await askAndLeave(context, '127.0.0.1', 200);
    expect(context.failures()).toEqual([{ Timeout: 1 }]);
    expect(context.states()).toEqual(['Closed']);
    await askAndLeave(context, '127.0.0.2', 200);
    expect(context.states()).toEqual(['Open']);
  });

  it('of an endpoint that has sent a ping do not count against it', async () => {
    const pings: Behaviour = (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(STREAM[2]!);
    };
    const context = await model([pings], { circuits: [circuit] });
    await askAndLeave(context, '127.0.0.1', 200);
    await askAndLeave(context, '127.0.0.2', 200);
    expect(context.failures()).toEqual([{}]);
    expect(context.states()).toEqual(['Closed']);
  });

  it('make an endpoint slow when no token has come for slowerThan', async () => {
    const slowCalls = { percent: 100, slowerThanMs: 100, calls: 10, minimumCalls: 2 };
    const context = await model([hanging], {
      circuits: [{ ...circuit, abandonedAfterMs: 60_000, trip: { slowCalls } }],
    });
    await askAndLeave(context, '127.0.0.1', 200);
    await askAndLeave(context, '127.0.0.1', 200);
    expect(context.states()).toEqual(['Open']);
    expect(context.failures()).toEqual([{}]);
  });
});

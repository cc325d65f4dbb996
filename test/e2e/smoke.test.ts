import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { restarts } from '../kit/agents.ts';
import { condition } from '../kit/conditions.ts';
import { enforcedEverywhere } from '../kit/enforcement.ts';
import type { RemoteTraffic } from '../kit/simulator.ts';
import { saidSeconds, since } from '../kit/traffic.ts';
import { waitFor } from '../kit/wait.ts';
import type { SandboxModel } from './sandbox.ts';
import { Sandbox } from './sandbox.ts';

jest.setTimeout(180_000);

interface Told {
  apiVersion: string;
  kind: string;
  metadata: { name: string };
  regarding?: { kind: string; name: string };
  reason?: string;
  note?: string;
}

describe('an agent with a circuit breaker and a rate limit', () => {
  let sandbox: Sandbox;
  let model: SandboxModel;
  let traffic: RemoteTraffic;

  const breaker = (openDuration: string): Record<string, unknown> =>
    sandbox.breaker('patience', 'concierge', {
      trip: { consecutiveFailures: 3 },
      openDuration,
    });

  beforeAll(async () => {
    sandbox = await Sandbox.open('smoke');
    [model, traffic] = await Promise.all([sandbox.model(), sandbox.traffic()]);
    await sandbox.apply(
      sandbox.secret('lamp', 'oil'),
      sandbox.agent({ name: 'concierge', replicas: 3, baseURL: model.baseURL, secret: 'lamp' }),
      breaker('20m'),
      sandbox.limit('turnstile', 'concierge', { capacity: 400, amount: 100, per: '1s' }),
    );
    await sandbox.served('concierge', traffic);
  });

  afterAll(() => sandbox.close());

  it('serves through its Service and reports that it is healthy', async () => {
    const report = await traffic.burst({ url: sandbox.url('concierge'), count: 60 });
    expect(report.outcomes).toEqual({ 200: 60 });
    await waitFor(
      'the policy shows closed circuits in each pod',
      () => sandbox.columns('circuitbreakerpolicies', 'patience'),
      (columns) => columns.STATE === 'Closed',
    );
    expect(await sandbox.columns('circuitbreakerpolicies', 'patience')).toMatchObject({
      OPEN: '0/3',
      TARGET: 'concierge',
      PROGRAMMED: '3/3',
    });
    expect(await sandbox.columns('agentdeployments', 'concierge')).toMatchObject({
      READY: '3/3',
      CIRCUITS: '3/3',
      POLICIES: '2/2',
    });
    expect(await sandbox.columns('ratelimitpolicies.breakwater.dev', 'turnstile')).toMatchObject({
      STATE: 'Flowing',
      PROGRAMMED: '3/3',
    });
  });

  it('opens the circuit of each pod when the model is overloaded, and says so', async () => {
    await model.control.setFault({ status: 529 });
    await traffic.run({ url: sandbox.url('concierge'), rate: 20 });
    const policy = await sandbox.agents.waitForBreaker(
      'patience',
      'Open in 3 pods',
      ({ status }) => status?.state === 'Open' && status.pods?.open === 3,
    );
    expect(condition(policy, 'Tripped')).toMatchObject({ status: 'True' });
    expect(policy.status?.summary).toMatchObject({ open: '3/3', programmed: '3/3' });
    expect(policy.status?.summary?.reason).toContain('Overloaded');
    expect(policy.status?.circuits).toMatchObject([
      {
        agent: 'concierge',
        dependency: 'model/north',
        state: 'Open',
        pods: '3/3',
        lastFailure: { class: 'Overloaded' },
      },
    ]);
    const pods = (await sandbox.agents.readyPods('concierge')).map((pod) => pod.metadata.name);
    expect(policy.status?.transitions?.map(({ pod }) => pod).sort()).toEqual(pods.sort());
    expect((await sandbox.columns('circuitbreakerpolicies', 'patience')).SINCE).toMatch(/^\d+s$/);

    const agent = await waitFor(
      'the agent shows the open circuits and stays Ready',
      () => sandbox.agents.agent('concierge'),
      ({ status }) => status?.summary?.circuits === '0/3',
    );
    expect(condition(agent, 'DependenciesHealthy')).toMatchObject({ status: 'False' });
    expect(condition(agent, 'Ready')).toMatchObject({ status: 'True' });
  });

  it('answers clients at once while open, in the words of the Messages API', async () => {
    await traffic.run(undefined);
    const [pod] = await sandbox.ways('concierge');
    const before = await model.control.requests();
    const answer = await pod!.send({ stream: true });
    expect(answer.status).toBe(503);
    expect(answer.headers['x-breakwater-reason']).toBe('CircuitBreakerOpen');
    expect(saidSeconds(answer)).toBeGreaterThan(600);
    expect(Number(answer.headers['retry-after'])).toBeLessThanOrEqual(5);
    expect(JSON.parse(answer.body)).toMatchObject({
      type: 'error',
      error: { type: 'overloaded_error' },
    });
    expect((await model.control.requests()).total).toBe(before.total);
  });

  it('reports open circuits in Events of the policy, and not once for each pod', async () => {
    const opened = (events: Told[]): string[] =>
      events
        .filter(({ regarding }) => regarding?.kind === 'CircuitBreakerPolicy')
        .map(({ note }) => note ?? '')
        .filter((note) => note.includes('model/north'));
    const told = await waitFor(
      'an Event about the circuit that is open in all pods',
      () => sandbox.api.list<Told>('events', sandbox.namespace),
      (events) => opened(events).some((note) => /open(ed)? in 3\/3 pods/.test(note)),
    );
    // Reports the first and the last pod.
    expect(opened(told).length).toBeLessThanOrEqual(2);
  });

  it('enforces an edited policy in each pod without a restart or loss of state', async () => {
    const before = restarts(await sandbox.agents.pods('concierge'));
    const ways = await sandbox.ways('concierge');
    await sandbox.apply(breaker('5m'));
    await enforcedEverywhere(
      ways,
      'the circuit is open for at most 5 minutes',
      (answer) => answer.status === 503 && saidSeconds(answer) <= 300,
    );
    expect(restarts(await sandbox.agents.pods('concierge'))).toEqual(before);
    const policy = await sandbox.agents.waitForBreaker(
      'patience',
      'programmed in each pod',
      ({ status, metadata }) =>
        status?.observedGeneration === metadata.generation && status?.pods?.programmed === 3,
    );
    expect(policy.status?.pods).toMatchObject({ open: 3, total: 3 });
  });

  it('closes its circuit after half-open when the model works again', async () => {
    await model.control.setFault(undefined);
    await sandbox.apply(breaker('1s'));
    await sandbox.agents.waitForBreaker(
      'patience',
      'HalfOpen, without any traffic',
      ({ status }) => status?.state === 'HalfOpen' && status.pods?.halfOpen === 3,
    );
    await traffic.run({ url: sandbox.url('concierge'), rate: 20 });
    const policy = await sandbox.agents.waitForBreaker(
      'patience',
      'Closed in 3 pods',
      ({ status }) => status?.state === 'Closed' && status.pods?.closed === 3,
    );
    expect(condition(policy, 'Tripped')).toMatchObject({ status: 'False' });
    const last = policy.status?.transitions?.slice(0, 3).map(({ from, to }) => `${from}→${to}`);
    expect(last).toEqual(Array(3).fill('HalfOpen→Closed'));
    const before = await traffic.report();
    await waitFor(
      '20 more answers',
      () => traffic.report(),
      ({ answered }) => answered >= before.answered + 20,
    );
    const outcomes = since(before, await traffic.report()).outcomes;
    expect(Object.keys(outcomes)).toEqual(['200']);
    await traffic.run(undefined);
  });

  it('rejects requests beyond the rate limit with 429 and retry-after', async () => {
    await sandbox.apply(
      sandbox.limit('turnstile', 'concierge', { capacity: 5, amount: 1, per: '1m' }),
    );
    const ways = await sandbox.ways('concierge');
    await enforcedEverywhere(ways, 'it is limited', ({ status }) => status === 429);
    const answer = await ways[0]!.send();
    expect(answer.headers['x-breakwater-reason']).toBe('RateLimited');
    expect(Number(answer.headers['retry-after'])).toBeGreaterThanOrEqual(1);
    expect(Number(answer.headers['retry-after'])).toBeLessThanOrEqual(60);
    expect(JSON.parse(answer.body)).toMatchObject({ error: { type: 'rate_limit_error' } });
    const policy = await waitFor(
      'the policy is Limiting in 3 pods',
      () => sandbox.agents.limit('turnstile'),
      ({ status }) => status?.state === 'Limiting' && status.pods?.limiting === 3,
    );
    expect(condition(policy, 'Exhausted')).toMatchObject({ status: 'True' });
    expect(policy.status?.summary?.rejected).toBeGreaterThanOrEqual(3);
  });
});

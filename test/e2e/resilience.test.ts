import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { restarts } from '../kit/agents.ts';
import type { PodClient } from '../kit/enforcement.ts';
import { killContainer } from '../kit/kill.ts';
import { portForward } from '../kit/portForward.ts';
import { outcome, saidSeconds } from '../kit/traffic.ts';
import { waitFor } from '../kit/wait.ts';
import type { AgentOptions, SandboxModel } from './sandbox.ts';
import { NOTHING_LEFT, Sandbox } from './sandbox.ts';

jest.setTimeout(180_000);

const QUESTION = { max_tokens: 8, messages: [{ role: 'user', content: 'How are you?' }] };
const QUICK_RETRY = { maxAttempts: 3, baseDelay: '50ms', maxDelay: '100ms' };

describe('an agent in trouble', () => {
  let sandbox: Sandbox;
  let model: SandboxModel;
  const pods: Record<string, PodClient> = {};

  const agent = (name: string, spec: Record<string, unknown>, more: Partial<AgentOptions> = {}) =>
    sandbox.agent({ name, baseURL: model.baseURL, spec, ...more });

  beforeAll(async () => {
    sandbox = await Sandbox.open('resilience');
    model = await sandbox.model('storm', 9601);
    await sandbox.apply(
      agent('stubborn', { retry: QUICK_RETRY }),
      sandbox.breaker('stubborn', 'stubborn', { trip: { consecutiveFailures: 1000 } }),
      agent('hasty', {
        retry: { maxAttempts: 1 },
        timeouts: { firstToken: '500ms' },
        bulkhead: { maxConcurrent: 1, maxQueued: 0, acquireTimeout: '1s' },
      }),
      sandbox.breaker('hasty', 'hasty', { trip: { consecutiveFailures: 1000 } }),
      agent('steady', { retry: { maxAttempts: 1 } }),
      sandbox.breaker('steady', 'steady', {
        trip: { consecutiveFailures: 3 },
        openDuration: '10m',
        resetToken: '1',
      }),
    );
    for (const name of ['stubborn', 'hasty', 'steady']) {
      await sandbox.agents.waitForAgent(name);
      pods[name] = (await sandbox.ways(name))[0]!;
    }
  });

  beforeEach(async () => {
    await model.control.setFault(undefined);
    await model.control.resetRequests();
  });

  afterAll(() => sandbox.close());

  const seen = async (): Promise<number> => (await model.control.requests()).total;

  /** Enforcement in the pod of steady, whose policy this replaces. */
  const changePolicy = (spec: Record<string, unknown>): Promise<void> =>
    sandbox.apply(
      sandbox.breaker('steady', 'steady', {
        trip: { consecutiveFailures: 3 },
        openDuration: '10m',
        ...spec,
      }),
    );

  it('retries as its spec says, and returns the last error unchanged', async () => {
    await model.control.setFault({ status: 503 });
    const answer = await pods.stubborn!.send();
    expect(outcome(answer)).toBe('503');
    expect(await seen()).toBe(3);
  });

  it('retries an overload once and a client error never', async () => {
    await model.control.setFault({ status: 529 });
    expect(outcome(await pods.stubborn!.send())).toBe('529');
    expect(await seen()).toBe(2);
    await model.control.setFault({ status: 400 });
    expect(outcome(await pods.stubborn!.send())).toBe('400');
    expect(await seen()).toBe(3);
  });

  it('ends a call whose first token does not come in time', async () => {
    await model.control.setFault({ firstTokenMs: 30_000 });
    const answer = await pods.hasty!.send({ stream: true });
    expect(outcome(answer)).toBe('504 Timeout');
    expect(answer.ms).toBeLessThan(20_000);
  });

  it('refuses requests beyond its bulkhead', async () => {
    await model.control.setFault({ firstTokenMs: 3000 });
    const first = pods.hasty!.send();
    await waitFor('the first request is under way', seen, (total) => total === 1);
    const second = await pods.hasty!.send();
    expect(outcome(second)).toBe('503 BulkheadFull');
    expect(outcome(await first)).toBe('200');
  });

  it('reports at once that the provider asks one credential to wait for an hour', async () => {
    await model.control.setFault({ status: 429, retryAfter: 3600, headers: NOTHING_LEFT });
    const mine = { headers: { 'x-api-key': 'limited' } };
    const first = await pods.stubborn!.send(mine);
    expect(outcome(first)).toBe('429');
    expect(first.headers['retry-after']).toBe('3600');
    await model.control.setFault(undefined);
    const second = await pods.stubborn!.send(mine);
    expect(outcome(second)).toBe('429 RateLimited');
    // retry.maxProviderWait, after which one call is let through, is 5 minutes.
    expect(saidSeconds(second)).toBeGreaterThan(240);
    expect(saidSeconds(second)).toBeLessThanOrEqual(310);
    expect(Number(second.headers['retry-after'])).toBeLessThanOrEqual(5);
    expect(await seen()).toBe(1);
    expect(outcome(await pods.stubborn!.send({ headers: { 'x-api-key': 'free' } }))).toBe('200');
    expect(outcome(await pods.steady!.send(mine))).toBe('200');
  });

  it('keeps its circuit open after its container was killed', async () => {
    await model.control.setFault({ status: 500 });
    await pods.steady!.until('the circuit is open', (answer) =>
      outcome(answer).startsWith('503 CircuitBreakerOpen'),
    );
    const [pod] = await sandbox.agents.pods('steady');
    await model.control.setFault(undefined);
    await killContainer(sandbox, pod!, 'agent');
    await waitFor(
      'the container was restarted',
      () => sandbox.agents.pods('steady'),
      (list) => Object.values(restarts(list)).includes(1),
      { timeoutMs: 60_000 },
    );
    await sandbox.agents.waitForAgent('steady');
    pods.steady = (await sandbox.ways('steady'))[0]!;
    await model.control.resetRequests();
    expect(outcome(await pods.steady.send())).toBe('503 CircuitBreakerOpen');
    expect(await seen()).toBe(0);
    await sandbox.agents.waitForBreaker('steady', 'Open', ({ status }) => status?.state === 'Open');
  });

  it('closes its circuit for a changed resetToken, and says so', async () => {
    await changePolicy({ resetToken: '2' });
    await pods.steady!.until('the circuit is closed', (answer) => outcome(answer) === '200');
    await sandbox.agents.waitForBreaker(
      'steady',
      'the token is handled',
      ({ status }) => status?.lastHandledResetToken === '2' && status.state === 'Closed',
    );
  });

  it('opens the circuit of one model, names it in the status, and serves the others', async () => {
    const ask = (name: string) => ({ body: JSON.stringify({ ...QUESTION, model: name }) });
    for (const name of ['claude-opus-5', 'claude-haiku-5']) {
      expect(outcome(await pods.steady!.send(ask(name)))).toBe('200');
    }
    await model.control.setFault({ model: 'claude-opus-5', status: 500 });
    await pods.steady!.until(
      'the circuit of the model is open',
      (answer) => outcome(answer) === '503 CircuitBreakerOpen',
      { request: ask('claude-opus-5') },
    );
    expect(outcome(await pods.steady!.send(ask('claude-haiku-5')))).toBe('200');
    const { status } = await sandbox.agents.waitForBreaker(
      'steady',
      'a model is named',
      (policy) => policy.status?.state === 'Open',
    );
    expect(status!.circuits).toContainEqual(
      expect.objectContaining({ model: 'claude-opus-5', state: 'Open' }),
    );
    await model.control.setFault(undefined);
    await changePolicy({ resetToken: '3' });
    await pods.steady!.until('the circuit is closed', (answer) => outcome(answer) === '200', {
      request: ask('claude-opus-5'),
    });
  });

  it('holds its circuit open until an override expires', async () => {
    const expiresAt = new Date(Date.now() + 15_000).toISOString().replace(/\.\d+Z$/, 'Z');
    await changePolicy({
      resetToken: '3',
      override: { state: 'Open', reason: 'maintenance', expiresAt },
    });
    await pods.steady!.until('the circuit is open', (answer) =>
      outcome(answer).startsWith('503 CircuitBreakerOpen'),
    );
    await pods.steady!.until('the circuit lets probes through', (answer) => answer.status === 200, {
      timeoutMs: 40_000,
      everyMs: 200,
    });
    expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(expiresAt));
  });

  it('shows its state on the debug port through a port-forward', async () => {
    const [pod] = await sandbox.agents.readyPods('stubborn');
    const way = await portForward(
      sandbox.kubectl,
      sandbox.namespace,
      `pod/${pod!.metadata.name}`,
      9091,
    );
    try {
      for (const page of ['state', 'circuits', 'rate_limiter', 'bulkhead', 'config']) {
        const response = await fetch(`${way.url}/debug/${page}`);
        expect(response.status).toBe(200);
        expect(typeof (await response.json())).toBe('object');
      }
    } finally {
      way.stop();
    }
  });
});

import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { condition } from '../kit/conditions.ts';
import type { PodClient } from '../kit/enforcement.ts';
import { outcome } from '../kit/traffic.ts';
import { waitFor } from '../kit/wait.ts';
import type { SandboxModel } from './sandbox.ts';
import { Sandbox } from './sandbox.ts';

jest.setTimeout(180_000);

const API_VERSION = 'breakwater.dev/v1alpha1';
/** Of a user, in a header. */
const as = (user: string): { headers: Record<string, string> } => ({
  headers: { 'x-user-id': user },
});

describe('a policy', () => {
  let sandbox: Sandbox;
  let model: SandboxModel;
  let pod: PodClient;

  /** Replaces the one policy and waits until the pod enforces it. */
  async function policy(spec: Record<string, unknown>): Promise<void> {
    await sandbox.apply(sandbox.breaker('watch', 'scout', { openDuration: '10m', ...spec }));
    await sandbox.agents.waitForBreaker(
      'watch',
      'programmed',
      (one) =>
        one.status?.observedGeneration === one.metadata.generation &&
        condition(one, 'Programmed')?.status === 'True',
    );
  }

  beforeAll(async () => {
    sandbox = await Sandbox.open('policies');
    model = await sandbox.model('mirror', 9701);
    await sandbox.apply(
      sandbox.agent({
        name: 'scout',
        baseURL: model.baseURL,
        spec: {
          retry: { maxAttempts: 1 },
          bulkhead: { maxConcurrent: 10, maxQueued: 0, acquireTimeout: '1s' },
        },
      }),
      sandbox.breaker('watch', 'scout', { openDuration: '10m' }),
    );
    await sandbox.agents.waitForAgent('scout');
    pod = (await sandbox.ways('scout'))[0]!;
  });

  beforeEach(async () => {
    await model.control.setFault(undefined);
  });

  afterAll(() => sandbox.close());

  const times = async (count: number, options = {}): Promise<string[]> => {
    const seen: string[] = [];
    for (let sent = 0; sent < count; sent += 1) seen.push(outcome(await pod.send(options)));
    return seen;
  };

  it('in shadow mode says what it would do and rejects nothing', async () => {
    await policy({ trip: { consecutiveFailures: 2 }, mode: 'Shadow', resetToken: 'shadow' });
    await model.control.setFault({ status: 503 });
    expect(await times(5)).toEqual(Array(5).fill('503'));
    const seen = await sandbox.agents.waitForBreaker(
      'watch',
      'Open in shadow',
      (one) => one.status?.state === 'Open',
    );
    expect(condition(seen, 'Tripped')).toMatchObject({
      status: 'False',
      reason: 'Shadow',
    });
  });

  it('opens on nothing but the failures that it names', async () => {
    await policy({
      trip: { consecutiveFailures: 2 },
      failureOn: ['Timeout'],
      resetToken: 'failureOn',
    });
    await model.control.setFault({ status: 503 });
    expect(await times(5)).toEqual(Array(5).fill('503'));
  });

  it('opens when too many of the calls in a window fail', async () => {
    await policy({
      trip: { failureRate: { percent: 50, window: '60s', minimumCalls: 4 } },
      resetToken: 'rate',
    });
    expect(await times(2)).toEqual(['200', '200']);
    await model.control.setFault({ status: 500 });
    expect(await times(3)).toEqual(['500', '500', '503 CircuitBreakerOpen']);
  });

  it('opens when too many calls are slow', async () => {
    await policy({
      trip: { slowCalls: { percent: 100, slowerThan: '200ms', calls: 10, minimumCalls: 2 } },
      resetToken: 'slow',
    });
    await model.control.setFault({ firstTokenMs: 500 });
    expect(await times(3, { stream: true })).toEqual(['200', '200', '503 CircuitBreakerOpen']);
  });

  it('bounds the calls to an endpoint at a time', async () => {
    const agent = sandbox.agent({
      name: 'narrow',
      baseURL: model.baseURL,
      spec: {
        retry: { maxAttempts: 1 },
        bulkhead: { maxConcurrent: 10, maxQueued: 0, acquireTimeout: '1s' },
      },
    }) as { spec: { model: { endpoints: Record<string, unknown>[] } } };
    agent.spec.model.endpoints[0]!['maxConcurrent'] = 1;
    await sandbox.apply(agent);
    await sandbox.agents.waitForAgent('narrow');
    const narrow = (await sandbox.ways('narrow'))[0]!;
    await model.control.resetRequests();
    await model.control.setFault({ firstTokenMs: 3000 });
    const first = narrow.send();
    await waitFor(
      'the first call is under way',
      async () => (await model.control.requests()).total,
      (total) => total === 1,
    );
    expect(outcome(await narrow.send())).toBe('503 BulkheadFull');
    expect(outcome(await first)).toBe('200');
  });

  it('limits each user on their own, and new ones together when there are more than maxKeys', async () => {
    await policy({ trip: { consecutiveFailures: 1000 }, resetToken: 'limits' });
    const each = {
      name: 'each',
      refill: { amount: 1, per: '1h' },
      capacity: 2,
      key: { header: 'x-user-id' },
      maxKeys: 3,
    };
    await sandbox.apply({
      apiVersion: API_VERSION,
      kind: 'RateLimitPolicy',
      metadata: { name: 'turns' },
      spec: { targetRefs: [{ name: 'scout' }], scope: 'Pod', limits: [each] },
    });
    // Those without the header have a bucket too: it is the first of the three.
    await pod.until('the limit is in force', (answer) => outcome(answer) === '429 RateLimited');
    expect(await times(3, as('ann'))).toEqual(['200', '200', '429 RateLimited']);
    expect(await times(3, as('bob'))).toEqual(['200', '200', '429 RateLimited']);
    expect(await times(1, as('cid'))).toEqual(['200']);
    expect(await times(1, as('dan'))).toEqual(['200']);
    expect(await times(1, as('eve'))).toEqual(['429 RateLimited']);
    expect(await times(1, as('ann'))).toEqual(['429 RateLimited']);
  });
});

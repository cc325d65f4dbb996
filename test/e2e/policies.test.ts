import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { CircuitBreakerPolicy, RateLimitPolicy } from '../../crds/generated/types.ts';
import type { DebugAgent, describeAgents } from '../../operator/debug.ts';
import { condition } from '../kit/conditions.ts';
import type { PodClient } from '../kit/enforcement.ts';
import { OPERATOR, OPERATOR_NAMESPACE } from '../kit/platform.ts';
import { portForward } from '../kit/portForward.ts';
import { outcome } from '../kit/traffic.ts';
import { waitFor } from '../kit/wait.ts';
import type { SandboxModel } from './sandbox.ts';
import { Sandbox } from './sandbox.ts';

jest.setTimeout(180_000);

const API_VERSION = 'breakwater.dev/v1alpha1';
/** Number of pods of the agent with policies of scope Fleet. */
const CREW = 3;

/** Headers that name a user. */
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
      sandbox.agent({
        name: 'crew',
        replicas: CREW,
        baseURL: model.baseURL,
        spec: { retry: { maxAttempts: 1 } },
      }),
      sandbox.breaker('crew', 'crew', {
        scope: 'Fleet',
        trip: { consecutiveFailures: 5 },
        openDuration: '2s',
      }),
    );
    await Promise.all(['scout', 'crew'].map((name) => sandbox.agents.waitForAgent(name)));
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

  it('in shadow mode shows what it would reject, and rejects nothing', async () => {
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

  it('opens only on the failures that it names', async () => {
    await policy({
      trip: { consecutiveFailures: 2 },
      failureOn: ['Timeout'],
      resetToken: 'failureOn',
    });
    await model.control.setFault({ status: 503 });
    expect(await times(5)).toEqual(Array(5).fill('503'));
  });

  it('opens when too many calls in a window fail', async () => {
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

  it('bounds the simultaneous calls to an endpoint', async () => {
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

  it('limits each user separately, and all users beyond maxKeys together', async () => {
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
    // Requests without the header have a bucket too. It is the first of the three.
    await pod.until('the limit is in force', (answer) => outcome(answer) === '429 RateLimited');
    expect(await times(3, as('ann'))).toEqual(['200', '200', '429 RateLimited']);
    expect(await times(3, as('bob'))).toEqual(['200', '200', '429 RateLimited']);
    expect(await times(1, as('cid'))).toEqual(['200']);
    expect(await times(1, as('dan'))).toEqual(['200']);
    expect(await times(1, as('eve'))).toEqual(['429 RateLimited']);
    expect(await times(1, as('ann'))).toEqual(['429 RateLimited']);
  });

  describe('of scope Fleet', () => {
    const CAPACITY = 30;
    let crew: PodClient[];

    beforeAll(async () => {
      crew = await sandbox.ways('crew');
      expect(crew).toHaveLength(CREW);
    });

    const breaker = (
      description: string,
      isDone: (status: NonNullable<CircuitBreakerPolicy['status']>) => boolean,
    ): Promise<CircuitBreakerPolicy> =>
      sandbox.agents.waitForBreaker('crew', description, ({ status }) => isDone(status ?? {}));

    it('opens the circuits of all pods by votes, and has one pod probe', async () => {
      await model.control.setFault({ status: 500 });
      const votes = await Promise.all(crew.flatMap((each) => [each.send(), each.send()]));
      // The last requests may already meet the open circuit.
      expect(votes.filter(({ status }) => status === 500).length).toBeGreaterThanOrEqual(5);
      const open = await breaker('Open by the fleet', ({ pods, circuits }) =>
        Boolean(pods?.open === CREW && circuits?.[0]?.fleet?.state === 'Open'),
      );
      expect(open.status!.circuits![0]!.fleet!.votes).toMatch(/^[23]\/3$/);
      expect(open.status!.transitions![0]!.reason).toMatch(/^by the fleet: /);
      await model.control.resetRequests();
      // All pods get requests, but only the probing one admits calls.
      const probes = await waitFor(
        'a pod has probed',
        async () => {
          await Promise.all(crew.map((each) => each.send()));
          return (await model.control.requests()).total;
        },
        (total) => total > 0,
        { everyMs: 20 },
      );
      expect(probes).toBe(1);
      await model.control.setFault(undefined);
      // Sends requests to all pods until all serve. Closing takes several probes of one pod.
      await waitFor(
        'all pods serve again',
        () => Promise.all(crew.map((each) => each.send())),
        (answers) => answers.every(({ status }) => status === 200),
        { everyMs: 20 },
      );
      await breaker('Closed', ({ pods }) => pods?.closed === CREW);
    });

    it('admits the limit in all pods together, and shows what the fleet has used and rejected', async () => {
      const limits = [
        { name: 'turns', refill: { amount: CAPACITY, per: '24h' }, capacity: CAPACITY },
      ];
      const spec = { targetRefs: [{ name: 'crew' }], scope: 'Fleet', limits };
      const metadata = { name: 'crew' };
      await sandbox.apply({ apiVersion: API_VERSION, kind: 'RateLimitPolicy', metadata, spec });
      const policy = (
        description: string,
        isDone: (status: NonNullable<RateLimitPolicy['status']>) => boolean,
      ): Promise<RateLimitPolicy> =>
        waitFor(
          `RateLimitPolicy crew: ${description}`,
          () => sandbox.agents.limit('crew'),
          ({ status }) => isDone(status ?? {}),
        );
      await policy('programmed', ({ pods }) => pods?.programmed === CREW);
      const statuses: number[] = [];
      const ask = async (each: PodClient): Promise<void> => {
        statuses.push((await each.send()).status);
      };
      const admitted = (): number => statuses.filter((status) => status === 200).length;
      // Nine of ten requests go to one pod.
      const [hot, ...others] = crew as [PodClient, PodClient, PodClient];
      for (let round = 0; round < 6; round += 1) {
        const nine = Array.from({ length: 9 }, () => hot);
        await Promise.all([...nine, others[round % 2]!].map(ask));
      }
      await waitFor(
        'the limit is used up',
        async () => {
          if (admitted() < CAPACITY) await Promise.all(crew.map(ask));
          return admitted();
        },
        (count) => count >= CAPACITY,
      );
      await Promise.all(crew.flatMap((each) => [ask(each), ask(each)]));
      expect(admitted()).toBe(CAPACITY);
      const rejected = statuses.filter((status) => status === 429).length;
      expect(rejected).toBe(statuses.length - CAPACITY);
      const { fleetLimits: shown, load } = await debugged(rejected);
      expect(load).toMatchObject({ queued: 0, capacity: CREW * 100 });
      expect(shown).toMatchObject({
        pods: { linked: CREW, total: CREW },
        limits: [{ name: 'turns', capacity: CAPACITY }],
      });
      // Returned tokens were granted more than once, so the sum may exceed the limit.
      expect(shown!.limits[0]!.granted).toBeGreaterThanOrEqual(CAPACITY);
      const { status } = await policy(
        'final figures',
        ({ summary, fleet }) => summary?.rejected === rejected && fleet?.held === 0,
      );
      expect(status).toMatchObject({
        summary: { used: '100%' },
        fleet: { pods: `${CREW}/${CREW}` },
      });
    });

    /** The agent on the operator's debug page once its pods have rejected this number of requests. */
    async function debugged(rejected: number): Promise<DebugAgent> {
      const held = await sandbox.api.get<Lease>('leases', OPERATOR_NAMESPACE, OPERATOR);
      const [leader] = held.spec.holderIdentity.split('_');
      const forward = await portForward(sandbox.kubectl, OPERATOR_NAMESPACE, `pod/${leader}`, 9091);
      try {
        return await waitFor(
          'the debug page shows what pods have rejected',
          async () => {
            const answer = await fetch(`${forward.url}/debug/agents`);
            const { agents } = (await answer.json()) as ReturnType<typeof describeAgents>;
            return agents.find(({ agent }) => agent === `${sandbox.namespace}/crew`)!;
          },
          ({ pods }) =>
            rejected ===
            pods.reduce((sum, each) => sum + (each.rejected?.['inbound turns'] ?? 0), 0),
        );
      } finally {
        forward.stop();
      }
    }
  });
});

interface Lease {
  apiVersion: string;
  kind: string;
  metadata: { name: string };
  spec: { holderIdentity: string };
}

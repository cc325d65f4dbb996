import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { RemoteTraffic } from '../kit/simulator.ts';
import { waitFor } from '../kit/wait.ts';
import type { SandboxModel } from './sandbox.ts';
import { Sandbox } from './sandbox.ts';

jest.setTimeout(180_000);

const CHILDREN = [
  'deployments',
  'replicasets',
  'pods',
  'services',
  'configmaps',
  'serviceaccounts',
  'horizontalpodautoscalers',
  'poddisruptionbudgets',
  'networkpolicies',
] as const;

describe('the pods of an agent', () => {
  let sandbox: Sandbox;
  let model: SandboxModel;
  let traffic: RemoteTraffic;

  beforeAll(async () => {
    sandbox = await Sandbox.open('pods');
    [model, traffic] = await Promise.all([sandbox.model('beacon', 9100), sandbox.traffic()]);
    await sandbox.apply(
      sandbox.agent({ name: 'ferryman', replicas: 3, baseURL: model.baseURL, drainTimeout: '1s' }),
      sandbox.breaker('tide', 'ferryman', {
        trip: { consecutiveFailures: 2 },
        openDuration: '10m',
      }),
    );
    await sandbox.served('ferryman', traffic);
  });

  afterAll(() => sandbox.close());

  it('are replaced when killed: the circuits of the others stay open, the new one is Closed, the transition is kept', async () => {
    await model.control.setFault({ status: 500 });
    await traffic.run({ url: sandbox.url('ferryman'), rate: 20 });
    await sandbox.agents.waitForBreaker(
      'tide',
      'Open in 3 pods',
      (p) => p.status?.pods?.open === 3,
    );
    await traffic.run(undefined);
    const before = await sandbox.agents.readyPods('ferryman');
    const victim = before[0]!.metadata.name;

    await sandbox.api.remove('pods', sandbox.namespace, victim, { gracePeriodSeconds: 0 });

    const policy = await sandbox.agents.waitForBreaker(
      'tide',
      'Open in 2 of 3 pods, Closed in the new one',
      ({ status }) =>
        status?.pods?.total === 3 && status.pods.open === 2 && status.pods.closed === 1,
      60_000,
    );
    expect(policy.status?.state).toBe('Open');
    expect(policy.status?.summary?.open).toBe('2/3');
    expect(policy.status?.transitions).toContainEqual(
      expect.objectContaining({ pod: victim, from: 'Closed', to: 'Open' }),
    );
    const after = (await sandbox.agents.readyPods('ferryman')).map((pod) => pod.metadata.name);
    expect(after).not.toContain(victim);
  });

  it('and its other objects are deleted with it, and nothing else is', async () => {
    await sandbox.api.remove('agentdeployments', sandbox.namespace, 'ferryman');
    await waitFor(
      'nothing of the agent is left',
      async () => {
        const label = 'breakwater.dev/agent=ferryman';
        const lists = await Promise.all(
          CHILDREN.map((kind) => sandbox.api.list(kind, sandbox.namespace, label)),
        );
        return lists.flat().map(({ metadata }) => metadata.name);
      },
      (left) => left.length === 0,
      { timeoutMs: 90_000 },
    );
    const owned = await Promise.all(
      CHILDREN.map((kind) => sandbox.api.list(kind, sandbox.namespace)),
    );
    expect(owned.flat().filter(({ metadata }) => metadata.name.startsWith('ferryman'))).toEqual([]);
    expect(await sandbox.api.find('pods', sandbox.namespace, 'beacon')).toBeDefined();
    const policy = await sandbox.agents.waitForBreaker(
      'tide',
      'it has no target any more',
      ({ status }) =>
        status?.conditions?.some(
          ({ type, status, reason }) =>
            type === 'Accepted' && status === 'False' && reason === 'TargetNotFound',
        ) ?? false,
    );
    expect(policy.status?.state).toBe('Unknown');
  });
});

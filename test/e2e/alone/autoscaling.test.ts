import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { AgentDeployment } from '../../../crds/generated/types.ts';
import { existingCluster } from '../../cluster/cluster.ts';
import { startMetricsServer } from '../../cluster/metricsServer.ts';
import { condition } from '../../kit/conditions.ts';
import type { RemoteTraffic } from '../../kit/simulator.ts';
import { since } from '../../kit/traffic.ts';
import { waitFor } from '../../kit/wait.ts';
import { Sandbox } from '../sandbox.ts';

jest.setTimeout(300_000);

interface Deployment {
  apiVersion: string;
  kind: string;
  metadata: { name: string };
  spec: { replicas: number };
  status?: { readyReplicas?: number };
}

/** Scales at once in both directions. The defaults wait for minutes. */
const BEHAVIOR = {
  scaleUp: { stabilizationWindowSeconds: 0 },
  scaleDown: {
    stabilizationWindowSeconds: 0,
    policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }],
  },
};

describe('the number of pods', () => {
  let sandbox: Sandbox;
  let traffic: RemoteTraffic;
  let baseURL: string;
  let metrics: { stop(): Promise<void> } | undefined;

  beforeAll(async () => {
    metrics = await startMetricsServer(await existingCluster(process.env));
    sandbox = await Sandbox.open('scaling');
    const [model, visitors] = await Promise.all([sandbox.model(), sandbox.traffic()]);
    traffic = visitors;
    baseURL = model.baseURL;
  });

  afterAll(async () => {
    await metrics?.stop();
    await sandbox?.close();
  });

  /** Scales by CPU: the request for memory is far above its use, and that for CPU several times the use of idle pods. */
  function agent(name: string, spec: Record<string, unknown>): Record<string, unknown> {
    const made = sandbox.agent({ name, baseURL, spec });
    const resources = { requests: { cpu: '100m', memory: '256Mi' } };
    const podTemplate = { spec: { containers: [{ name: 'agent', resources }] } };
    return { ...made, spec: { ...(made['spec'] as object), podTemplate } };
  }

  const deployment = (name: string): Promise<Deployment> =>
    sandbox.api.get('deployments', sandbox.namespace, name);

  const replicas = (
    name: string,
    description: string,
    holds: (count: number) => boolean,
  ): Promise<Deployment> =>
    waitFor(
      `${name} has ${description}`,
      () => deployment(name),
      ({ spec, status }) => holds(spec.replicas) && (status?.readyReplicas ?? 0) === spec.replicas,
      { timeoutMs: 150_000, everyMs: 500 },
    );

  const scale = (name: string, count: number): Promise<string> =>
    sandbox.kubectl.run([
      'scale',
      `agentdeployment/${name}`,
      `--replicas=${count}`,
      '-n',
      sandbox.namespace,
    ]);

  it('follows kubectl scale if autoscaling is off', async () => {
    await sandbox.apply(agent('steady', {}));
    await replicas('steady', '1 pod', (count) => count === 1);
    await scale('steady', 2);
    await replicas('steady', '2 pods', (count) => count === 2);
    const { status } = await sandbox.agents.waitForAgent('steady');
    expect(status?.replicas).toBe(2);
    await scale('steady', 0);
    await replicas('steady', 'no pods', (count) => count === 0);
  });

  it('follows the load if autoscaling is on, without a failed request, and the status says why kubectl scale has no effect', async () => {
    const autoscaling = { minReplicas: 1, maxReplicas: 3, cpuPercent: 70, behavior: BEHAVIOR };
    await sandbox.apply(agent('busy', { autoscaling }));
    await sandbox.served('busy', traffic);
    const scaling = await waitFor(
      'autoscaling is active',
      () => sandbox.agents.agent('busy'),
      (object: AgentDeployment) => condition(object, 'ScalingManaged')?.status === 'True',
      { timeoutMs: 120_000 },
    );
    expect(condition(scaling, 'ScalingManaged')?.message).toContain('kubectl scale');

    await scale('busy', 2);
    const ignored = await waitFor(
      'the status is about the new spec',
      () => sandbox.agents.agent('busy'),
      ({ spec, status, metadata }: AgentDeployment) =>
        spec.replicas === 2 && status?.observedGeneration === metadata.generation,
    );
    expect(condition(ignored, 'ScalingManaged')?.message).toContain('spec.replicas');
    expect((await deployment('busy')).spec.replicas).toBe(1);

    const before = await traffic.report();
    const started = Date.now();
    await traffic.run({ url: sandbox.url('busy'), rate: 60 });
    const { spec } = await replicas('busy', 'more pods', (count) => count > 1);
    const up = Date.now();
    await traffic.run({ url: sandbox.url('busy'), rate: 2 });
    await replicas('busy', '1 pod again', (count) => count === 1);
    const down = Date.now();
    const { answered, outcomes } = since(before, await traffic.report());
    await traffic.run(undefined);
    console.log(
      `1 to ${spec.replicas} pods in ${(up - started) / 1000} s, back in ${(down - up) / 1000} s, ${answered} requests`,
    );
    expect(answered).toBeGreaterThan(500);
    expect(Object.keys(outcomes)).toEqual(['200']);
  });
});

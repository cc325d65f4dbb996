import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { AgentDeployment } from '../../../crds/generated/types.ts';
import type { KubernetesObject } from '../../../crds/meta.ts';
import { placeOf } from '../../cluster/aggregatedApi.ts';
import { existingCluster } from '../../cluster/cluster.ts';
import type { Cluster } from '../../cluster/common/cluster.ts';
import { startMetricsServer } from '../../cluster/metricsServer.ts';
import { Keda } from '../../keda/keda.ts';
import { condition, hasCondition } from '../../kit/conditions.ts';
import { DiscoveredPods } from '../../kit/discoveredPods.ts';
import { RealPrometheus } from '../../kit/prometheus.ts';
import type { RemoteModel, RemoteTraffic } from '../../kit/simulator.ts';
import { since } from '../../kit/traffic.ts';
import { waitFor } from '../../kit/wait.ts';
import { Sandbox } from '../sandbox.ts';

jest.setTimeout(420_000);

/** Scales at once in both directions. The defaults wait for minutes. */
const BEHAVIOR = {
  scaleUp: { stabilizationWindowSeconds: 0 },
  scaleDown: {
    stabilizationWindowSeconds: 0,
    policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }],
  },
};
const TARGET = 5;
/** The operator checks twice a minute. */
const NOTICED = { timeoutMs: 90_000, everyMs: 500 };

interface Scaled extends KubernetesObject {
  spec: { replicas: number };
  status?: { readyReplicas?: number };
}

interface Autoscaler extends KubernetesObject {
  spec: { metrics: { type: string }[] };
  status?: { currentMetrics?: { type?: string; external?: { current: object } }[] };
}

describe('KEDA in a cluster with agents', () => {
  let cluster: Cluster;
  let sandbox: Sandbox;
  let metrics: { stop(): Promise<void> } | undefined;
  let prometheus: RealPrometheus | undefined;
  let pods: DiscoveredPods | undefined;
  let keda: Keda | undefined;
  let traffic: RemoteTraffic;
  let model: { baseURL: string; control: RemoteModel };

  beforeAll(async () => {
    cluster = await existingCluster(process.env);
    metrics = await startMetricsServer(cluster);
    sandbox = await Sandbox.open('keda');
    [model, traffic] = await Promise.all([sandbox.model(), sandbox.traffic()]);
    await sandbox.apply(agent());
    await sandbox.served('busy', traffic);
    pods = await DiscoveredPods.follow(await sandbox.agents.agent('busy'), sandbox.agents);
    prometheus = await RealPrometheus.start({
      jobs: [pods.job],
      targets: 1,
      place: await placeOf(cluster, 'KEDA'),
    });
  });

  afterAll(async () => {
    await keda?.stop();
    await prometheus?.stop();
    await pods?.stop();
    await metrics?.stop();
    await sandbox?.close();
  });

  function agent(serverAddress?: string): Record<string, unknown> {
    const inFlight = serverAddress && { target: TARGET, prometheus: { serverAddress } };
    const autoscaling = {
      ...{ minReplicas: 1, maxReplicas: 3, cpuPercent: 1000, memoryPercent: 0 },
      behavior: BEHAVIOR,
      ...(inFlight && { inFlight }),
    };
    return sandbox.agent({ name: 'busy', baseURL: model.baseURL, spec: { autoscaling } });
  }

  const until = (
    type: string,
    status: 'True' | 'False',
    reason?: string,
  ): Promise<AgentDeployment> =>
    waitFor(
      `${type} is ${status}`,
      () => sandbox.agents.agent('busy'),
      (object) =>
        reason === undefined
          ? condition(object, type)?.status === status
          : hasCondition(object, type, status, reason),
      NOTICED,
    );

  const kubectl = (...args: string[]): Promise<string> =>
    sandbox.kubectl.run([...args, '-n', sandbox.namespace]);

  const autoscalers = async (): Promise<string[]> =>
    (await kubectl('get', 'hpa', '-o', 'name'))
      .split('\n')
      .filter(Boolean)
      .map((name) => name.replace(/.*\//, ''));

  const replicas = (description: string, holds: (count: number) => boolean): Promise<Scaled> =>
    waitFor(
      description,
      () => sandbox.api.get<Scaled>('deployments', sandbox.namespace, 'busy'),
      ({ spec, status }) => holds(spec.replicas) && (status?.readyReplicas ?? 0) === spec.replicas,
      { timeoutMs: 150_000, everyMs: 500 },
    );

  it('is reported as missing until it is installed, and pods scale by CPU until then', async () => {
    await sandbox.apply(agent(prometheus!.url));
    await until('ScaledByLoad', 'False', 'NotInstalled');
    expect(await autoscalers()).toEqual(['busy']);
  });

  it('scales by requests in flight, up and down, and no request fails', async () => {
    keda = await Keda.start(cluster, sandbox.kubectl, sandbox.namespace);
    await until('ScaledByLoad', 'True', 'ScaledObject');
    await kubectl('wait', 'scaledobject/busy', '--for=condition=Ready', '--timeout=60s');
    await waitFor('KEDA has made its autoscaler', autoscalers, (names) => names.length === 1);
    expect(await autoscalers()).toEqual(['keda-hpa-busy']);
    await until('ScalingManaged', 'True');

    // Five requests a second of 3 s each keep 15 in flight: enough for three pods.
    await model.control.setFault({ firstTokenMs: 3_000 });
    const before = await traffic.report();
    const started = Date.now();
    await traffic.run({ url: sandbox.url('busy'), rate: 5 });
    await replicas('3 pods', (count) => count === 3);
    const up = Date.now();
    const autoscaler = JSON.parse(
      await kubectl('get', 'hpa', 'keda-hpa-busy', '-o', 'json'),
    ) as Autoscaler;
    expect(autoscaler.spec.metrics.map(({ type }) => type).sort()).toEqual([
      'ContainerResource',
      'External',
    ]);
    console.log(`load as KEDA tells it: ${JSON.stringify(autoscaler.status?.currentMetrics)}`);
    await traffic.run({ url: sandbox.url('busy'), rate: 1 });
    await replicas('1 pod again', (count) => count === 1);
    const down = Date.now();
    const { answered, outcomes } = since(before, await traffic.report());
    await traffic.run(undefined);
    console.log(
      `1 to 3 pods in ${(up - started) / 1000} s, back in ${(down - up) / 1000} s, ${answered} requests`,
    );
    expect(Object.keys(outcomes)).toEqual(['200']);
  });

  it('keeps the number of pods while Prometheus has no figures, and the agent names the reason', async () => {
    await model.control.setFault({ firstTokenMs: 3_000 });
    await traffic.run({ url: sandbox.url('busy'), rate: 5 });
    await replicas('3 pods', (count) => count === 3);
    await prometheus!.stop();
    prometheus = undefined;
    await traffic.run(undefined);
    await until('ScalingManaged', 'False');
    const { spec } = await sandbox.api.get<Scaled>('deployments', sandbox.namespace, 'busy');
    expect(spec.replicas).toBe(3);
  });

  it('leaves scaling to CPU after it is removed, without a change of the number of pods', async () => {
    await keda!.uninstall();
    await until('ScaledByLoad', 'False', 'NotInstalled');
    await waitFor('the autoscaler is back', autoscalers, (names) => names.join() === 'busy');
    expect(await autoscalers()).toEqual(['busy']);
  });
});

import { describe, expect, it } from '@jest/globals';
import type { AgentDeployment } from '../../../crds/generated/types.ts';
import { agentFixture } from '../../testing/fixtures.ts';
import { buildScaledObject, loadCondition } from './scaledObject.ts';

type Autoscaling = NonNullable<AgentDeployment['spec']['autoscaling']>;

const agent = (autoscaling: Partial<Autoscaling> = {}): AgentDeployment =>
  agentFixture('triage', {
    autoscaling: {
      ...{ minReplicas: 3, maxReplicas: 10, cpuPercent: 70, memoryPercent: 0 },
      inFlight: { target: 50, prometheus: { serverAddress: 'https://prometheus:9090/main/' } },
      ...autoscaling,
    },
  });
const withoutLoad = agentFixture('triage', {
  autoscaling: { minReplicas: 3, maxReplicas: 10, cpuPercent: 70, memoryPercent: 80 },
});

describe('the ScaledObject of an agent', () => {
  it('exists if the cluster has the kind and the spec asks for it', () => {
    expect(buildScaledObject(agent(), 'Served')).toBeDefined();
    for (const availability of ['Absent', 'Forbidden', 'Unknown'] as const)
      expect(buildScaledObject(agent(), availability)).toBeUndefined();
    expect(buildScaledObject(withoutLoad, 'Served')).toBeUndefined();
    expect(buildScaledObject(agentFixture(), 'Served')).toBeUndefined();
  });

  it('scales by load and by the metrics of our HorizontalPodAutoscaler', () => {
    const { triggers, ...rest } = buildScaledObject(agent(), 'Served')!.spec;
    expect(rest).toEqual({
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'triage' },
      minReplicaCount: 3,
      maxReplicaCount: 10,
    });
    expect(triggers.map(({ type }) => type)).toEqual(['prometheus', 'cpu']);
    const both = buildScaledObject(agent({ memoryPercent: 80 }), 'Served')!;
    expect(both.spec.triggers.map(({ type }) => type)).toEqual(['prometheus', 'cpu', 'memory']);
  });

  it('scales as quickly as the spec says', () => {
    const behavior = { scaleDown: { stabilizationWindowSeconds: 600 } };
    const { advanced } = buildScaledObject(agent({ behavior }), 'Served')!.spec;
    expect(advanced).toEqual({ horizontalPodAutoscalerConfig: { behavior } });
  });

  it('asks Prometheus for one figure of this agent alone, and fails without one', () => {
    const { metadata, metricType } = buildScaledObject(agent(), 'Served')!.spec.triggers[0]!;
    expect(metricType).toBe('AverageValue');
    expect(metadata).toMatchObject({
      serverAddress: 'https://prometheus:9090/main',
      threshold: '50',
      ignoreNullValues: 'false',
    });
    const own = '{namespace="support", breakwater_dev_agent="triage", name="inbound"}';
    expect(metadata['query']).toBe(
      `sum(bulkhead_active_requests${own}) + sum(bulkhead_queue_size${own})`,
    );
  });
});

describe('ScaledByLoad', () => {
  it.each([
    ['Served', 'True', 'ScaledObject', 'for 50 requests in flight or queued per pod'],
    ['Absent', 'False', 'NotInstalled', 'Install KEDA'],
    ['Forbidden', 'False', 'Forbidden', 'Give it the roles'],
    ['Unknown', 'Unknown', 'Unknown', 'does not know yet'],
  ] as const)('with a kind that is %s, it is %s for %s', (availability, status, reason, text) => {
    const found = loadCondition(agent(), availability);
    expect(found).toMatchObject({ type: 'ScaledByLoad', status, reason });
    expect(found?.message).toContain(text);
    expect(found?.message.includes('Until then only CPU and memory')).toBe(
      availability !== 'Served',
    );
  });

  it('is absent while the spec does not ask for it', () => {
    expect(loadCondition(withoutLoad, 'Absent')).toBeUndefined();
    expect(loadCondition(agentFixture(), 'Served')).toBeUndefined();
  });
});

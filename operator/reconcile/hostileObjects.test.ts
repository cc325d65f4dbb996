/** Objects as large as the API server takes them, and as many as a tenant may have: no step of the operator takes long. */
import { describe, expect, it } from '@jest/globals';
import type { KubernetesObject, ObjectMeta } from '../../crds/meta.ts';
import { AGENT_LABEL } from '../desired/common/metadata.ts';
import { attach } from '../desired/policies/attach.ts';
import { planAgent } from '../desired/plan.ts';
import type { ConfigMap, Deployment, Pod } from '../kube/index.ts';
import { agentStatus } from '../status/agent.ts';
import type { AgentObservation } from '../status/observations.ts';
import { agentFixture, breakerFixture, limitFixture, OPTIONS } from '../testing/fixtures.ts';
import { MemoryInformer } from '../testing/memoryInformer.ts';
import { NOW, observation, pod, snapshot } from '../testing/observations.ts';
import { knownRevisions, storedConfiguration } from './knownRevisions.ts';
import { targetsOf } from './linkTargets.ts';
import { observe } from './observe.ts';
import { Replicas, type ReplicaCaches } from './replicas.ts';
import { slimPod } from './slimPod.ts';

/** Longest turn of the event loop, in milliseconds of the processor. */
const LONGEST_MS = 100;

function threadMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/** What the work returns; its least time of three counts, because a garbage collection may fall into any. */
function within<T>(work: () => T): T {
  let result: T | undefined;
  const times = [1, 2, 3].map(() => {
    const before = threadMs();
    result = work();
    return threadMs() - before;
  });
  expect(Math.min(...times)).toBeLessThan(LONGEST_MS);
  return result as T;
}

const agent = agentFixture('a', {}, { uid: 'ua', namespace: 'support' });
const attached = attach({ breakers: [], limits: [] }, [agent]).agents.get('a')!;
const facts = { serviceMonitors: 'Served', prometheusRules: 'Served' } as const;
const plan = planAgent({ agent, attachment: attached, options: OPTIONS, facts });

/** The size of the status in bytes, and of one that follows it. */
function statusBytes(seen: AgentObservation): number[] {
  const input = { agent, plan, observation: seen, now: NOW };
  const status = within(() => agentStatus({ ...input, previous: undefined }));
  const next = within(() => agentStatus({ ...input, previous: status }));
  return [status, next].map((each) => JSON.stringify(each).length);
}

describe('10,000 pods of an agent', () => {
  const meta = (name: string, owner: [kind: string, name: string, uid: string]): ObjectMeta => ({
    ...{ namespace: 'support', name, uid: `u-${name}`, labels: { [AGENT_LABEL]: 'a' } },
    ownerReferences: [
      { apiVersion: 'v1', kind: owner[0], name: owner[1], uid: owner[2], controller: true },
    ],
  });

  it.each([
    ['that are replicas', 'u-set', 10_000],
    ['that only have its label', 'u-forged', 0],
  ])('%s are looked through at once', (_what, set, count) => {
    const caches = {
      agents: new MemoryInformer<typeof agent>(),
      deployments: new MemoryInformer<Deployment>(),
      replicaSets: new MemoryInformer<KubernetesObject>(),
      pods: new MemoryInformer<Pod>(),
    };
    const replicas = new Replicas(caches as unknown as ReplicaCaches);
    caches.agents.set(agent);
    caches.deployments.set({
      metadata: meta('deployment', ['AgentDeployment', 'a', 'ua']),
      spec: { template: { spec: { serviceAccountName: 'a' } } },
    } as unknown as Deployment);
    caches.replicaSets.set({
      metadata: meta('set', ['Deployment', 'deployment', 'u-deployment']),
    } as KubernetesObject);
    for (let i = 0; i < 10_000; i += 1) {
      const metadata = meta(`p${i}`, ['ReplicaSet', 'set', set]);
      const status = { phase: 'Running' as const, podIP: '10.0.0.1' };
      const spec = { serviceAccountName: 'a', containers: [] };
      caches.pods.set(slimPod({ apiVersion: 'v1', kind: 'Pod', metadata, spec, status }));
    }
    const found = (): Pod[] => replicas.of('support/a');
    expect(within(() => targetsOf(found()))).toHaveLength(count);
    const world = { state: undefined, deployment: undefined, autoscaler: undefined, now: NOW };
    const seen = within(() => observe({ ...world, pods: found(), report: () => undefined }));
    expect(Math.max(...statusBytes(seen))).toBeLessThan(16_384);
  });

  it('that all report make a small status', () => {
    const told = snapshot();
    const pods = Array.from({ length: 10_000 }, (_, i) => pod(`p${i}`, told));
    expect(Math.max(...statusBytes(observation(pods)))).toBeLessThan(16_384);
  });
});

describe('a ConfigMap that somebody has edited', () => {
  const revision = '{"revision":{"term":7,"counter":1}';
  const holding = (content: string): ConfigMap => ({
    ...{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a-configuration' } },
    data: {
      'configuration.json': `${revision},"hash":"sha256:${'0'.repeat(64)}","content":${content}}`,
    },
  });

  it.each([
    ['400,000 levels', `${'['.repeat(400_000)}${']'.repeat(400_000)}`, false],
    ['300,000 objects', `[${'{},'.repeat(300_000)}1]`, true],
    ['one text of 1 MB', JSON.stringify('x'.repeat(1_000_000)), true],
  ])('to %s is read in time, and is written again or left out', (_what, content, usable) => {
    const configMap = holding(content);
    const known = within(() => knownRevisions({ agent, configMap, applied: undefined, pods: [] }));
    expect(known.stored?.revision).toEqual({ term: 7, counter: 1 });
    const stored = within(() => storedConfiguration(configMap));
    expect(stored !== undefined).toBe(usable);
    within(() => JSON.stringify(stored));
  });
});

describe('a status that somebody else writes', () => {
  const conditions = Array.from({ length: 10_000 }, (_, i) => ({
    ...{ type: `Type${i}`, status: 'True' as const, reason: 'Because', message: 'm'.repeat(80) },
    lastTransitionTime: NOW.toISOString(),
  }));

  it('makes no large one of ours', () => {
    const seen = observation([pod('a')]);
    const failure = { type: 'ReplicaFailure', status: 'True', message: 'x'.repeat(1_000_000) };
    const deployment = { ...seen.deployment!, conditions: [...conditions, failure] };
    const world = { ...seen, deployment, autoscaler: { conditions } };
    expect(Math.max(...statusBytes(world))).toBeLessThan(16_384);
    const input = { agent, plan, observation: seen, now: NOW };
    const previous = { ...agentStatus({ ...input, previous: undefined }), conditions };
    const status = within(() => agentStatus({ ...input, previous }));
    expect(JSON.stringify(status).length).toBeLessThan(16_384);
  });
});

it('an agent with 1 MB of labels is attached to policies in time', () => {
  const labels = Object.fromEntries(
    Array.from({ length: 15_000 }, (_, i) => [`some.example.com/label-${i}`, 'x'.repeat(40)]),
  );
  const labelled = { ...agent, metadata: { ...agent.metadata, labels } };
  const policies = { breakers: [breakerFixture()], limits: [limitFixture()] };
  expect(within(() => attach(policies, [labelled])).agents.size).toBe(1);
});

it('the operator keeps only those labels and annotations of a pod that it reads', () => {
  const large = Object.fromEntries(
    Array.from({ length: 10_000 }, (_, i) => [`some.example.com/label-${i}`, 'x'.repeat(60)]),
  );
  const metadata = { name: 'p', labels: { ...large, [AGENT_LABEL]: 'a' }, annotations: large };
  const kept = slimPod({ apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers: [] } });
  expect(JSON.stringify(kept).length).toBeLessThan(300);
});

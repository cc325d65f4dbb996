import { expect, it } from '@jest/globals';
import fc from '../../test/property.ts';
import type { KubernetesObject, OwnerReference } from '../../crds/meta.ts';
import { AGENT_LABEL } from '../desired/common/metadata.ts';
import type { Deployment, Pod } from '../kube/index.ts';
import { byText } from '../desired/common/wording.ts';
import type { AgentKey, PodTarget } from '../links/index.ts';
import { harness } from '../testing/linksHarness.ts';
import { agentFixture } from '../testing/fixtures.ts';
import { MemoryInformer } from '../testing/memoryInformer.ts';
import { followPods, LinkTargets, targetsOf } from './linkTargets.ts';
import { Replicas, type ReplicaCaches } from './replicas.ts';

const AGENTS = ['a', 'b'];
const UIDS = ['1', '2'];
const namespace = 'support';

const owner = (kind: string, name: string, uid: string): { ownerReferences: OwnerReference[] } => ({
  ownerReferences: [{ apiVersion: 'v1', kind, name, uid, controller: true }],
});

const [agentName, uid] = [fc.constantFrom(...AGENTS), fc.constantFrom(...UIDS)];
/** Nearly always the first, so that most things belong together. */
const mostly = <T>(usual: T, other: T): fc.Arbitrary<T> =>
  fc.integer({ min: 0, max: 5 }).map((dice) => (dice === 0 ? other : usual));

const agents = fc
  .record({ name: agentName, uid: mostly('1', '2') })
  .map(({ name, uid }) => agentFixture(name, {}, { uid: `${name}-${uid}` }));

interface DeploymentFacts {
  name: string;
  label?: string | null;
  uid: string;
  agentUid: string;
  serviceAccountName: string;
}

const deployment = ({
  name,
  label,
  uid,
  agentUid,
  serviceAccountName,
}: DeploymentFacts): Deployment =>
  ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      ...{ namespace, name, uid: `deployment-${name}-${uid}` },
      labels: { [AGENT_LABEL]: label ?? name },
      ...owner('AgentDeployment', name, `${name}-${agentUid}`),
    },
    spec: { template: { spec: { serviceAccountName } } },
  }) as unknown as Deployment;

const deployments = fc
  .record({
    name: agentName,
    label: mostly(null, 'b'),
    uid: mostly('1', '2'),
    agentUid: mostly('1', '2'),
    serviceAccountName: mostly('agent', 'other'),
  })
  .map(deployment);

const replicaSet = (name: string, uid: string, parent: string): KubernetesObject => ({
  apiVersion: 'apps/v1',
  kind: 'ReplicaSet',
  metadata: {
    ...{ namespace, name: `${name}-${uid}`, uid: `set-${name}-${uid}` },
    labels: { [AGENT_LABEL]: name },
    ...owner('Deployment', parent.split('-')[1]!, parent),
  },
});

const replicaSets = fc
  .record({ name: agentName, parent: fc.option(agentName), uid, deployment: mostly('1', '2') })
  .map(({ name, parent, uid, deployment }) =>
    replicaSet(name, uid, `deployment-${parent ?? name}-${deployment}`),
  );

const pods = fc
  .record({
    name: fc.constantFrom('x', 'y', 'z'),
    agent: agentName,
    label: mostly(true, false),
    uid: mostly('1', '2'),
    set: uid,
    podIP: fc.option(fc.constantFrom('10.0.0.1', '10.0.0.2'), { nil: undefined }),
    phase: fc.constantFrom('Pending', 'Running', 'Running', 'Succeeded'),
    leaves: mostly(false, true),
    serviceAccountName: mostly('agent', 'other'),
  })
  .map((given): Pod => {
    const { name, agent, label, uid, set, podIP, phase, leaves, serviceAccountName } = given;
    return {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        ...{ namespace, name, uid: `pod-${name}-${uid}` },
        labels: { [AGENT_LABEL]: label ? agent : 'b' },
        ...(leaves && { deletionTimestamp: '2026-01-01T00:00:00Z' }),
        ...owner('ReplicaSet', `${agent}-${set}`, `set-${agent}-${set}`),
      },
      spec: { containers: [], serviceAccountName },
      status: { phase, ...(podIP && { podIP }) },
    };
  });

type Kind = 'agents' | 'deployments' | 'replicaSets' | 'pods';
type Step = { kind: Kind; object: KubernetesObject; how: 'Set' | 'Delete' | 'Relist' };

const how = fc
  .integer({ min: 0, max: 9 })
  .map((dice): Step['how'] => (dice === 0 ? 'Relist' : dice < 3 ? 'Delete' : 'Set'));
const stepOf = (kind: Kind, objects: fc.Arbitrary<KubernetesObject>): fc.Arbitrary<Step> =>
  fc.record({ kind: fc.constant(kind), object: objects, how });
const step = fc.oneof(
  { arbitrary: stepOf('agents', agents), weight: 2 },
  { arbitrary: stepOf('deployments', deployments), weight: 2 },
  { arbitrary: stepOf('replicaSets', replicaSets), weight: 3 },
  { arbitrary: stepOf('pods', pods), weight: 5 },
);

/** The replicas of all that is in the caches, looked at anew. */
function fresh(informers: Record<Kind, MemoryInformer<KubernetesObject>>): Replicas {
  const copies = Object.entries(informers).map(([kind, informer]) => {
    const copy = new MemoryInformer();
    copy.relist(informer.list());
    return [kind, copy];
  });
  return new Replicas(Object.fromEntries(copies) as ReplicaCaches);
}

const byUid = (all: readonly PodTarget[]): PodTarget[] =>
  all.toSorted((a, b) => byText(a.uid, b.uid));

it('the targets of links equal those made from all pods after any changes and lists', () => {
  let linked = 0;
  fc.assert(
    fc.property(fc.array(step, { minLength: 10, maxLength: 60 }), (steps) => {
      const informers: Record<Kind, MemoryInformer<KubernetesObject>> = {
        agents: new MemoryInformer(),
        deployments: new MemoryInformer(),
        replicaSets: new MemoryInformer(),
        pods: new MemoryInformer(),
      };
      const caches = informers as unknown as ReplicaCaches;
      const replicas = new Replicas(caches);
      const { links, lead } = harness();
      lead.abort();
      const known = new Map<AgentKey, readonly PodTarget[]>();
      const waiting: (() => void)[] = [];
      const told = {
        setTargetsOf: (key: AgentKey, targets: readonly PodTarget[]): void => {
          known.set(key, targets);
          links.setTargetsOf(key, targets);
        },
      };
      const targets = new LinkTargets(told, replicas, (call) => void waiting.push(call));
      followPods({ pods: caches.pods, replicas }, (agent) => targets.changed(agent));
      for (const name of AGENTS) {
        informers.agents.set(agentFixture(name, {}, { uid: `${name}-1` }));
        const facts = { name, uid: '1', agentUid: '1', serviceAccountName: 'agent' };
        informers.deployments.set(deployment(facts));
        for (const each of UIDS) {
          informers.replicaSets.set(replicaSet(name, each, `deployment-${name}-1`));
        }
      }
      for (const { kind, object, how } of steps) {
        const informer = informers[kind];
        if (how === 'Set') informer.set(object);
        if (how === 'Delete') informer.delete(object);
        if (how === 'Relist') informer.relist([object, ...informer.list().slice(1)]);
        // Several changes come in together now and then.
        if (kind === 'pods') for (const call of waiting.splice(0)) call();
        if (waiting.length > 0) continue;
        const plain = byUid(targetsOf(fresh(informers).all()));
        expect(byUid([...known.values()].flat())).toEqual(plain);
        const reports = AGENTS.flatMap((agent) => links.podsOf(`${namespace}/${agent}`));
        expect(reports.map((each) => each.uid).sort()).toEqual(plain.map((each) => each.uid));
        linked += plain.length;
      }
    }),
    { numRuns: 100 },
  );
  expect(linked).toBeGreaterThan(100);
});

import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { setTimeout as pause } from 'node:timers/promises';
import type { KubernetesObject } from '../../../crds/meta.ts';
import type { Pod } from '../../kit/agents.ts';
import { isReady } from '../../kit/agents.ts';
import { hasCondition } from '../../kit/conditions.ts';
import { killContainer } from '../../kit/kill.ts';
import { OPERATOR, OPERATOR_NAMESPACE } from '../../kit/platform.ts';
import type { RemoteTraffic } from '../../kit/simulator.ts';
import { since } from '../../kit/traffic.ts';
import { waitFor } from '../../kit/wait.ts';
import { Sandbox } from '../sandbox.ts';

jest.setTimeout(240_000);

type Lease = KubernetesObject & { spec: { holderIdentity?: string; leaseTransitions?: number } };
type ConfigMap = KubernetesObject & { data?: Record<string, string> };

interface Revision {
  term: number;
  counter: number;
}

/** Duration of the Lease; operator/kube/leader.test.ts holds the exact times of a takeover. */
const LEASE_MS = 15_000;
/** Revisions of a leader before it ends. */
const REVISIONS = 8;

describe('during traffic and edits of policies', () => {
  let sandbox: Sandbox;
  let traffic: RemoteTraffic;

  beforeAll(async () => {
    sandbox = await Sandbox.open('leader');
    traffic = await sandbox.limitedAgent('bosun', 'helm', 9301);
  });

  afterAll(() => sandbox.close());

  const lease = (): Promise<Lease> => sandbox.api.get('leases', OPERATOR_NAMESPACE, OPERATOR);
  const leads = ({ spec }: Lease, pod: Pod): boolean =>
    spec.holderIdentity?.startsWith(`${pod.metadata.name}_`) === true;

  let leader: Pod;

  beforeEach(async () => {
    const pods = await waitFor(
      'two operator pods are ready and one of them leads',
      async () => {
        const selector = 'app.kubernetes.io/name=breakwater-operator';
        const found = await sandbox.api.list<Pod>('pods', OPERATOR_NAMESPACE, selector);
        const held = await lease();
        return found.filter(isReady).map((pod) => ({ pod, leads: leads(held, pod) }));
      },
      (found) => found.length === 2 && found.some((one) => one.leads),
      { timeoutMs: 90_000 },
    );
    leader = pods.find((one) => one.leads)!.pod;
  });

  /** Edits the policy repeatedly, and records every revision of the agent's ConfigMap. */
  async function underLoad(
    work: (revisions: readonly Revision[]) => Promise<void>,
  ): Promise<Revision[]> {
    const stop = new AbortController();
    const revisions: Revision[] = [];
    const watch = async (): Promise<void> => {
      const options = { signal: stop.signal };
      for await (const { object } of sandbox.api.watch<ConfigMap>(
        'configmaps',
        sandbox.namespace,
        options,
      )) {
        const text = object.data?.['configuration.json'];
        if (text !== undefined)
          revisions.push((JSON.parse(text) as { revision: Revision }).revision);
      }
    };
    const edit = async (): Promise<void> => {
      for (let count = 0; !stop.signal.aborted; count++) {
        const limit = { capacity: 1_000 + (count % 50), amount: 100, per: '1s' };
        const { spec } = sandbox.limit('bosun', 'bosun', limit);
        await sandbox.api.mergePatch('ratelimitpolicies', sandbox.namespace, 'bosun', { spec });
        await pause(100);
      }
    };
    const running = [watch(), edit()];
    try {
      await work(revisions);
    } finally {
      stop.abort();
      await Promise.allSettled(running);
    }
    return revisions;
  }

  /**
   * Checks that another process leads within the time and that the last edit is in force in all pods. The standby may lead,
   * or the pod that replaces the leader.
   */
  async function takesOver(end: () => Promise<number>, withinMs: number): Promise<void> {
    const { leaseTransitions = 0, holderIdentity } = (await lease()).spec;
    await traffic.run({ url: sandbox.url('bosun'), rate: 20 });
    const before = await traffic.report();
    const revisions = await underLoad(async (seen) => {
      await waitFor(
        'the leader has written several revisions',
        () => Promise.resolve(seen.length),
        (count) => count > REVISIONS,
        { timeoutMs: 60_000 },
      );
      const ended = await end();
      const held = await waitFor(
        'another process holds the Lease',
        lease,
        ({ spec }) => Boolean(spec.holderIdentity) && spec.holderIdentity !== holderIdentity,
        { timeoutMs: 60_000, everyMs: 50 },
      );
      expect(Date.now() - ended).toBeLessThanOrEqual(withinMs);
      expect(held.spec.leaseTransitions).toBe(leaseTransitions + 1);
      const { generation = 0 } = (await sandbox.agents.limit('bosun')).metadata;
      await waitFor(
        'the new leader has edits in force in both pods',
        () => sandbox.agents.limit('bosun'),
        ({ status }) =>
          (status?.observedGeneration ?? 0) > generation && status?.pods?.programmed === 2,
        { timeoutMs: 60_000 },
      );
    });
    await waitFor(
      'the last edit is in force in both pods',
      () => sandbox.agents.limit('bosun'),
      (policy) => hasCondition(policy, 'Programmed', 'True'),
      { timeoutMs: 60_000 },
    );
    const after = since(before, await traffic.report());
    await traffic.run(undefined);
    expect(Object.keys(after.outcomes)).toEqual(['200']);
    const order = ({ term, counter }: Revision): number => term * 1e9 + counter;
    expect(revisions.map(order)).toEqual(revisions.map(order).sort((a, b) => a - b));
    expect(new Set(revisions.map(({ term }) => term)).size).toBe(2);
  }

  it('another operator process takes over from a killed leader soon after the Lease expires, and no revision goes back', () =>
    takesOver(() => killContainer(sandbox, leader, 'operator'), 2 * LEASE_MS));

  it('another operator process takes over from a deleted leader before the Lease expires, and no revision goes back', () =>
    takesOver(async () => {
      const begun = Date.now();
      await sandbox.api.remove('pods', OPERATOR_NAMESPACE, leader.metadata.name);
      return begun;
    }, LEASE_MS));
});

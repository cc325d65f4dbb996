import { describe, expect, it } from '@jest/globals';
import type { Load } from '../../contract/generated/types.ts';
import type { AgentDeployment } from '../../crds/generated/types.ts';
import { systemClock, type Pod } from '../kube/index.ts';
import type { PodReport } from '../links/index.ts';
import { FakeClock } from '../testing/fakeClock.ts';
import { DELETION_COST, DeletionCosts, type DeletionCostsOptions } from './deletionCosts.ts';

const LOAD: Load = { inFlight: 0, queued: 0, capacity: 100, accepts: true };

interface World {
  options: DeletionCostsOptions;
  costs: DeletionCosts;
  clock: FakeClock;
  pods: Pod[];
  loads: Map<string, Load>;
  /** `POD=COST` of each write. */
  writes: string[];
  agent: AgentDeployment;
}

/** Pods of one agent with these loads; what is written shows in them. */
function world(...loads: Partial<Load>[]): World {
  const pods = loads.map((_, n) => podOf(n));
  const known = new Map(loads.map((load, n) => [`uid-${n}`, { ...LOAD, ...load }]));
  const writes: string[] = [];
  const clock = new FakeClock();
  const agent = { spec: {} } as AgentDeployment;
  const options: DeletionCostsOptions = {
    clock,
    logger: { warn: () => undefined },
    replicas: { of: () => pods },
    agents: () => ['support/triage'],
    agent: () => agent,
    links: { podReport: (uid) => ({ snapshot: { load: known.get(uid) } }) as PodReport },
    client: {
      mergePatch: (_resource, _namespace, name, patch) => {
        const { metadata } = patch as { metadata: Pod['metadata'] };
        const pod = pods.find((each) => each.metadata.name === name)!;
        expect(metadata.uid).toBe(pod.metadata.uid);
        pod.metadata.annotations = metadata.annotations!;
        writes.push(`${name}=${metadata.annotations![DELETION_COST]}`);
        return Promise.resolve(pod as never);
      },
    },
  };
  const costs = new DeletionCosts(options);
  return { options, costs, clock, pods, loads: known, writes, agent };
}

const podOf = (n: number): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    namespace: 'support',
    name: `triage-${n}`,
    uid: `uid-${n}`,
    labels: { 'breakwater.dev/agent': 'triage', 'app.kubernetes.io/managed-by': 'breakwater' },
  },
  spec: { containers: [] },
});

/** Looks as often as in so many minutes. */
async function pass({ costs, clock }: World, minutes: number): Promise<void> {
  const { signal } = new AbortController();
  for (let i = 0; i < minutes * 12; i += 1) {
    await costs.updateAll(signal);
    await clock.advance(5_000);
  }
}

describe('the deletion cost of a pod', () => {
  it('grows with its streams and its conversations in memory; idle pods get no cost', async () => {
    const all = world({ streams: 1 }, {}, { streams: 3, conversations: 5 }, { inFlight: 50 });
    await pass(all, 1);
    expect(all.writes.sort()).toEqual(['triage-0=1', 'triage-2=4']);
  });

  it('returns to 0 within a minute after the last one, without writes while nothing changes', async () => {
    const all = world({ streams: 1 }, {});
    await pass(all, 1);
    all.loads.set('uid-0', LOAD);
    await pass(all, 2);
    expect(all.writes).toEqual(['triage-0=1', 'triage-0=0']);
    await pass(all, 10);
    expect(all.writes).toHaveLength(2);
  });

  it('is written at most once a minute for each pod, and at most twice a second for all pods', async () => {
    const all = world({}, {});
    for (let i = 0; i < 120; i += 1) {
      all.loads.set('uid-0', { ...LOAD, streams: 2 ** (i % 7) });
      await all.costs.updateAll(new AbortController().signal);
      await all.clock.advance(5_000);
    }
    expect(all.writes.length).toBeLessThanOrEqual(11);
    const many = world(...Array.from({ length: 500 }, () => ({ streams: 1 })));
    await pass(many, 1);
    expect(many.writes.length).toBeLessThanOrEqual(2 * 60 + 2);
    await pass(many, 6);
    expect(many.writes).toHaveLength(500);
  });

  it('is not written if podTemplate sets it or the agent has one pod', async () => {
    const all = world({ streams: 1 }, {});
    const annotations = { [DELETION_COST]: '7' };
    all.agent.spec.podTemplate = { metadata: { annotations } };
    await pass(all, 1);
    const single = world({ streams: 1 });
    await pass(single, 1);
    expect([all.writes, single.writes]).toEqual([[], []]);
  });

  it('yields to the event loop between thousands of agents', async () => {
    const all = world({ streams: 1 }, {});
    let [now, looks, most] = [0, 0, 0];
    const costs = new DeletionCosts({
      ...all.options,
      clock: { ...systemClock, monotonic: () => now },
      agents: () => Array.from({ length: 1_000 }, (_, n) => `support/agent-${n}`),
      replicas: {
        of: () => {
          now += 1;
          looks += 1;
          return [];
        },
      },
    });
    const turn = (): void => {
      most = Math.max(most, looks);
      looks = 0;
      if (now < 1_000) setImmediate(turn);
    };
    setImmediate(turn);
    await costs.updateAll(new AbortController().signal);
    // 10 ms at a time; the first turn may come late.
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(20);
  });
});

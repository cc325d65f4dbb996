import { beforeEach, describe, expect, it } from '@jest/globals';
import type { CircuitBreakerPolicy, RateLimitPolicy } from '../../crds/generated/types.ts';
import { agentFixture, breakerFixture, limitFixture, OPTIONS } from '../testing/fixtures.ts';
import { planAgent } from '../desired/plan.ts';
import type { FleetFigures } from '../fleet/limits/sharedLimits.ts';
import type { PodReport } from '../links/index.ts';
import { hashOf, snapshot } from '../testing/messages.ts';
import { AgentNotifier } from './agentNotifier.ts';
import { Attachments } from './attachments.ts';
import { StatusReconciler, type StatusReconcilerOptions } from './statuses.ts';

const [OLD, NEW] = [hashOf('old'), hashOf('new')];
const KEY = 'support/triage';
const agent = agentFixture('triage');
const policy = breakerFixture('triage');
const turns = limitFixture('triage', { scope: 'Fleet' }, { name: 'turns', resourceVersion: '1' });

let nowMs: number;
let report: PodReport;
let fleet: FleetFigures | undefined;
let written: CircuitBreakerPolicy[];
let statuses: StatusReconciler;
let notifier: AgentNotifier;

const reportOf = (hash: string): PodReport => ({
  namespace: 'support',
  agent: 'triage',
  pod: 'triage-1',
  uid: 'uid-pod',
  connected: true,
  incompatible: false,
  since: new Date(0).toISOString(),
  features: [],
  hash,
  snapshot: snapshot(hash),
});

beforeEach(() => {
  nowMs = 1_000;
  notifier = new AgentNotifier();
  written = [];
  fleet = undefined;
  report = reportOf(OLD);
  const pod = {
    metadata: { namespace: 'support', name: 'triage-1', uid: 'uid-pod' },
    status: { podIP: '10.0.0.1' },
  };
  const caches = {
    agents: { list: () => [agent], get: () => agent },
    breakers: { list: () => [policy] },
    limits: { list: () => [turns] },
    replicas: { of: () => [pod] },
    deployments: { get: () => undefined },
    autoscalers: { get: () => undefined, keysByIndex: () => [] },
    optional: { scaledObject: () => undefined },
  };
  const attachments = new Attachments(caches as unknown as StatusReconcilerOptions['caches']);
  const attachment = attachments.of('support').agents.get('triage')!;
  const plan = { ...planAgent({ agent, attachment, options: OPTIONS }), hash: NEW };
  const configuration = { revision: { term: 1, counter: 2 }, hash: NEW, content: plan.content! };
  const known = { plan, attachment, configuration, configuredAt: 1_000 };
  const state = { ...known, applyErrors: [], paused: false };
  statuses = new StatusReconciler({
    installation: 'breakwater-system/breakwater-operator',
    client: {
      replaceStatus: (_resource: unknown, object: unknown) => {
        const { metadata } = object as CircuitBreakerPolicy;
        written.push(object as CircuitBreakerPolicy);
        const resourceVersion = String(1 + written.length);
        return Promise.resolve({
          ...(object as object),
          metadata: { ...metadata, resourceVersion },
        });
      },
    },
    caches,
    attachments,
    notifier,
    links: { podReport: () => report, podsOf: () => [report] },
    fleet: { of: () => ({ limits: fleet && { figures: () => fleet } }) },
    agents: { stateOf: () => state },
    events: { record: () => undefined },
    clock: { now: () => nowMs, monotonic: () => nowMs },
  } as unknown as StatusReconcilerOptions);
});

/** Notifies of the agent, then reconciles the policy's status. */
const look = (): unknown => (
  notifier.notify(KEY),
  statuses.breaker(KEY, new AbortController().signal)
);

describe('status after a new configuration', () => {
  it('waits briefly until pods confirm it, and is written once', async () => {
    nowMs += 50;
    expect(await look()).toEqual({ requeueAfterMs: 150 });
    expect(written).toEqual([]);
    report = reportOf(NEW);
    await look();
    expect(written.map(({ status }) => status!.pods)).toEqual([
      expect.objectContaining({ total: 1, programmed: 1 }),
    ]);
  });

  it('does not wait longer for a silent pod', async () => {
    nowMs += 200;
    await look();
    expect(written.map(({ status }) => status!.pods)).toEqual([
      expect.objectContaining({ total: 1, programmed: 0 }),
    ]);
  });

  it('does not wait for a pod without a link', async () => {
    report = { ...report, connected: false };
    await look();
    expect(written).toHaveLength(1);
  });
});

describe('status under a new leader', () => {
  beforeEach(() => {
    nowMs += 1_000;
  });

  it('does not change while the first attempt to reach a pod is under way', async () => {
    const { snapshot: _, hash: __, ...blank } = reportOf(NEW);
    report = { ...blank, connected: false, pending: true };
    nowMs += 3_600_000;
    expect(await look()).toBeUndefined();
    expect(written).toEqual([]);
    report = reportOf(NEW);
    await look();
    expect(written).toHaveLength(1);
  });

  it('waits briefly for the snapshot of a pod that has just connected', async () => {
    const { snapshot: _, ...connected } = reportOf(NEW);
    report = { ...connected, since: new Date(nowMs).toISOString() };
    expect(await look()).toEqual({ requeueAfterMs: 2_000 });
    expect(written).toEqual([]);
    nowMs += 2_000;
    await look();
    expect(written).toHaveLength(1);
  });
});

describe('the figures of a limit', () => {
  const shown = (): RateLimitPolicy['status'] => written.at(-1)?.status as never;
  const lookAtLimit = (): Promise<{ requeueAfterMs?: number } | void> => (
    notifier.notify(KEY),
    statuses.limit('support/turns', new AbortController().signal)
  );

  /** What the pod tells of the limit. */
  function tell(rejected: number, usedPercent: number): void {
    const limit = { target: 'inbound', policy: 'turns', name: 'requests', limiting: true };
    const limits = [{ ...limit, rejected, usedPercent }];
    report = { ...reportOf(NEW), snapshot: { ...snapshot(NEW), limits } };
  }

  beforeEach(() => {
    nowMs += 1_000;
  });

  it('are written with a change of state, and their last values within five minutes', async () => {
    tell(135, 100);
    await lookAtLimit();
    expect(shown()!.summary!.rejected).toBe(135);
    const writes = written.length;
    let next: { requeueAfterMs?: number } | void = undefined;
    for (let used = 100; used > 0; used -= 1) {
      tell(583, used);
      nowMs += 500;
      next = await lookAtLimit();
    }
    expect(written.length - writes).toBeLessThanOrEqual(1);
    tell(583, 0);
    nowMs += next!.requeueAfterMs!;
    await lookAtLimit();
    expect(shown()!.summary).toMatchObject({ used: '0%', rejected: 583 });
  });

  it('have the fleet’s bucket as it is when they are written', async () => {
    const bucket = { target: 'inbound', name: 'requests', resource: 'Requests' as const };
    const figures = { granted: 100, held: 0, capacity: 100, maxPods: 4 };
    const at = (level: number): FleetFigures => ({
      leader: 'operator-a',
      pods: { linked: 1, total: 1 },
      limits: [{ ...bucket, ...figures, level }],
    });
    tell(5, 0);
    fleet = at(0);
    await lookAtLimit();
    expect(shown()!.summary).toMatchObject({ used: '100%', rejected: 5 });
    fleet = at(50);
    const { requeueAfterMs } = (await lookAtLimit())!;
    fleet = at(100);
    nowMs += requeueAfterMs!;
    expect(await statuses.limit('support/turns', new AbortController().signal)).toBeUndefined();
    expect(shown()!.summary).toMatchObject({ used: '0%', rejected: 5 });
  });

  it('count what a pod took of its safe share while the limits of the fleet rest', async () => {
    const bucket = { target: 'inbound', name: 'requests', resource: 'Requests' as const };
    const figures = { granted: 0, level: 75, held: 25, capacity: 100, maxPods: 4 };
    const pods = { linked: 1, total: 1 };
    fleet = { leader: 'operator-a', pods, limits: [{ ...bucket, ...figures }] };
    tell(0, 60);
    await lookAtLimit();
    expect(shown()!.summary).toMatchObject({ used: '15%' });
  });
});

import { beforeEach, describe, expect, it } from '@jest/globals';
import type { CircuitBreakerPolicy } from '../../crds/generated/types.ts';
import { agentFixture, breakerFixture, OPTIONS } from '../testing/fixtures.ts';
import { planAgent } from '../desired/plan.ts';
import type { PodReport } from '../links/index.ts';
import { hashOf, snapshot } from '../testing/messages.ts';
import { Attachments } from './attachments.ts';
import { StatusReconciler, type StatusReconcilerOptions } from './statuses.ts';

const [OLD, NEW] = [hashOf('old'), hashOf('new')];
const KEY = 'support/triage';
const agent = agentFixture('triage');
const policy = breakerFixture('triage');

let nowMs: number;
let report: PodReport;
let written: CircuitBreakerPolicy[];
let statuses: StatusReconciler;

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
  written = [];
  report = reportOf(OLD);
  const pod = {
    metadata: { namespace: 'support', name: 'triage-1', uid: 'uid-pod' },
    status: { podIP: '10.0.0.1' },
  };
  const caches = {
    agents: { list: () => [agent], get: () => agent },
    breakers: { list: () => [policy] },
    limits: { list: () => [] },
    replicas: { of: () => [pod] },
    deployments: { get: () => undefined },
    autoscalers: { get: () => undefined },
  };
  const attachments = new Attachments(caches as unknown as StatusReconcilerOptions['caches']);
  const attachment = attachments.of('support').agents.get('triage')!;
  const plan = { ...planAgent({ agent, attachment, options: OPTIONS }), hash: NEW };
  const configuration = { revision: { term: 1, counter: 2 }, hash: NEW, content: plan.content! };
  const known = { plan, attachment, configuration, configuredAt: 1_000 };
  const state = { ...known, applyErrors: [], paused: false };
  statuses = new StatusReconciler({
    client: {
      replaceStatus: (_resource: unknown, object: unknown) => {
        written.push(object as CircuitBreakerPolicy);
        return Promise.resolve(object);
      },
    },
    caches,
    attachments,
    links: { podReport: () => report, podsOf: () => [report] },
    circuits: { of: () => undefined },
    agents: { stateOf: () => state },
    events: { record: () => undefined },
    clock: { now: () => nowMs, monotonic: () => nowMs },
  } as unknown as StatusReconcilerOptions);
});

const look = (): unknown => statuses.breaker(KEY, new AbortController().signal, undefined as never);

describe('status after a new configuration', () => {
  it('waits a moment for pods to confirm it, and then is written once', async () => {
    nowMs += 50;
    expect(await look()).toEqual({ requeueAfterMs: 150 });
    expect(written).toEqual([]);
    report = reportOf(NEW);
    await look();
    expect(written.map(({ status }) => status!.pods)).toEqual([
      expect.objectContaining({ total: 1, programmed: 1 }),
    ]);
  });

  it('does not wait longer for a pod that keeps silent', async () => {
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

  it('stays as it is while a pod was not reached and no attempt at it has ended', async () => {
    const { snapshot: _, hash: __, ...blank } = reportOf(NEW);
    report = { ...blank, connected: false, pending: true };
    nowMs += 3_600_000;
    expect(await look()).toBeUndefined();
    expect(written).toEqual([]);
    report = reportOf(NEW);
    await look();
    expect(written).toHaveLength(1);
  });

  it('waits a moment for the snapshot of a pod that has just connected', async () => {
    const { snapshot: _, ...connected } = reportOf(NEW);
    report = { ...connected, since: new Date(nowMs).toISOString() };
    expect(await look()).toEqual({ requeueAfterMs: 2_000 });
    expect(written).toEqual([]);
    nowMs += 2_000;
    await look();
    expect(written).toHaveLength(1);
  });
});

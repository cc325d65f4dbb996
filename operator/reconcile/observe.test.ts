import { describe, expect, it } from '@jest/globals';
import { attach } from '../desired/policies/attach.ts';
import { agentFixture, OPTIONS } from '../testing/fixtures.ts';
import { planAgent } from '../desired/plan.ts';
import type { Deployment } from '../kube/index.ts';
import { rollOutOf } from '../status/rollout.ts';
import type { AgentState } from './agentState.ts';
import type { PodReport } from '../links/index.ts';
import { snapshot } from '../testing/messages.ts';
import { graceLeft } from './freshness.ts';
import { observe } from './observe.ts';

const agent = agentFixture('triage');
const attachment = attach({ breakers: [], limits: [] }, [agent]).agents.get('triage')!;
const plan = planAgent({ agent, attachment, options: OPTIONS });

const stateWith = (fields: Partial<AgentState>): AgentState => ({
  ...{ plan, attachment, applyErrors: [], paused: false },
  ...fields,
});

/** A Deployment of which all pods are there, in the generation of which the informer knows. */
const complete = (generation: number): Deployment => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'triage', namespace: 'ns', generation },
  spec: { replicas: 1 } as never,
  status: {
    observedGeneration: generation,
    replicas: 1,
    updatedReplicas: 1,
    readyReplicas: 1,
  },
});

describe('the Deployment of an agent', () => {
  const rollOut = (state: AgentState | undefined, deployment: Deployment): string => {
    const nothing = { autoscaler: undefined, pods: [], report: () => undefined };
    const seen = observe({ state, deployment, ...nothing, now: new Date(0) });
    return rollOutOf(seen, 1).state;
  };

  it('is rolled out when its status says so for the applied generation', () => {
    expect(rollOut(stateWith({ deploymentGeneration: 3 }), complete(3))).toBe('Complete');
    expect(rollOut(stateWith({ deploymentGeneration: 3 }), complete(4))).toBe('Complete');
    expect(rollOut(stateWith({}), complete(3))).toBe('Complete');
    expect(rollOut(undefined, complete(3))).toBe('Complete');
  });

  it('is not rolled out while the informer has the former generation', () => {
    expect(rollOut(stateWith({ deploymentGeneration: 3 }), complete(2))).toBe('RollingOut');
  });
});

describe('the grace of a pod whose link dropped', () => {
  const dropped = new Date('2026-01-01T12:00:00.000Z');
  const report = {
    ...{ connected: false, since: dropped.toISOString(), snapshot: snapshot(undefined) },
  } as PodReport;
  const leftAfter = (ms: number): number => graceLeft(report, new Date(dropped.getTime() + ms));

  it('is two seconds', () => {
    expect([0, 500, 2_000, 60_000].map(leftAfter)).toEqual([2_000, 1_500, 0, 0]);
  });

  it('does not grow when the wall clock is stepped back', () => {
    expect([-1, -3_600_000].map(leftAfter)).toEqual([0, 0]);
  });
});

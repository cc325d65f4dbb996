import { describe, expect, it } from '@jest/globals';
import { attach } from '../desired/policies/attach.ts';
import { agentFixture, OPTIONS } from '../testing/fixtures.ts';
import { planAgent } from '../desired/plan.ts';
import type { Deployment } from '../kube/index.ts';
import { rollOutOf } from '../status/rollout.ts';
import type { AgentState } from './agentState.ts';
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

  it('is rolled out when it says so in the generation that was applied', () => {
    expect(rollOut(stateWith({ deploymentGeneration: 3 }), complete(3))).toBe('Complete');
    expect(rollOut(stateWith({ deploymentGeneration: 3 }), complete(4))).toBe('Complete');
    expect(rollOut(stateWith({}), complete(3))).toBe('Complete');
    expect(rollOut(undefined, complete(3))).toBe('Complete');
  });

  it('is not while the informer has the one before', () => {
    expect(rollOut(stateWith({ deploymentGeneration: 3 }), complete(2))).toBe('RollingOut');
  });
});

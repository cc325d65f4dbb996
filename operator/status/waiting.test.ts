import { expect, it } from '@jest/globals';
import { agentFixture, OPTIONS } from '../testing/fixtures.ts';
import { deployment, HASH, NOW, observation, pod } from '../testing/observations.ts';
import { planAgent } from '../desired/plan.ts';
import { agentStatus } from './agent.ts';
import { condition } from './conditions.ts';
import { agentEvents } from './events.ts';
import type { AgentObservation, PodObservation } from './observations.ts';
import { progressOf } from './programmed.ts';

const keeps = (name: string, waiting: string[]): PodObservation =>
  pod(name, { configuration: { hash: HASH, unsupported: [], waiting } });
const rolling = (conditions: { type: string; status: string; message?: string }[] = []) =>
  deployment({ replicas: 4, updatedReplicas: 1, conditions });

function status(seen: AgentObservation) {
  const agent = agentFixture();
  const plan = planAgent({
    agent,
    attachment: { circuits: new Map(), limits: new Map() },
    options: OPTIONS,
  });
  return {
    agent,
    plan,
    next: agentStatus({ agent, plan, observation: seen, previous: undefined, now: NOW }),
  };
}

it('says how many pods wait for the rollout, and what they keep', () => {
  const pods = [keeps('a', ['endpoints']), keeps('b', ['endpoints', 'trustedCA']), pod('c')];
  const { next } = status(observation(pods, { deployment: rolling() }));
  expect(condition(next.conditions, 'Progressing')).toMatchObject({
    reason: 'RollingOut',
    message:
      '1/3 pods run the present template. 2 of 3 pods wait for the rollout: they lack mounts for this configuration and keep the former endpoints and trustedCA.',
  });
  expect(condition(next.conditions, 'Ready')).toMatchObject({ status: 'True' });
});

it('is not ready with AuthPending while a pod serves under the former authentication, and says what holds the rollout', () => {
  const quota = { type: 'ReplicaFailure', status: 'True', message: 'exceeded quota: pods' };
  const seen = observation([keeps('a', ['auth']), pod('b'), pod('c')], {
    deployment: rolling([quota]),
  });
  const { agent, plan, next } = status(seen);
  expect(condition(next.conditions, 'Ready')).toMatchObject({
    status: 'False',
    reason: 'AuthPending',
    message:
      '1 of 3 pods serve under the former spec.auth until the rollout replaces them. 1/3 pods run the present template. Pods cannot be created: exceeded quota: pods.',
  });
  expect(condition(next.conditions, 'Degraded')).toMatchObject({ status: 'False' });
  expect(agentEvents({ agent, plan, observation: seen, now: NOW }, undefined, next)).toEqual([
    expect.objectContaining({ type: 'Warning', reason: 'AuthPending' }),
  ]);
});

it('names the pod for which the scheduler finds no node', () => {
  const { unscheduled: _, ...starting } = pod('d', {}, { ready: false });
  const seen = observation(
    [
      keeps('a', ['auth']),
      { ...starting, unscheduled: '0/3 nodes are available: Insufficient cpu.' },
    ],
    { deployment: rolling() },
  );
  expect(condition(status(seen).next.conditions, 'Ready')?.message).toContain(
    'Pod d has no node: 0/3 nodes are available: Insufficient cpu.',
  );
});

it('a policy is pending in a pod that keeps the former limits', () => {
  const seen = observation([keeps('a', ['auth', 'limits']), pod('b')]);
  const states = (kind: 'RateLimitPolicy' | 'CircuitBreakerPolicy') =>
    progressOf(seen, { kind, name: 'triage' }).map(({ state }) => state);
  expect(states('RateLimitPolicy')).toEqual(['Pending', 'Programmed']);
  expect(states('CircuitBreakerPolicy')).toEqual(['Programmed', 'Programmed']);
});

/** States in which the status once misled the person on call. */
import { expect, it } from '@jest/globals';
import type { AgentDeploymentStatus } from '../../crds/generated/types.ts';
import { agentFixture, OPTIONS } from '../testing/fixtures.ts';
import { deployment, HASH, NOW, observation, pod } from '../testing/observations.ts';
import { planAgent } from '../desired/plan.ts';
import { agentStatus } from './agent.ts';
import { condition } from './conditions.ts';
import { agentEvents, type EventDraft } from './events.ts';
import { contested } from './impediments.ts';
import type { AgentObservation } from './observations.ts';

function answers(seen: AgentObservation): { next: AgentDeploymentStatus; events: EventDraft[] } {
  const agent = agentFixture('triage', { replicas: 2 });
  const attachment = { circuits: new Map(), limits: new Map() };
  const plan = planAgent({ agent, attachment, options: OPTIONS });
  const next = agentStatus({ agent, plan, observation: seen, previous: undefined, now: NOW });
  return {
    next,
    events: agentEvents({ agent, plan, observation: seen, now: NOW }, undefined, next),
  };
}

const rolling = { desired: 2, replicas: 3, readyReplicas: 2, updatedReplicas: 1, conditions: [] };
const quota = { type: 'ReplicaFailure', status: 'True', message: 'exceeded quota: pods' };
const unready = (rest: object): AgentObservation['pods'] => [
  pod('a'),
  pod('b'),
  { ...pod('c', {}, { ready: false }), ...rest },
];

it.each<[string, AgentObservation, string]>([
  [
    'an image that cannot be pulled in a rollout',
    observation(
      unready({
        waiting: { container: 'agent', reason: 'ImagePullBackOff', message: 'no such tag' },
      }),
      { deployment: deployment(rolling) },
    ),
    'Pod c, container agent: ImagePullBackOff: no such tag.',
  ],
  [
    'a pod without a node',
    observation(unready({ unscheduled: 'node(s) did not match the node selector' }), {
      deployment: deployment(rolling),
    }),
    'Pod c has no node: node(s) did not match the node selector.',
  ],
  [
    'a quota that allows one pod of two',
    observation([pod('a')], {
      deployment: deployment({
        ...rolling,
        ...{ replicas: 1, readyReplicas: 1, conditions: [quota] },
      }),
    }),
    'Pods cannot be created: exceeded quota: pods.',
  ],
])('names %s while enough other pods are ready, in status, its column and an Event', (...row) => {
  const [, seen, cause] = row;
  const { next, events } = answers(seen);
  expect(condition(next.conditions, 'Ready')).toMatchObject({
    status: 'True',
    reason: 'PodsBlocked',
  });
  expect(condition(next.conditions, 'Ready')!.message).toContain(cause);
  expect(condition(next.conditions, 'Progressing')!.message).toContain(cause);
  expect(condition(next.conditions, 'Degraded')!.message).toContain('Progressing');
  expect(next.summary!.state).toBe('PodsBlocked');
  expect(events).toEqual([
    expect.objectContaining({
      ...{ type: 'Warning', reason: 'PodsBlocked' },
      note: expect.stringContaining(cause),
    }),
  ]);
});

it.each(['Unauthorized', 'SpendLimit'] as const)('shows the gate %s in the column', (gate) => {
  const gates = [{ dependency: 'model/primary', gate }];
  const seen = observation([pod('a', { gates }), pod('b', { gates })], {
    deployment: deployment({ desired: 2, replicas: 2, readyReplicas: 2, updatedReplicas: 2 }),
  });
  expect(answers(seen).next.summary!.state).toBe(gate);
});

it('does not ask for a Secret that a pod lacks because it is older than the mount', () => {
  const missingCredentials = [{ dependency: 'model/primary', secret: 'anthropic', key: 'api-key' }];
  const lacking = (waiting?: string[]): string =>
    condition(
      answers(
        observation([
          pod('a', {
            missingCredentials,
            configuration: { hash: HASH, unsupported: [], ...(waiting && { waiting }) },
          }),
          pod('b'),
        ]),
      ).next.conditions,
      'Ready',
    )!.message;
  expect(lacking()).toContain('Create it');
  expect(lacking(['endpoints'])).not.toContain('Create it');
});

it('says once that another installation writes several objects', () => {
  const contests = ['Deployment', 'Service', 'ConfigMap'].map((kind) => ({
    ...{ kind, name: 'triage' },
    fields: ['.spec'],
  }));
  const found = contested(observation([], { contests }));
  expect(found).toHaveLength(1);
  expect(found[0]!.message).toContain(
    '.spec of Deployment triage, .spec of Service triage and .spec of ConfigMap triage again',
  );
});

import { beforeAll, describe, expect, it } from '@jest/globals';
import type { AgentDeployment, CircuitBreakerPolicy } from '../../crds/generated/types.ts';
import { attach } from '../../operator/desired/policies/attach.ts';
import { agentFixture, breakerFixture, OPTIONS } from '../../operator/testing/fixtures.ts';
import { planAgent } from '../../operator/desired/plan.ts';
import { agentStatus } from '../../operator/status/agent.ts';
import {
  circuit,
  deployment,
  NOW,
  observation,
  pod,
  strangePod,
} from '../../operator/testing/observations.ts';
import type { AgentObservation } from '../../operator/status/observations.ts';
import { breakerPolicyStatus } from '../../operator/testing/policyStatus.ts';
import { kstatus, type Verdict } from '../kit/kstatus.ts';

const BUILD_MS = 300_000;

function agentWith(seen: AgentObservation, generation = 2): AgentDeployment {
  const agent = agentFixture('triage', {}, { generation: 2 });
  const policies = { breakers: [breakerFixture()], limits: [] };
  const attachment = attach(policies, [agent]).agents.get('triage')!;
  const plan = planAgent({ agent, attachment, options: OPTIONS });
  const input = { agent, plan, observation: seen, previous: undefined, now: NOW };
  return { ...agent, metadata: { ...agent.metadata, generation }, status: agentStatus(input) };
}

function breakerWith(seen: AgentObservation, generation = 4): CircuitBreakerPolicy {
  const policy = breakerFixture('triage', {}, { generation: 4 });
  const [attachment] = attach({ breakers: [policy], limits: [] }, [agentFixture()]).breakers;
  const agents = new Map([['triage', seen]]);
  const input = { attachment: attachment!, agents, previous: undefined, now: NOW };
  const metadata = { ...policy.metadata, generation };
  return { ...policy, metadata, status: breakerPolicyStatus(input) };
}

const pods = [pod('a'), pod('b'), pod('c')];
const ill = ['a', 'b', 'c'].map((name) => pod(name, { circuits: [circuit('Open')] }));
const unready = observation([strangePod('a', { ready: false })], {
  deployment: deployment({ readyReplicas: 0 }),
});

describe('kstatus', () => {
  beforeAll(() => kstatus([agentFixture()]), BUILD_MS);

  it.each<[string, AgentDeployment, Verdict['status']]>([
    ['that is well', agentWith(observation(pods)), 'Current'],
    ['whose model is down', agentWith(observation(ill)), 'Current'],
    ['without a Deployment', agentWith(observation([], { deployment: undefined })), 'InProgress'],
    ['whose pods are not ready', agentWith(unready), 'InProgress'],
    ['whose present generation is not observed', agentWith(observation(pods), 3), 'InProgress'],
    [
      'that is being deleted',
      agentFixture('triage', {}, { deletionTimestamp: NOW.toISOString() }),
      'Terminating',
    ],
  ])('reports the right status of an agent %s', async (_what, agent, status) => {
    expect(await kstatus([agent])).toMatchObject([{ status }]);
  });

  it.each<[string, CircuitBreakerPolicy, Verdict['status']]>([
    ['that is in force', breakerWith(observation(pods)), 'Current'],
    ['whose circuits are open', breakerWith(observation(ill)), 'Current'],
    ['whose present generation is not observed', breakerWith(observation(pods), 5), 'InProgress'],
  ])('reports the right status of a policy %s', async (_what, policy, status) => {
    expect(await kstatus([policy])).toMatchObject([{ status }]);
  });

  it('finds no condition of ours that it understands differently', () => {
    const types = agentWith(observation(pods)).status!.conditions!.map(({ type }) => type);
    expect(types).toEqual(expect.arrayContaining(['Ready', 'Progressing', 'Degraded']));
    expect(types).not.toContain('Reconciling');
    expect(types).not.toContain('Stalled');
  });
});

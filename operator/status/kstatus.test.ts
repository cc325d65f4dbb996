import { describe, expect, it } from '@jest/globals';
import type { AgentDeployment } from '../../crds/generated/types.ts';
import { attach } from '../desired/attach.ts';
import { agentFixture, breakerFixture, OPTIONS } from '../desired/fixtures.ts';
import { planAgent } from '../desired/plan.ts';
import { agentStatus } from './agent.ts';
import { condition } from './conditions.ts';
import { circuit, deployment, NOW, observation, pod, strangePod } from './fixtures.ts';
import type { AgentObservation } from './observations.ts';

type Verdict = 'Current' | 'InProgress' | 'Failed';

/**
 * What kstatus, and with it Flux and other tools, makes of an object of a kind that it does not know.
 * Source: https://github.com/kubernetes-sigs/cli-utils/tree/master/pkg/kstatus
 */
function kstatus({ metadata, status }: AgentDeployment): Verdict {
  const is = (type: string): string | undefined => condition(status?.conditions, type)?.status;
  if (status?.observedGeneration !== metadata.generation) return 'InProgress';
  if (is('Stalled') === 'True') return 'Failed';
  if (is('Reconciling') === 'True') return 'InProgress';
  return is('Ready') === 'False' || is('Ready') === 'Unknown' ? 'InProgress' : 'Current';
}

function agentWith(seen: AgentObservation, generation = 2): AgentDeployment {
  const agent = agentFixture('triage', {}, { generation: 2 });
  const policies = { breakers: [breakerFixture()], limits: [] };
  const attachment = attach(policies, [agent]).agents.get('triage')!;
  const plan = planAgent({ agent, attachment, options: OPTIONS });
  const input = { agent, plan, observation: seen, previous: undefined, now: NOW };
  return { ...agent, metadata: { ...agent.metadata, generation }, status: agentStatus(input) };
}

const pods = [pod('a'), pod('b'), pod('c')];

describe('kstatus', () => {
  it.each<[string, AgentObservation, Verdict]>([
    ['that is well', observation(pods), 'Current'],
    [
      'whose model is down',
      observation(['a', 'b', 'c'].map((name) => pod(name, { circuits: [circuit('Open')] }))),
      'Current',
    ],
    ['without a Deployment', observation([], { deployment: undefined }), 'InProgress'],
    [
      'whose pods are not ready',
      observation([strangePod('a', { ready: false })], {
        deployment: deployment({ readyReplicas: 0 }),
      }),
      'InProgress',
    ],
  ])('knows an agent %s', (_what, seen, verdict) => {
    expect(kstatus(agentWith(seen))).toBe(verdict);
  });

  it('waits for the status of the present generation', () => {
    expect(kstatus(agentWith(observation(pods), 3))).toBe('InProgress');
  });

  it('is never misled by a condition of ours that it knows in another sense', () => {
    const types = agentWith(observation(pods)).status!.conditions!.map(({ type }) => type);
    expect(types).toEqual(expect.arrayContaining(['Ready', 'Progressing', 'Degraded']));
    expect(types).not.toContain('Reconciling');
    expect(types).not.toContain('Stalled');
  });
});

import { describe, expect, it } from '@jest/globals';
import type { AgentDeploymentStatus } from '../../crds/generated/types.ts';
import { attach } from '../desired/policies/attach.ts';
import { planAgent } from '../desired/plan.ts';
import { agentFixture, breakerFixture, OPTIONS, target } from '../testing/fixtures.ts';
import {
  ago,
  circuit,
  deployment,
  NOW,
  observation,
  pod,
  strangePod,
} from '../testing/observations.ts';
import { agentStatus } from './agent.ts';
import { condition } from './conditions.ts';
import { agentEvents } from './events.ts';
import type { PodObservation, ProgramObservation } from './observations.ts';

const agent = agentFixture('triage', {
  replicas: 2,
  program: {
    image: 'example.com/orders:1',
    port: 8000,
    tools: { path: '/mcp' },
    resources: {},
  },
});
const breaker = breakerFixture('lookups', { targetRefs: [target('triage/tool/find_order')] });
const attachment = attach({ breakers: [breaker], limits: [] }, [agent]).agents.get('triage')!;
const plan = planAgent({ agent, attachment, options: OPTIONS });
const features = ['Dependency.program'];

const serving = (
  name: string,
  program: Partial<ProgramObservation> = {},
  report: Parameters<typeof pod>[1] = {},
): PodObservation =>
  pod(
    name,
    { program: { state: 'Serving', since: ago(100), tools: 2 }, ...report },
    { features, program: { ready: true, restarts: 0, ...program } },
  );

function statusOf(pods: PodObservation[]): AgentDeploymentStatus {
  const seen = observation(pods, {
    deployment: deployment({ desired: 2, replicas: 2, readyReplicas: 2, updatedReplicas: 2 }),
  });
  return agentStatus({ agent, plan, observation: seen, previous: undefined, now: NOW });
}

const readyOf = (status: AgentDeploymentStatus): string =>
  ['status', 'reason', 'message']
    .map((field) => condition(status.conditions, 'ProgramReady')![field as 'reason'])
    .join(' ');

describe('the program in status', () => {
  it('has the image, ready programs, restarts, tools and how one ended last', () => {
    const end = { exitCode: 1, reason: 'Error', at: ago(50) };
    const later = { exitCode: 137, reason: 'OOMKilled', at: ago(5) };
    const status = statusOf([
      serving('a', { restarts: 2, lastEnd: end }),
      serving('b', { restarts: 1, lastEnd: later }),
    ]);
    expect(status.program).toEqual({
      image: 'example.com/orders:1',
      ...{ ready: '2/2', restarts: 3, tools: 2 },
      lastEnd: { exitCode: 137, reason: 'OOMKilled' },
    });
    expect(status.summary?.program).toBe('2/2');
    expect(readyOf(status)).toBe('True Ready The program is ready in 2/2 pods.');
  });

  it('is absent without a program', () => {
    const plain = agentFixture();
    const status = agentStatus({
      ...{ agent: plain, plan, observation: observation([pod('a')]) },
      ...{ previous: undefined, now: NOW },
    });
    expect([status.program, status.summary?.program]).toEqual([undefined, undefined]);
    expect(condition(status.conditions, 'ProgramReady')).toBeUndefined();
  });

  it('does not count what a pod without a link reported', () => {
    const { program } = statusOf([
      { ...serving('a'), connected: false },
      strangePod('b', { program: { ready: false, restarts: 0 } }),
    ]);
    expect(program).toMatchObject({ ready: '1/2' });
    expect(program).not.toHaveProperty('tools');
  });
});

describe('a program that starts', () => {
  const starting = { ready: false };

  it('makes the condition False, without an Event', () => {
    const pods = [serving('a', starting), serving('b', starting)];
    const status = statusOf(pods);
    expect(readyOf(status)).toMatch(
      /^False Starting The program is ready in 0\/2 pods\. Pod a and b:/,
    );
    const input = { agent, plan, observation: observation(pods), now: NOW };
    const reasons = agentEvents(input, undefined, status).map(({ reason }) => reason);
    expect(reasons).not.toContain('Starting');
  });

  it('changes nothing beside enough ready ones, as in each rollout', () => {
    const status = statusOf([serving('a'), serving('b'), serving('c', starting)]);
    expect(readyOf(status)).toBe('True Ready The program is ready in 2/2 pods.');
  });
});

describe('the tools of a program', () => {
  const reported = (state: 'Open' | 'Closed'): PodObservation[] =>
    ['a', 'b'].map((name) =>
      serving(
        name,
        {},
        {
          circuits: [
            circuit(),
            circuit('Closed', { dependency: 'program' }),
            circuit('Closed', { dependency: 'tool/find_order', policy: 'lookups' }),
            circuit(state, { dependency: 'tool/cancel', policy: undefined as never }),
          ],
        },
      ),
    );

  it('are dependencies, under the policy that names them or under the defaults', () => {
    const { dependencies } = statusOf(reported('Open'));
    expect(
      dependencies!.map(({ name, circuit: state, policies }) => [name, state, policies?.[0]?.name]),
    ).toEqual([
      ['model/primary', 'Closed', undefined],
      ['program', 'Closed', undefined],
      ['tool/cancel', 'Open', undefined],
      ['tool/find_order', 'Closed', 'lookups'],
    ]);
  });

  it('count among the circuits, and one that is open is news', () => {
    const [before, status] = [statusOf(reported('Closed')), statusOf(reported('Open'))];
    expect([before.summary?.circuits, status.summary?.circuits]).toEqual(['8/8', '6/8']);
    const input = { agent, plan, observation: observation(reported('Open')), now: NOW };
    const events = agentEvents(input, before, status);
    expect(events.map(({ reason, note }) => [reason, note.slice(0, 40)])).toContainEqual([
      'CircuitOpened',
      expect.stringContaining('tool/cancel'),
    ]);
  });

  it('may have a policy before the program offers them', () => {
    expect(attachment.circuits.get('tool/find_order')?.metadata.name).toBe('lookups');
    expect(plan.content!.circuits.map(({ dependency, policy }) => [dependency, policy])).toEqual([
      ['model/primary', undefined],
      ['program', undefined],
      ['tool/*', undefined],
      ['tool/find_order', 'lookups'],
    ]);
  });
});

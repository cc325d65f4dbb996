import { beforeEach, describe, expect, it } from '@jest/globals';
import type { AgentDeployment, CircuitBreakerPolicy } from '../../crds/generated/types.ts';
import { agentFixture, breakerFixture, target } from '../desired/fixtures.ts';
import { Attachments } from './attachments.ts';
import { Concerned, type ConcernedOptions } from './concerned.ts';

let agents: AgentDeployment[];
let breakers: CircuitBreakerPolicy[];
let asked: string[];
let joined: number;
let waiting: (() => void)[];
let concerned: Concerned;

const queue = (task: string): { add: (key: string) => void } => ({
  add: (key) => void asked.push(`${task} ${key}`),
});

const policy = (name: string, agent: string): CircuitBreakerPolicy =>
  breakerFixture(name, { targetRefs: [target(agent)] });

/** What was asked for because of what changed since, once each. */
function asks(): string[] {
  asked = [];
  for (const call of waiting.splice(0)) call();
  return [...new Set(asked)].sort();
}

beforeEach(() => {
  agents = ['a', 'b'].map((name) => agentFixture(name));
  breakers = [policy('for-a', 'a'), policy('for-b', 'b')];
  joined = 0;
  waiting = [];
  const caches = {
    agents: { list: () => (joined++, agents) },
    breakers: { list: () => breakers },
    limits: { list: () => [] },
  };
  const attachments = new Attachments(
    caches as unknown as ConstructorParameters<typeof Attachments>[0],
  );
  concerned = new Concerned({
    attachments,
    queues: {
      agent: queue('agent'),
      agentStatus: queue('agentStatus'),
      breakerStatus: queue('breakerStatus'),
      limitStatus: queue('limitStatus'),
    } as unknown as ConcernedOptions['queues'],
    soon: (call) => waiting.push(call),
  });
  concerned.agentChanged('support', 'a');
  asks();
  joined = 0;
});

describe('whom a change concerns', () => {
  it('is the policies of an agent, and no others', () => {
    concerned.agentChanged('support', 'a');
    expect(asks()).toEqual(['breakerStatus support/for-a']);
  });

  it('is the policies that an agent had when it is gone, or gets when it comes', () => {
    const all = agents;
    agents = agents.slice(1);
    concerned.agentChanged('support', 'a');
    expect(asks()).toEqual(['breakerStatus support/for-a']);
    agents = all;
    concerned.agentChanged('support', 'a');
    expect(asks()).toEqual(['breakerStatus support/for-a']);
  });

  it('is the agents that a policy was for and is for, and their other policies', () => {
    breakers = [policy('for-a', 'b'), policy('for-b', 'b')];
    concerned.policyChanged('support', 'CircuitBreakerPolicy', 'for-a');
    expect(asks()).toEqual([
      'agent support/a',
      'agent support/b',
      'agentStatus support/a',
      'agentStatus support/b',
      'breakerStatus support/for-a',
      'breakerStatus support/for-b',
    ]);
  });

  it('is found for all changes of a moment at once', () => {
    for (const name of ['a', 'b']) {
      concerned.agentChanged('support', name);
      concerned.policyChanged('support', 'CircuitBreakerPolicy', `for-${name}`);
    }
    expect(waiting).toHaveLength(1);
    expect(asks()).toHaveLength(6);
    expect(joined).toBe(1);
  });
});

import { expect, it } from '@jest/globals';
import { agentFixture, OPTIONS } from '../testing/fixtures.ts';
import { planAgent, type AgentPlan } from '../desired/plan.ts';
import { Configurations, type ConfigurationsOptions } from './configurations.ts';

const planOf = (agent: ReturnType<typeof agentFixture>): AgentPlan =>
  planAgent({ agent, attachment: { circuits: new Map(), limits: new Map() }, options: OPTIONS });

it('what configurations of agents have in common is in memory once', () => {
  const configurations = new Configurations({
    caches: { configMaps: { get: () => undefined } },
    links: { podsOf: () => [] },
    lastApplied: () => undefined,
    leaseTransitions: 1,
  } as unknown as ConfigurationsOptions);
  const [a, b] = ['a', 'b'].map((name) => {
    const agent = agentFixture(name);
    return configurations.revise(`support/${name}`, agent, planOf(agent))!;
  });
  expect([a!.content.agent.name, b!.content.agent.name]).toEqual(['a', 'b']);
  expect(b!.content.timeouts).toBe(a!.content.timeouts);
});

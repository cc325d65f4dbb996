import { expect, it } from '@jest/globals';
import type { AgentDeploymentSpec } from '../../../crds/generated/types.ts';
import { agentFixture } from '../../testing/fixtures.ts';
import { resolveSecurity } from './security.ts';

type Incidents = AgentDeploymentSpec['security']['incidents'];

const resolved = (incidents: Incidents): object => {
  const agent = agentFixture();
  agent.spec.security = { ...agent.spec.security, incidents };
  const { thresholds, escalations } = resolveSecurity(agent.spec).security.incidents;
  return { thresholds, escalations };
};

it('rules of incidents replace the defaults', () => {
  const rules: Incidents['rules'] = [
    { type: 'RateLimitAbuse', count: 7 },
    { type: 'SecretExposed', count: 2, level: 'Critical' },
  ];
  expect(resolved({ rules })).toEqual({
    thresholds: { RateLimitAbuse: 7 },
    escalations: [{ type: 'SecretExposed', count: 2, level: 'Critical' }],
  });
});

it('thresholds of an earlier version are read where there are no rules', () => {
  const thresholds = { limitAbuse: 20, promptInjection: 3 };
  expect(resolved({ thresholds })).toEqual({
    thresholds: { ToolMisuse: 5, RateLimitAbuse: 20, MalformedInput: 10, PromptInjection: 3 },
    escalations: [{ type: 'BruteForceAttack', count: 5, withinMs: 60_000, level: 'Critical' }],
  });
  expect(resolved({ thresholds, rules: [] })).toEqual({ thresholds: {}, escalations: [] });
});

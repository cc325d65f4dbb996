import { describe, expect, it } from '@jest/globals';
import { agentFixture, breakerFixture } from '../testing/fixtures.ts';
import { Attachments } from './attachments.ts';
import type { Caches } from './caches.ts';

describe('a new version in which nothing but status changed', () => {
  const agent = agentFixture('triage');
  const policy = breakerFixture('triage');
  const { namespace } = agent.metadata as { namespace: string };
  const caches = {
    agents: { list: () => [agent] },
    breakers: { list: () => [policy] },
    limits: { list: () => [] },
  } as unknown as Pick<Caches, 'agents' | 'breakers' | 'limits'>;

  it('of a policy replaces the former version everywhere', () => {
    const attachments = new Attachments(caches);
    const before = [...attachments.of(namespace).agents.get('triage')!.circuits.values()];
    expect(before).toContain(policy);
    const next = { ...policy };
    attachments.apply(next, policy);
    const { circuits } = attachments.of(namespace).agents.get('triage')!;
    expect([...circuits.values()].every((held) => held === next)).toBe(true);
    expect(attachments.breaker(namespace, 'triage')!.policy).toBe(next);
  });

  it('of an agent replaces the former version', () => {
    const attachments = new Attachments(caches);
    const known = attachments.of(namespace).agents.get('triage')!;
    expect(known.agent).toBe(agent);
    const next = { ...agent };
    attachments.apply(next, agent);
    expect(attachments.of(namespace).agents.get('triage')!.agent).toBe(next);
  });
});

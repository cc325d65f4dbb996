import { describe, expect, it } from '@jest/globals';
import type { ObjectMeta } from '../../crds/meta.ts';
import type { PolicyRef } from '../desired/policies/attachment.ts';
import { agentFixture, breakerFixture, limitFixture, target } from '../testing/fixtures.ts';
import { Attachments, type NamespaceAttachment } from './attachments.ts';
import { agentKeys, agentStatusKeys, policyStatusKeys, type Change } from './changes.ts';

/** Agents a and b, of which each has a breaker policy; `of` says for which agent each policy is. */
function joined(
  of: Record<string, string> = { 'for-a': 'a', 'for-b': 'b' },
  { names = ['a', 'b'], a = {} }: { names?: string[]; a?: Partial<ObjectMeta> } = {},
): NamespaceAttachment {
  const breakers = Object.entries(of).map(([name, agent]) =>
    breakerFixture(name, { targetRefs: [target(agent)] }),
  );
  const agents = names.map((name) => agentFixture(name, {}, name === 'a' ? a : {}));
  const limits = [limitFixture('fair', { targetRefs: [target('b')] })];
  const caches = {
    agents: { list: () => agents },
    breakers: { list: () => breakers },
    limits: { list: () => limits },
  } as unknown as ConstructorParameters<typeof Attachments>[0];
  return new Attachments(caches).of('support');
}

const breaker = (name: string): PolicyRef => ({ kind: 'CircuitBreakerPolicy', name });

/** The keys that each reconciler gets, without the namespace. */
function keysOf(change: Omit<Change, 'namespace'>): Record<string, string[]> {
  const whole = { namespace: 'support', ...change };
  const all = {
    agents: agentKeys(whole),
    statuses: agentStatusKeys(whole),
    breakers: policyStatusKeys('CircuitBreakerPolicy', whole),
    limits: policyStatusKeys('RateLimitPolicy', whole),
  };
  return Object.fromEntries(
    Object.entries(all)
      .filter(([, keys]) => keys.size > 0)
      .map(([name, keys]) => [name, [...keys].map((key) => key.replace('support/', '')).sort()]),
  );
}

describe('a change enqueues', () => {
  const attachments = [joined()];

  it('for an agent: the agent and its policies', () => {
    expect(keysOf({ attachments, agents: ['a'] })).toEqual({
      agents: ['a'],
      statuses: ['a'],
      breakers: ['for-a'],
    });
  });

  it('for a deleted agent: the policies that it had', () => {
    const without = joined(undefined, { names: ['b'] });
    const { breakers } = keysOf({ attachments: [joined(), without], agents: ['a'] });
    expect(breakers).toEqual(['for-a']);
  });

  it('for a policy: its former and present agents, and their other policies', () => {
    const moved = joined({ 'for-a': 'b', 'for-b': 'b' });
    expect(keysOf({ attachments: [joined(), moved], policies: [breaker('for-a')] })).toEqual({
      agents: ['a', 'b'],
      statuses: ['a', 'b'],
      breakers: ['for-a', 'for-b'],
      limits: ['fair'],
    });
  });

  it('for a deleted policy: its own status too', () => {
    const { breakers } = keysOf({ attachments, policies: [breaker('gone')] });
    expect(breakers).toEqual(['gone']);
  });

  it('for an edited policy: its agents, whose reconcile enqueues the rest', () => {
    expect(keysOf({ attachments, edited: [breaker('for-a')] })).toEqual({ agents: ['a'] });
  });

  it('for an edited policy: its status, if it has no agents or only deleted ones', () => {
    const leaving = joined(undefined, { a: { deletionTimestamp: '2026-01-01T00:00:00Z' } });
    const edited = { attachments: [leaving], edited: [breaker('for-a')] };
    expect(keysOf(edited)).toEqual({ agents: ['a'], breakers: ['for-a'] });
    const free = { attachments: [joined({ 'for-a': 'nobody' })], edited: [breaker('for-a')] };
    expect(keysOf(free)).toEqual({ breakers: ['for-a'] });
  });

  it('for an object of an agent: the agent alone', () => {
    expect(keysOf({ children: ['a'] })).toEqual({ agents: ['a'] });
  });

  it('for a report of a pod: the status of its agent and the agent’s policies', () => {
    expect(keysOf({ attachments, reported: ['b'] })).toEqual({
      statuses: ['b'],
      breakers: ['for-b'],
      limits: ['fair'],
    });
  });

  it('for a status that another writer has changed: that status alone', () => {
    const statuses = { agents: ['a'], policies: [breaker('for-b')] };
    expect(keysOf({ attachments, statuses })).toEqual({ statuses: ['a'], breakers: ['for-b'] });
  });
});

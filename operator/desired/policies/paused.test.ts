import { describe, expect, it } from '@jest/globals';
import type { Content } from '../../../contract/generated/types.ts';
import {
  agentFixture,
  breakerFixture,
  bucketFixture,
  limitFixture,
  target,
} from '../../testing/fixtures.ts';
import { resolveContent } from '../configuration/content.ts';
import { attach } from './attach.ts';
import type { Policy } from './attachment.ts';
import { holdPaused, type HeldContent } from './paused.ts';

const AGENT = agentFixture();

function contentOf(...policies: Policy[]): Content {
  const breakers = policies.filter((policy) => policy.kind === 'CircuitBreakerPolicy');
  const limits = policies.filter((policy) => policy.kind === 'RateLimitPolicy');
  const attachment = attach({ breakers, limits }, [AGENT]).agents.get(AGENT.metadata.name)!;
  return resolveContent(AGENT, attachment);
}

const BREAKER = { kind: 'CircuitBreakerPolicy', name: 'slow' } as const;
const LIMIT = { kind: 'RateLimitPolicy', name: 'few' } as const;
const slow = (openDuration: string, name = 'triage'): Policy =>
  breakerFixture('slow', { openDuration, targetRefs: [target(name)] });
const few = (capacity: number, name = 'triage'): Policy =>
  limitFixture('few', {
    limits: [{ ...bucketFixture('requests'), capacity }],
    targetRefs: [target(name)],
  });
const hold = (desired: Content, inForce: Content | undefined): HeldContent =>
  holdPaused(desired, { policies: [BREAKER, LIMIT], ...(inForce && { inForce }) }, AGENT.spec);

const BEFORE = contentOf(slow('5s'), few(7));

describe('a paused policy', () => {
  it.each([
    ['was edited', contentOf(slow('9s'), few(8))],
    ['is for another agent now', contentOf(slow('9s', 'other'), few(8, 'other'))],
    [
      'is beaten by another one',
      contentOf(
        breakerFixture('exact', { targetRefs: [target('triage/model/primary')] }),
        limitFixture('new', { targetRefs: [target('triage')] }),
      ),
    ],
  ])('stays in force unchanged when it %s', (_, desired) => {
    expect(hold(desired, BEFORE).content).toEqual(BEFORE);
  });

  it('is waiting only while its spec differs from what is in force', () => {
    expect(hold(contentOf(slow('9s'), few(7)), BEFORE).waiting).toEqual([BREAKER]);
    expect(hold(contentOf(slow('5s'), few(8)), BEFORE).waiting).toEqual([LIMIT]);
    expect(hold(BEFORE, BEFORE)).toEqual({ content: BEFORE, waiting: [] });
  });

  it('changes nothing on an agent where it was not in force', () => {
    const others = contentOf(breakerFixture('other', { openDuration: '2s' }));
    const held = hold(contentOf(slow('9s'), few(8)), others);
    expect(held.content).toEqual(others);
    expect(held.waiting).toEqual([BREAKER, LIMIT]);
  });

  it('is in force with its spec on an agent without a configuration', () => {
    expect(hold(BEFORE, undefined)).toEqual({ content: BEFORE, waiting: [] });
  });

  it('does not hold other policies', () => {
    const inForce = contentOf(breakerFixture('other', { openDuration: '2s' }), few(7));
    const desired = contentOf(breakerFixture('other', { openDuration: '4s' }), few(9));
    const { content } = hold(desired, inForce);
    expect(content.circuits).toEqual(desired.circuits);
    expect(content.limits).toEqual(inForce.limits);
  });

  it('of the fleet follows the number of pods, so that its safe share stays right', () => {
    const shared = limitFixture('few', { scope: 'Fleet' });
    const inForce = contentOf(shared);
    const grown = { ...AGENT.spec, replicas: 30 };
    const { content } = holdPaused(inForce, { policies: [LIMIT], inForce }, grown);
    expect(content.limits[0]!.fleet!.maxPods).toBe(61);
  });
});

import { expect, it } from '@jest/globals';
import type { PolicyAttachment } from '../desired/policies/attachment.ts';
import { breakerFixture } from '../testing/fixtures.ts';
import { PolicyTargets } from './policyTargets.ts';

/** How long a policy for so many agents is left alone at a time, when it was looked at last at 10 s. */
function restOf(agents: number, now: number): number {
  const targets = Array.from({ length: agents }, (_, agent) => `agent-${agent}`);
  const attachment = { policy: breakerFixture('p'), targets } as unknown as PolicyAttachment;
  const look = { inForce: true, pending: false, earlyMs: 0, graceMs: 0, passes: false, seen: 1 };
  const policy = new PolicyTargets<number>((parts) => parts.length);
  expect(policy.restMs(0)).toBe(0);
  policy.update(attachment, { shareOf: () => ({ won: [], lost: [] }), look: () => look }, 10_000);
  return policy.restMs(now);
}

it('a policy for many agents is left alone after a look, and one for few is not', () => {
  expect(restOf(99, 10_000)).toBe(0);
  expect(restOf(5_000, 10_000)).toBe(1_000);
  expect(restOf(5_000, 10_900)).toBe(100);
  expect(restOf(5_000, 11_000)).toBe(0);
});

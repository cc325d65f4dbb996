import { expect, it } from '@jest/globals';
import type { PolicyAttachment } from '../desired/policies/attachment.ts';
import { breakerFixture } from '../testing/fixtures.ts';
import { PolicyTargets } from './policyTargets.ts';

/** The pause of a policy for so many agents that was updated at 10 s. */
function pauseOf(agents: number, now: number): number {
  const targets = Array.from({ length: agents }, (_, agent) => `agent-${agent}`);
  const attachment = { policy: breakerFixture('p'), targets } as unknown as PolicyAttachment;
  const state = {
    ...{ inForce: true, pending: false, waitMs: 0, graceMs: 0, recheck: false, summary: 1 },
  };
  const policy = new PolicyTargets<number>((parts) => parts.length);
  expect(policy.pauseMs(0)).toBe(0);
  const source = { shareOf: () => ({ won: [], lost: [] }), stateOf: () => state };
  policy.update(attachment, source, 10_000);
  return policy.pauseMs(now);
}

it('a policy for many agents has a pause after an update, and one for few has none', () => {
  expect(pauseOf(99, 10_000)).toBe(0);
  expect(pauseOf(5_000, 10_000)).toBe(1_000);
  expect(pauseOf(5_000, 10_900)).toBe(100);
  expect(pauseOf(5_000, 11_000)).toBe(0);
});

import { expect, it } from '@jest/globals';
import type { PolicyAttachment } from '../desired/policies/attachment.ts';
import { breakerFixture } from '../testing/fixtures.ts';
import { READY } from './freshness.ts';
import { PolicyTargets, type Targets } from './policyTargets.ts';

/** A policy for so many agents, each of which counts as one in its summary. */
function policyFor(agents: number): {
  policy: PolicyTargets<number>;
  update: (now: number) => Targets<number>;
  /** Agents at which the last update looked. */
  looks: () => number;
} {
  const targets = Array.from({ length: agents }, (_, agent) => `agent-${agent}`);
  const attachment = { policy: breakerFixture('p'), targets } as unknown as PolicyAttachment;
  const state = { readiness: READY, recheck: false };
  const policy = new PolicyTargets<number>((parts) => parts.reduce((sum, part) => sum + part, 0));
  let looks = 0;
  const source = {
    shareOf: () => ({ won: [], lost: [] }),
    stateOf: () => {
      looks += 1;
      return { ...state, summary: 1 };
    },
  };
  const update = (now: number): Targets<number> => {
    looks = 0;
    return policy.update(attachment, source, now);
  };
  return { policy, update, looks: () => looks };
}

/** The pause of a policy for so many agents whose update was complete at 10 s. */
function pauseOf(agents: number, now: number): number {
  const { policy, update } = policyFor(agents);
  while (!update(10_000).readiness.ready) expect(policy.pauseMs(10_000)).toBe(0);
  return policy.pauseMs(now);
}

it('a policy with many agents pauses after an update, and one with few does not', () => {
  expect(pauseOf(99, 10_000)).toBe(0);
  expect(pauseOf(5_000, 10_000)).toBe(1_000);
  expect(pauseOf(5_000, 10_900)).toBe(100);
  expect(pauseOf(5_000, 11_000)).toBe(0);
});

it('an update looks at a part of many changed agents, and the next ones at the rest', () => {
  const { policy, update, looks } = policyFor(1_000);
  let updates = 1;
  while (!update(0).readiness.ready) {
    updates += 1;
    expect(looks()).toBeLessThanOrEqual(250);
  }
  expect(updates).toBe(4);
  policy.changed('agent-7');
  const { readiness, summary } = update(0);
  expect([readiness.ready, looks(), summary()]).toEqual([true, 1, 1_000]);
});

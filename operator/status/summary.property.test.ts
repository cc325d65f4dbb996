import { expect, it } from '@jest/globals';
import fc from '../../test/property.ts';
import { attach } from '../desired/policies/attach.ts';
import {
  agentFixture,
  breakerFixture,
  bucketFixture,
  endpoint,
  limitFixture,
  modelOf,
  selector,
} from '../testing/fixtures.ts';
import { NOW } from '../testing/observations.ts';
import { observed } from '../testing/observedWorld.ts';
import { IncrementalMerge } from './incrementalMerge.ts';
import { mergeBreakers, summarizeBreaker } from './breakerSummary.ts';
import { mergeLimits, summarizeLimits } from './limits.ts';
import type { AgentObservation } from './observations.ts';
import { breakerPolicyStatus, rateLimitPolicyStatus } from '../testing/policyStatus.ts';
import { breakerStatus, limitStatus } from './policy.ts';

const NAMES = Array.from({ length: 40 }, (_, index) => `agent-${index}`);
const model = modelOf(endpoint('primary'), endpoint('backup'));
const agents = NAMES.map((name) => agentFixture(name, { model }, { labels: { tier: 'gold' } }));
const where = { targetSelectors: [selector({ tier: 'gold' })] };
const holds = { state: 'Open', reason: 'a drill' } as const;

const breakers = fc
  .record({
    hasReset: fc.boolean(),
    mode: fc.constantFrom('Enforce', 'Shadow'),
    held: fc.boolean(),
  })
  .map(({ hasReset, mode, held }) =>
    breakerFixture('p', {
      ...where,
      mode: mode as 'Shadow',
      ...(hasReset && { resetToken: 'reset' }),
      ...(held && { override: holds }),
    }),
  );
const limits = fc.record({ isFleet: fc.boolean(), both: fc.boolean() }).map(({ isFleet, both }) =>
  limitFixture('p', {
    ...where,
    scope: isFleet ? 'Fleet' : 'Pod',
    limits: ['requests', ...(both ? ['tokens'] : [])].map((name) => bucketFixture(name)),
  }),
);

/** An agent is seen, or is gone. */
const step = fc
  .constantFrom(...NAMES)
  .chain((name) => fc.tuple(fc.constant(name), fc.option(observed(name), { freq: 8 })));

it('summaries of blocks of agents merge into the summary of all agents', () => {
  let pods = 0;
  const looks = fc.array(fc.array(step, { minLength: 1, maxLength: 30 }), {
    minLength: 2,
    maxLength: 6,
  });
  fc.assert(
    fc.property(breakers, limits, looks, (breaker, limit, all) => {
      const joined = attach({ breakers: [breaker], limits: [limit] }, agents);
      const [breakerOf, limitOf] = [joined.breakers[0]!, joined.limits[0]!];
      const ofBreaker = new IncrementalMerge(mergeBreakers, 3);
      const ofLimit = new IncrementalMerge(mergeLimits, 3);
      const world = new Map<string, AgentObservation>();
      let previousOfBreaker: ReturnType<typeof breakerPolicyStatus> | undefined;
      let previousOfLimit: ReturnType<typeof rateLimitPolicyStatus> | undefined;
      for (const [round, steps] of all.entries()) {
        const now = new Date(NOW.getTime() + round * 1000);
        for (const [name, observation] of steps) {
          world.delete(name);
          ofBreaker.delete(name);
          ofLimit.delete(name);
          if (!observation) continue;
          world.set(name, observation);
          const own = new Map([[name, observation]]);
          const at = ({ agent }: { agent: string }): boolean => agent === name;
          ofBreaker.set(name, summarizeBreaker(breaker, breakerOf.won.filter(at), own));
          ofLimit.set(name, summarizeLimits(limit, limitOf.won.filter(at), own));
        }
        const sorted = new Map([...world].sort(([a], [b]) => (a < b ? -1 : 1)));
        const plainBreaker = breakerPolicyStatus({
          ...{ attachment: breakerOf, agents: sorted, now },
          previous: previousOfBreaker,
        });
        const plainLimit = rateLimitPolicyStatus({
          ...{ attachment: limitOf, agents: sorted, now },
          previous: previousOfLimit,
        });
        expect(
          breakerStatus({
            ...{ attachment: breakerOf, seen: ofBreaker.total(), now },
            previous: previousOfBreaker,
          }),
        ).toEqual(plainBreaker);
        expect(
          limitStatus({
            ...{ attachment: limitOf, seen: ofLimit.total(), now },
            previous: previousOfLimit,
          }),
        ).toEqual(plainLimit);
        [previousOfBreaker, previousOfLimit] = [plainBreaker, plainLimit];
        pods += plainBreaker.pods!.total!;
      }
    }),
    { numRuns: 50 },
  );
  expect(pods).toBeGreaterThan(500);
});

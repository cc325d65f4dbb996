/** Random additions, changes and deletions of agents and policies, for property tests. */
import type { Arbitrary } from 'fast-check';
import fc from '../../test/property.ts';
import type { AgentDeployment } from '../../crds/generated/types.ts';
import type { Policy, PolicyRef } from '../desired/policies/attachment.ts';
import {
  agentFixture,
  breakerFixture,
  bucketFixture,
  endpoint,
  limitFixture,
  modelOf,
  selector,
  target,
} from './fixtures.ts';

export type Step =
  | { kind: 'Agent'; name: string; agent?: AgentDeployment }
  | { kind: 'Policy'; ref: PolicyRef; policy?: Policy };

const AGENTS = ['a', 'b', 'c', 'd'];
const SECTIONS = ['model/primary', 'model/backup', 'tool/search'];

const labels = fc.record(
  { tier: fc.constantFrom('gold', 'silver'), team: fc.constantFrom('red', 'blue') },
  { requiredKeys: [] },
);

const tool = {
  name: 'search',
  description: 'Searches.',
  inputSchema: {},
  http: { url: 'https://example.com', method: 'GET', maxResponseBytes: 1 },
  maxConcurrent: 1,
} as const;

const redis = { url: 'redis://redis:6379' };

const agent = fc
  .record({
    name: fc.constantFrom(...AGENTS),
    labels,
    endpoints: fc.subarray(['primary', 'backup'], { minLength: 1 }),
    hasTool: fc.boolean(),
    hasStore: fc.boolean(),
    uid: fc.constantFrom('first', 'second'),
  })
  .map(({ name, labels, endpoints, hasTool, hasStore, uid }) => {
    const model = modelOf(...endpoints.map((each) => endpoint(each)));
    const spec = {
      model,
      ...(hasTool && { tools: [tool] }),
      ...(hasStore && { redis }),
    };
    return agentFixture(name, spec, { labels, uid: `${name}-${uid}` });
  });

const refs = fc
  .uniqueArray(
    fc.constantFrom(
      ...[...AGENTS, 'gone'].flatMap((n) => [n, ...SECTIONS.map((s) => `${n}/${s}`)]),
    ),
    { minLength: 1, maxLength: 3 },
  )
  .map((texts) => ({ targetRefs: texts.map(target) }));
const selectors = fc
  .array(labels, { minLength: 1, maxLength: 2 })
  .map((all) => ({ targetSelectors: all.map((each) => selector(each as Record<string, string>)) }));

const policy: Arbitrary<Policy> = fc
  .record({
    kind: fc.constantFrom('CircuitBreakerPolicy', 'RateLimitPolicy'),
    name: fc.constantFrom('p', 'q', 'r'),
    where: fc.oneof(refs, selectors),
    creationTimestamp: fc.constantFrom('2026-01-01T00:00:00Z', '2026-06-01T00:00:00Z'),
    isInvalid: fc.integer({ min: 0, max: 5 }).map((dice) => dice === 0),
    isStored: fc.boolean(),
  })
  .map(({ kind, name, where, creationTimestamp, isInvalid, isStored }) => {
    if (kind === 'CircuitBreakerPolicy') {
      const invalid = isInvalid ? { openDuration: 'soon' } : {};
      return breakerFixture(name, { ...where, ...invalid }, { creationTimestamp });
    }
    const bucket = bucketFixture('a', {
      ...(isStored && { key: { type: 'Client' } }),
      ...(isInvalid && { maxWait: '0s' }),
    });
    const fleet = { store: 'Redis', storeTimeout: '1s', withoutLeader: 'Deny' } as const;
    const stored = isStored ? ({ scope: 'Fleet', fleet } as const) : {};
    return limitFixture(name, { ...where, ...stored, limits: [bucket] }, { creationTimestamp });
  });

const isGone = fc.integer({ min: 0, max: 5 }).map((dice) => dice === 0);

/** Adds, changes or deletes an agent or a policy. */
export const step: Arbitrary<Step> = fc.oneof(
  fc.tuple(agent, isGone).map(([agent, gone]): Step => ({
    kind: 'Agent',
    name: agent.metadata.name,
    ...(!gone && { agent }),
  })),
  fc.tuple(policy, isGone).map(([policy, gone]): Step => ({
    kind: 'Policy',
    ref: { kind: policy.kind, name: policy.metadata.name },
    ...(!gone && { policy }),
  })),
);

import { describe, expect, it } from '@jest/globals';
import type { AgentDeployment, RateLimitPolicySpec } from '../../../crds/generated/types.ts';
import { bucketFixture, limitFixture } from '../../testing/fixtures.ts';
import { resolveLimits } from './limits.ts';

const resolve = (spec: Partial<RateLimitPolicySpec>): ReturnType<typeof resolveLimits>[number] =>
  resolveLimits('inbound', limitFixture('fair', spec), { replicas: 3 })[0]!;

const STORED = { store: 'Redis', storeTimeout: '1s', withoutLeader: 'SafeShare' } as const;

describe('resolveLimits', () => {
  it('leaves limits without a key to the leader, wherever the others are kept', () => {
    const made = resolve({ scope: 'Fleet', fleet: STORED });
    expect(made.fleet?.store).toBe('Leader');
    expect(made.requires).not.toContain('Limit.Store');
  });

  it('refuses a limit by key without a store', () => {
    const limits = [bucketFixture('a', { key: { type: 'Client' } })];
    expect(() => resolve({ scope: 'Fleet', limits })).toThrow('set fleet.store to Redis');
  });

  it('contains every default without a feature that older runtimes lack', () => {
    expect(resolve({})).toEqual({
      target: 'inbound',
      policy: 'fair',
      name: 'requests',
      resource: 'Requests',
      refill: { amount: 10, perMs: 1000 },
      capacity: 100,
      maxKeys: 10_000,
      onLimit: 'Reject',
      maxWaitMs: 2000,
      mode: 'Enforce',
      requires: ['Limit.Requests'],
    });
  });

  it('counts the most pods that the autoscaler may start', () => {
    const autoscaling = { maxReplicas: 10 } as NonNullable<AgentDeployment['spec']['autoscaling']>;
    const policy = limitFixture('fair', { scope: 'Fleet' });
    const [limit] = resolveLimits('inbound', policy, { replicas: 1, autoscaling });
    expect(limit?.fleet?.maxPods).toBe(21);
  });

  it.each<[string, Partial<RateLimitPolicySpec>, object]>([
    [
      'Limit.OutputTokens',
      { limits: [bucketFixture('a', { resource: 'OutputTokens' })] },
      { resource: 'OutputTokens' },
    ],
    [
      'Limit.Key',
      { limits: [bucketFixture('a', { key: { header: 'X-User-Id' } })] },
      { key: { header: 'x-user-id' }, maxKeys: 10_000 },
    ],
    [
      'Limit.Client',
      { limits: [bucketFixture('a', { key: { type: 'Client' } })] },
      { key: { type: 'Client' }, maxKeys: 10_000 },
    ],
    [
      // The name of an earlier version.
      'Limit.Client',
      { limits: [bucketFixture('a', { key: { principal: true } })] },
      { key: { type: 'Client' } },
    ],
    [
      'Limit.Queue',
      { limits: [bucketFixture('a', { onLimit: 'Queue' })] },
      { onLimit: 'Queue', maxWaitMs: 2000 },
    ],
    ['Limit.Shadow', { mode: 'Shadow' }, { mode: 'Shadow' }],
    // 3 replicas, 3 that finish their requests, and one more during a rollout.
    [
      'Limit.Fleet',
      { scope: 'Fleet' },
      {
        fleet: {
          store: 'Leader',
          storeTimeoutMs: 250,
          withoutLeader: 'SafeShare',
          maxPods: 7,
        },
      },
    ],
    [
      'Limit.Fleet',
      { scope: 'Fleet', fleet: { ...STORED, store: 'Leader', withoutLeader: 'Deny' } },
      { fleet: { store: 'Leader', storeTimeoutMs: 1000, withoutLeader: 'Deny', maxPods: 7 } },
    ],
    [
      'Limit.Store',
      {
        scope: 'Fleet',
        fleet: STORED,
        limits: [bucketFixture('a', { key: { header: 'X-User-Id' } })],
      },
      { fleet: { store: 'Redis', storeTimeoutMs: 1000, withoutLeader: 'SafeShare', maxPods: 7 } },
    ],
  ])('needs the feature %s of the runtime', (feature, spec, resolved) => {
    const made = resolve(spec);
    expect(made).toMatchObject(resolved);
    expect(made.requires).toContain(feature);
  });
});

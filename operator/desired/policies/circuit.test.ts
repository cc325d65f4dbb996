import { describe, expect, it } from '@jest/globals';
import { CIRCUIT_BREAKER_POLICY_DEFAULTS } from '../../../crds/generated/defaults.ts';
import type { CircuitBreakerPolicySpec } from '../../../crds/generated/types.ts';
import { resolveCircuit } from './circuit.ts';
import { breakerFixture } from '../../testing/fixtures.ts';
import { breakerSpec, DEFAULT_HALF_OPEN } from '../../../runtime/guard/circuitSpec.ts';
import { systemClock } from '../../../runtime/guard/clock.ts';
import { WallTime } from '../../../runtime/guard/wallTime.ts';

const resolve = (spec: Partial<CircuitBreakerPolicySpec>): ReturnType<typeof resolveCircuit> =>
  resolveCircuit('model/primary', breakerFixture('strict', spec), 60_000);

describe('resolveCircuit', () => {
  it('contains every default without a feature that older runtimes lack', () => {
    expect(resolve({})).toEqual({
      dependency: 'model/primary',
      policy: 'strict',
      trip: { consecutiveFailures: 3 },
      openDurationMs: 30_000,
      maxOpenDurationMs: 300_000,
      halfOpen: { maxProbes: 1, successThreshold: 2, queueTimeoutMs: 10_000 },
      abandonedAfterMs: 60_000,
      failureOn: ['Connection', 'InvalidResponse', 'Overloaded', 'ServerError', 'Timeout'],
      recovery: { rampUpMs: 0 },
      mode: 'Enforce',
      requires: ['Circuit.ConsecutiveFailures'],
    });
  });

  it('does not lengthen openDuration without a maxOpenDuration', () => {
    const { maxOpenDuration: _, ...spec } = breakerFixture('strict', { openDuration: '45s' }).spec;
    const policy = { ...breakerFixture('strict'), spec };
    expect(resolveCircuit('model/primary', policy, 60_000)).toMatchObject({
      openDurationMs: 45_000,
      maxOpenDurationMs: 45_000,
    });
  });

  it('counts calls as abandoned after the time for the first token', () => {
    expect(resolveCircuit('model/primary', undefined, 45_000).abandonedAfterMs).toBe(45_000);
  });

  it('opens for 20 s each time without a policy', () => {
    expect(resolveCircuit('model/primary', undefined, 60_000)).toMatchObject({
      openDurationMs: 20_000,
      maxOpenDurationMs: 20_000,
    });
  });

  it('does not depend on the order of the classes of failures', () => {
    const all = [...breakerFixture().spec.failureOn];
    expect(resolve({ failureOn: all.reverse() })).toEqual(resolve({}));
    expect(resolve({ failureOn: ['Timeout', 'RateLimited'] })).toMatchObject({
      failureOn: ['RateLimited', 'Timeout'],
    });
  });

  it('equals, without a policy, that of a policy with the defaults', () => {
    const { policy: _policy, ...defaults } = resolve({
      ...CIRCUIT_BREAKER_POLICY_DEFAULTS,
      maxOpenDuration: CIRCUIT_BREAKER_POLICY_DEFAULTS.openDuration,
    });
    expect(resolveCircuit('model/primary', undefined, 60_000)).toEqual(defaults);
  });

  it('equals, without a policy, the circuit of a runtime whose configuration has none', () => {
    const resolved = resolveCircuit('model/primary', undefined, 60_000);
    const { trip, openDurationMs, maxOpenDurationMs, failureOn } = breakerSpec(
      undefined,
      new WallTime(systemClock),
    );
    expect(resolved).toMatchObject({ trip, openDurationMs, maxOpenDurationMs });
    expect(resolved.halfOpen).toEqual(DEFAULT_HALF_OPEN);
    expect(new Set(resolved.failureOn)).toEqual(new Set(failureOn));
  });

  it.each<[string, Partial<CircuitBreakerPolicySpec>, object]>([
    [
      'Circuit.FailureRate',
      { trip: { failureRate: { percent: 50, window: '1m', minimumCalls: 10 } } },
      { trip: { failureRate: { percent: 50, windowMs: 60_000, minimumCalls: 10 } } },
    ],
    [
      'Circuit.SlowCalls',
      { trip: { slowCalls: { percent: 80, slowerThan: '20s', calls: 100, minimumCalls: 10 } } },
      { trip: { slowCalls: { percent: 80, slowerThanMs: 20_000, calls: 100, minimumCalls: 10 } } },
    ],
    ['Circuit.Fleet', { scope: 'Fleet' }, { fleet: { quorumPercent: 50 } }],
    [
      'Circuit.Fleet',
      { scope: 'Fleet', fleet: { quorum: 67, hintLifetime: '1m' } },
      { fleet: { quorumPercent: 67 } },
    ],
    ['Circuit.FailureOn', { failureOn: ['Timeout'] }, { failureOn: ['Timeout'] }],
    ['Circuit.Shadow', { mode: 'Shadow' }, { mode: 'Shadow' }],
    [
      'Circuit.Override',
      { override: { state: 'Open', reason: 'why', expiresAt: '2026-12-01T02:00:00+01:00' } },
      { override: { state: 'Open', reason: 'why', expiresAt: '2026-12-01T01:00:00.000Z' } },
    ],
  ])('needs the feature %s of the runtime', (feature, spec, resolved) => {
    const made = resolve(spec);
    expect(made).toMatchObject(resolved);
    expect(made.requires).toContain(feature);
  });

  it('contains a ramp-up and a token without requiring a feature', () => {
    const { requires, recovery, resetToken } = resolve({
      recovery: { rampUp: '30s' },
      resetToken: '7',
    });
    expect([requires, recovery, resetToken]).toEqual([
      ['Circuit.ConsecutiveFailures'],
      { rampUpMs: 30_000 },
      '7',
    ]);
  });
});

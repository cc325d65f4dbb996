import { describe, expect, it } from '@jest/globals';
import type {
  CircuitBreakerPolicy,
  CircuitBreakerPolicyStatus,
} from '../../crds/generated/types.ts';
import { attach } from '../desired/policies/attach.ts';
import { agentFixture, breakerFixture } from '../testing/fixtures.ts';
import { condition } from './conditions.ts';
import { ago, circuit, NOW, observation, pod, strangePod } from '../testing/observations.ts';
import type { PodObservation } from './observations.ts';
import { breakerPolicyStatus } from '../testing/policyStatus.ts';

function breaker(
  pods: PodObservation[],
  {
    policy = breakerFixture(),
    previous,
  }: { policy?: CircuitBreakerPolicy; previous?: CircuitBreakerPolicyStatus } = {},
): CircuitBreakerPolicyStatus {
  const [attachment] = attach({ breakers: [policy], limits: [] }, [agentFixture()]).breakers;
  const agents = new Map([['triage', observation(pods)]]);
  return breakerPolicyStatus({ attachment: attachment!, agents, previous, now: NOW });
}

const tripped = (status: CircuitBreakerPolicyStatus): [string, string] => {
  const { status: value, reason } = condition(status.conditions, 'Tripped')!;
  return [value, reason];
};
const message = (status: CircuitBreakerPolicyStatus): string =>
  condition(status.conditions, 'Tripped')!.message;

const open = circuit('Open', { reason: '3 consecutive failures (Overloaded)' });

describe('an order of a person', () => {
  const held = (state: 'Open' | 'Closed'): PodObservation[] =>
    ['a', 'b'].map((name) => pod(name, { circuits: [circuit(state, { overridden: state })] }));

  it.each([
    ['Open', 'True'],
    ['Closed', 'False'],
  ] as const)('tells that an override holds circuits %s', (state, value) => {
    const override = { state, reason: 'maintenance', expiresAt: '2026-12-01T02:00:00Z' };
    const status = breaker(held(state), { policy: breakerFixture('triage', { override }) });
    expect(tripped(status)).toEqual([value, 'Override']);
    expect(message(status)).toContain(
      `spec.override (maintenance) holds circuits ${state.toLowerCase()} until 2026-12-01T02:00:00Z: model/primary of triage in 2/2 pods.`,
    );
  });

  it('follows the pods when an override has expired', () => {
    const override = { state: 'Open' as const, expiresAt: ago(1) };
    const status = breaker([pod('a', { circuits: [circuit('HalfOpen')] })], {
      policy: breakerFixture('triage', { override }),
    });
    expect(tripped(status)).toEqual(['True', 'CircuitHalfOpen']);
  });

  it('says that an override in the past holds nothing', () => {
    const override = { state: 'Open' as const, expiresAt: ago(0) };
    const status = breaker([pod('a')], { policy: breakerFixture('triage', { override }) });
    expect(tripped(status)).toEqual(['False', 'Closed']);
    expect(message(status)).toBe(
      `Every circuit is closed. spec.override.expiresAt is in the past (${ago(0)}), so that the override holds nothing; remove it or set a later time.`,
    );
    expect(status.summary).toMatchObject({ reason: 'override expired' });
    const later = { state: 'Open' as const, expiresAt: ago(-1) };
    const held = breaker([pod('a')], { policy: breakerFixture('triage', { override: later }) });
    expect(message(held)).toBe('Every circuit is closed.');
  });

  it.each<[string, PodObservation[], [string, string], string]>([
    [
      'open',
      [pod('a', { circuits: [{ ...open, shadow: true }] })],
      ['False', 'Shadow'],
      'Nothing is rejected. Enforced, calls would fail at once on model/primary of triage in 1/1 pods: 3 consecutive failures (Overloaded).',
    ],
    ['closed', [pod('a')], ['False', 'Shadow'], 'Nothing is rejected. Every circuit is closed.'],
    [
      'unknown',
      [strangePod('a')],
      ['Unknown', 'NoReports'],
      'No connected pod reports its circuits.',
    ],
  ])('never shows as tripped in shadow mode (%s)', (_name, pods, expected, text) => {
    const status = breaker(pods, { policy: breakerFixture('triage', { mode: 'Shadow' }) });
    expect(tripped(status)).toEqual(expected);
    expect(message(status)).toBe(text);
  });

  const did = (token?: string): Parameters<typeof pod>[1] => ({
    circuits: [circuit('Closed', token === undefined ? {} : { handledResetToken: token })],
  });
  it.each<[string, PodObservation[], string | undefined]>([
    ['every connected pod did it', [pod('a', did('2')), pod('b', did('2')), strangePod('c')], '2'],
    ['one has not done it yet', [pod('a', did('2')), pod('b', did('1'))], '1'],
    ['one is too old to tell', [pod('a', did('2')), pod('b', did())], '1'],
    ['one runs without the policy', [pod('a', did('2')), pod('b', { circuits: [] })], '1'],
    [
      'a pod that ends has not',
      [pod('a', did('2')), pod('b', did('1'), { terminating: true })],
      '2',
    ],
    ['none is connected', [strangePod('a')], '1'],
  ])('acknowledges a reset token when %s', (_name, pods, handled) => {
    const status = breaker(pods, {
      policy: breakerFixture('triage', { resetToken: '2' }),
      previous: { lastHandledResetToken: '1' },
    });
    expect(status.lastHandledResetToken).toBe(handled);
  });

  it('keeps the last token when the spec has none', () => {
    const previous = { lastHandledResetToken: '1' };
    expect(breaker([pod('a')], { previous }).lastHandledResetToken).toBe('1');
    expect(breaker([pod('a')])).not.toHaveProperty('lastHandledResetToken');
  });
});

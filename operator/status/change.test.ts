import { describe, expect, it } from '@jest/globals';
import type {
  AgentDeploymentStatus,
  CircuitBreakerPolicyStatus,
  RateLimitPolicyStatus,
} from '../../crds/generated/types.ts';
import { statusChange, type StatusChange } from './change.ts';

const breaker = (rest: Partial<CircuitBreakerPolicyStatus> = {}): CircuitBreakerPolicyStatus => ({
  observedGeneration: 1,
  state: 'Open',
  pods: { total: 3, open: 1 },
  circuits: [
    {
      agent: 'triage',
      dependency: 'model/primary',
      state: 'Open',
      pods: '1/3',
      nextProbe: '2026-11-21T10:00:30Z',
      lastFailure: { class: 'Overloaded', message: '529', time: '2026-11-21T10:00:00Z' },
    },
  ],
  transitions: [],
  conditions: [
    {
      type: 'Tripped',
      status: 'True',
      reason: 'CircuitOpen',
      message: 'm',
      lastTransitionTime: '2026-11-21T10:00:00Z',
      observedGeneration: 1,
    },
  ],
  ...rest,
});
const circuit = (rest: object): Partial<CircuitBreakerPolicyStatus> => ({
  circuits: [{ ...breaker().circuits![0]!, ...rest }],
});
const condition = (rest: object): Partial<CircuitBreakerPolicyStatus> => ({
  conditions: [{ ...breaker().conditions![0]!, ...rest }],
});
const failure = (rest: object): Partial<CircuitBreakerPolicyStatus> =>
  circuit({ lastFailure: { ...breaker().circuits![0]!.lastFailure, ...rest } });

const rate = (usedPercent: number, rejected: number): RateLimitPolicyStatus => ({
  state: 'Flowing',
  limits: [{ name: 'requests', usedPercent, rejected }],
  summary: { used: `${usedPercent}%`, rejected, programmed: '3/3' },
});

type Performance = NonNullable<AgentDeploymentStatus['performance']>[number];

const TIMES = { averageMs: 500, p50Ms: 500, p95Ms: 500, p99Ms: 500 };

describe('statusChange', () => {
  it.each<[string, Partial<CircuitBreakerPolicyStatus>, StatusChange]>([
    ['nothing', {}, 'No'],
    ['the generation', { observedGeneration: 2 }, 'Now'],
    ['the state', { state: 'HalfOpen' }, 'Now'],
    ['how many pods are open', { pods: { total: 3, open: 2 } }, 'Now'],
    ['the state of a circuit', circuit({ state: 'HalfOpen' }), 'Now'],
    ['the reason of a condition', condition({ reason: 'CircuitHalfOpen' }), 'Now'],
    ['the status of a condition', condition({ status: 'False' }), 'Now'],
    ['the message of a condition', condition({ message: 'n' }), 'Later'],
    ['the next probe', circuit({ nextProbe: '2026-11-21T10:01:00Z' }), 'Later'],
    ['the class of the last failure', failure({ class: 'Timeout' }), 'Later'],
    ['its time, by little', failure({ time: '2026-11-21T10:04:59Z' }), 'No'],
    ['its time, by much', failure({ time: '2026-11-21T10:05:00Z' }), 'Later'],
    [
      'a transition',
      {
        transitions: [
          {
            time: '2026-11-21T10:00:00Z',
            agent: 'triage',
            dependency: 'model/primary',
            pod: 'a',
            from: 'Closed',
            to: 'Open',
            reason: 'r',
          },
        ],
      },
      'Now',
    ],
  ])('%s', (_name, rest, change) => {
    expect(statusChange(breaker(), breaker(rest))).toBe(change);
  });

  it.each<[number, number, number, number, StatusChange]>([
    [50, 100, 69, 100, 'No'],
    [50, 100, 70, 100, 'Later'],
    [50, 100, 30, 100, 'Later'],
    [50, 100, 50, 119, 'No'],
    [50, 100, 50, 120, 'Later'],
    [0, 0, 0, 1, 'Later'],
    [50, 100, 50, 0, 'Later'],
  ])(
    'writes used %d and rejected %d after they change to %d and %d: %s',
    (used, rejected, nextUsed, nextRejected, change) => {
      expect(statusChange(rate(used, rejected), rate(nextUsed, nextRejected))).toBe(change);
    },
  );

  it('writes a shut gate at once, and a changed end of it with other changes', () => {
    const agent = (gate: 'None' | 'RateLimited', until?: string): AgentDeploymentStatus => ({
      dependencies: [
        { name: 'model/primary', circuit: 'Closed', gate, ...(until !== undefined && { until }) },
      ],
    });
    const shut = agent('RateLimited', '2026-11-21T11:00:00Z');
    expect(statusChange(agent('None'), shut)).toBe('Now');
    expect(statusChange(shut, agent('RateLimited', '2026-11-21T11:00:09Z'))).toBe('Later');
    expect(statusChange(shut, agent('None'))).toBe('Now');
  });

  it('writes at once that an endpoint stays in use as the last one, and its share with other changes', () => {
    const agent = (share?: { servedPercent: number }): AgentDeploymentStatus => ({
      dependencies: [{ name: 'model/primary', circuit: 'Closed', ...share }],
    });
    expect(statusChange(agent(), agent({ servedPercent: 62 }))).toBe('Now');
    expect(statusChange(agent({ servedPercent: 62 }), agent({ servedPercent: 9 }))).toBe('No');
    expect(statusChange(agent({ servedPercent: 9 }), agent())).toBe('Now');
  });

  it('writes a handled reset at once', () => {
    expect(statusChange(breaker(), breaker({ lastHandledResetToken: '2' }))).toBe('Now');
  });

  it('writes the first status at once', () => {
    expect(statusChange(undefined, breaker())).toBe('Now');
  });

  it.each<[string, Partial<Performance>, StatusChange]>([
    ['a tenth more requests', { count: 110 }, 'No'],
    ['a fifth more requests', { count: 120 }, 'Later'],
    ['a fifth longer', { averageMs: 600, p50Ms: 600 }, 'Later'],
    ['somewhat less success', { successPercent: 90 }, 'No'],
    ['much less success', { successPercent: 79 }, 'Later'],
  ])('writes performance when it changes by a fifth: %s', (_, rest, expected) => {
    const performance = { operation: 'model' as const, count: 100, successPercent: 99, ...TIMES };
    const before: AgentDeploymentStatus = { performance: [performance] };
    expect(statusChange(before, { performance: [{ ...performance, ...rest }] })).toBe(expected);
  });

  it('writes the share of recent successes when it changes by 20 points, begins or ends', () => {
    const figures = { averageMs: 10, minMs: 1, maxMs: 90 };
    const of = (count: number, successPercent: number): AgentDeploymentStatus => {
      const recent = { count, successPercent, ...figures };
      const operation = { operation: 'model' as const, count: 100, successPercent: 99, ...TIMES };
      return { performance: [{ ...operation, recent }] };
    };
    expect(statusChange(of(50, 100), of(300, 81))).toBe('No');
    expect(statusChange(of(50, 100), of(50, 80))).toBe('Later');
    expect(statusChange(of(50, 100), of(0, 100))).toBe('Later');
    expect(statusChange(of(0, 100), of(1, 100))).toBe('Later');
  });

  it('does not write the first figures of performance at once', () => {
    const performance = { operation: 'tool' as const, count: 1, successPercent: 0, ...TIMES };
    expect(
      statusChange<AgentDeploymentStatus>(
        { replicas: 1 },
        { replicas: 1, performance: [performance] },
      ),
    ).toBe('Later');
  });
});

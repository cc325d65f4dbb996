import { describe, expect, it } from '@jest/globals';
import type {
  AgentDeploymentStatus,
  CircuitBreakerPolicyStatus,
} from '../../crds/generated/types.ts';
import { withoutFigures } from './figures.ts';

const circuit = {
  agent: 'triage',
  dependency: 'model/primary',
  state: 'Open' as const,
  pods: '1/3',
  since: '2026-11-21T10:00:00Z',
  nextProbe: '2026-11-21T10:00:30Z',
  lastFailure: { class: 'Overloaded', message: '529', time: '2026-11-21T10:00:00Z' },
};
const condition = {
  type: 'Tripped',
  status: 'True' as const,
  reason: 'CircuitOpen',
  message: 'Held until 2026-11-21T10:00:30.000Z by 2/3 pods.',
  lastTransitionTime: '2026-11-21T10:00:00Z',
  observedGeneration: 1,
};
const transition = {
  ...{ time: '2026-11-21T10:00:00Z', agent: 'triage', dependency: 'model/primary', pod: 'a' },
  ...{ from: 'Closed' as const, to: 'Open' as const, reason: 'r' },
};
const breaker: CircuitBreakerPolicyStatus = {
  observedGeneration: 1,
  state: 'Open',
  lastTransitionTime: '2026-11-21T10:00:00Z',
  pods: { total: 3, open: 1 },
  circuits: [circuit],
  transitions: [transition],
  conditions: [condition],
};
const later = '2026-11-21T10:04:59.000Z';

describe('a status of a circuit breaker without its figures', () => {
  it.each<[string, Partial<CircuitBreakerPolicyStatus>]>([
    ['the generation', { observedGeneration: 2 }],
    ['the state', { state: 'HalfOpen' }],
    ['how many pods are open', { pods: { total: 3, open: 2 } }],
    ['the state of a circuit', { circuits: [{ ...circuit, state: 'HalfOpen' }] }],
    ['the reason of a condition', { conditions: [{ ...condition, reason: 'Override' }] }],
    ['the status of a condition', { conditions: [{ ...condition, status: 'False' }] }],
    ['the message of a condition', { conditions: [{ ...condition, message: 'Held by pod a.' }] }],
    ['a transition', { transitions: [transition, transition] }],
    ['the time of a transition', { transitions: [{ ...transition, time: later }] }],
    ['the time of the last one', { lastTransitionTime: later }],
    ['since when a circuit has its state', { circuits: [{ ...circuit, since: later }] }],
    ['a handled reset', { lastHandledResetToken: '2' }],
  ])('differs after a change of %s', (_, rest) => {
    expect(withoutFigures({ ...breaker, ...rest })).not.toEqual(withoutFigures(breaker));
  });

  it.each<[string, Partial<CircuitBreakerPolicyStatus>]>([
    ['the next probe', { circuits: [{ ...circuit, nextProbe: later }] }],
    [
      'the last failure',
      { circuits: [{ ...circuit, lastFailure: { ...circuit.lastFailure, time: later } }] },
    ],
    [
      'a share of pods in a message',
      { conditions: [{ ...condition, message: condition.message.replace('2/3', '3/3') }] },
    ],
    [
      'a time in a message',
      { conditions: [{ ...condition, message: `Held until ${later} by 2/3 pods.` }] },
    ],
  ])('is the same after a change of %s', (_, rest) => {
    expect(withoutFigures({ ...breaker, ...rest })).toEqual(withoutFigures(breaker));
  });
});

it('a status of a rate limit without its figures has its state, but not how much is used', () => {
  const status = (state: string, used: number): object => ({
    state,
    limits: [{ name: 'requests', usedPercent: used, rejected: used }],
    fleet: { granted: used, held: used, pods: '3/3', leader: `operator-${used}` },
    summary: { used: `${used}%`, rejected: used, programmed: '3/3' },
  });
  expect(withoutFigures(status('Flowing', 50))).toEqual(withoutFigures(status('Flowing', 70)));
  expect(withoutFigures(status('Flowing', 50))).not.toEqual(withoutFigures(status('Limiting', 50)));
});

it('a status of an agent without its figures has that an endpoint stays in use as the last one, but not its share', () => {
  const agent = (share?: { servedPercent: number }): AgentDeploymentStatus => ({
    dependencies: [{ name: 'model/primary', circuit: 'Closed', ...share }],
  });
  const served = withoutFigures(agent({ servedPercent: 62 }));
  expect(withoutFigures(agent({ servedPercent: 9 }))).toEqual(served);
  expect(withoutFigures(agent())).not.toEqual(served);
});

it('a status of an agent without its figures has its gates, but not when they open', () => {
  const agent = (gate: 'None' | 'RateLimited', until?: string): AgentDeploymentStatus => ({
    dependencies: [
      { name: 'model/primary', circuit: 'Closed', gate, ...(until !== undefined && { until }) },
    ],
  });
  const shut = withoutFigures(agent('RateLimited', '2026-11-21T11:00:00Z'));
  expect(withoutFigures(agent('RateLimited', '2026-11-21T11:00:09Z'))).toEqual(shut);
  expect(withoutFigures(agent('None'))).not.toEqual(shut);
});

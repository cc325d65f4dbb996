import type { Row } from './row.ts';
import { targets } from './targets.ts';

/** Bad manifests of CircuitBreakerPolicys. */
export const rows: Row[] = [
  ...targets,
  ['$ required spec', { spec: undefined }, 'spec: Required value'],
  [
    '$.spec rule 0',
    { spec: { targetSelectors: [{ matchLabels: { tier: 'gold' } }] } },
    'spec: Invalid value: "object": set exactly one of targetRefs and targetSelectors',
  ],
  [
    '$.spec rule 1',
    { spec: { fleet: { quorum: 67 } } },
    'spec.fleet: Invalid value: "object": applies only with scope Fleet; set scope to Fleet or leave fleet out',
  ],
  [
    '$.spec rule 2',
    { spec: { openDuration: '11m', maxOpenDuration: '10m' } },
    'spec.openDuration: Invalid value: "object": must not be longer than maxOpenDuration; raise maxOpenDuration or leave it out',
  ],
  [
    '$.spec.trip rule 0',
    { spec: { trip: {} } },
    'spec.trip: Invalid value: "object": set at least one rule that opens the circuit, such as consecutiveFailures',
  ],
  [
    '$.spec.trip.failureRate required percent',
    { spec: { trip: { failureRate: { calls: 10 } } } },
    'spec.trip.failureRate.percent: Required value',
  ],
  [
    '$.spec.trip.failureRate rule 0',
    { spec: { trip: { failureRate: { percent: 50, window: '60s', calls: 10 } } } },
    'spec.trip.failureRate: Invalid value: "object": set exactly one of window and calls',
  ],
  [
    '$.spec.trip.failureRate rule 1',
    { spec: { trip: { failureRate: { percent: 50, calls: 9 } } } },
    'spec.trip.failureRate.minimumCalls: Invalid value: "object": must not be larger than calls (minimumCalls defaults to 10), or the rule never opens the circuit',
  ],
  [
    '$.spec.trip.failureRate.window rule 0',
    { spec: { trip: { failureRate: { percent: 50, window: '999ms' } } } },
    'spec.trip.failureRate.window: Invalid value: "string": must be a duration from 1s to 1h, written with the units h, m, s and ms, such as 60s or 1m30s',
  ],
  [
    '$.spec.trip.slowCalls required percent',
    { spec: { trip: { slowCalls: { slowerThan: '1s', calls: 10 } } } },
    'spec.trip.slowCalls.percent: Required value',
  ],
  [
    '$.spec.trip.slowCalls required slowerThan',
    { spec: { trip: { slowCalls: { percent: 50, calls: 10 } } } },
    'spec.trip.slowCalls.slowerThan: Required value',
  ],
  [
    '$.spec.trip.slowCalls rule 0',
    { spec: { trip: { slowCalls: { percent: 50, slowerThan: '1s' } } } },
    'spec.trip.slowCalls: Invalid value: "object": set exactly one of window and calls',
  ],
  [
    '$.spec.trip.slowCalls rule 1',
    { spec: { trip: { slowCalls: { percent: 50, slowerThan: '1s', calls: 9 } } } },
    'spec.trip.slowCalls.minimumCalls: Invalid value: "object": must not be larger than calls (minimumCalls defaults to 10), or the rule never opens the circuit',
  ],
  [
    '$.spec.trip.slowCalls.slowerThan rule 0',
    { spec: { trip: { slowCalls: { percent: 50, slowerThan: '0s', calls: 10 } } } },
    'spec.trip.slowCalls.slowerThan: Invalid value: "string": must be a duration longer than 0s, written with the units h, m, s and ms, such as 20s or 500ms',
  ],
  [
    '$.spec.trip.slowCalls.window rule 0',
    { spec: { trip: { slowCalls: { percent: 50, slowerThan: '1s', window: '1h1s' } } } },
    'spec.trip.slowCalls.window: Invalid value: "string": must be a duration from 1s to 1h, written with the units h, m, s and ms, such as 60s or 1m30s',
  ],
  [
    '$.spec.failureOn unique',
    { spec: { failureOn: ['Timeout', 'Timeout'] } },
    'spec.failureOn[1]: Duplicate value: "Timeout"',
  ],
  [
    '$.spec.recovery.rampUp rule 0',
    { spec: { recovery: { rampUp: '-1s' } } },
    'spec.recovery.rampUp: Invalid value: "string": must be a duration, written with the units h, m, s and ms, such as 30s or 1m30s',
  ],
  [
    '$.spec.override required state',
    { spec: { override: { reason: 'maintenance' } } },
    'spec.override.state: Required value',
  ],
  [
    '$.spec.override.expiresAt format',
    { spec: { override: { state: 'Open', expiresAt: '2026-12-01' } } },
    'spec.override.expiresAt: Invalid value: "2026-12-01": spec.override.expiresAt in body must be of type date-time: "2026-12-01"',
  ],
  [
    '$.spec.halfOpen.queueTimeout rule 0',
    { spec: { halfOpen: { queueTimeout: '10 seconds' } } },
    'spec.halfOpen.queueTimeout: Invalid value: "string": must be a duration, written with the units h, m, s and ms, such as 10s or 500ms',
  ],
  [
    '$.spec.openDuration rule 0',
    { spec: { openDuration: '60 seconds' } },
    'spec.openDuration: Invalid value: "string": must be a duration longer than 0s, written with the units h, m, s and ms, such as 60s or 1m30s',
  ],
  [
    '$.spec.maxOpenDuration rule 0',
    { spec: { maxOpenDuration: '1d' } },
    'spec.maxOpenDuration: Invalid value: "string": must be a duration longer than 0s, written with the units h, m, s and ms, such as 10m or 1m30s',
  ],
];

import type { Row } from './row.ts';
import { targets } from './targets.ts';

/** Bad manifests of CircuitBreakerPolicys. */
export const rows: Row[] = [
  ...targets,
  ['$ required spec', { spec: undefined }, 'spec: Required value'],
  [
    '$.spec type',
    { spec: 'text' },
    'spec: Invalid value: "string": spec in body must be of type object: "string"',
  ],
  ['$.spec required scope', { spec: { scope: undefined } }, 'spec.scope: Required value'],
  [
    '$.spec rule 0',
    { spec: { targetSelectors: [{ matchLabels: { tier: 'gold' } }] } },
    'spec: Invalid value: "object": set exactly one of targetRefs and targetSelectors',
  ],
  [
    '$.spec rule 1',
    { spec: { openDuration: '11m' } },
    'spec.openDuration: Invalid value: "object": must not be longer than maxOpenDuration (default 10m); set maxOpenDuration as well',
  ],
  [
    '$.spec.trip type',
    { spec: { trip: 'text' } },
    'spec.trip: Invalid value: "string": spec.trip in body must be of type object: "string"',
  ],
  [
    '$.spec.trip rule 0',
    { spec: { trip: {} } },
    'spec.trip: Invalid value: "object": set at least one rule that opens the circuit, such as consecutiveFailures',
  ],
  [
    '$.spec.trip.consecutiveFailures type',
    { spec: { trip: { consecutiveFailures: 'three' } } },
    'spec.trip.consecutiveFailures: Invalid value: "string": spec.trip.consecutiveFailures in body must be of type integer: "string"',
  ],
  [
    '$.spec.trip.consecutiveFailures minimum',
    { spec: { trip: { consecutiveFailures: 0 } } },
    'spec.trip.consecutiveFailures: Invalid value: 0: spec.trip.consecutiveFailures in body should be greater than or equal to 1',
  ],
  [
    '$.spec.trip.consecutiveFailures maximum',
    { spec: { trip: { consecutiveFailures: 10001 } } },
    'spec.trip.consecutiveFailures: Invalid value: 10001: spec.trip.consecutiveFailures in body should be less than or equal to 10000',
  ],
  [
    '$.spec.openDuration type',
    { spec: { openDuration: 3 } },
    'spec.openDuration: Invalid value: "integer": spec.openDuration in body must be of type string: "integer"',
  ],
  [
    '$.spec.openDuration maxLength',
    { spec: { openDuration: '0001h0001h0001h0001h0001h' } },
    'spec.openDuration: Too long: may not be more than 24 bytes',
  ],
  [
    '$.spec.openDuration rule 0',
    { spec: { openDuration: '60 seconds' } },
    'spec.openDuration: Invalid value: "string": must be a duration longer than 0s, written with the units h, m, s and ms, such as 60s or 1m30s',
  ],
  [
    '$.spec.maxOpenDuration type',
    { spec: { maxOpenDuration: 3 } },
    'spec.maxOpenDuration: Invalid value: "integer": spec.maxOpenDuration in body must be of type string: "integer"',
  ],
  [
    '$.spec.maxOpenDuration maxLength',
    { spec: { maxOpenDuration: '0001h0001h0001h0001h0001h' } },
    'spec.maxOpenDuration: Too long: may not be more than 24 bytes',
  ],
  [
    '$.spec.maxOpenDuration rule 0',
    { spec: { maxOpenDuration: '1d' } },
    'spec.maxOpenDuration: Invalid value: "string": must be a duration longer than 0s, written with the units h, m, s and ms, such as 10m or 1m30s',
  ],
  [
    '$.spec.halfOpen type',
    { spec: { halfOpen: 'text' } },
    'spec.halfOpen: Invalid value: "string": spec.halfOpen in body must be of type object: "string"',
  ],
  [
    '$.spec.halfOpen.maxProbes type',
    { spec: { halfOpen: { maxProbes: 'three' } } },
    'spec.halfOpen.maxProbes: Invalid value: "string": spec.halfOpen.maxProbes in body must be of type integer: "string"',
  ],
  [
    '$.spec.halfOpen.maxProbes minimum',
    { spec: { halfOpen: { maxProbes: 0 } } },
    'spec.halfOpen.maxProbes: Invalid value: 0: spec.halfOpen.maxProbes in body should be greater than or equal to 1',
  ],
  [
    '$.spec.halfOpen.maxProbes maximum',
    { spec: { halfOpen: { maxProbes: 1001 } } },
    'spec.halfOpen.maxProbes: Invalid value: 1001: spec.halfOpen.maxProbes in body should be less than or equal to 1000',
  ],
  [
    '$.spec.halfOpen.successThreshold type',
    { spec: { halfOpen: { successThreshold: 'three' } } },
    'spec.halfOpen.successThreshold: Invalid value: "string": spec.halfOpen.successThreshold in body must be of type integer: "string"',
  ],
  [
    '$.spec.halfOpen.successThreshold minimum',
    { spec: { halfOpen: { successThreshold: 0 } } },
    'spec.halfOpen.successThreshold: Invalid value: 0: spec.halfOpen.successThreshold in body should be greater than or equal to 1',
  ],
  [
    '$.spec.halfOpen.successThreshold maximum',
    { spec: { halfOpen: { successThreshold: 1001 } } },
    'spec.halfOpen.successThreshold: Invalid value: 1001: spec.halfOpen.successThreshold in body should be less than or equal to 1000',
  ],
  [
    '$.spec.scope type',
    { spec: { scope: 3 } },
    'spec.scope: Invalid value: "integer": spec.scope in body must be of type string: "integer"',
    'spec.scope: Unsupported value: 3: supported values: "Pod"',
  ],
  [
    '$.spec.scope enum',
    { spec: { scope: 'Other' } },
    'spec.scope: Unsupported value: "Other": supported values: "Pod"',
  ],
];

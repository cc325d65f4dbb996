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
    '$.spec.trip.failureRate type',
    { spec: { trip: { failureRate: 'text' } } },
    'spec.trip.failureRate: Invalid value: "string": spec.trip.failureRate in body must be of type object: "string"',
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
    '$.spec.trip.failureRate.percent type',
    { spec: { trip: { failureRate: { percent: 'three', calls: 10 } } } },
    'spec.trip.failureRate.percent: Invalid value: "string": spec.trip.failureRate.percent in body must be of type integer: "string"',
  ],
  [
    '$.spec.trip.failureRate.percent minimum',
    { spec: { trip: { failureRate: { percent: 0, calls: 10 } } } },
    'spec.trip.failureRate.percent: Invalid value: 0: spec.trip.failureRate.percent in body should be greater than or equal to 1',
  ],
  [
    '$.spec.trip.failureRate.percent maximum',
    { spec: { trip: { failureRate: { percent: 101, calls: 10 } } } },
    'spec.trip.failureRate.percent: Invalid value: 101: spec.trip.failureRate.percent in body should be less than or equal to 100',
  ],
  [
    '$.spec.trip.failureRate.window type',
    { spec: { trip: { failureRate: { percent: 50, window: 3 } } } },
    'spec.trip.failureRate.window: Invalid value: "integer": spec.trip.failureRate.window in body must be of type string: "integer"',
  ],
  [
    '$.spec.trip.failureRate.window maxLength',
    { spec: { trip: { failureRate: { percent: 50, window: '0001h0001h0001h0001h0001h' } } } },
    'spec.trip.failureRate.window: Too long: may not be more than 24 bytes',
  ],
  [
    '$.spec.trip.failureRate.window rule 0',
    { spec: { trip: { failureRate: { percent: 50, window: '999ms' } } } },
    'spec.trip.failureRate.window: Invalid value: "string": must be a duration from 1s to 1h, written with the units h, m, s and ms, such as 60s or 1m30s',
  ],
  [
    '$.spec.trip.failureRate.calls type',
    { spec: { trip: { failureRate: { percent: 50, minimumCalls: 1, calls: 'three' } } } },
    'spec.trip.failureRate.calls: Invalid value: "string": spec.trip.failureRate.calls in body must be of type integer: "string"',
  ],
  [
    '$.spec.trip.failureRate.calls minimum',
    { spec: { trip: { failureRate: { percent: 50, minimumCalls: 1, calls: 0 } } } },
    'spec.trip.failureRate.calls: Invalid value: 0: spec.trip.failureRate.calls in body should be greater than or equal to 1',
    'spec.trip.failureRate.minimumCalls: Invalid value: "object": must not be larger than calls (minimumCalls defaults to 10), or the rule never opens the circuit',
  ],
  [
    '$.spec.trip.failureRate.calls maximum',
    { spec: { trip: { failureRate: { percent: 50, minimumCalls: 1, calls: 10001 } } } },
    'spec.trip.failureRate.calls: Invalid value: 10001: spec.trip.failureRate.calls in body should be less than or equal to 10000',
  ],
  [
    '$.spec.trip.failureRate.minimumCalls type',
    { spec: { trip: { failureRate: { percent: 50, window: '60s', minimumCalls: 'three' } } } },
    'spec.trip.failureRate.minimumCalls: Invalid value: "string": spec.trip.failureRate.minimumCalls in body must be of type integer: "string"',
  ],
  [
    '$.spec.trip.failureRate.minimumCalls minimum',
    { spec: { trip: { failureRate: { percent: 50, window: '60s', minimumCalls: 0 } } } },
    'spec.trip.failureRate.minimumCalls: Invalid value: 0: spec.trip.failureRate.minimumCalls in body should be greater than or equal to 1',
  ],
  [
    '$.spec.trip.failureRate.minimumCalls maximum',
    { spec: { trip: { failureRate: { percent: 50, window: '60s', minimumCalls: 100001 } } } },
    'spec.trip.failureRate.minimumCalls: Invalid value: 100001: spec.trip.failureRate.minimumCalls in body should be less than or equal to 100000',
  ],
  [
    '$.spec.trip.slowCalls type',
    { spec: { trip: { slowCalls: 'text' } } },
    'spec.trip.slowCalls: Invalid value: "string": spec.trip.slowCalls in body must be of type object: "string"',
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
    '$.spec.trip.slowCalls.percent type',
    { spec: { trip: { slowCalls: { percent: 'three', slowerThan: '1s', calls: 10 } } } },
    'spec.trip.slowCalls.percent: Invalid value: "string": spec.trip.slowCalls.percent in body must be of type integer: "string"',
  ],
  [
    '$.spec.trip.slowCalls.percent minimum',
    { spec: { trip: { slowCalls: { percent: 0, slowerThan: '1s', calls: 10 } } } },
    'spec.trip.slowCalls.percent: Invalid value: 0: spec.trip.slowCalls.percent in body should be greater than or equal to 1',
  ],
  [
    '$.spec.trip.slowCalls.percent maximum',
    { spec: { trip: { slowCalls: { percent: 101, slowerThan: '1s', calls: 10 } } } },
    'spec.trip.slowCalls.percent: Invalid value: 101: spec.trip.slowCalls.percent in body should be less than or equal to 100',
  ],
  [
    '$.spec.trip.slowCalls.slowerThan type',
    { spec: { trip: { slowCalls: { percent: 50, slowerThan: 3, calls: 10 } } } },
    'spec.trip.slowCalls.slowerThan: Invalid value: "integer": spec.trip.slowCalls.slowerThan in body must be of type string: "integer"',
  ],
  [
    '$.spec.trip.slowCalls.slowerThan maxLength',
    {
      spec: {
        trip: { slowCalls: { percent: 50, slowerThan: '0001h0001h0001h0001h0001h', calls: 10 } },
      },
    },
    'spec.trip.slowCalls.slowerThan: Too long: may not be more than 24 bytes',
  ],
  [
    '$.spec.trip.slowCalls.slowerThan rule 0',
    { spec: { trip: { slowCalls: { percent: 50, slowerThan: '0s', calls: 10 } } } },
    'spec.trip.slowCalls.slowerThan: Invalid value: "string": must be a duration longer than 0s, written with the units h, m, s and ms, such as 20s or 500ms',
  ],
  [
    '$.spec.trip.slowCalls.window type',
    { spec: { trip: { slowCalls: { percent: 50, slowerThan: '1s', window: 3 } } } },
    'spec.trip.slowCalls.window: Invalid value: "integer": spec.trip.slowCalls.window in body must be of type string: "integer"',
  ],
  [
    '$.spec.trip.slowCalls.window maxLength',
    {
      spec: {
        trip: { slowCalls: { percent: 50, slowerThan: '1s', window: '0001h0001h0001h0001h0001h' } },
      },
    },
    'spec.trip.slowCalls.window: Too long: may not be more than 24 bytes',
  ],
  [
    '$.spec.trip.slowCalls.window rule 0',
    { spec: { trip: { slowCalls: { percent: 50, slowerThan: '1s', window: '1h1s' } } } },
    'spec.trip.slowCalls.window: Invalid value: "string": must be a duration from 1s to 1h, written with the units h, m, s and ms, such as 60s or 1m30s',
  ],
  [
    '$.spec.trip.slowCalls.calls type',
    {
      spec: {
        trip: { slowCalls: { percent: 50, slowerThan: '1s', minimumCalls: 1, calls: 'three' } },
      },
    },
    'spec.trip.slowCalls.calls: Invalid value: "string": spec.trip.slowCalls.calls in body must be of type integer: "string"',
  ],
  [
    '$.spec.trip.slowCalls.calls minimum',
    { spec: { trip: { slowCalls: { percent: 50, slowerThan: '1s', minimumCalls: 1, calls: 0 } } } },
    'spec.trip.slowCalls.calls: Invalid value: 0: spec.trip.slowCalls.calls in body should be greater than or equal to 1',
    'spec.trip.slowCalls.minimumCalls: Invalid value: "object": must not be larger than calls (minimumCalls defaults to 10), or the rule never opens the circuit',
  ],
  [
    '$.spec.trip.slowCalls.calls maximum',
    {
      spec: {
        trip: { slowCalls: { percent: 50, slowerThan: '1s', minimumCalls: 1, calls: 10001 } },
      },
    },
    'spec.trip.slowCalls.calls: Invalid value: 10001: spec.trip.slowCalls.calls in body should be less than or equal to 10000',
  ],
  [
    '$.spec.trip.slowCalls.minimumCalls type',
    {
      spec: {
        trip: {
          slowCalls: { percent: 50, slowerThan: '1s', window: '60s', minimumCalls: 'three' },
        },
      },
    },
    'spec.trip.slowCalls.minimumCalls: Invalid value: "string": spec.trip.slowCalls.minimumCalls in body must be of type integer: "string"',
  ],
  [
    '$.spec.trip.slowCalls.minimumCalls minimum',
    {
      spec: {
        trip: { slowCalls: { percent: 50, slowerThan: '1s', window: '60s', minimumCalls: 0 } },
      },
    },
    'spec.trip.slowCalls.minimumCalls: Invalid value: 0: spec.trip.slowCalls.minimumCalls in body should be greater than or equal to 1',
  ],
  [
    '$.spec.trip.slowCalls.minimumCalls maximum',
    {
      spec: {
        trip: { slowCalls: { percent: 50, slowerThan: '1s', window: '60s', minimumCalls: 100001 } },
      },
    },
    'spec.trip.slowCalls.minimumCalls: Invalid value: 100001: spec.trip.slowCalls.minimumCalls in body should be less than or equal to 100000',
  ],
  [
    '$.spec.failureOn type',
    { spec: { failureOn: 'text' } },
    'spec.failureOn: Invalid value: "string": spec.failureOn in body must be of type array: "string"',
  ],
  [
    '$.spec.failureOn minItems',
    { spec: { failureOn: [] } },
    'spec.failureOn: Invalid value: 0: spec.failureOn in body should have at least 1 items',
  ],
  [
    '$.spec.failureOn maxItems',
    {
      spec: {
        failureOn: [
          'ServerError',
          'Overloaded',
          'Timeout',
          'Connection',
          'InvalidResponse',
          'RateLimited',
          'Timeout',
        ],
      },
    },
    'spec.failureOn: Too many: 7: must have at most 6 items',
    'spec.failureOn[6]: Duplicate value: "Timeout"',
  ],
  [
    '$.spec.failureOn unique',
    { spec: { failureOn: ['Timeout', 'Timeout'] } },
    'spec.failureOn[1]: Duplicate value: "Timeout"',
  ],
  [
    '$.spec.failureOn[*] type',
    { spec: { failureOn: [3] } },
    'spec.failureOn[0]: Invalid value: "integer": spec.failureOn[0] in body must be of type string: "integer"',
    'spec.failureOn[0]: Unsupported value: 3: supported values: "ServerError", "Overloaded", "Timeout", "Connection", "InvalidResponse", "RateLimited"',
  ],
  [
    '$.spec.failureOn[*] enum',
    { spec: { failureOn: ['Other'] } },
    'spec.failureOn[0]: Unsupported value: "Other": supported values: "ServerError", "Overloaded", "Timeout", "Connection", "InvalidResponse", "RateLimited"',
  ],
  [
    '$.spec.recovery type',
    { spec: { recovery: 'text' } },
    'spec.recovery: Invalid value: "string": spec.recovery in body must be of type object: "string"',
  ],
  [
    '$.spec.recovery.rampUp type',
    { spec: { recovery: { rampUp: 3 } } },
    'spec.recovery.rampUp: Invalid value: "integer": spec.recovery.rampUp in body must be of type string: "integer"',
  ],
  [
    '$.spec.recovery.rampUp maxLength',
    { spec: { recovery: { rampUp: '0001h0001h0001h0001h0001h' } } },
    'spec.recovery.rampUp: Too long: may not be more than 24 bytes',
  ],
  [
    '$.spec.recovery.rampUp rule 0',
    { spec: { recovery: { rampUp: '-1s' } } },
    'spec.recovery.rampUp: Invalid value: "string": must be a duration, written with the units h, m, s and ms, such as 30s or 1m30s',
  ],
  [
    '$.spec.mode type',
    { spec: { mode: 3 } },
    'spec.mode: Invalid value: "integer": spec.mode in body must be of type string: "integer"',
    'spec.mode: Unsupported value: 3: supported values: "Enforce", "Shadow"',
  ],
  [
    '$.spec.mode enum',
    { spec: { mode: 'Other' } },
    'spec.mode: Unsupported value: "Other": supported values: "Enforce", "Shadow"',
  ],
  [
    '$.spec.override type',
    { spec: { override: 'text' } },
    'spec.override: Invalid value: "string": spec.override in body must be of type object: "string"',
  ],
  [
    '$.spec.override required state',
    { spec: { override: { reason: 'maintenance' } } },
    'spec.override.state: Required value',
  ],
  [
    '$.spec.override.state type',
    { spec: { override: { state: 3 } } },
    'spec.override.state: Invalid value: "integer": spec.override.state in body must be of type string: "integer"',
    'spec.override.state: Unsupported value: 3: supported values: "Open", "Closed"',
  ],
  [
    '$.spec.override.state enum',
    { spec: { override: { state: 'Other' } } },
    'spec.override.state: Unsupported value: "Other": supported values: "Open", "Closed"',
  ],
  [
    '$.spec.override.reason type',
    { spec: { override: { state: 'Open', reason: 3 } } },
    'spec.override.reason: Invalid value: "integer": spec.override.reason in body must be of type string: "integer"',
  ],
  [
    '$.spec.override.reason maxLength',
    { spec: { override: { state: 'Open', reason: 'a'.repeat(129) } } },
    'spec.override.reason: Too long: may not be more than 128 bytes',
  ],
  [
    '$.spec.override.expiresAt type',
    { spec: { override: { state: 'Open', expiresAt: 3 } } },
    'spec.override.expiresAt: Invalid value: "int64": spec.override.expiresAt in body must be of type date-time: "int64"',
  ],
  [
    '$.spec.override.expiresAt format',
    { spec: { override: { state: 'Open', expiresAt: '2026-12-01' } } },
    'spec.override.expiresAt: Invalid value: "2026-12-01": spec.override.expiresAt in body must be of type date-time: "2026-12-01"',
  ],
  [
    '$.spec.override.expiresAt maxLength',
    { spec: { override: { state: 'Open', expiresAt: `2026-12-01T02:00:00.${'0'.repeat(20)}Z` } } },
    'spec.override.expiresAt: Too long: may not be more than 40 bytes',
  ],
  [
    '$.spec.resetToken type',
    { spec: { resetToken: 3 } },
    'spec.resetToken: Invalid value: "integer": spec.resetToken in body must be of type string: "integer"',
  ],
  [
    '$.spec.resetToken minLength',
    { spec: { resetToken: '' } },
    'spec.resetToken: Invalid value: "": spec.resetToken in body should be at least 1 chars long',
  ],
  [
    '$.spec.resetToken maxLength',
    { spec: { resetToken: 'a'.repeat(65) } },
    'spec.resetToken: Too long: may not be more than 64 bytes',
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

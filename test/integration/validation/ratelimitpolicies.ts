import type { Row } from './row.ts';
import { targets } from './targets.ts';

const LIMIT = { name: 'requests', refill: { amount: 10, per: '1s' }, capacity: 100 };

const SLOWER = { name: 'requests', refill: { amount: 5, per: '1s' } };

const KEYED =
  'limits with a key and scope Fleet need fleet.store Redis, because the leader keeps one bucket for each limit and not one for each key; set fleet.store to Redis, set scope to Pod, or remove key';

/** Bad manifests of RateLimitPolicys. */
export const rows: Row[] = [
  ...targets,
  ['$ required spec', { spec: undefined }, 'spec: Required value'],
  ['$.spec required limits', { spec: { limits: undefined } }, 'spec.limits: Required value'],
  ['$.spec required scope', { spec: { scope: undefined } }, 'spec.scope: Required value'],
  [
    '$.spec rule 0',
    { spec: { targetRefs: undefined } },
    'spec: Invalid value: "object": set exactly one of targetRefs and targetSelectors',
  ],
  [
    '$.spec rule 1',
    { spec: { scope: 'Fleet', limits: [{ ...LIMIT, key: { header: 'x-user-id' } }] } },
    `spec: Invalid value: "object": ${KEYED}`,
  ],
  [
    '$.spec rule 1',
    {
      spec: {
        scope: 'Fleet',
        fleet: { withoutLeader: 'Deny' },
        limits: [{ ...LIMIT, key: { type: 'Client' } }],
      },
    },
    `spec: Invalid value: "object": ${KEYED}`,
  ],
  [
    '$.spec rule 2',
    { spec: { scope: 'Pod', fleet: { withoutLeader: 'Deny' } } },
    'spec: Invalid value: "object": fleet needs scope Fleet, because only its limits have a leader; set scope to Fleet, or remove fleet',
  ],
  [
    '$.spec.fleet.storeTimeout rule 0',
    { spec: { scope: 'Fleet', fleet: { storeTimeout: '0s' } } },
    'spec.fleet.storeTimeout: Invalid value: "string": must be a duration longer than 0s, written with the units h, m, s and ms, such as 250ms or 1s',
  ],
  [
    '$.spec.limits unique',
    { spec: { limits: [LIMIT, LIMIT] } },
    'spec.limits[1]: Duplicate value: {"name":"requests"}',
  ],
  [
    '$.spec.limits[*] required name',
    { spec: { limits: [{ refill: { amount: 10, per: '1s' }, capacity: 100 }] } },
    'spec.limits[0].name: Required value',
  ],
  [
    '$.spec.limits[*] required refill',
    { spec: { limits: [{ name: 'requests', capacity: 100 }] } },
    'spec.limits[0].refill: Required value',
  ],
  [
    '$.spec.limits[*] required capacity',
    { spec: { limits: [{ name: 'requests', refill: { amount: 10, per: '1s' } }] } },
    'spec.limits[0].capacity: Required value',
  ],
  [
    '$.spec.limits[*].name rule 0',
    { spec: { limits: [{ ...LIMIT, name: 'Per user' }] } },
    'spec.limits[0].name: Invalid value: "string": must hold only lower-case letters, digits and \'-\', and start and end with a letter or digit, such as requests',
  ],
  [
    '$.spec.limits[*].refill required amount',
    { spec: { limits: [{ name: 'requests', refill: { per: '1s' }, capacity: 100 }] } },
    'spec.limits[0].refill.amount: Required value',
  ],
  [
    '$.spec.limits[*].refill required per',
    { spec: { limits: [{ name: 'requests', refill: { amount: 10 }, capacity: 100 }] } },
    'spec.limits[0].refill.per: Required value',
  ],
  [
    '$.spec.limits[*].refill.per rule 0',
    { spec: { limits: [{ ...LIMIT, refill: { amount: 10, per: '1 second' } }] } },
    'spec.limits[0].refill.per: Invalid value: "string": must be a duration longer than 0s, written with the units h, m, s and ms, such as 1s or 1m30s',
  ],
  [
    '$.spec.override required limits',
    { spec: { override: { reason: 'load' } } },
    'spec.override.limits: Required value',
  ],
  [
    '$.spec.override.limits unique',
    { spec: { override: { limits: [SLOWER, SLOWER] } } },
    'spec.override.limits[1]: Duplicate value: {"name":"requests"}',
  ],
  [
    '$.spec.override.limits[*] required name',
    { spec: { override: { limits: [{ refill: SLOWER.refill }] } } },
    'spec.override.limits[0].name: Required value',
  ],
  [
    '$.spec.override.limits[*] required refill',
    { spec: { override: { limits: [{ name: 'requests' }] } } },
    'spec.override.limits[0].refill: Required value',
  ],
  [
    '$.spec.override.limits[*].refill required amount',
    { spec: { override: { limits: [{ ...SLOWER, refill: { per: '1s' } }] } } },
    'spec.override.limits[0].refill.amount: Required value',
  ],
  [
    '$.spec.override.limits[*].refill required per',
    { spec: { override: { limits: [{ ...SLOWER, refill: { amount: 5 } }] } } },
    'spec.override.limits[0].refill.per: Required value',
  ],
  [
    '$.spec.override.limits[*].refill.per rule 0',
    { spec: { override: { limits: [{ ...SLOWER, refill: { amount: 5, per: '1 second' } }] } } },
    'spec.override.limits[0].refill.per: Invalid value: "string": must be a duration longer than 0s, written with the units h, m, s and ms, such as 1s or 1m30s',
  ],
  [
    '$.spec.override.expiresAt format',
    { spec: { override: { limits: [SLOWER], expiresAt: '2026-12-01' } } },
    'spec.override.expiresAt: Invalid value: "2026-12-01": spec.override.expiresAt in body must be of type date-time: "2026-12-01"',
  ],
  [
    '$.spec.limits[*].key rule 0',
    { spec: { limits: [{ ...LIMIT, key: {} }] } },
    'spec.limits[0].key: Invalid value: "object": must have header with type Header, and with no other type',
  ],
  [
    '$.spec.limits[*].key rule 1',
    { spec: { limits: [{ ...LIMIT, key: { type: 'Client', principal: true } }] } },
    'spec.limits[0].key.principal: Invalid value: "object": must not go with type; remove it',
  ],
  [
    '$.spec.limits[*].key.header rule 0',
    { spec: { limits: [{ ...LIMIT, key: { header: 'x user' } }] } },
    "spec.limits[0].key.header: Invalid value: \"string\": must be the name of a header, which holds only letters, digits, '-' and '_', such as x-user-id",
  ],
  [
    '$.spec.limits[*].maxWait rule 0',
    { spec: { limits: [{ ...LIMIT, maxWait: '0s' }] } },
    'spec.limits[0].maxWait: Invalid value: "string": must be a duration longer than 0s, written with the units h, m, s and ms, such as 2s or 500ms',
  ],
];

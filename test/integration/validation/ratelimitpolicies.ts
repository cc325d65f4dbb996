import type { Row } from './row.ts';
import { targets } from './targets.ts';

const LIMIT = { name: 'requests', refill: { amount: 10, per: '1s' }, capacity: 100 };

/** Bad manifests of RateLimitPolicys. */
export const rows: Row[] = [
  ...targets,
  ['$ required spec', { spec: undefined }, 'spec: Required value'],
  [
    '$.spec type',
    { spec: 'text' },
    'spec: Invalid value: "string": spec in body must be of type object: "string"',
  ],
  ['$.spec required limits', { spec: { limits: undefined } }, 'spec.limits: Required value'],
  ['$.spec required scope', { spec: { scope: undefined } }, 'spec.scope: Required value'],
  [
    '$.spec rule 0',
    { spec: { targetRefs: undefined } },
    'spec: Invalid value: "object": set exactly one of targetRefs and targetSelectors',
  ],
  [
    '$.spec.limits type',
    { spec: { limits: 'text' } },
    'spec.limits: Invalid value: "string": spec.limits in body must be of type array: "string"',
  ],
  [
    '$.spec.limits minItems',
    { spec: { limits: [] } },
    'spec.limits: Invalid value: 0: spec.limits in body should have at least 1 items',
  ],
  [
    '$.spec.limits maxItems',
    {
      spec: {
        limits: Array.from({ length: 17 }, (_, index) => ({ ...LIMIT, name: `limit-${index}` })),
      },
    },
    'spec.limits: Too many: 17: must have at most 16 items',
  ],
  [
    '$.spec.limits unique',
    { spec: { limits: [LIMIT, LIMIT] } },
    'spec.limits[1]: Duplicate value: {"name":"requests"}',
  ],
  [
    '$.spec.limits[*] type',
    { spec: { limits: ['text'] } },
    'spec.limits[0]: Invalid value: "string": spec.limits[0] in body must be of type object: "string"',
    'spec.limits[0]: Invalid value: "text": must be an object for an array of list-type map',
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
    '$.spec.limits[*].name type',
    { spec: { limits: [{ name: 3, refill: { amount: 10, per: '1s' }, capacity: 100 }] } },
    'spec.limits[0].name: Invalid value: "integer": spec.limits[0].name in body must be of type string: "integer"',
  ],
  [
    '$.spec.limits[*].name minLength',
    { spec: { limits: [{ name: '', refill: { amount: 10, per: '1s' }, capacity: 100 }] } },
    'spec.limits[0].name: Invalid value: "": spec.limits[0].name in body should be at least 1 chars long',
  ],
  [
    '$.spec.limits[*].name maxLength',
    {
      spec: {
        limits: [{ name: 'a'.repeat(64), refill: { amount: 10, per: '1s' }, capacity: 100 }],
      },
    },
    'spec.limits[0].name: Too long: may not be more than 63 bytes',
  ],
  [
    '$.spec.limits[*].name rule 0',
    { spec: { limits: [{ ...LIMIT, name: 'Per user' }] } },
    'spec.limits[0].name: Invalid value: "string": must hold only lower-case letters, digits and \'-\', and start and end with a letter or digit, such as requests',
  ],
  [
    '$.spec.limits[*].resource type',
    {
      spec: {
        limits: [
          { name: 'requests', refill: { amount: 10, per: '1s' }, capacity: 100, resource: 3 },
        ],
      },
    },
    'spec.limits[0].resource: Invalid value: "integer": spec.limits[0].resource in body must be of type string: "integer"',
    'spec.limits[0].resource: Unsupported value: 3: supported values: "Requests", "InputTokens", "OutputTokens", "TotalTokens"',
  ],
  [
    '$.spec.limits[*].resource enum',
    {
      spec: {
        limits: [
          { name: 'requests', refill: { amount: 10, per: '1s' }, capacity: 100, resource: 'Other' },
        ],
      },
    },
    'spec.limits[0].resource: Unsupported value: "Other": supported values: "Requests", "InputTokens", "OutputTokens", "TotalTokens"',
  ],
  [
    '$.spec.limits[*].refill type',
    { spec: { limits: [{ name: 'requests', refill: 'text', capacity: 100 }] } },
    'spec.limits[0].refill: Invalid value: "string": spec.limits[0].refill in body must be of type object: "string"',
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
    '$.spec.limits[*].refill.amount type',
    {
      spec: {
        limits: [{ name: 'requests', refill: { amount: 'three', per: '1s' }, capacity: 100 }],
      },
    },
    'spec.limits[0].refill.amount: Invalid value: "string": spec.limits[0].refill.amount in body must be of type integer: "string"',
  ],
  [
    '$.spec.limits[*].refill.amount minimum',
    { spec: { limits: [{ name: 'requests', refill: { amount: 0, per: '1s' }, capacity: 100 }] } },
    'spec.limits[0].refill.amount: Invalid value: 0: spec.limits[0].refill.amount in body should be greater than or equal to 1',
  ],
  [
    '$.spec.limits[*].refill.amount maximum',
    {
      spec: {
        limits: [{ name: 'requests', refill: { amount: 1000000001, per: '1s' }, capacity: 100 }],
      },
    },
    'spec.limits[0].refill.amount: Invalid value: 1000000001: spec.limits[0].refill.amount in body should be less than or equal to 1000000000',
  ],
  [
    '$.spec.limits[*].refill.per type',
    { spec: { limits: [{ name: 'requests', refill: { amount: 10, per: 3 }, capacity: 100 }] } },
    'spec.limits[0].refill.per: Invalid value: "integer": spec.limits[0].refill.per in body must be of type string: "integer"',
  ],
  [
    '$.spec.limits[*].refill.per maxLength',
    {
      spec: {
        limits: [
          {
            name: 'requests',
            refill: { amount: 10, per: '0001h0001h0001h0001h0001h' },
            capacity: 100,
          },
        ],
      },
    },
    'spec.limits[0].refill.per: Too long: may not be more than 24 bytes',
  ],
  [
    '$.spec.limits[*].refill.per rule 0',
    { spec: { limits: [{ ...LIMIT, refill: { amount: 10, per: '1 second' } }] } },
    'spec.limits[0].refill.per: Invalid value: "string": must be a duration longer than 0s, written with the units h, m, s and ms, such as 1s or 1m30s',
  ],
  [
    '$.spec.limits[*].capacity type',
    {
      spec: {
        limits: [{ name: 'requests', refill: { amount: 10, per: '1s' }, capacity: 'three' }],
      },
    },
    'spec.limits[0].capacity: Invalid value: "string": spec.limits[0].capacity in body must be of type integer: "string"',
  ],
  [
    '$.spec.limits[*].capacity minimum',
    { spec: { limits: [{ name: 'requests', refill: { amount: 10, per: '1s' }, capacity: 0 }] } },
    'spec.limits[0].capacity: Invalid value: 0: spec.limits[0].capacity in body should be greater than or equal to 1',
  ],
  [
    '$.spec.limits[*].capacity maximum',
    {
      spec: {
        limits: [{ name: 'requests', refill: { amount: 10, per: '1s' }, capacity: 1000000001 }],
      },
    },
    'spec.limits[0].capacity: Invalid value: 1000000001: spec.limits[0].capacity in body should be less than or equal to 1000000000',
  ],
  [
    '$.spec.limits[*].key type',
    { spec: { limits: [{ ...LIMIT, key: 'text' }] } },
    'spec.limits[0].key: Invalid value: "string": spec.limits[0].key in body must be of type object: "string"',
  ],
  [
    '$.spec.limits[*].key rule 0',
    { spec: { limits: [{ ...LIMIT, key: {} }] } },
    'spec.limits[0].key: Invalid value: "object": must have exactly one of header and principal',
  ],
  [
    '$.spec.limits[*].key.principal type',
    { spec: { limits: [{ ...LIMIT, key: { principal: 'yes' } }] } },
    'spec.limits[0].key.principal: Invalid value: "string": spec.limits[0].key.principal in body must be of type boolean: "string"',
    'spec.limits[0].key.principal: Unsupported value: "yes": supported values: "true"',
  ],
  [
    '$.spec.limits[*].key.principal enum',
    { spec: { limits: [{ ...LIMIT, key: { principal: false } }] } },
    'spec.limits[0].key.principal: Unsupported value: false: supported values: "true"',
  ],
  [
    '$.spec.limits[*].key.header type',
    { spec: { limits: [{ ...LIMIT, key: { header: 3 } }] } },
    'spec.limits[0].key.header: Invalid value: "integer": spec.limits[0].key.header in body must be of type string: "integer"',
  ],
  [
    '$.spec.limits[*].key.header minLength',
    { spec: { limits: [{ ...LIMIT, key: { header: '' } }] } },
    'spec.limits[0].key.header: Invalid value: "": spec.limits[0].key.header in body should be at least 1 chars long',
  ],
  [
    '$.spec.limits[*].key.header maxLength',
    { spec: { limits: [{ ...LIMIT, key: { header: 'a'.repeat(65) } }] } },
    'spec.limits[0].key.header: Too long: may not be more than 64 bytes',
  ],
  [
    '$.spec.limits[*].key.header rule 0',
    { spec: { limits: [{ ...LIMIT, key: { header: 'x user' } }] } },
    "spec.limits[0].key.header: Invalid value: \"string\": must be the name of a header, which holds only letters, digits, '-' and '_', such as x-user-id",
  ],
  [
    '$.spec.limits[*].maxKeys type',
    { spec: { limits: [{ ...LIMIT, maxKeys: 'three' }] } },
    'spec.limits[0].maxKeys: Invalid value: "string": spec.limits[0].maxKeys in body must be of type integer: "string"',
  ],
  [
    '$.spec.limits[*].maxKeys minimum',
    { spec: { limits: [{ ...LIMIT, maxKeys: 0 }] } },
    'spec.limits[0].maxKeys: Invalid value: 0: spec.limits[0].maxKeys in body should be greater than or equal to 1',
  ],
  [
    '$.spec.limits[*].maxKeys maximum',
    { spec: { limits: [{ ...LIMIT, maxKeys: 100001 }] } },
    'spec.limits[0].maxKeys: Invalid value: 100001: spec.limits[0].maxKeys in body should be less than or equal to 100000',
  ],
  [
    '$.spec.limits[*].onLimit type',
    { spec: { limits: [{ ...LIMIT, onLimit: 3 }] } },
    'spec.limits[0].onLimit: Invalid value: "integer": spec.limits[0].onLimit in body must be of type string: "integer"',
    'spec.limits[0].onLimit: Unsupported value: 3: supported values: "Reject", "Queue"',
  ],
  [
    '$.spec.limits[*].onLimit enum',
    { spec: { limits: [{ ...LIMIT, onLimit: 'Other' }] } },
    'spec.limits[0].onLimit: Unsupported value: "Other": supported values: "Reject", "Queue"',
  ],
  [
    '$.spec.limits[*].maxWait type',
    { spec: { limits: [{ ...LIMIT, maxWait: 3 }] } },
    'spec.limits[0].maxWait: Invalid value: "integer": spec.limits[0].maxWait in body must be of type string: "integer"',
  ],
  [
    '$.spec.limits[*].maxWait maxLength',
    { spec: { limits: [{ ...LIMIT, maxWait: '0001h0001h0001h0001h0001h' }] } },
    'spec.limits[0].maxWait: Too long: may not be more than 24 bytes',
  ],
  [
    '$.spec.limits[*].maxWait rule 0',
    { spec: { limits: [{ ...LIMIT, maxWait: '0s' }] } },
    'spec.limits[0].maxWait: Invalid value: "string": must be a duration longer than 0s, written with the units h, m, s and ms, such as 2s or 500ms',
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

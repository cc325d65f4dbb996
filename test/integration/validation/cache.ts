import type { Row } from './row.ts';

/** Bad manifests of AgentDeployments, by their caches. */
export const rows: Row[] = [
  [
    '$.spec.cache type',
    { spec: { cache: 'text' } },
    'spec.cache: Invalid value: "string": spec.cache in body must be of type object: "string"',
  ],
  [
    '$.spec.cache.mode type',
    { spec: { cache: { mode: 3 } } },
    'spec.cache.mode: Invalid value: "integer": spec.cache.mode in body must be of type string: "integer"',
    'spec.cache.mode: Unsupported value: 3: supported values: "Disabled", "Exact"',
  ],
  [
    '$.spec.cache.mode enum',
    { spec: { cache: { mode: 'Other' } } },
    'spec.cache.mode: Unsupported value: "Other": supported values: "Disabled", "Exact"',
  ],
  [
    '$.spec.cache.scope type',
    { spec: { cache: { scope: 3 } } },
    'spec.cache.scope: Invalid value: "integer": spec.cache.scope in body must be of type string: "integer"',
    'spec.cache.scope: Unsupported value: 3: supported values: "PerPrincipal", "Shared"',
  ],
  [
    '$.spec.cache.scope enum',
    { spec: { cache: { scope: 'Other' } } },
    'spec.cache.scope: Unsupported value: "Other": supported values: "PerPrincipal", "Shared"',
  ],
  [
    '$.spec.cache.hot type',
    { spec: { cache: { hot: 'text' } } },
    'spec.cache.hot: Invalid value: "string": spec.cache.hot in body must be of type object: "string"',
  ],
  [
    '$.spec.cache.hot.maxEntries type',
    { spec: { cache: { hot: { maxEntries: 'three' } } } },
    'spec.cache.hot.maxEntries: Invalid value: "string": spec.cache.hot.maxEntries in body must be of type integer: "string"',
  ],
  [
    '$.spec.cache.hot.maxEntries minimum',
    { spec: { cache: { hot: { maxEntries: 0 } } } },
    'spec.cache.hot.maxEntries: Invalid value: 0: spec.cache.hot.maxEntries in body should be greater than or equal to 1',
  ],
  [
    '$.spec.cache.hot.maxEntries maximum',
    { spec: { cache: { hot: { maxEntries: 100001 } } } },
    'spec.cache.hot.maxEntries: Invalid value: 100001: spec.cache.hot.maxEntries in body should be less than or equal to 100000',
  ],
  [
    '$.spec.cache.hot.ttl type',
    { spec: { cache: { hot: { ttl: 3 } } } },
    'spec.cache.hot.ttl: Invalid value: "integer": spec.cache.hot.ttl in body must be of type string: "integer"',
  ],
  [
    '$.spec.cache.hot.ttl maxLength',
    { spec: { cache: { hot: { ttl: '0001h0001h0001h0001h0001h' } } } },
    'spec.cache.hot.ttl: Too long: may not be more than 24 bytes',
  ],
  [
    '$.spec.cache.hot.ttl rule 0',
    { spec: { cache: { hot: { ttl: '0s' } } } },
    'spec.cache.hot.ttl: Invalid value: "string": must be a duration longer than 0s, written with the units h, m, s and ms, such as 5m or 1m30s',
  ],
  [
    '$.spec.cache.warm type',
    { spec: { cache: { warm: 'text' } } },
    'spec.cache.warm: Invalid value: "string": spec.cache.warm in body must be of type object: "string"',
  ],
  [
    '$.spec.cache.warm.maxEntries type',
    { spec: { cache: { warm: { maxEntries: 'three' } } } },
    'spec.cache.warm.maxEntries: Invalid value: "string": spec.cache.warm.maxEntries in body must be of type integer: "string"',
  ],
  [
    '$.spec.cache.warm.maxEntries minimum',
    { spec: { cache: { warm: { maxEntries: 0 } } } },
    'spec.cache.warm.maxEntries: Invalid value: 0: spec.cache.warm.maxEntries in body should be greater than or equal to 1',
  ],
  [
    '$.spec.cache.warm.maxEntries maximum',
    { spec: { cache: { warm: { maxEntries: 100001 } } } },
    'spec.cache.warm.maxEntries: Invalid value: 100001: spec.cache.warm.maxEntries in body should be less than or equal to 100000',
  ],
  [
    '$.spec.cache.warm.ttl type',
    { spec: { cache: { warm: { ttl: 3 } } } },
    'spec.cache.warm.ttl: Invalid value: "integer": spec.cache.warm.ttl in body must be of type string: "integer"',
  ],
  [
    '$.spec.cache.warm.ttl maxLength',
    { spec: { cache: { warm: { ttl: '0001h0001h0001h0001h0001h' } } } },
    'spec.cache.warm.ttl: Too long: may not be more than 24 bytes',
  ],
  [
    '$.spec.cache.warm.ttl rule 0',
    { spec: { cache: { warm: { ttl: '0s' } } } },
    'spec.cache.warm.ttl: Invalid value: "string": must be a duration longer than 0s, written with the units h, m, s and ms, such as 30m or 1h30m',
  ],
  [
    '$.spec.cache.cold type',
    { spec: { cache: { cold: 'text' } } },
    'spec.cache.cold: Invalid value: "string": spec.cache.cold in body must be of type object: "string"',
  ],
  [
    '$.spec.cache.cold.maxEntries type',
    { spec: { cache: { cold: { maxEntries: 'three' } } } },
    'spec.cache.cold.maxEntries: Invalid value: "string": spec.cache.cold.maxEntries in body must be of type integer: "string"',
  ],
  [
    '$.spec.cache.cold.maxEntries minimum',
    { spec: { cache: { cold: { maxEntries: 0 } } } },
    'spec.cache.cold.maxEntries: Invalid value: 0: spec.cache.cold.maxEntries in body should be greater than or equal to 1',
  ],
  [
    '$.spec.cache.cold.maxEntries maximum',
    { spec: { cache: { cold: { maxEntries: 100001 } } } },
    'spec.cache.cold.maxEntries: Invalid value: 100001: spec.cache.cold.maxEntries in body should be less than or equal to 100000',
  ],
  [
    '$.spec.cache.cold.ttl type',
    { spec: { cache: { cold: { ttl: 3 } } } },
    'spec.cache.cold.ttl: Invalid value: "integer": spec.cache.cold.ttl in body must be of type string: "integer"',
  ],
  [
    '$.spec.cache.cold.ttl maxLength',
    { spec: { cache: { cold: { ttl: '0001h0001h0001h0001h0001h' } } } },
    'spec.cache.cold.ttl: Too long: may not be more than 24 bytes',
  ],
  [
    '$.spec.cache.cold.ttl rule 0',
    { spec: { cache: { cold: { ttl: '0s' } } } },
    'spec.cache.cold.ttl: Invalid value: "string": must be a duration longer than 0s, written with the units h, m, s and ms, such as 1h or 90m',
  ],
  [
    '$.spec.cache.resetToken type',
    { spec: { cache: { resetToken: 3 } } },
    'spec.cache.resetToken: Invalid value: "integer": spec.cache.resetToken in body must be of type string: "integer"',
  ],
  [
    '$.spec.cache.resetToken minLength',
    { spec: { cache: { resetToken: '' } } },
    'spec.cache.resetToken: Invalid value: "": spec.cache.resetToken in body should be at least 1 chars long',
  ],
  [
    '$.spec.cache.resetToken maxLength',
    { spec: { cache: { resetToken: 'a'.repeat(65) } } },
    'spec.cache.resetToken: Too long: may not be more than 64 bytes',
  ],
];

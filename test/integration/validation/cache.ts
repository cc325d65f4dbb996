import type { Row } from './row.ts';

/** Bad manifests of AgentDeployments, by their caches. */
export const rows: Row[] = [
  [
    '$.spec.cache.hot.ttl rule 0',
    { spec: { cache: { hot: { ttl: '0s' } } } },
    'spec.cache.hot.ttl: Invalid value: "string": must be a duration longer than 0s, written with the units h, m, s and ms, such as 5m or 1m30s',
  ],
  [
    '$.spec.cache.warm.ttl rule 0',
    { spec: { cache: { warm: { ttl: '0s' } } } },
    'spec.cache.warm.ttl: Invalid value: "string": must be a duration longer than 0s, written with the units h, m, s and ms, such as 30m or 1h30m',
  ],
  [
    '$.spec.cache.cold.ttl rule 0',
    { spec: { cache: { cold: { ttl: '0s' } } } },
    'spec.cache.cold.ttl: Invalid value: "string": must be a duration longer than 0s, written with the units h, m, s and ms, such as 1h or 90m',
  ],
];

import type { Row } from './row.ts';

/** Bad manifests of AgentDeployments, by their MCP servers. */
export const rows: Row[] = [
  [
    '$.spec.mcpServers unique',
    {
      spec: {
        mcpServers: [
          { name: 'orders', url: 'https://orders.example.com/mcp' },
          { name: 'orders', url: 'https://orders.example.com/mcp' },
        ],
      },
    },
    'spec.mcpServers[1]: Duplicate value: {"name":"orders"}',
  ],
  [
    '$.spec.mcpServers[*] required name',
    { spec: { mcpServers: [{ url: 'https://orders.example.com/mcp' }] } },
    'spec.mcpServers[0].name: Required value',
  ],
  [
    '$.spec.mcpServers[*] required url',
    { spec: { mcpServers: [{ name: 'orders' }] } },
    'spec.mcpServers[0].url: Required value',
  ],
  [
    '$.spec.mcpServers[*].name rule 0',
    { spec: { mcpServers: [{ name: 'my orders', url: 'https://orders.example.com/mcp' }] } },
    "spec.mcpServers[0].name: Invalid value: \"string\": must hold only letters, digits, '-' and '_', such as orders",
  ],
  [
    '$.spec.mcpServers[*].url rule 0',
    { spec: { mcpServers: [{ name: 'orders', url: 'orders.example.com' }] } },
    'spec.mcpServers[0].url: Invalid value: "string": must be a URL with http:// or https:// and without credentials or fragment, such as https://orders.example.com/mcp',
  ],
  ...(
    [
      [
        '.checkInterval rule 0',
        { checkInterval: '999ms' },
        '.checkInterval: Invalid value: "string": must be 0s or a duration of at least 1s, written with the units h, m, s and ms, such as 30s or 1m30s',
      ],
      [
        '.toolsHash rule 0',
        { toolsHash: 'sha256:abc' },
        '.toolsHash: Invalid value: "string": must be sha256 and 64 hexadecimal digits, as status.mcpServers[].toolsHash has it',
      ],
      ['.cache required ttl', { cache: { tools: ['count'] } }, '.cache.ttl: Required value'],
      ['.cache required tools', { cache: { ttl: '1m' } }, '.cache.tools: Required value'],
      [
        '.cache.ttl rule 0',
        { cache: { ttl: '0s', tools: ['count'] } },
        '.cache.ttl: Invalid value: "string": must be a duration longer than 0s, written with the units h, m, s and ms, such as 30s or 5m',
      ],
      [
        '.cache.tools unique',
        { cache: { ttl: '1m', tools: ['count', 'count'] } },
        '.cache.tools[1]: Duplicate value: "count"',
      ],
    ] as const
  ).map(([rule, fields, message]): Row => [
    `$.spec.mcpServers[*]${rule}`,
    {
      spec: { mcpServers: [{ name: 'orders', url: 'https://orders.example.com/mcp', ...fields }] },
    },
    `spec.mcpServers[0]${message}`,
  ]),
  [
    '$.spec.mcpServers[*].headersFrom unique',
    {
      spec: {
        mcpServers: [
          {
            name: 'orders',
            url: 'https://orders.example.com/mcp',
            headersFrom: [
              { name: 'Authorization', secretKeyRef: { name: 'orders-api', key: 'token' } },
              { name: 'Authorization', secretKeyRef: { name: 'orders-api', key: 'token' } },
            ],
          },
        ],
      },
    },
    'spec.mcpServers[0].headersFrom[1]: Duplicate value: {"name":"Authorization"}',
  ],
  [
    '$.spec.mcpServers[*].headersFrom[*] required name',
    {
      spec: {
        mcpServers: [
          {
            name: 'orders',
            url: 'https://orders.example.com/mcp',
            headersFrom: [{ secretKeyRef: { name: 'orders-api', key: 'token' } }],
          },
        ],
      },
    },
    'spec.mcpServers[0].headersFrom[0].name: Required value',
  ],
  [
    '$.spec.mcpServers[*].headersFrom[*] required secretKeyRef',
    {
      spec: {
        mcpServers: [
          {
            name: 'orders',
            url: 'https://orders.example.com/mcp',
            headersFrom: [{ name: 'Authorization' }],
          },
        ],
      },
    },
    'spec.mcpServers[0].headersFrom[0].secretKeyRef: Required value',
  ],
  [
    '$.spec.mcpServers[*].headersFrom[*].name rule 0',
    {
      spec: {
        mcpServers: [
          {
            name: 'orders',
            url: 'https://orders.example.com/mcp',
            headersFrom: [{ name: 'X Y', secretKeyRef: { name: 'orders-api', key: 'token' } }],
          },
        ],
      },
    },
    "spec.mcpServers[0].headersFrom[0].name: Invalid value: \"string\": must be the name of a header, which holds only letters, digits, '-' and '_', such as Authorization",
  ],
  [
    '$.spec.mcpServers[*].headersFrom[*].prefix rule 0',
    {
      spec: {
        mcpServers: [
          {
            name: 'orders',
            url: 'https://orders.example.com/mcp',
            headersFrom: [
              {
                name: 'Authorization',
                secretKeyRef: { name: 'orders-api', key: 'token' },
                prefix: 'a\nb',
              },
            ],
          },
        ],
      },
    },
    'spec.mcpServers[0].headersFrom[0].prefix: Invalid value: "string": must hold only printable ASCII, such as "Bearer "',
  ],
  [
    '$.spec.mcpServers[*].headersFrom[*].secretKeyRef required name',
    {
      spec: {
        mcpServers: [
          {
            name: 'orders',
            url: 'https://orders.example.com/mcp',
            headersFrom: [{ name: 'Authorization', secretKeyRef: { key: 'token' } }],
          },
        ],
      },
    },
    'spec.mcpServers[0].headersFrom[0].secretKeyRef.name: Required value',
  ],
  [
    '$.spec.mcpServers[*].headersFrom[*].secretKeyRef required key',
    {
      spec: {
        mcpServers: [
          {
            name: 'orders',
            url: 'https://orders.example.com/mcp',
            headersFrom: [{ name: 'Authorization', secretKeyRef: { name: 'orders-api' } }],
          },
        ],
      },
    },
    'spec.mcpServers[0].headersFrom[0].secretKeyRef.key: Required value',
  ],
  [
    '$.spec.mcpServers[*].headersFrom[*].secretKeyRef.name rule 0',
    {
      spec: {
        mcpServers: [
          {
            name: 'orders',
            url: 'https://orders.example.com/mcp',
            headersFrom: [
              { name: 'Authorization', secretKeyRef: { name: 'Orders API', key: 'token' } },
            ],
          },
        ],
      },
    },
    "spec.mcpServers[0].headersFrom[0].secretKeyRef.name: Invalid value: \"string\": must be the name of a Secret, which holds only lower-case letters, digits, '-' and '.', such as orders-api",
  ],
  [
    '$.spec.mcpServers[*].headersFrom[*].secretKeyRef.key rule 0',
    {
      spec: {
        mcpServers: [
          {
            name: 'orders',
            url: 'https://orders.example.com/mcp',
            headersFrom: [
              { name: 'Authorization', secretKeyRef: { name: 'orders-api', key: 'a/b' } },
            ],
          },
        ],
      },
    },
    "spec.mcpServers[0].headersFrom[0].secretKeyRef.key: Invalid value: \"string\": must be a key of a Secret, which holds only letters, digits, '-', '_' and '.', such as token",
  ],
  [
    '$.spec.mcpServers[*].allowedTools unique',
    {
      spec: {
        mcpServers: [
          { name: 'orders', url: 'https://orders.example.com/mcp', allowedTools: ['a', 'a'] },
        ],
      },
    },
    'spec.mcpServers[0].allowedTools[1]: Duplicate value: "a"',
  ],
];

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

import type { Row } from './row.ts';

/** Bad manifests of AgentDeployments, by their MCP servers. */
export const rows: Row[] = [
  [
    '$.spec.mcpServers type',
    { spec: { mcpServers: 'text' } },
    'spec.mcpServers: Invalid value: "string": spec.mcpServers in body must be of type array: "string"',
  ],
  [
    '$.spec.mcpServers maxItems',
    {
      spec: {
        mcpServers: Array.from({ length: 17 }, (_, i) => ({ name: `m${i}`, url: 'https://a' })),
      },
    },
    'spec.mcpServers: Too many: 17: must have at most 16 items',
  ],
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
    '$.spec.mcpServers[*] type',
    { spec: { mcpServers: ['text'] } },
    'spec.mcpServers[0]: Invalid value: "string": spec.mcpServers[0] in body must be of type object: "string"',
    'spec.mcpServers[0]: Invalid value: "text": must be an object for an array of list-type map',
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
    '$.spec.mcpServers[*].name type',
    { spec: { mcpServers: [{ name: 3, url: 'https://orders.example.com/mcp' }] } },
    'spec.mcpServers[0].name: Invalid value: "integer": spec.mcpServers[0].name in body must be of type string: "integer"',
  ],
  [
    '$.spec.mcpServers[*].name minLength',
    { spec: { mcpServers: [{ name: '', url: 'https://orders.example.com/mcp' }] } },
    'spec.mcpServers[0].name: Invalid value: "": spec.mcpServers[0].name in body should be at least 1 chars long',
  ],
  [
    '$.spec.mcpServers[*].name maxLength',
    { spec: { mcpServers: [{ name: 'a'.repeat(33), url: 'https://orders.example.com/mcp' }] } },
    'spec.mcpServers[0].name: Too long: may not be more than 32 bytes',
  ],
  [
    '$.spec.mcpServers[*].name rule 0',
    { spec: { mcpServers: [{ name: 'my orders', url: 'https://orders.example.com/mcp' }] } },
    "spec.mcpServers[0].name: Invalid value: \"string\": must hold only letters, digits, '-' and '_', such as orders",
  ],
  [
    '$.spec.mcpServers[*].url type',
    { spec: { mcpServers: [{ name: 'orders', url: 3 }] } },
    'spec.mcpServers[0].url: Invalid value: "integer": spec.mcpServers[0].url in body must be of type string: "integer"',
  ],
  [
    '$.spec.mcpServers[*].url minLength',
    { spec: { mcpServers: [{ name: 'orders', url: '' }] } },
    'spec.mcpServers[0].url: Invalid value: "": spec.mcpServers[0].url in body should be at least 1 chars long',
  ],
  [
    '$.spec.mcpServers[*].url maxLength',
    { spec: { mcpServers: [{ name: 'orders', url: 'a'.repeat(2049) }] } },
    'spec.mcpServers[0].url: Too long: may not be more than 2048 bytes',
  ],
  [
    '$.spec.mcpServers[*].url rule 0',
    { spec: { mcpServers: [{ name: 'orders', url: 'orders.example.com' }] } },
    'spec.mcpServers[0].url: Invalid value: "string": must be a URL with http:// or https:// and without credentials or fragment, such as https://orders.example.com/mcp',
  ],
  [
    '$.spec.mcpServers[*].headersFrom type',
    {
      spec: {
        mcpServers: [
          { name: 'orders', url: 'https://orders.example.com/mcp', headersFrom: 'text' },
        ],
      },
    },
    'spec.mcpServers[0].headersFrom: Invalid value: "string": spec.mcpServers[0].headersFrom in body must be of type array: "string"',
  ],
  [
    '$.spec.mcpServers[*].headersFrom maxItems',
    {
      spec: {
        mcpServers: [
          {
            name: 'orders',
            url: 'https://orders.example.com/mcp',
            headersFrom: Array.from({ length: 17 }, (_, i) => ({
              name: `h${i}`,
              secretKeyRef: { name: 'a', key: 'b' },
            })),
          },
        ],
      },
    },
    'spec.mcpServers[0].headersFrom: Too many: 17: must have at most 16 items',
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
    '$.spec.mcpServers[*].headersFrom[*] type',
    {
      spec: {
        mcpServers: [
          { name: 'orders', url: 'https://orders.example.com/mcp', headersFrom: ['text'] },
        ],
      },
    },
    'spec.mcpServers[0].headersFrom[0]: Invalid value: "string": spec.mcpServers[0].headersFrom[0] in body must be of type object: "string"',
    'spec.mcpServers[0].headersFrom[0]: Invalid value: "text": must be an object for an array of list-type map',
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
    '$.spec.mcpServers[*].headersFrom[*].name type',
    {
      spec: {
        mcpServers: [
          {
            name: 'orders',
            url: 'https://orders.example.com/mcp',
            headersFrom: [{ name: 3, secretKeyRef: { name: 'orders-api', key: 'token' } }],
          },
        ],
      },
    },
    'spec.mcpServers[0].headersFrom[0].name: Invalid value: "integer": spec.mcpServers[0].headersFrom[0].name in body must be of type string: "integer"',
  ],
  [
    '$.spec.mcpServers[*].headersFrom[*].name minLength',
    {
      spec: {
        mcpServers: [
          {
            name: 'orders',
            url: 'https://orders.example.com/mcp',
            headersFrom: [{ name: '', secretKeyRef: { name: 'orders-api', key: 'token' } }],
          },
        ],
      },
    },
    'spec.mcpServers[0].headersFrom[0].name: Invalid value: "": spec.mcpServers[0].headersFrom[0].name in body should be at least 1 chars long',
  ],
  [
    '$.spec.mcpServers[*].headersFrom[*].name maxLength',
    {
      spec: {
        mcpServers: [
          {
            name: 'orders',
            url: 'https://orders.example.com/mcp',
            headersFrom: [
              { name: 'a'.repeat(129), secretKeyRef: { name: 'orders-api', key: 'token' } },
            ],
          },
        ],
      },
    },
    'spec.mcpServers[0].headersFrom[0].name: Too long: may not be more than 128 bytes',
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
    '$.spec.mcpServers[*].headersFrom[*].prefix type',
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
                prefix: 3,
              },
            ],
          },
        ],
      },
    },
    'spec.mcpServers[0].headersFrom[0].prefix: Invalid value: "integer": spec.mcpServers[0].headersFrom[0].prefix in body must be of type string: "integer"',
  ],
  [
    '$.spec.mcpServers[*].headersFrom[*].prefix maxLength',
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
                prefix: 'a'.repeat(65),
              },
            ],
          },
        ],
      },
    },
    'spec.mcpServers[0].headersFrom[0].prefix: Too long: may not be more than 64 bytes',
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
    '$.spec.mcpServers[*].headersFrom[*].secretKeyRef type',
    {
      spec: {
        mcpServers: [
          {
            name: 'orders',
            url: 'https://orders.example.com/mcp',
            headersFrom: [{ name: 'Authorization', secretKeyRef: 'text' }],
          },
        ],
      },
    },
    'spec.mcpServers[0].headersFrom[0].secretKeyRef: Invalid value: "string": spec.mcpServers[0].headersFrom[0].secretKeyRef in body must be of type object: "string"',
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
    '$.spec.mcpServers[*].headersFrom[*].secretKeyRef.name type',
    {
      spec: {
        mcpServers: [
          {
            name: 'orders',
            url: 'https://orders.example.com/mcp',
            headersFrom: [{ name: 'Authorization', secretKeyRef: { name: 3, key: 'token' } }],
          },
        ],
      },
    },
    'spec.mcpServers[0].headersFrom[0].secretKeyRef.name: Invalid value: "integer": spec.mcpServers[0].headersFrom[0].secretKeyRef.name in body must be of type string: "integer"',
  ],
  [
    '$.spec.mcpServers[*].headersFrom[*].secretKeyRef.name minLength',
    {
      spec: {
        mcpServers: [
          {
            name: 'orders',
            url: 'https://orders.example.com/mcp',
            headersFrom: [{ name: 'Authorization', secretKeyRef: { name: '', key: 'token' } }],
          },
        ],
      },
    },
    'spec.mcpServers[0].headersFrom[0].secretKeyRef.name: Invalid value: "": spec.mcpServers[0].headersFrom[0].secretKeyRef.name in body should be at least 1 chars long',
  ],
  [
    '$.spec.mcpServers[*].headersFrom[*].secretKeyRef.name maxLength',
    {
      spec: {
        mcpServers: [
          {
            name: 'orders',
            url: 'https://orders.example.com/mcp',
            headersFrom: [
              { name: 'Authorization', secretKeyRef: { name: 'a'.repeat(254), key: 'token' } },
            ],
          },
        ],
      },
    },
    'spec.mcpServers[0].headersFrom[0].secretKeyRef.name: Too long: may not be more than 253 bytes',
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
    '$.spec.mcpServers[*].headersFrom[*].secretKeyRef.key type',
    {
      spec: {
        mcpServers: [
          {
            name: 'orders',
            url: 'https://orders.example.com/mcp',
            headersFrom: [{ name: 'Authorization', secretKeyRef: { name: 'orders-api', key: 3 } }],
          },
        ],
      },
    },
    'spec.mcpServers[0].headersFrom[0].secretKeyRef.key: Invalid value: "integer": spec.mcpServers[0].headersFrom[0].secretKeyRef.key in body must be of type string: "integer"',
  ],
  [
    '$.spec.mcpServers[*].headersFrom[*].secretKeyRef.key minLength',
    {
      spec: {
        mcpServers: [
          {
            name: 'orders',
            url: 'https://orders.example.com/mcp',
            headersFrom: [{ name: 'Authorization', secretKeyRef: { name: 'orders-api', key: '' } }],
          },
        ],
      },
    },
    'spec.mcpServers[0].headersFrom[0].secretKeyRef.key: Invalid value: "": spec.mcpServers[0].headersFrom[0].secretKeyRef.key in body should be at least 1 chars long',
  ],
  [
    '$.spec.mcpServers[*].headersFrom[*].secretKeyRef.key maxLength',
    {
      spec: {
        mcpServers: [
          {
            name: 'orders',
            url: 'https://orders.example.com/mcp',
            headersFrom: [
              { name: 'Authorization', secretKeyRef: { name: 'orders-api', key: 'a'.repeat(254) } },
            ],
          },
        ],
      },
    },
    'spec.mcpServers[0].headersFrom[0].secretKeyRef.key: Too long: may not be more than 253 bytes',
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
    '$.spec.mcpServers[*].allowedTools type',
    {
      spec: {
        mcpServers: [
          { name: 'orders', url: 'https://orders.example.com/mcp', allowedTools: 'text' },
        ],
      },
    },
    'spec.mcpServers[0].allowedTools: Invalid value: "string": spec.mcpServers[0].allowedTools in body must be of type array: "string"',
  ],
  [
    '$.spec.mcpServers[*].allowedTools minItems',
    {
      spec: {
        mcpServers: [{ name: 'orders', url: 'https://orders.example.com/mcp', allowedTools: [] }],
      },
    },
    'spec.mcpServers[0].allowedTools: Invalid value: 0: spec.mcpServers[0].allowedTools in body should have at least 1 items',
  ],
  [
    '$.spec.mcpServers[*].allowedTools maxItems',
    {
      spec: {
        mcpServers: [
          {
            name: 'orders',
            url: 'https://orders.example.com/mcp',
            allowedTools: Array.from({ length: 129 }, (_, i) => `t${i}`),
          },
        ],
      },
    },
    'spec.mcpServers[0].allowedTools: Too many: 129: must have at most 128 items',
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
  [
    '$.spec.mcpServers[*].allowedTools[*] type',
    {
      spec: {
        mcpServers: [{ name: 'orders', url: 'https://orders.example.com/mcp', allowedTools: [3] }],
      },
    },
    'spec.mcpServers[0].allowedTools[0]: Invalid value: "integer": spec.mcpServers[0].allowedTools[0] in body must be of type string: "integer"',
  ],
  [
    '$.spec.mcpServers[*].allowedTools[*] minLength',
    {
      spec: {
        mcpServers: [{ name: 'orders', url: 'https://orders.example.com/mcp', allowedTools: [''] }],
      },
    },
    'spec.mcpServers[0].allowedTools[0]: Invalid value: "": spec.mcpServers[0].allowedTools[0] in body should be at least 1 chars long',
  ],
  [
    '$.spec.mcpServers[*].allowedTools[*] maxLength',
    {
      spec: {
        mcpServers: [
          {
            name: 'orders',
            url: 'https://orders.example.com/mcp',
            allowedTools: ['a'.repeat(129)],
          },
        ],
      },
    },
    'spec.mcpServers[0].allowedTools[0]: Too long: may not be more than 128 bytes',
  ],
  [
    '$.spec.mcpServers[*].maxConcurrent type',
    {
      spec: {
        mcpServers: [
          { name: 'orders', url: 'https://orders.example.com/mcp', maxConcurrent: 'three' },
        ],
      },
    },
    'spec.mcpServers[0].maxConcurrent: Invalid value: "string": spec.mcpServers[0].maxConcurrent in body must be of type integer: "string"',
  ],
  [
    '$.spec.mcpServers[*].maxConcurrent minimum',
    {
      spec: {
        mcpServers: [{ name: 'orders', url: 'https://orders.example.com/mcp', maxConcurrent: 0 }],
      },
    },
    'spec.mcpServers[0].maxConcurrent: Invalid value: 0: spec.mcpServers[0].maxConcurrent in body should be greater than or equal to 1',
  ],
  [
    '$.spec.mcpServers[*].maxConcurrent maximum',
    {
      spec: {
        mcpServers: [
          { name: 'orders', url: 'https://orders.example.com/mcp', maxConcurrent: 100001 },
        ],
      },
    },
    'spec.mcpServers[0].maxConcurrent: Invalid value: 100001: spec.mcpServers[0].maxConcurrent in body should be less than or equal to 100000',
  ],
  [
    '$.spec.mcpServers[*].maxResponseBytes type',
    {
      spec: {
        mcpServers: [
          { name: 'orders', url: 'https://orders.example.com/mcp', maxResponseBytes: 'three' },
        ],
      },
    },
    'spec.mcpServers[0].maxResponseBytes: Invalid value: "string": spec.mcpServers[0].maxResponseBytes in body must be of type integer: "string"',
  ],
  [
    '$.spec.mcpServers[*].maxResponseBytes minimum',
    {
      spec: {
        mcpServers: [
          { name: 'orders', url: 'https://orders.example.com/mcp', maxResponseBytes: 0 },
        ],
      },
    },
    'spec.mcpServers[0].maxResponseBytes: Invalid value: 0: spec.mcpServers[0].maxResponseBytes in body should be greater than or equal to 1',
  ],
  [
    '$.spec.mcpServers[*].maxResponseBytes maximum',
    {
      spec: {
        mcpServers: [
          { name: 'orders', url: 'https://orders.example.com/mcp', maxResponseBytes: 1048577 },
        ],
      },
    },
    'spec.mcpServers[0].maxResponseBytes: Invalid value: 1048577: spec.mcpServers[0].maxResponseBytes in body should be less than or equal to 1048576',
  ],
];

import type { Row } from './row.ts';

/** Bad manifests of AgentDeployments, by their tools and what these may do. */
export const rows: Row[] = [
  [
    '$.spec.tools unique',
    {
      spec: {
        tools: [
          {
            name: 'find_order',
            description: 'Finds an order.',
            http: { url: 'https://orders.example.com' },
          },
          {
            name: 'find_order',
            description: 'Finds an order.',
            http: { url: 'https://orders.example.com' },
          },
        ],
      },
    },
    'spec.tools[1]: Duplicate value: {"name":"find_order"}',
  ],
  [
    '$.spec.tools[*] required name',
    {
      spec: {
        tools: [{ description: 'Finds an order.', http: { url: 'https://orders.example.com' } }],
      },
    },
    'spec.tools[0].name: Required value',
  ],
  [
    '$.spec.tools[*] required description',
    { spec: { tools: [{ name: 'find_order', http: { url: 'https://orders.example.com' } }] } },
    'spec.tools[0].description: Required value',
  ],
  [
    '$.spec.tools[*] required http',
    { spec: { tools: [{ name: 'find_order', description: 'Finds an order.' }] } },
    'spec.tools[0].http: Required value',
  ],
  [
    '$.spec.tools[*].name rule 0',
    {
      spec: {
        tools: [
          {
            name: 'find order',
            description: 'Finds an order.',
            http: { url: 'https://orders.example.com' },
          },
        ],
      },
    },
    "spec.tools[0].name: Invalid value: \"string\": must hold only letters, digits, '-' and '_', such as find_order",
  ],
  [
    '$.spec.tools[*].http required url',
    { spec: { tools: [{ name: 'find_order', description: 'Finds an order.', http: {} }] } },
    'spec.tools[0].http.url: Required value',
  ],
  [
    '$.spec.tools[*].http.url rule 0',
    {
      spec: {
        tools: [
          {
            name: 'find_order',
            description: 'Finds an order.',
            http: { url: 'orders.example.com/{id}' },
          },
        ],
      },
    },
    'spec.tools[0].http.url: Invalid value: "string": must be a URL with http:// or https:// and without credentials or fragment, such as https://orders.example.com/v1/orders/{id}',
  ],
  [
    '$.spec.tools[*].http.headers unique',
    {
      spec: {
        tools: [
          {
            name: 'find_order',
            description: 'Finds an order.',
            http: {
              url: 'https://orders.example.com',
              headers: [
                { name: 'Accept', value: 'text/plain' },
                { name: 'Accept', value: 'text/plain' },
              ],
            },
          },
        ],
      },
    },
    'spec.tools[0].http.headers[1]: Duplicate value: {"name":"Accept"}',
  ],
  [
    '$.spec.tools[*].http.headers[*] required name',
    {
      spec: {
        tools: [
          {
            name: 'find_order',
            description: 'Finds an order.',
            http: { url: 'https://orders.example.com', headers: [{ value: 'text/plain' }] },
          },
        ],
      },
    },
    'spec.tools[0].http.headers[0].name: Required value',
  ],
  [
    '$.spec.tools[*].http.headers[*] required value',
    {
      spec: {
        tools: [
          {
            name: 'find_order',
            description: 'Finds an order.',
            http: { url: 'https://orders.example.com', headers: [{ name: 'Accept' }] },
          },
        ],
      },
    },
    'spec.tools[0].http.headers[0].value: Required value',
  ],
  [
    '$.spec.tools[*].http.headers[*].name rule 0',
    {
      spec: {
        tools: [
          {
            name: 'find_order',
            description: 'Finds an order.',
            http: {
              url: 'https://orders.example.com',
              headers: [{ name: 'X Y', value: 'text/plain' }],
            },
          },
        ],
      },
    },
    "spec.tools[0].http.headers[0].name: Invalid value: \"string\": must be the name of a header, which holds only letters, digits, '-' and '_', such as Accept-Language",
  ],
  [
    '$.spec.tools[*].http.headers[*].value rule 0',
    {
      spec: {
        tools: [
          {
            name: 'find_order',
            description: 'Finds an order.',
            http: {
              url: 'https://orders.example.com',
              headers: [{ name: 'Accept', value: 'a\nb' }],
            },
          },
        ],
      },
    },
    'spec.tools[0].http.headers[0].value: Invalid value: "string": must hold only printable ASCII',
  ],
  [
    '$.spec.tools[*].http.headersFrom unique',
    {
      spec: {
        tools: [
          {
            name: 'find_order',
            description: 'Finds an order.',
            http: {
              url: 'https://orders.example.com',
              headersFrom: [
                { name: 'Authorization', secretKeyRef: { name: 'orders-api', key: 'token' } },
                { name: 'Authorization', secretKeyRef: { name: 'orders-api', key: 'token' } },
              ],
            },
          },
        ],
      },
    },
    'spec.tools[0].http.headersFrom[1]: Duplicate value: {"name":"Authorization"}',
  ],
  [
    '$.spec.tools[*].http.headersFrom[*] required name',
    {
      spec: {
        tools: [
          {
            name: 'find_order',
            description: 'Finds an order.',
            http: {
              url: 'https://orders.example.com',
              headersFrom: [{ secretKeyRef: { name: 'orders-api', key: 'token' } }],
            },
          },
        ],
      },
    },
    'spec.tools[0].http.headersFrom[0].name: Required value',
  ],
  [
    '$.spec.tools[*].http.headersFrom[*] required secretKeyRef',
    {
      spec: {
        tools: [
          {
            name: 'find_order',
            description: 'Finds an order.',
            http: { url: 'https://orders.example.com', headersFrom: [{ name: 'Authorization' }] },
          },
        ],
      },
    },
    'spec.tools[0].http.headersFrom[0].secretKeyRef: Required value',
  ],
  [
    '$.spec.tools[*].http.headersFrom[*].name rule 0',
    {
      spec: {
        tools: [
          {
            name: 'find_order',
            description: 'Finds an order.',
            http: {
              url: 'https://orders.example.com',
              headersFrom: [{ name: 'X Y', secretKeyRef: { name: 'orders-api', key: 'token' } }],
            },
          },
        ],
      },
    },
    "spec.tools[0].http.headersFrom[0].name: Invalid value: \"string\": must be the name of a header, which holds only letters, digits, '-' and '_', such as Authorization",
  ],
  [
    '$.spec.tools[*].http.headersFrom[*].prefix rule 0',
    {
      spec: {
        tools: [
          {
            name: 'find_order',
            description: 'Finds an order.',
            http: {
              url: 'https://orders.example.com',
              headersFrom: [
                {
                  name: 'Authorization',
                  secretKeyRef: { name: 'orders-api', key: 'token' },
                  prefix: 'a\nb',
                },
              ],
            },
          },
        ],
      },
    },
    'spec.tools[0].http.headersFrom[0].prefix: Invalid value: "string": must hold only printable ASCII, such as "Bearer "',
  ],
  [
    '$.spec.tools[*].http.headersFrom[*].secretKeyRef required name',
    {
      spec: {
        tools: [
          {
            name: 'find_order',
            description: 'Finds an order.',
            http: {
              url: 'https://orders.example.com',
              headersFrom: [{ name: 'Authorization', secretKeyRef: { key: 'token' } }],
            },
          },
        ],
      },
    },
    'spec.tools[0].http.headersFrom[0].secretKeyRef.name: Required value',
  ],
  [
    '$.spec.tools[*].http.headersFrom[*].secretKeyRef required key',
    {
      spec: {
        tools: [
          {
            name: 'find_order',
            description: 'Finds an order.',
            http: {
              url: 'https://orders.example.com',
              headersFrom: [{ name: 'Authorization', secretKeyRef: { name: 'orders-api' } }],
            },
          },
        ],
      },
    },
    'spec.tools[0].http.headersFrom[0].secretKeyRef.key: Required value',
  ],
  [
    '$.spec.tools[*].http.headersFrom[*].secretKeyRef.name rule 0',
    {
      spec: {
        tools: [
          {
            name: 'find_order',
            description: 'Finds an order.',
            http: {
              url: 'https://orders.example.com',
              headersFrom: [
                { name: 'Authorization', secretKeyRef: { name: 'Orders API', key: 'token' } },
              ],
            },
          },
        ],
      },
    },
    "spec.tools[0].http.headersFrom[0].secretKeyRef.name: Invalid value: \"string\": must be the name of a Secret, which holds only lower-case letters, digits, '-' and '.', such as orders-api",
  ],
  [
    '$.spec.tools[*].http.headersFrom[*].secretKeyRef.key rule 0',
    {
      spec: {
        tools: [
          {
            name: 'find_order',
            description: 'Finds an order.',
            http: {
              url: 'https://orders.example.com',
              headersFrom: [
                { name: 'Authorization', secretKeyRef: { name: 'orders-api', key: 'a/b' } },
              ],
            },
          },
        ],
      },
    },
    "spec.tools[0].http.headersFrom[0].secretKeyRef.key: Invalid value: \"string\": must be a key of a Secret, which holds only letters, digits, '-', '_' and '.', such as token",
  ],
  [
    '$.spec.tools[*].cache required ttl',
    {
      spec: {
        tools: [
          {
            name: 'find_order',
            description: 'Finds an order.',
            http: { url: 'https://orders.example.com' },
            cache: {},
          },
        ],
      },
    },
    'spec.tools[0].cache.ttl: Required value',
  ],
  [
    '$.spec.tools[*].cache.ttl rule 0',
    {
      spec: {
        tools: [
          {
            name: 'find_order',
            description: 'Finds an order.',
            http: { url: 'https://orders.example.com' },
            cache: { ttl: '0s' },
          },
        ],
      },
    },
    'spec.tools[0].cache.ttl: Invalid value: "string": must be a duration longer than 0s, written with the units h, m, s and ms, such as 30s or 5m',
  ],
  [
    '$.spec.security.egress.allowHosts unique',
    { spec: { security: { egress: { allowHosts: ['a.example.com', 'a.example.com'] } } } },
    'spec.security.egress.allowHosts[1]: Duplicate value: "a.example.com"',
  ],
  [
    '$.spec.security.egress.allowHosts[*] rule 0',
    { spec: { security: { egress: { allowHosts: ['https://example.com'] } } } },
    'spec.security.egress.allowHosts[0]: Invalid value: "string": must be a host name in lower case, or *. and a domain, such as api.example.com or *.example.com',
  ],
  [
    '$.spec.timeouts.tool rule 0',
    { spec: { timeouts: { tool: '0s' } } },
    'spec.timeouts.tool: Invalid value: "string": must be a duration longer than 0s, written with the units h, m, s and ms, such as 30s or 500ms',
  ],
];

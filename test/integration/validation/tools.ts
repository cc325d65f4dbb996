import type { Row } from './row.ts';

/** Bad manifests of AgentDeployments, by their tools and what these may do. */
export const rows: Row[] = [
  [
    '$.spec.tools type',
    { spec: { tools: 'text' } },
    'spec.tools: Invalid value: "string": spec.tools in body must be of type array: "string"',
  ],
  [
    '$.spec.tools maxItems',
    {
      spec: {
        tools: Array.from({ length: 33 }, (_, i) => ({
          name: `t${i}`,
          description: 'x',
          http: { url: 'https://a' },
        })),
      },
    },
    'spec.tools: Too many: 33: must have at most 32 items',
  ],
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
    '$.spec.tools[*] type',
    { spec: { tools: ['text'] } },
    'spec.tools[0]: Invalid value: "string": spec.tools[0] in body must be of type object: "string"',
    'spec.tools[0]: Invalid value: "text": must be an object for an array of list-type map',
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
    '$.spec.tools[*].name type',
    {
      spec: {
        tools: [
          { name: 3, description: 'Finds an order.', http: { url: 'https://orders.example.com' } },
        ],
      },
    },
    'spec.tools[0].name: Invalid value: "integer": spec.tools[0].name in body must be of type string: "integer"',
  ],
  [
    '$.spec.tools[*].name minLength',
    {
      spec: {
        tools: [
          { name: '', description: 'Finds an order.', http: { url: 'https://orders.example.com' } },
        ],
      },
    },
    'spec.tools[0].name: Invalid value: "": spec.tools[0].name in body should be at least 1 chars long',
  ],
  [
    '$.spec.tools[*].name maxLength',
    {
      spec: {
        tools: [
          {
            name: 'a'.repeat(65),
            description: 'Finds an order.',
            http: { url: 'https://orders.example.com' },
          },
        ],
      },
    },
    'spec.tools[0].name: Too long: may not be more than 64 bytes',
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
    '$.spec.tools[*].description type',
    {
      spec: {
        tools: [
          { name: 'find_order', description: 3, http: { url: 'https://orders.example.com' } },
        ],
      },
    },
    'spec.tools[0].description: Invalid value: "integer": spec.tools[0].description in body must be of type string: "integer"',
  ],
  [
    '$.spec.tools[*].description minLength',
    {
      spec: {
        tools: [
          { name: 'find_order', description: '', http: { url: 'https://orders.example.com' } },
        ],
      },
    },
    'spec.tools[0].description: Invalid value: "": spec.tools[0].description in body should be at least 1 chars long',
  ],
  [
    '$.spec.tools[*].description maxLength',
    {
      spec: {
        tools: [
          {
            name: 'find_order',
            description: 'a'.repeat(4097),
            http: { url: 'https://orders.example.com' },
          },
        ],
      },
    },
    'spec.tools[0].description: Too long: may not be more than 4096 bytes',
  ],
  [
    '$.spec.tools[*].inputSchema type',
    {
      spec: {
        tools: [
          {
            name: 'find_order',
            description: 'Finds an order.',
            http: { url: 'https://orders.example.com' },
            inputSchema: 'text',
          },
        ],
      },
    },
    'spec.tools[0].inputSchema: Invalid value: "string": spec.tools[0].inputSchema in body must be of type object: "string"',
  ],
  [
    '$.spec.tools[*].http type',
    { spec: { tools: [{ name: 'find_order', description: 'Finds an order.', http: 'text' }] } },
    'spec.tools[0].http: Invalid value: "string": spec.tools[0].http in body must be of type object: "string"',
  ],
  [
    '$.spec.tools[*].http required url',
    { spec: { tools: [{ name: 'find_order', description: 'Finds an order.', http: {} }] } },
    'spec.tools[0].http.url: Required value',
  ],
  [
    '$.spec.tools[*].http.url type',
    { spec: { tools: [{ name: 'find_order', description: 'Finds an order.', http: { url: 3 } }] } },
    'spec.tools[0].http.url: Invalid value: "integer": spec.tools[0].http.url in body must be of type string: "integer"',
  ],
  [
    '$.spec.tools[*].http.url minLength',
    {
      spec: { tools: [{ name: 'find_order', description: 'Finds an order.', http: { url: '' } }] },
    },
    'spec.tools[0].http.url: Invalid value: "": spec.tools[0].http.url in body should be at least 1 chars long',
  ],
  [
    '$.spec.tools[*].http.url maxLength',
    {
      spec: {
        tools: [
          { name: 'find_order', description: 'Finds an order.', http: { url: 'a'.repeat(2049) } },
        ],
      },
    },
    'spec.tools[0].http.url: Too long: may not be more than 2048 bytes',
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
    '$.spec.tools[*].http.method type',
    {
      spec: {
        tools: [
          {
            name: 'find_order',
            description: 'Finds an order.',
            http: { url: 'https://orders.example.com', method: 3 },
          },
        ],
      },
    },
    'spec.tools[0].http.method: Invalid value: "integer": spec.tools[0].http.method in body must be of type string: "integer"',
    'spec.tools[0].http.method: Unsupported value: 3: supported values: "GET", "POST", "PUT", "PATCH", "DELETE"',
  ],
  [
    '$.spec.tools[*].http.method enum',
    {
      spec: {
        tools: [
          {
            name: 'find_order',
            description: 'Finds an order.',
            http: { url: 'https://orders.example.com', method: 'HEAD' },
          },
        ],
      },
    },
    'spec.tools[0].http.method: Unsupported value: "HEAD": supported values: "GET", "POST", "PUT", "PATCH", "DELETE"',
  ],
  [
    '$.spec.tools[*].http.headers type',
    {
      spec: {
        tools: [
          {
            name: 'find_order',
            description: 'Finds an order.',
            http: { url: 'https://orders.example.com', headers: 'text' },
          },
        ],
      },
    },
    'spec.tools[0].http.headers: Invalid value: "string": spec.tools[0].http.headers in body must be of type array: "string"',
  ],
  [
    '$.spec.tools[*].http.headers maxItems',
    {
      spec: {
        tools: [
          {
            name: 'find_order',
            description: 'Finds an order.',
            http: {
              url: 'https://orders.example.com',
              headers: Array.from({ length: 17 }, (_, i) => ({ name: `h${i}`, value: 'x' })),
            },
          },
        ],
      },
    },
    'spec.tools[0].http.headers: Too many: 17: must have at most 16 items',
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
    '$.spec.tools[*].http.headers[*] type',
    {
      spec: {
        tools: [
          {
            name: 'find_order',
            description: 'Finds an order.',
            http: { url: 'https://orders.example.com', headers: ['text'] },
          },
        ],
      },
    },
    'spec.tools[0].http.headers[0]: Invalid value: "string": spec.tools[0].http.headers[0] in body must be of type object: "string"',
    'spec.tools[0].http.headers[0]: Invalid value: "text": must be an object for an array of list-type map',
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
    '$.spec.tools[*].http.headers[*].name type',
    {
      spec: {
        tools: [
          {
            name: 'find_order',
            description: 'Finds an order.',
            http: {
              url: 'https://orders.example.com',
              headers: [{ name: 3, value: 'text/plain' }],
            },
          },
        ],
      },
    },
    'spec.tools[0].http.headers[0].name: Invalid value: "integer": spec.tools[0].http.headers[0].name in body must be of type string: "integer"',
  ],
  [
    '$.spec.tools[*].http.headers[*].name minLength',
    {
      spec: {
        tools: [
          {
            name: 'find_order',
            description: 'Finds an order.',
            http: {
              url: 'https://orders.example.com',
              headers: [{ name: '', value: 'text/plain' }],
            },
          },
        ],
      },
    },
    'spec.tools[0].http.headers[0].name: Invalid value: "": spec.tools[0].http.headers[0].name in body should be at least 1 chars long',
  ],
  [
    '$.spec.tools[*].http.headers[*].name maxLength',
    {
      spec: {
        tools: [
          {
            name: 'find_order',
            description: 'Finds an order.',
            http: {
              url: 'https://orders.example.com',
              headers: [{ name: 'a'.repeat(129), value: 'text/plain' }],
            },
          },
        ],
      },
    },
    'spec.tools[0].http.headers[0].name: Too long: may not be more than 128 bytes',
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
    '$.spec.tools[*].http.headers[*].value type',
    {
      spec: {
        tools: [
          {
            name: 'find_order',
            description: 'Finds an order.',
            http: { url: 'https://orders.example.com', headers: [{ name: 'Accept', value: 3 }] },
          },
        ],
      },
    },
    'spec.tools[0].http.headers[0].value: Invalid value: "integer": spec.tools[0].http.headers[0].value in body must be of type string: "integer"',
  ],
  [
    '$.spec.tools[*].http.headers[*].value maxLength',
    {
      spec: {
        tools: [
          {
            name: 'find_order',
            description: 'Finds an order.',
            http: {
              url: 'https://orders.example.com',
              headers: [{ name: 'Accept', value: 'a'.repeat(4097) }],
            },
          },
        ],
      },
    },
    'spec.tools[0].http.headers[0].value: Too long: may not be more than 4096 bytes',
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
    '$.spec.tools[*].http.headersFrom type',
    {
      spec: {
        tools: [
          {
            name: 'find_order',
            description: 'Finds an order.',
            http: { url: 'https://orders.example.com', headersFrom: 'text' },
          },
        ],
      },
    },
    'spec.tools[0].http.headersFrom: Invalid value: "string": spec.tools[0].http.headersFrom in body must be of type array: "string"',
  ],
  [
    '$.spec.tools[*].http.headersFrom maxItems',
    {
      spec: {
        tools: [
          {
            name: 'find_order',
            description: 'Finds an order.',
            http: {
              url: 'https://orders.example.com',
              headersFrom: Array.from({ length: 17 }, (_, i) => ({
                name: `h${i}`,
                secretKeyRef: { name: 'a', key: 'b' },
              })),
            },
          },
        ],
      },
    },
    'spec.tools[0].http.headersFrom: Too many: 17: must have at most 16 items',
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
    '$.spec.tools[*].http.headersFrom[*] type',
    {
      spec: {
        tools: [
          {
            name: 'find_order',
            description: 'Finds an order.',
            http: { url: 'https://orders.example.com', headersFrom: ['text'] },
          },
        ],
      },
    },
    'spec.tools[0].http.headersFrom[0]: Invalid value: "string": spec.tools[0].http.headersFrom[0] in body must be of type object: "string"',
    'spec.tools[0].http.headersFrom[0]: Invalid value: "text": must be an object for an array of list-type map',
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
    '$.spec.tools[*].http.headersFrom[*].name type',
    {
      spec: {
        tools: [
          {
            name: 'find_order',
            description: 'Finds an order.',
            http: {
              url: 'https://orders.example.com',
              headersFrom: [{ name: 3, secretKeyRef: { name: 'orders-api', key: 'token' } }],
            },
          },
        ],
      },
    },
    'spec.tools[0].http.headersFrom[0].name: Invalid value: "integer": spec.tools[0].http.headersFrom[0].name in body must be of type string: "integer"',
  ],
  [
    '$.spec.tools[*].http.headersFrom[*].name minLength',
    {
      spec: {
        tools: [
          {
            name: 'find_order',
            description: 'Finds an order.',
            http: {
              url: 'https://orders.example.com',
              headersFrom: [{ name: '', secretKeyRef: { name: 'orders-api', key: 'token' } }],
            },
          },
        ],
      },
    },
    'spec.tools[0].http.headersFrom[0].name: Invalid value: "": spec.tools[0].http.headersFrom[0].name in body should be at least 1 chars long',
  ],
  [
    '$.spec.tools[*].http.headersFrom[*].name maxLength',
    {
      spec: {
        tools: [
          {
            name: 'find_order',
            description: 'Finds an order.',
            http: {
              url: 'https://orders.example.com',
              headersFrom: [
                { name: 'a'.repeat(129), secretKeyRef: { name: 'orders-api', key: 'token' } },
              ],
            },
          },
        ],
      },
    },
    'spec.tools[0].http.headersFrom[0].name: Too long: may not be more than 128 bytes',
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
    '$.spec.tools[*].http.headersFrom[*].prefix type',
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
                  prefix: 3,
                },
              ],
            },
          },
        ],
      },
    },
    'spec.tools[0].http.headersFrom[0].prefix: Invalid value: "integer": spec.tools[0].http.headersFrom[0].prefix in body must be of type string: "integer"',
  ],
  [
    '$.spec.tools[*].http.headersFrom[*].prefix maxLength',
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
                  prefix: 'a'.repeat(65),
                },
              ],
            },
          },
        ],
      },
    },
    'spec.tools[0].http.headersFrom[0].prefix: Too long: may not be more than 64 bytes',
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
    '$.spec.tools[*].http.headersFrom[*].secretKeyRef type',
    {
      spec: {
        tools: [
          {
            name: 'find_order',
            description: 'Finds an order.',
            http: {
              url: 'https://orders.example.com',
              headersFrom: [{ name: 'Authorization', secretKeyRef: 'text' }],
            },
          },
        ],
      },
    },
    'spec.tools[0].http.headersFrom[0].secretKeyRef: Invalid value: "string": spec.tools[0].http.headersFrom[0].secretKeyRef in body must be of type object: "string"',
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
    '$.spec.tools[*].http.headersFrom[*].secretKeyRef.name type',
    {
      spec: {
        tools: [
          {
            name: 'find_order',
            description: 'Finds an order.',
            http: {
              url: 'https://orders.example.com',
              headersFrom: [{ name: 'Authorization', secretKeyRef: { name: 3, key: 'token' } }],
            },
          },
        ],
      },
    },
    'spec.tools[0].http.headersFrom[0].secretKeyRef.name: Invalid value: "integer": spec.tools[0].http.headersFrom[0].secretKeyRef.name in body must be of type string: "integer"',
  ],
  [
    '$.spec.tools[*].http.headersFrom[*].secretKeyRef.name minLength',
    {
      spec: {
        tools: [
          {
            name: 'find_order',
            description: 'Finds an order.',
            http: {
              url: 'https://orders.example.com',
              headersFrom: [{ name: 'Authorization', secretKeyRef: { name: '', key: 'token' } }],
            },
          },
        ],
      },
    },
    'spec.tools[0].http.headersFrom[0].secretKeyRef.name: Invalid value: "": spec.tools[0].http.headersFrom[0].secretKeyRef.name in body should be at least 1 chars long',
  ],
  [
    '$.spec.tools[*].http.headersFrom[*].secretKeyRef.name maxLength',
    {
      spec: {
        tools: [
          {
            name: 'find_order',
            description: 'Finds an order.',
            http: {
              url: 'https://orders.example.com',
              headersFrom: [
                { name: 'Authorization', secretKeyRef: { name: 'a'.repeat(254), key: 'token' } },
              ],
            },
          },
        ],
      },
    },
    'spec.tools[0].http.headersFrom[0].secretKeyRef.name: Too long: may not be more than 253 bytes',
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
    '$.spec.tools[*].http.headersFrom[*].secretKeyRef.key type',
    {
      spec: {
        tools: [
          {
            name: 'find_order',
            description: 'Finds an order.',
            http: {
              url: 'https://orders.example.com',
              headersFrom: [
                { name: 'Authorization', secretKeyRef: { name: 'orders-api', key: 3 } },
              ],
            },
          },
        ],
      },
    },
    'spec.tools[0].http.headersFrom[0].secretKeyRef.key: Invalid value: "integer": spec.tools[0].http.headersFrom[0].secretKeyRef.key in body must be of type string: "integer"',
  ],
  [
    '$.spec.tools[*].http.headersFrom[*].secretKeyRef.key minLength',
    {
      spec: {
        tools: [
          {
            name: 'find_order',
            description: 'Finds an order.',
            http: {
              url: 'https://orders.example.com',
              headersFrom: [
                { name: 'Authorization', secretKeyRef: { name: 'orders-api', key: '' } },
              ],
            },
          },
        ],
      },
    },
    'spec.tools[0].http.headersFrom[0].secretKeyRef.key: Invalid value: "": spec.tools[0].http.headersFrom[0].secretKeyRef.key in body should be at least 1 chars long',
  ],
  [
    '$.spec.tools[*].http.headersFrom[*].secretKeyRef.key maxLength',
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
                  secretKeyRef: { name: 'orders-api', key: 'a'.repeat(254) },
                },
              ],
            },
          },
        ],
      },
    },
    'spec.tools[0].http.headersFrom[0].secretKeyRef.key: Too long: may not be more than 253 bytes',
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
    '$.spec.tools[*].http.maxResponseBytes type',
    {
      spec: {
        tools: [
          {
            name: 'find_order',
            description: 'Finds an order.',
            http: { url: 'https://orders.example.com', maxResponseBytes: 'three' },
          },
        ],
      },
    },
    'spec.tools[0].http.maxResponseBytes: Invalid value: "string": spec.tools[0].http.maxResponseBytes in body must be of type integer: "string"',
  ],
  [
    '$.spec.tools[*].http.maxResponseBytes minimum',
    {
      spec: {
        tools: [
          {
            name: 'find_order',
            description: 'Finds an order.',
            http: { url: 'https://orders.example.com', maxResponseBytes: 0 },
          },
        ],
      },
    },
    'spec.tools[0].http.maxResponseBytes: Invalid value: 0: spec.tools[0].http.maxResponseBytes in body should be greater than or equal to 1',
  ],
  [
    '$.spec.tools[*].http.maxResponseBytes maximum',
    {
      spec: {
        tools: [
          {
            name: 'find_order',
            description: 'Finds an order.',
            http: { url: 'https://orders.example.com', maxResponseBytes: 1048577 },
          },
        ],
      },
    },
    'spec.tools[0].http.maxResponseBytes: Invalid value: 1048577: spec.tools[0].http.maxResponseBytes in body should be less than or equal to 1048576',
  ],
  [
    '$.spec.tools[*].cache type',
    {
      spec: {
        tools: [
          {
            name: 'find_order',
            description: 'Finds an order.',
            http: { url: 'https://orders.example.com' },
            cache: 'text',
          },
        ],
      },
    },
    'spec.tools[0].cache: Invalid value: "string": spec.tools[0].cache in body must be of type object: "string"',
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
    '$.spec.tools[*].cache.ttl type',
    {
      spec: {
        tools: [
          {
            name: 'find_order',
            description: 'Finds an order.',
            http: { url: 'https://orders.example.com' },
            cache: { ttl: 3 },
          },
        ],
      },
    },
    'spec.tools[0].cache.ttl: Invalid value: "integer": spec.tools[0].cache.ttl in body must be of type string: "integer"',
  ],
  [
    '$.spec.tools[*].cache.ttl maxLength',
    {
      spec: {
        tools: [
          {
            name: 'find_order',
            description: 'Finds an order.',
            http: { url: 'https://orders.example.com' },
            cache: { ttl: '0001h0001h0001h0001h0001h' },
          },
        ],
      },
    },
    'spec.tools[0].cache.ttl: Too long: may not be more than 24 bytes',
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
    '$.spec.tools[*].maxConcurrent type',
    {
      spec: {
        tools: [
          {
            name: 'find_order',
            description: 'Finds an order.',
            http: { url: 'https://orders.example.com' },
            maxConcurrent: 'three',
          },
        ],
      },
    },
    'spec.tools[0].maxConcurrent: Invalid value: "string": spec.tools[0].maxConcurrent in body must be of type integer: "string"',
  ],
  [
    '$.spec.tools[*].maxConcurrent minimum',
    {
      spec: {
        tools: [
          {
            name: 'find_order',
            description: 'Finds an order.',
            http: { url: 'https://orders.example.com' },
            maxConcurrent: 0,
          },
        ],
      },
    },
    'spec.tools[0].maxConcurrent: Invalid value: 0: spec.tools[0].maxConcurrent in body should be greater than or equal to 1',
  ],
  [
    '$.spec.tools[*].maxConcurrent maximum',
    {
      spec: {
        tools: [
          {
            name: 'find_order',
            description: 'Finds an order.',
            http: { url: 'https://orders.example.com' },
            maxConcurrent: 100001,
          },
        ],
      },
    },
    'spec.tools[0].maxConcurrent: Invalid value: 100001: spec.tools[0].maxConcurrent in body should be less than or equal to 100000',
  ],
  [
    '$.spec.security type',
    { spec: { security: 'text' } },
    'spec.security: Invalid value: "string": spec.security in body must be of type object: "string"',
  ],
  [
    '$.spec.security.egress type',
    { spec: { security: { egress: 'text' } } },
    'spec.security.egress: Invalid value: "string": spec.security.egress in body must be of type object: "string"',
  ],
  [
    '$.spec.security.egress.allowHosts type',
    { spec: { security: { egress: { allowHosts: 'text' } } } },
    'spec.security.egress.allowHosts: Invalid value: "string": spec.security.egress.allowHosts in body must be of type array: "string"',
  ],
  [
    '$.spec.security.egress.allowHosts maxItems',
    {
      spec: {
        security: {
          egress: { allowHosts: Array.from({ length: 65 }, (_, i) => `h${i}.example.com`) },
        },
      },
    },
    'spec.security.egress.allowHosts: Too many: 65: must have at most 64 items',
  ],
  [
    '$.spec.security.egress.allowHosts unique',
    { spec: { security: { egress: { allowHosts: ['a.example.com', 'a.example.com'] } } } },
    'spec.security.egress.allowHosts[1]: Duplicate value: "a.example.com"',
  ],
  [
    '$.spec.security.egress.allowHosts[*] type',
    { spec: { security: { egress: { allowHosts: [3] } } } },
    'spec.security.egress.allowHosts[0]: Invalid value: "integer": spec.security.egress.allowHosts[0] in body must be of type string: "integer"',
  ],
  [
    '$.spec.security.egress.allowHosts[*] minLength',
    { spec: { security: { egress: { allowHosts: [''] } } } },
    'spec.security.egress.allowHosts[0]: Invalid value: "": spec.security.egress.allowHosts[0] in body should be at least 1 chars long',
  ],
  [
    '$.spec.security.egress.allowHosts[*] maxLength',
    { spec: { security: { egress: { allowHosts: ['a'.repeat(254)] } } } },
    'spec.security.egress.allowHosts[0]: Too long: may not be more than 253 bytes',
  ],
  [
    '$.spec.security.egress.allowHosts[*] rule 0',
    { spec: { security: { egress: { allowHosts: ['https://example.com'] } } } },
    'spec.security.egress.allowHosts[0]: Invalid value: "string": must be a host name in lower case, or *. and a domain, such as api.example.com or *.example.com',
  ],
  [
    '$.spec.security.egress.denyPrivateNetworks type',
    { spec: { security: { egress: { denyPrivateNetworks: 'text' } } } },
    'spec.security.egress.denyPrivateNetworks: Invalid value: "string": spec.security.egress.denyPrivateNetworks in body must be of type boolean: "string"',
  ],
  [
    '$.spec.timeouts.tool type',
    { spec: { timeouts: { tool: 3 } } },
    'spec.timeouts.tool: Invalid value: "integer": spec.timeouts.tool in body must be of type string: "integer"',
  ],
  [
    '$.spec.timeouts.tool maxLength',
    { spec: { timeouts: { tool: '0001h0001h0001h0001h0001h' } } },
    'spec.timeouts.tool: Too long: may not be more than 24 bytes',
  ],
  [
    '$.spec.timeouts.tool rule 0',
    { spec: { timeouts: { tool: '0s' } } },
    'spec.timeouts.tool: Invalid value: "string": must be a duration longer than 0s, written with the units h, m, s and ms, such as 30s or 500ms',
  ],
];

import type { Row } from './row.ts';

const REF = { name: 'events', key: 'token' };

/** By the headers of what events are sent to. */
const headers = (): Row[] => {
  const FIELD = 'spec.audit.otlp.headersFrom[0]';
  const withHeaders = (...headersFrom: object[]): Row[1] => ({
    spec: { audit: { otlp: { url: 'https://events', headersFrom } } },
  });
  return [
    [
      'unique',
      withHeaders({ name: 'X', secretKeyRef: REF }, { name: 'X', secretKeyRef: REF }),
      `spec.audit.otlp.headersFrom[1]: Duplicate value: {"name":"X"}`,
    ],
    ['[*] required name', withHeaders({ secretKeyRef: REF }), `${FIELD}.name: Required value`],
    [
      '[*] required secretKeyRef',
      withHeaders({ name: 'X' }),
      `${FIELD}.secretKeyRef: Required value`,
    ],
    [
      '[*].name rule 0',
      withHeaders({ name: 'X Y', secretKeyRef: REF }),
      `${FIELD}.name: Invalid value: "string": must be the name of a header, which holds only letters, digits, '-' and '_', such as Authorization`,
    ],
    [
      '[*].prefix rule 0',
      withHeaders({ name: 'X', prefix: 'a\nb', secretKeyRef: REF }),
      `${FIELD}.prefix: Invalid value: "string": must hold only printable ASCII, such as "Bearer "`,
    ],
    [
      '[*].secretKeyRef required name',
      withHeaders({ name: 'X', secretKeyRef: { key: 'token' } }),
      `${FIELD}.secretKeyRef.name: Required value`,
    ],
    [
      '[*].secretKeyRef required key',
      withHeaders({ name: 'X', secretKeyRef: { name: 'events' } }),
      `${FIELD}.secretKeyRef.key: Required value`,
    ],
    [
      '[*].secretKeyRef.name rule 0',
      withHeaders({ name: 'X', secretKeyRef: { ...REF, name: 'My events' } }),
      `${FIELD}.secretKeyRef.name: Invalid value: "string": must be the name of a Secret, which holds only lower-case letters, digits, '-' and '.', such as orders-api`,
    ],
    [
      '[*].secretKeyRef.key rule 0',
      withHeaders({ name: 'X', secretKeyRef: { ...REF, key: 'my key' } }),
      `${FIELD}.secretKeyRef.key: Invalid value: "string": must be a key of a Secret, which holds only letters, digits, '-', '_' and '.', such as token`,
    ],
  ];
};

/** By what events are sent to. */
const receiverRows: Row[] = [
  [
    `$.spec.audit.otlp required url`,
    { spec: { audit: { otlp: {} } } },
    `spec.audit.otlp.url: Required value`,
  ],
  [
    `$.spec.audit.otlp.url rule 0`,
    { spec: { audit: { otlp: { url: 'ftp://events' } } } },
    `spec.audit.otlp.url: Invalid value: "string": must be an http or https URL without a user or a fragment, such as http://collector.observability:4318/v1/logs`,
  ],
  [
    `$.spec.audit.otlp.timeout rule 0`,
    { spec: { audit: { otlp: { url: 'https://events', timeout: '0s' } } } },
    `spec.audit.otlp.timeout: Invalid value: "string": must be a duration longer than 0s, written with the units h, m, s and ms, such as 10s or 500ms`,
  ],
  ...headers().map(([rule, ...rest]): Row => [
    `$.spec.audit.otlp.headersFrom${rule === 'unique' ? ' ' : ''}${rule}`,
    ...rest,
  ]),
];

/** Bad manifests of AgentDeployments, by what they record. */
export const rows: Row[] = [
  [
    '$.spec.audit rule 0',
    { spec: { audit: { stdout: false, required: true } } },
    'spec.audit.required: Invalid value: "object": must be false where events are kept nowhere, without stdout, file and otlp',
  ],
  [
    '$.spec.audit.file.persistentVolumeClaim required claimName',
    { spec: { audit: { file: { persistentVolumeClaim: {} } } } },
    'spec.audit.file.persistentVolumeClaim.claimName: Required value',
  ],
  [
    '$.spec.audit.file.persistentVolumeClaim.claimName rule 0',
    { spec: { audit: { file: { persistentVolumeClaim: { claimName: 'My claim' } } } } },
    "spec.audit.file.persistentVolumeClaim.claimName: Invalid value: \"string\": must be the name of a PersistentVolumeClaim, which holds only lower-case letters, digits, '-' and '.', such as audit",
  ],
  ...receiverRows,
  [
    '$.spec.audit.content[*] required tool',
    { spec: { audit: { content: [{}] } } },
    'spec.audit.content[0].tool: Required value',
  ],
  [
    '$.spec.audit.content[*].tool rule 0',
    { spec: { audit: { content: [{ tool: 'find order' }] } } },
    "spec.audit.content[0].tool: Invalid value: \"string\": must hold only letters, digits, '-' and '_', such as find_order or SERVER__TOOL",
  ],
  [
    '$.spec.audit.content unique',
    { spec: { audit: { content: [{ tool: 'look' }, { tool: 'look' }] } } },
    'spec.audit.content[1]: Duplicate value: {"tool":"look"}',
  ],
  [
    '$.spec.auth.trustedProxies[*] rule 0',
    { spec: { auth: { trustedProxies: ['10.0.0.1'] } } },
    'spec.auth.trustedProxies[0]: Invalid value: "string": must be a network in CIDR notation, such as 10.0.0.0/8',
  ],
  [
    '$.spec.auth.trustedProxies unique',
    { spec: { auth: { trustedProxies: ['10.0.0.0/8', '10.0.0.0/8'] } } },
    'spec.auth.trustedProxies[1]: Duplicate value: "10.0.0.0/8"',
  ],
];

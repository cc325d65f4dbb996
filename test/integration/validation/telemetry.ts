import type { Row } from './row.ts';

/** Bad manifests of AgentDeployments, by what their pods tell. */
export const rows: Row[] = [
  ...(
    [
      [' required tokenSecretRef', {}, ': Required value'],
      [
        '.tokenSecretRef required name',
        { tokenSecretRef: { key: 'token' } },
        '.name: Required value',
      ],
      ['.tokenSecretRef required key', { tokenSecretRef: { name: 'x' } }, '.key: Required value'],
      [
        '.tokenSecretRef.name rule 0',
        { tokenSecretRef: { name: 'My token', key: 'token' } },
        ".name: Invalid value: \"string\": must be the name of a Secret, which holds only lower-case letters, digits, '-' and '.', such as scraping",
      ],
      [
        '.tokenSecretRef.key rule 0',
        { tokenSecretRef: { name: 'scraping', key: 'a/b' } },
        ".key: Invalid value: \"string\": must be a key of a Secret, which holds only letters, digits, '-', '_' and '.', such as token",
      ],
    ] as const
  ).map(([rule, auth, message]): Row => [
    `$.spec.monitoring.auth${rule}`,
    { spec: { monitoring: { auth } } },
    `spec.monitoring.auth.tokenSecretRef${message}`,
  ]),
  [
    '$.spec.telemetry.logging.successRatio rule 0',
    { spec: { telemetry: { logging: { successRatio: '1.5' } } } },
    'spec.telemetry.logging.successRatio: Invalid value: "string": must be a number from 0 to 1, such as "0.01"',
  ],
  [
    '$.spec.telemetry.logging.levels rule 0',
    { spec: { telemetry: { logging: { levels: { models: 'Debug' } } } } },
    'spec.telemetry.logging.levels: Invalid value: "object": must name modules of the runtime: access, agent, configuration, credentials, file, guard, health, http, lifecycle, link, messages, model, network, runtime, security, state, tools, traces or audit',
  ],
  [
    '$.spec.telemetry.tracing.endpoint rule 0',
    { spec: { telemetry: { tracing: { endpoint: 'collector:4318' } } } },
    'spec.telemetry.tracing.endpoint: Invalid value: "string": must be a URL with http:// or https:// and without credentials, query or fragment, such as http://otel-collector.monitoring:4318',
  ],
  [
    '$.spec.telemetry.tracing.sampling.ratio rule 0',
    { spec: { telemetry: { tracing: { sampling: { ratio: '10%' } } } } },
    'spec.telemetry.tracing.sampling.ratio: Invalid value: "string": must be a number from 0 to 1, such as "0.1"',
  ],
  [
    '$.spec.telemetry.tracing.headersFrom unique',
    {
      spec: {
        telemetry: {
          tracing: {
            headersFrom: [
              { name: 'x-key', secretKeyRef: { name: 'tracing', key: 'key' } },
              { name: 'x-key', secretKeyRef: { name: 'tracing', key: 'key' } },
            ],
          },
        },
      },
    },
    'spec.telemetry.tracing.headersFrom[1]: Duplicate value: {"name":"x-key"}',
  ],
  [
    '$.spec.telemetry.tracing.headersFrom[*] required name',
    {
      spec: {
        telemetry: {
          tracing: { headersFrom: [{ secretKeyRef: { name: 'tracing', key: 'key' } }] },
        },
      },
    },
    'spec.telemetry.tracing.headersFrom[0].name: Required value',
  ],
  [
    '$.spec.telemetry.tracing.headersFrom[*] required secretKeyRef',
    { spec: { telemetry: { tracing: { headersFrom: [{ name: 'x-key' }] } } } },
    'spec.telemetry.tracing.headersFrom[0].secretKeyRef: Required value',
  ],
  [
    '$.spec.telemetry.tracing.headersFrom[*].name rule 0',
    {
      spec: {
        telemetry: {
          tracing: {
            headersFrom: [{ name: 'x key', secretKeyRef: { name: 'tracing', key: 'key' } }],
          },
        },
      },
    },
    "spec.telemetry.tracing.headersFrom[0].name: Invalid value: \"string\": must be the name of a header, which holds only letters, digits, '-' and '_', such as Authorization",
  ],
  [
    '$.spec.telemetry.tracing.headersFrom[*].prefix rule 0',
    {
      spec: {
        telemetry: {
          tracing: {
            headersFrom: [
              { name: 'x-key', prefix: 'é', secretKeyRef: { name: 'tracing', key: 'key' } },
            ],
          },
        },
      },
    },
    'spec.telemetry.tracing.headersFrom[0].prefix: Invalid value: "string": must hold only printable ASCII, such as "Bearer "',
  ],
  [
    '$.spec.telemetry.tracing.headersFrom[*].secretKeyRef required name',
    {
      spec: {
        telemetry: { tracing: { headersFrom: [{ name: 'x-key', secretKeyRef: { key: 'key' } }] } },
      },
    },
    'spec.telemetry.tracing.headersFrom[0].secretKeyRef.name: Required value',
  ],
  [
    '$.spec.telemetry.tracing.headersFrom[*].secretKeyRef required key',
    {
      spec: {
        telemetry: {
          tracing: { headersFrom: [{ name: 'x-key', secretKeyRef: { name: 'tracing' } }] },
        },
      },
    },
    'spec.telemetry.tracing.headersFrom[0].secretKeyRef.key: Required value',
  ],
  [
    '$.spec.telemetry.tracing.headersFrom[*].secretKeyRef.name rule 0',
    {
      spec: {
        telemetry: {
          tracing: {
            headersFrom: [{ name: 'x-key', secretKeyRef: { name: 'Tracing', key: 'key' } }],
          },
        },
      },
    },
    "spec.telemetry.tracing.headersFrom[0].secretKeyRef.name: Invalid value: \"string\": must be the name of a Secret, which holds only lower-case letters, digits, '-' and '.', such as tracing",
  ],
  [
    '$.spec.telemetry.tracing.headersFrom[*].secretKeyRef.key rule 0',
    {
      spec: {
        telemetry: {
          tracing: {
            headersFrom: [{ name: 'x-key', secretKeyRef: { name: 'tracing', key: 'a/b' } }],
          },
        },
      },
    },
    "spec.telemetry.tracing.headersFrom[0].secretKeyRef.key: Invalid value: \"string\": must be a key of a Secret, which holds only letters, digits, '-', '_' and '.', such as token",
  ],
];

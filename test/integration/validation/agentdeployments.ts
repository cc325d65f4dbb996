import type { Row } from './row.ts';

/** A manifest whose endpoint has these headersFrom. */
function withHeader(...headersFrom: object[]): object {
  return { spec: { model: { endpoints: [{ name: 'primary', headersFrom }] } } };
}

const ENDPOINTS = [{ name: 'primary' }];
const OPENAI = { name: 'other', provider: 'OpenAI' };

/** Bad manifests of AgentDeployments. */
export const rows: Row[] = [
  ['$ required spec', { spec: undefined }, 'spec: Required value'],
  [
    '$ rule 0',
    { metadata: { name: 'triage.v2' } },
    'metadata.name: Invalid value: "object": must start with a letter, hold only lower-case letters, digits and \'-\', end with a letter or digit, and have at most 52 characters, so that the names of the objects made from it fit',
  ],
  ['$.spec required model', { spec: { model: undefined } }, 'spec.model: Required value'],
  [
    '$.spec rule 0',
    { spec: { timeouts: { connect: '6m' } } },
    'spec.timeouts.connect: Invalid value: "object": must not be longer than timeouts.request (connect is 10s and request 5m by default); set both',
  ],
  [
    '$.spec rule 1',
    { spec: { timeouts: { attempt: '5m' } } },
    'spec.timeouts.attempt: Invalid value: "object": must be shorter than timeouts.request (default 5m); set timeouts.request as well',
  ],
  [
    '$.spec rule 2',
    { spec: { retry: { baseDelay: '9s' } } },
    'spec.retry.baseDelay: Invalid value: "object": must not be longer than retry.maxDelay (baseDelay is 500ms and maxDelay 8s by default); set both',
  ],
  [
    '$.spec rule 8',
    { spec: { model: { endpoints: [OPENAI] }, systemPrompt: 'Be kind.' } },
    'spec.model.endpoints: Invalid value: "object": with provider OpenAI cannot serve conversations, which are of the Messages API; remove tools, mcpServers, systemPrompt and systemPromptFrom, or set another provider',
  ],
  [
    '$.spec rule 9',
    { spec: { model: { endpoints: [OPENAI] }, security: { secrets: { mode: 'Report' } } } },
    'spec.model.endpoints: Invalid value: "object": with provider OpenAI are neither cached nor screened; set cache.mode and security.secrets.mode to Disabled and security.runGuard.messages to false, and remove Messages from security.promptInjection.sources, or set another provider',
  ],
  [
    '$.spec.model.endpoints rule 0',
    { spec: { model: { endpoints: [...ENDPOINTS, OPENAI] } } },
    'spec.model.endpoints: Invalid value: "array": must not mix provider OpenAI with others, since an agent speaks one protocol; move the endpoints of OpenAI to another agent',
  ],
  [
    '$.spec.model required endpoints',
    { spec: { model: {} } },
    'spec.model.endpoints: Required value',
  ],
  [
    '$.spec.model.affinity rule 0',
    {
      spec: {
        model: { affinity: { mode: 'Disabled', header: 'x-session-id' }, endpoints: ENDPOINTS },
      },
    },
    'spec.model.affinity.header: Invalid value: "object": has no effect when mode is Disabled; remove it, or set mode to Automatic or Always',
  ],
  [
    '$.spec.model.affinity.header rule 0',
    { spec: { model: { affinity: { header: 'x session' }, endpoints: ENDPOINTS } } },
    "spec.model.affinity.header: Invalid value: \"string\": must be the name of a header, which holds only letters, digits, '-' and '_', such as x-session-id",
  ],
  [
    '$.spec.model.endpoints unique',
    { spec: { model: { endpoints: [{ name: 'primary' }, { name: 'primary' }] } } },
    'spec.model.endpoints[1]: Duplicate value: {"name":"primary"}',
  ],
  [
    '$.spec.model.endpoints[*] required name',
    { spec: { model: { endpoints: [{}] } } },
    'spec.model.endpoints[0].name: Required value',
  ],
  [
    '$.spec.model.endpoints[*].name rule 0',
    { spec: { model: { endpoints: [{ name: 'Primary' }] } } },
    'spec.model.endpoints[0].name: Invalid value: "string": must hold only lower-case letters, digits and \'-\', and start and end with a letter or digit, such as primary',
  ],
  [
    '$.spec.model.endpoints[*].baseURL rule 0',
    {
      spec: { model: { endpoints: [{ name: 'primary', baseURL: 'model.example.com/v1?key=3' }] } },
    },
    'spec.model.endpoints[0].baseURL: Invalid value: "string": must be the address before /v1, with http:// or https:// and without credentials, query or fragment, such as https://api.anthropic.com',
  ],
  [
    '$.spec.model.endpoints[*].baseURL rule 1',
    {
      spec: {
        model: { endpoints: [{ name: 'primary', baseURL: 'https://api.anthropic.com/v1' }] },
      },
    },
    'spec.model.endpoints[0].baseURL: Invalid value: "string": must not end with /v1 or /v1/messages, which the agent adds; write what is before it, such as https://api.anthropic.com',
  ],
  [
    '$.spec.timeouts rule 1',
    { spec: { timeouts: { request: '30s', firstToken: '45s' } } },
    'spec.timeouts.firstToken: Invalid value: "object": must not be longer than request (default 5m), which ends the wait for the first token; raise request, or lower it',
  ],
  [
    '$.spec.model.endpoints[*].apiKeySecretRef required name',
    { spec: { model: { endpoints: [{ name: 'primary', apiKeySecretRef: {} }] } } },
    'spec.model.endpoints[0].apiKeySecretRef.name: Required value',
  ],
  [
    '$.spec.model.endpoints[*].apiKeySecretRef.name rule 0',
    {
      spec: {
        model: { endpoints: [{ name: 'primary', apiKeySecretRef: { name: 'Anthropic key' } }] },
      },
    },
    "spec.model.endpoints[0].apiKeySecretRef.name: Invalid value: \"string\": must be the name of a Secret, which holds only lower-case letters, digits, '-' and '.', such as anthropic",
  ],
  [
    '$.spec.model.endpoints[*].apiKeySecretRef.key rule 0',
    {
      spec: {
        model: {
          endpoints: [{ name: 'primary', apiKeySecretRef: { name: 'anthropic', key: 'api/key' } }],
        },
      },
    },
    "spec.model.endpoints[0].apiKeySecretRef.key: Invalid value: \"string\": must be a key of a Secret, which holds only letters, digits, '-', '_' and '.', such as api-key",
  ],
  [
    '$.spec.model.endpoints[*] rule 0',
    { spec: { model: { endpoints: [{ name: 'primary', credentialScheme: 'Bearer' }] } } },
    'spec.model.endpoints[0].credentialScheme: Invalid value: "object": has no key to send; set apiKeySecretRef as well, or remove it',
  ],
  [
    '$.spec.model.endpoints[*] rule 1',
    {
      spec: {
        model: {
          endpoints: [
            {
              name: 'primary',
              apiKeySecretRef: { name: 'anthropic' },
              headersFrom: [{ name: 'X-API-Key', secretKeyRef: { name: 'gateway', key: 'token' } }],
            },
          ],
        },
      },
    },
    'spec.model.endpoints[0].headersFrom: Invalid value: "object": must not name x-api-key, api-key or Authorization together with apiKeySecretRef, which sets them; remove one of the two',
  ],
  [
    '$.spec.model.endpoints[*].headersFrom unique',
    withHeader(
      { name: 'X-Gateway', secretKeyRef: { name: 'gateway', key: 'token' } },
      { name: 'X-Gateway', secretKeyRef: { name: 'gateway', key: 'token' } },
    ),
    'spec.model.endpoints[0].headersFrom[1]: Duplicate value: {"name":"X-Gateway"}',
  ],
  [
    '$.spec.model.endpoints[*].headersFrom[*] required name',
    withHeader({ secretKeyRef: { name: 'gateway', key: 'token' } }),
    'spec.model.endpoints[0].headersFrom[0].name: Required value',
  ],
  [
    '$.spec.model.endpoints[*].headersFrom[*] required secretKeyRef',
    withHeader({ name: 'X-Gateway' }),
    'spec.model.endpoints[0].headersFrom[0].secretKeyRef: Required value',
  ],
  [
    '$.spec.model.endpoints[*].headersFrom[*].name rule 0',
    withHeader({ name: 'x gateway', secretKeyRef: { name: 'gateway', key: 'token' } }),
    "spec.model.endpoints[0].headersFrom[0].name: Invalid value: \"string\": must be the name of a header, which holds only letters, digits, '-' and '_', such as X-Gateway-Token",
  ],
  [
    '$.spec.model.endpoints[*].headersFrom[*].prefix rule 0',
    withHeader({
      name: 'X-Gateway',
      prefix: 'Tök',
      secretKeyRef: { name: 'gateway', key: 'token' },
    }),
    'spec.model.endpoints[0].headersFrom[0].prefix: Invalid value: "string": must hold only printable ASCII, such as "Bearer "',
  ],
  [
    '$.spec.model.endpoints[*].headersFrom[*].secretKeyRef required name',
    withHeader({ name: 'X-Gateway', secretKeyRef: { key: 'token' } }),
    'spec.model.endpoints[0].headersFrom[0].secretKeyRef.name: Required value',
  ],
  [
    '$.spec.model.endpoints[*].headersFrom[*].secretKeyRef required key',
    withHeader({ name: 'X-Gateway', secretKeyRef: { name: 'gateway' } }),
    'spec.model.endpoints[0].headersFrom[0].secretKeyRef.key: Required value',
  ],
  [
    '$.spec.model.endpoints[*].headersFrom[*].secretKeyRef.name rule 0',
    withHeader({ name: 'X-Gateway', secretKeyRef: { name: 'My gateway', key: 'token' } }),
    "spec.model.endpoints[0].headersFrom[0].secretKeyRef.name: Invalid value: \"string\": must be the name of a Secret, which holds only lower-case letters, digits, '-' and '.', such as llm-gateway",
  ],
  [
    '$.spec.model.endpoints[*].headersFrom[*].secretKeyRef.key rule 0',
    withHeader({ name: 'X-Gateway', secretKeyRef: { name: 'gateway', key: 'a/b' } }),
    "spec.model.endpoints[0].headersFrom[0].secretKeyRef.key: Invalid value: \"string\": must be a key of a Secret, which holds only letters, digits, '-', '_' and '.', such as token",
  ],
  [
    '$.spec.routes unique',
    { spec: { routes: ['/v1/files', '/v1/files'] } },
    'spec.routes[1]: Duplicate value: "/v1/files"',
  ],
  [
    '$.spec.routes[*] rule 0',
    { spec: { routes: ['/v1/files/'] } },
    'spec.routes[0]: Invalid value: "string": must be a path below /v1 without a slash at its end, such as /v1/files',
  ],
  [
    '$.spec.routes[*] rule 1',
    { spec: { routes: ['/v1/messages'] } },
    'spec.routes[0]: Invalid value: "string": must not be a route that the agent serves itself; remove it',
  ],
  [
    '$.spec.timeouts.connect rule 0',
    { spec: { timeouts: { connect: '0s' } } },
    'spec.timeouts.connect: Invalid value: "string": must be a duration longer than 0s, written with the units h, m, s and ms, such as 10s or 500ms',
  ],
  [
    '$.spec.timeouts.request rule 0',
    { spec: { timeouts: { request: '5 minutes' } } },
    'spec.timeouts.request: Invalid value: "string": must be a duration longer than 0s, written with the units h, m, s and ms, such as 5m or 1m30s',
  ],
  [
    '$.spec.timeouts.attempt rule 0',
    { spec: { timeouts: { attempt: '0s' } } },
    'spec.timeouts.attempt: Invalid value: "string": must be a duration longer than 0s, written with the units h, m, s and ms, such as 30s or 1m30s',
  ],
  [
    '$.spec.timeouts.stream rule 0',
    { spec: { timeouts: { stream: 'forever' } } },
    'spec.timeouts.stream: Invalid value: "string": must be a duration longer than 0s, written with the units h, m, s and ms, such as 1h or 30m',
  ],
  [
    '$.spec.timeouts.firstToken rule 0',
    { spec: { timeouts: { firstToken: '0s' } } },
    'spec.timeouts.firstToken: Invalid value: "string": must be a duration longer than 0s, written with the units h, m, s and ms, such as 60s or 1m30s',
  ],
  [
    '$.spec.timeouts.streamIdle rule 0',
    { spec: { timeouts: { streamIdle: '2 minutes' } } },
    'spec.timeouts.streamIdle: Invalid value: "string": must be a duration longer than 0s, written with the units h, m, s and ms, such as 120s or 1m30s',
  ],
  [
    '$.spec.retry.maxProviderWait rule 0',
    { spec: { retry: { maxProviderWait: '5 minutes' } } },
    'spec.retry.maxProviderWait: Invalid value: "string": must be a duration longer than 0s, written with the units h, m, s and ms, such as 5m or 1m30s',
  ],
  [
    '$.spec.retry.baseDelay rule 0',
    { spec: { retry: { baseDelay: '0ms' } } },
    'spec.retry.baseDelay: Invalid value: "string": must be a duration longer than 0s, written with the units h, m, s and ms, such as 500ms or 1s',
  ],
  [
    '$.spec.retry.maxDelay rule 0',
    { spec: { retry: { maxDelay: '8 seconds' } } },
    'spec.retry.maxDelay: Invalid value: "string": must be a duration longer than 0s, written with the units h, m, s and ms, such as 8s or 1m30s',
  ],
  [
    '$.spec.retry.maxRetryAfter rule 0',
    { spec: { retry: { maxRetryAfter: '61s' } } },
    'spec.retry.maxRetryAfter: Invalid value: "string": must be a duration longer than 0s and at most 60s, written with the units h, m, s and ms, such as 5s or 500ms',
  ],
  [
    '$.spec.requestLimits rule 0',
    { spec: { requestLimits: { maxBodyBytes: 100_000_000 } } },
    'spec.requestLimits.maxBodyBytes: Invalid value: "object": must not be more than maxBodyBytesInFlight (default 67108864); set maxBodyBytesInFlight as well',
  ],
  [
    '$.spec.requestLimits rule 1',
    { spec: { requestLimits: { maxConnections: 100 } } },
    'spec.requestLimits.maxConnectionsPerAddress: Invalid value: "object": must not be more than maxConnections (default 2000); set maxConnections as well',
  ],
  [
    '$.spec.requestLimits.bodyIdleTimeout rule 0',
    { spec: { requestLimits: { bodyIdleTimeout: '0s' } } },
    'spec.requestLimits.bodyIdleTimeout: Invalid value: "string": must be a duration longer than 0s, written with the units h, m, s and ms, such as 10s or 500ms',
  ],
  [
    '$.spec.limits.bodyIdleTimeout rule 0',
    { spec: { limits: { bodyIdleTimeout: '0s' } } },
    'spec.limits.bodyIdleTimeout: Invalid value: "string": must be a duration longer than 0s, written with the units h, m, s and ms, such as 10s or 500ms',
  ],
  [
    '$.spec.clientPatience rule 0',
    { spec: { clientPatience: '2m' } },
    'spec.clientPatience: Invalid value: "string": must be a duration longer than 0s and at most 60s, written with the units h, m, s and ms, such as 10s or 500ms',
  ],
  [
    '$.spec.gates.maxWait rule 0',
    { spec: { gates: { maxWait: '0s' } } },
    'spec.gates.maxWait: Invalid value: "string": must be a duration longer than 0s, written with the units h, m, s and ms, such as 10s or 500ms',
  ],
  [
    '$.spec.bulkhead.acquireTimeout rule 0',
    { spec: { bulkhead: { acquireTimeout: '0s' } } },
    'spec.bulkhead.acquireTimeout: Invalid value: "string": must be a duration longer than 0s, written with the units h, m, s and ms, such as 5s or 500ms',
  ],
  [
    '$.spec.shutdown.drainTimeout rule 0',
    { spec: { shutdown: { drainTimeout: 'half an hour' } } },
    'spec.shutdown.drainTimeout: Invalid value: "string": must be a duration, written with the units h, m, s and ms, such as 5m or 1m30s',
  ],
  [
    '$.spec.shutdown.handlerTimeout rule 0',
    { spec: { shutdown: { handlerTimeout: 'half an hour' } } },
    'spec.shutdown.handlerTimeout: Invalid value: "string": must be a duration, written with the units h, m, s and ms, such as 30s',
  ],
  [
    '$.spec.monitoring.serviceMonitor.interval rule 0',
    { spec: { monitoring: { serviceMonitor: { interval: '4s999ms' } } } },
    'spec.monitoring.serviceMonitor.interval: Invalid value: "string": must be a duration of at least 5s, written with the units h, m, s and ms, such as 30s or 1m30s',
  ],
  [
    '$.spec.monitoring.serviceMonitor.labels rule 0',
    { spec: { monitoring: { serviceMonitor: { labels: { '-release': 'a' } } } } },
    'spec.monitoring.serviceMonitor.labels: Invalid value: "object": must have names that labels may have, such as release',
  ],
  [
    '$.spec.monitoring.serviceMonitor.labels.* rule 0',
    { spec: { monitoring: { serviceMonitor: { labels: { release: '-' } } } } },
    "spec.monitoring.serviceMonitor.labels[release]: Invalid value: \"string\": must be a value that labels may have, which holds only letters, digits, '-', '_' and '.', such as prometheus",
  ],
  [
    '$.spec.monitoring.alerts.labels rule 0',
    { spec: { monitoring: { alerts: { labels: { '-release': 'a' } } } } },
    'spec.monitoring.alerts.labels: Invalid value: "object": must have names that labels may have, such as release',
  ],
  [
    '$.spec.monitoring.alerts.labels.* rule 0',
    { spec: { monitoring: { alerts: { labels: { release: '-' } } } } },
    "spec.monitoring.alerts.labels[release]: Invalid value: \"string\": must be a value that labels may have, which holds only letters, digits, '-', '_' and '.', such as prometheus",
  ],
];

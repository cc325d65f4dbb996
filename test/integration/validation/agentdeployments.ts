import type { Row } from './row.ts';

/** Bad manifests of AgentDeployments. */
export const rows: Row[] = [
  ['$ required spec', { spec: undefined }, 'spec: Required value'],
  [
    '$ rule 0',
    { metadata: { name: 'triage.v2' } },
    'metadata.name: Invalid value: "object": must start with a letter, hold only lower-case letters, digits and \'-\', end with a letter or digit, and have at most 52 characters, so that the names of the objects made from it fit',
  ],
  [
    '$.spec type',
    { spec: 'text' },
    'spec: Invalid value: "string": spec in body must be of type object: "string"',
    '.spec.replicas: Invalid value: 0: .spec.replicas accessor error: text is of the type string, expected map[string]interface{}',
  ],
  ['$.spec required model', { spec: { model: undefined } }, 'spec.model: Required value'],
  [
    '$.spec rule 0',
    { spec: { timeouts: { connect: '6m' } } },
    'spec.timeouts.connect: Invalid value: "object": must not be longer than timeouts.request (default 5m); set timeouts.request as well',
  ],
  [
    '$.spec rule 1',
    { spec: { retry: { baseDelay: '9s' } } },
    'spec.retry.baseDelay: Invalid value: "object": must not be longer than retry.maxDelay (default 8s); set retry.maxDelay as well',
  ],
  [
    '$.spec.replicas type',
    { spec: { replicas: 'three' } },
    'spec.replicas: Invalid value: "string": spec.replicas in body must be of type integer: "string"',
    '.spec.replicas: Invalid value: 0: .spec.replicas accessor error: three is of the type string, expected int64',
  ],
  [
    '$.spec.replicas minimum',
    { spec: { replicas: -1 } },
    'spec.replicas: Invalid value: -1: spec.replicas in body should be greater than or equal to 0',
    '.spec.replicas: Invalid value: -1: should be a non-negative integer',
  ],
  [
    '$.spec.replicas maximum',
    { spec: { replicas: 1001 } },
    'spec.replicas: Invalid value: 1001: spec.replicas in body should be less than or equal to 1000',
  ],
  [
    '$.spec.image type',
    { spec: { image: 3 } },
    'spec.image: Invalid value: "integer": spec.image in body must be of type string: "integer"',
  ],
  [
    '$.spec.image minLength',
    { spec: { image: '' } },
    'spec.image: Invalid value: "": spec.image in body should be at least 1 chars long',
  ],
  [
    '$.spec.image maxLength',
    { spec: { image: 'a'.repeat(513) } },
    'spec.image: Too long: may not be more than 512 bytes',
  ],
  [
    '$.spec.imagePullPolicy type',
    { spec: { imagePullPolicy: 3 } },
    'spec.imagePullPolicy: Invalid value: "integer": spec.imagePullPolicy in body must be of type string: "integer"',
    'spec.imagePullPolicy: Unsupported value: 3: supported values: "Always", "IfNotPresent", "Never"',
  ],
  [
    '$.spec.imagePullPolicy enum',
    { spec: { imagePullPolicy: 'Other' } },
    'spec.imagePullPolicy: Unsupported value: "Other": supported values: "Always", "IfNotPresent", "Never"',
  ],
  [
    '$.spec.runtimeUpgrade type',
    { spec: { runtimeUpgrade: 3 } },
    'spec.runtimeUpgrade: Invalid value: "integer": spec.runtimeUpgrade in body must be of type string: "integer"',
    'spec.runtimeUpgrade: Unsupported value: 3: supported values: "Automatic", "Manual"',
  ],
  [
    '$.spec.runtimeUpgrade enum',
    { spec: { runtimeUpgrade: 'Other' } },
    'spec.runtimeUpgrade: Unsupported value: "Other": supported values: "Automatic", "Manual"',
  ],
  [
    '$.spec.model type',
    { spec: { model: 'text' } },
    'spec.model: Invalid value: "string": spec.model in body must be of type object: "string"',
  ],
  [
    '$.spec.model required endpoints',
    { spec: { model: {} } },
    'spec.model.endpoints: Required value',
  ],
  [
    '$.spec.model.loadBalancing type',
    { spec: { model: { endpoints: [{ name: 'primary' }], loadBalancing: 3 } } },
    'spec.model.loadBalancing: Invalid value: "integer": spec.model.loadBalancing in body must be of type string: "integer"',
    'spec.model.loadBalancing: Unsupported value: 3: supported values: "RoundRobin", "LeastLoaded", "Weighted", "Random"',
  ],
  [
    '$.spec.model.loadBalancing enum',
    { spec: { model: { endpoints: [{ name: 'primary' }], loadBalancing: 'Other' } } },
    'spec.model.loadBalancing: Unsupported value: "Other": supported values: "RoundRobin", "LeastLoaded", "Weighted", "Random"',
  ],
  [
    '$.spec.model.endpoints type',
    { spec: { model: { endpoints: 'text' } } },
    'spec.model.endpoints: Invalid value: "string": spec.model.endpoints in body must be of type array: "string"',
  ],
  [
    '$.spec.model.endpoints minItems',
    { spec: { model: { endpoints: [] } } },
    'spec.model.endpoints: Invalid value: 0: spec.model.endpoints in body should have at least 1 items',
  ],
  [
    '$.spec.model.endpoints maxItems',
    {
      spec: {
        model: { endpoints: Array.from({ length: 17 }, (_, i) => ({ name: `endpoint-${i}` })) },
      },
    },
    'spec.model.endpoints: Too many: 17: must have at most 16 items',
  ],
  [
    '$.spec.model.endpoints unique',
    { spec: { model: { endpoints: [{ name: 'primary' }, { name: 'primary' }] } } },
    'spec.model.endpoints[1]: Duplicate value: {"name":"primary"}',
  ],
  [
    '$.spec.model.endpoints[*] type',
    { spec: { model: { endpoints: ['text'] } } },
    'spec.model.endpoints[0]: Invalid value: "string": spec.model.endpoints[0] in body must be of type object: "string"',
    'spec.model.endpoints[0]: Invalid value: "text": must be an object for an array of list-type map',
  ],
  [
    '$.spec.model.endpoints[*] required name',
    { spec: { model: { endpoints: [{}] } } },
    'spec.model.endpoints[0].name: Required value',
  ],
  [
    '$.spec.model.endpoints[*].name type',
    { spec: { model: { endpoints: [{ name: 3 }] } } },
    'spec.model.endpoints[0].name: Invalid value: "integer": spec.model.endpoints[0].name in body must be of type string: "integer"',
  ],
  [
    '$.spec.model.endpoints[*].name minLength',
    { spec: { model: { endpoints: [{ name: '' }] } } },
    'spec.model.endpoints[0].name: Invalid value: "": spec.model.endpoints[0].name in body should be at least 1 chars long',
  ],
  [
    '$.spec.model.endpoints[*].name maxLength',
    { spec: { model: { endpoints: [{ name: 'a'.repeat(41) }] } } },
    'spec.model.endpoints[0].name: Too long: may not be more than 40 bytes',
  ],
  [
    '$.spec.model.endpoints[*].name rule 0',
    { spec: { model: { endpoints: [{ name: 'Primary' }] } } },
    'spec.model.endpoints[0].name: Invalid value: "string": must hold only lower-case letters, digits and \'-\', and start and end with a letter or digit, such as primary',
  ],
  [
    '$.spec.model.endpoints[*].provider type',
    { spec: { model: { endpoints: [{ name: 'primary', provider: 3 }] } } },
    'spec.model.endpoints[0].provider: Invalid value: "integer": spec.model.endpoints[0].provider in body must be of type string: "integer"',
    'spec.model.endpoints[0].provider: Unsupported value: 3: supported values: "Anthropic"',
  ],
  [
    '$.spec.model.endpoints[*].provider enum',
    { spec: { model: { endpoints: [{ name: 'primary', provider: 'Other' }] } } },
    'spec.model.endpoints[0].provider: Unsupported value: "Other": supported values: "Anthropic"',
  ],
  [
    '$.spec.model.endpoints[*].model type',
    { spec: { model: { endpoints: [{ name: 'primary', model: 3 }] } } },
    'spec.model.endpoints[0].model: Invalid value: "integer": spec.model.endpoints[0].model in body must be of type string: "integer"',
  ],
  [
    '$.spec.model.endpoints[*].model minLength',
    { spec: { model: { endpoints: [{ name: 'primary', model: '' }] } } },
    'spec.model.endpoints[0].model: Invalid value: "": spec.model.endpoints[0].model in body should be at least 1 chars long',
  ],
  [
    '$.spec.model.endpoints[*].model maxLength',
    { spec: { model: { endpoints: [{ name: 'primary', model: 'a'.repeat(257) }] } } },
    'spec.model.endpoints[0].model: Too long: may not be more than 256 bytes',
  ],
  [
    '$.spec.model.endpoints[*].baseURL type',
    { spec: { model: { endpoints: [{ name: 'primary', baseURL: 3 }] } } },
    'spec.model.endpoints[0].baseURL: Invalid value: "integer": spec.model.endpoints[0].baseURL in body must be of type string: "integer"',
  ],
  [
    '$.spec.model.endpoints[*].baseURL maxLength',
    { spec: { model: { endpoints: [{ name: 'primary', baseURL: 'a'.repeat(2049) }] } } },
    'spec.model.endpoints[0].baseURL: Too long: may not be more than 2048 bytes',
  ],
  [
    '$.spec.model.endpoints[*].baseURL rule 0',
    {
      spec: { model: { endpoints: [{ name: 'primary', baseURL: 'model.example.com/v1?key=3' }] } },
    },
    'spec.model.endpoints[0].baseURL: Invalid value: "string": must be the address before /v1/messages, with http:// or https:// and without credentials, query or fragment, such as https://api.anthropic.com',
  ],
  [
    '$.spec.model.endpoints[*].apiKeySecretRef type',
    { spec: { model: { endpoints: [{ name: 'primary', apiKeySecretRef: 'text' }] } } },
    'spec.model.endpoints[0].apiKeySecretRef: Invalid value: "string": spec.model.endpoints[0].apiKeySecretRef in body must be of type object: "string"',
  ],
  [
    '$.spec.model.endpoints[*].apiKeySecretRef required name',
    { spec: { model: { endpoints: [{ name: 'primary', apiKeySecretRef: {} }] } } },
    'spec.model.endpoints[0].apiKeySecretRef.name: Required value',
  ],
  [
    '$.spec.model.endpoints[*].apiKeySecretRef.name type',
    { spec: { model: { endpoints: [{ name: 'primary', apiKeySecretRef: { name: 3 } }] } } },
    'spec.model.endpoints[0].apiKeySecretRef.name: Invalid value: "integer": spec.model.endpoints[0].apiKeySecretRef.name in body must be of type string: "integer"',
  ],
  [
    '$.spec.model.endpoints[*].apiKeySecretRef.name minLength',
    { spec: { model: { endpoints: [{ name: 'primary', apiKeySecretRef: { name: '' } }] } } },
    'spec.model.endpoints[0].apiKeySecretRef.name: Invalid value: "": spec.model.endpoints[0].apiKeySecretRef.name in body should be at least 1 chars long',
  ],
  [
    '$.spec.model.endpoints[*].apiKeySecretRef.name maxLength',
    {
      spec: {
        model: { endpoints: [{ name: 'primary', apiKeySecretRef: { name: 'a'.repeat(254) } }] },
      },
    },
    'spec.model.endpoints[0].apiKeySecretRef.name: Too long: may not be more than 253 bytes',
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
    '$.spec.model.endpoints[*].apiKeySecretRef.key type',
    {
      spec: {
        model: { endpoints: [{ name: 'primary', apiKeySecretRef: { name: 'anthropic', key: 3 } }] },
      },
    },
    'spec.model.endpoints[0].apiKeySecretRef.key: Invalid value: "integer": spec.model.endpoints[0].apiKeySecretRef.key in body must be of type string: "integer"',
  ],
  [
    '$.spec.model.endpoints[*].apiKeySecretRef.key minLength',
    {
      spec: {
        model: {
          endpoints: [{ name: 'primary', apiKeySecretRef: { name: 'anthropic', key: '' } }],
        },
      },
    },
    'spec.model.endpoints[0].apiKeySecretRef.key: Invalid value: "": spec.model.endpoints[0].apiKeySecretRef.key in body should be at least 1 chars long',
  ],
  [
    '$.spec.model.endpoints[*].apiKeySecretRef.key maxLength',
    {
      spec: {
        model: {
          endpoints: [
            { name: 'primary', apiKeySecretRef: { name: 'anthropic', key: 'a'.repeat(254) } },
          ],
        },
      },
    },
    'spec.model.endpoints[0].apiKeySecretRef.key: Too long: may not be more than 253 bytes',
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
    '$.spec.model.endpoints[*].maxConcurrent type',
    { spec: { model: { endpoints: [{ name: 'primary', maxConcurrent: 'three' }] } } },
    'spec.model.endpoints[0].maxConcurrent: Invalid value: "string": spec.model.endpoints[0].maxConcurrent in body must be of type integer: "string"',
  ],
  [
    '$.spec.model.endpoints[*].maxConcurrent minimum',
    { spec: { model: { endpoints: [{ name: 'primary', maxConcurrent: 0 }] } } },
    'spec.model.endpoints[0].maxConcurrent: Invalid value: 0: spec.model.endpoints[0].maxConcurrent in body should be greater than or equal to 1',
  ],
  [
    '$.spec.model.endpoints[*].maxConcurrent maximum',
    { spec: { model: { endpoints: [{ name: 'primary', maxConcurrent: 100001 }] } } },
    'spec.model.endpoints[0].maxConcurrent: Invalid value: 100001: spec.model.endpoints[0].maxConcurrent in body should be less than or equal to 100000',
  ],
  [
    '$.spec.model.endpoints[*].maxTokens type',
    { spec: { model: { endpoints: [{ name: 'primary', maxTokens: 'three' }] } } },
    'spec.model.endpoints[0].maxTokens: Invalid value: "string": spec.model.endpoints[0].maxTokens in body must be of type integer: "string"',
  ],
  [
    '$.spec.model.endpoints[*].maxTokens minimum',
    { spec: { model: { endpoints: [{ name: 'primary', maxTokens: 0 }] } } },
    'spec.model.endpoints[0].maxTokens: Invalid value: 0: spec.model.endpoints[0].maxTokens in body should be greater than or equal to 1',
  ],
  [
    '$.spec.model.endpoints[*].maxTokens maximum',
    { spec: { model: { endpoints: [{ name: 'primary', maxTokens: 10000001 }] } } },
    'spec.model.endpoints[0].maxTokens: Invalid value: 10000001: spec.model.endpoints[0].maxTokens in body should be less than or equal to 10000000',
  ],
  [
    '$.spec.model.endpoints[*].priority type',
    { spec: { model: { endpoints: [{ name: 'primary', priority: 'three' }] } } },
    'spec.model.endpoints[0].priority: Invalid value: "string": spec.model.endpoints[0].priority in body must be of type integer: "string"',
  ],
  [
    '$.spec.model.endpoints[*].priority minimum',
    { spec: { model: { endpoints: [{ name: 'primary', priority: -1 }] } } },
    'spec.model.endpoints[0].priority: Invalid value: -1: spec.model.endpoints[0].priority in body should be greater than or equal to 0',
  ],
  [
    '$.spec.model.endpoints[*].priority maximum',
    { spec: { model: { endpoints: [{ name: 'primary', priority: 1001 }] } } },
    'spec.model.endpoints[0].priority: Invalid value: 1001: spec.model.endpoints[0].priority in body should be less than or equal to 1000',
  ],
  [
    '$.spec.model.endpoints[*].weight type',
    { spec: { model: { endpoints: [{ name: 'primary', weight: 'three' }] } } },
    'spec.model.endpoints[0].weight: Invalid value: "string": spec.model.endpoints[0].weight in body must be of type integer: "string"',
  ],
  [
    '$.spec.model.endpoints[*].weight minimum',
    { spec: { model: { endpoints: [{ name: 'primary', weight: 0 }] } } },
    'spec.model.endpoints[0].weight: Invalid value: 0: spec.model.endpoints[0].weight in body should be greater than or equal to 1',
  ],
  [
    '$.spec.model.endpoints[*].weight maximum',
    { spec: { model: { endpoints: [{ name: 'primary', weight: 1001 }] } } },
    'spec.model.endpoints[0].weight: Invalid value: 1001: spec.model.endpoints[0].weight in body should be less than or equal to 1000',
  ],
  [
    '$.spec.timeouts type',
    { spec: { timeouts: 'text' } },
    'spec.timeouts: Invalid value: "string": spec.timeouts in body must be of type object: "string"',
  ],
  [
    '$.spec.timeouts.connect type',
    { spec: { timeouts: { connect: 3 } } },
    'spec.timeouts.connect: Invalid value: "integer": spec.timeouts.connect in body must be of type string: "integer"',
  ],
  [
    '$.spec.timeouts.connect maxLength',
    { spec: { timeouts: { connect: '0001h0001h0001h0001h0001h' } } },
    'spec.timeouts.connect: Too long: may not be more than 24 bytes',
  ],
  [
    '$.spec.timeouts.connect rule 0',
    { spec: { timeouts: { connect: '0s' } } },
    'spec.timeouts.connect: Invalid value: "string": must be a duration longer than 0s, written with the units h, m, s and ms, such as 10s or 500ms',
  ],
  [
    '$.spec.timeouts.request type',
    { spec: { timeouts: { request: 3 } } },
    'spec.timeouts.request: Invalid value: "integer": spec.timeouts.request in body must be of type string: "integer"',
  ],
  [
    '$.spec.timeouts.request maxLength',
    { spec: { timeouts: { request: '0001h0001h0001h0001h0001h' } } },
    'spec.timeouts.request: Too long: may not be more than 24 bytes',
  ],
  [
    '$.spec.timeouts.request rule 0',
    { spec: { timeouts: { request: '5 minutes' } } },
    'spec.timeouts.request: Invalid value: "string": must be a duration longer than 0s, written with the units h, m, s and ms, such as 5m or 1m30s',
  ],
  [
    '$.spec.timeouts.firstToken type',
    { spec: { timeouts: { firstToken: 3 } } },
    'spec.timeouts.firstToken: Invalid value: "integer": spec.timeouts.firstToken in body must be of type string: "integer"',
  ],
  [
    '$.spec.timeouts.firstToken maxLength',
    { spec: { timeouts: { firstToken: '0001h0001h0001h0001h0001h' } } },
    'spec.timeouts.firstToken: Too long: may not be more than 24 bytes',
  ],
  [
    '$.spec.timeouts.firstToken rule 0',
    { spec: { timeouts: { firstToken: '0s' } } },
    'spec.timeouts.firstToken: Invalid value: "string": must be a duration longer than 0s, written with the units h, m, s and ms, such as 60s or 1m30s',
  ],
  [
    '$.spec.timeouts.streamIdle type',
    { spec: { timeouts: { streamIdle: 3 } } },
    'spec.timeouts.streamIdle: Invalid value: "integer": spec.timeouts.streamIdle in body must be of type string: "integer"',
  ],
  [
    '$.spec.timeouts.streamIdle maxLength',
    { spec: { timeouts: { streamIdle: '0001h0001h0001h0001h0001h' } } },
    'spec.timeouts.streamIdle: Too long: may not be more than 24 bytes',
  ],
  [
    '$.spec.timeouts.streamIdle rule 0',
    { spec: { timeouts: { streamIdle: '2 minutes' } } },
    'spec.timeouts.streamIdle: Invalid value: "string": must be a duration longer than 0s, written with the units h, m, s and ms, such as 120s or 1m30s',
  ],
  [
    '$.spec.timeouts.transportIdle type',
    { spec: { timeouts: { transportIdle: 3 } } },
    'spec.timeouts.transportIdle: Invalid value: "integer": spec.timeouts.transportIdle in body must be of type string: "integer"',
  ],
  [
    '$.spec.timeouts.transportIdle maxLength',
    { spec: { timeouts: { transportIdle: '0001h0001h0001h0001h0001h' } } },
    'spec.timeouts.transportIdle: Too long: may not be more than 24 bytes',
  ],
  [
    '$.spec.timeouts.transportIdle rule 0',
    { spec: { timeouts: { transportIdle: '45' } } },
    'spec.timeouts.transportIdle: Invalid value: "string": must be a duration longer than 0s, written with the units h, m, s and ms, such as 45s or 1m30s',
  ],
  [
    '$.spec.retry type',
    { spec: { retry: 'text' } },
    'spec.retry: Invalid value: "string": spec.retry in body must be of type object: "string"',
  ],
  [
    '$.spec.retry.maxAttempts type',
    { spec: { retry: { maxAttempts: 'three' } } },
    'spec.retry.maxAttempts: Invalid value: "string": spec.retry.maxAttempts in body must be of type integer: "string"',
  ],
  [
    '$.spec.retry.maxAttempts minimum',
    { spec: { retry: { maxAttempts: 0 } } },
    'spec.retry.maxAttempts: Invalid value: 0: spec.retry.maxAttempts in body should be greater than or equal to 1',
  ],
  [
    '$.spec.retry.maxAttempts maximum',
    { spec: { retry: { maxAttempts: 11 } } },
    'spec.retry.maxAttempts: Invalid value: 11: spec.retry.maxAttempts in body should be less than or equal to 10',
  ],
  [
    '$.spec.retry.baseDelay type',
    { spec: { retry: { baseDelay: 3 } } },
    'spec.retry.baseDelay: Invalid value: "integer": spec.retry.baseDelay in body must be of type string: "integer"',
  ],
  [
    '$.spec.retry.baseDelay maxLength',
    { spec: { retry: { baseDelay: '0001h0001h0001h0001h0001h' } } },
    'spec.retry.baseDelay: Too long: may not be more than 24 bytes',
  ],
  [
    '$.spec.retry.baseDelay rule 0',
    { spec: { retry: { baseDelay: '0ms' } } },
    'spec.retry.baseDelay: Invalid value: "string": must be a duration longer than 0s, written with the units h, m, s and ms, such as 500ms or 1s',
  ],
  [
    '$.spec.retry.maxDelay type',
    { spec: { retry: { maxDelay: 3 } } },
    'spec.retry.maxDelay: Invalid value: "integer": spec.retry.maxDelay in body must be of type string: "integer"',
  ],
  [
    '$.spec.retry.maxDelay maxLength',
    { spec: { retry: { maxDelay: '0001h0001h0001h0001h0001h' } } },
    'spec.retry.maxDelay: Too long: may not be more than 24 bytes',
  ],
  [
    '$.spec.retry.maxDelay rule 0',
    { spec: { retry: { maxDelay: '8 seconds' } } },
    'spec.retry.maxDelay: Invalid value: "string": must be a duration longer than 0s, written with the units h, m, s and ms, such as 8s or 1m30s',
  ],
  [
    '$.spec.retry.budgetPercent type',
    { spec: { retry: { budgetPercent: 'three' } } },
    'spec.retry.budgetPercent: Invalid value: "string": spec.retry.budgetPercent in body must be of type integer: "string"',
  ],
  [
    '$.spec.retry.budgetPercent minimum',
    { spec: { retry: { budgetPercent: -1 } } },
    'spec.retry.budgetPercent: Invalid value: -1: spec.retry.budgetPercent in body should be greater than or equal to 0',
  ],
  [
    '$.spec.retry.budgetPercent maximum',
    { spec: { retry: { budgetPercent: 101 } } },
    'spec.retry.budgetPercent: Invalid value: 101: spec.retry.budgetPercent in body should be less than or equal to 100',
  ],
  [
    '$.spec.bulkhead type',
    { spec: { bulkhead: 'text' } },
    'spec.bulkhead: Invalid value: "string": spec.bulkhead in body must be of type object: "string"',
  ],
  [
    '$.spec.bulkhead.maxConcurrent type',
    { spec: { bulkhead: { maxConcurrent: 'three' } } },
    'spec.bulkhead.maxConcurrent: Invalid value: "string": spec.bulkhead.maxConcurrent in body must be of type integer: "string"',
  ],
  [
    '$.spec.bulkhead.maxConcurrent minimum',
    { spec: { bulkhead: { maxConcurrent: 0 } } },
    'spec.bulkhead.maxConcurrent: Invalid value: 0: spec.bulkhead.maxConcurrent in body should be greater than or equal to 1',
  ],
  [
    '$.spec.bulkhead.maxConcurrent maximum',
    { spec: { bulkhead: { maxConcurrent: 100001 } } },
    'spec.bulkhead.maxConcurrent: Invalid value: 100001: spec.bulkhead.maxConcurrent in body should be less than or equal to 100000',
  ],
  [
    '$.spec.bulkhead.maxQueued type',
    { spec: { bulkhead: { maxQueued: 'three' } } },
    'spec.bulkhead.maxQueued: Invalid value: "string": spec.bulkhead.maxQueued in body must be of type integer: "string"',
  ],
  [
    '$.spec.bulkhead.maxQueued minimum',
    { spec: { bulkhead: { maxQueued: -1 } } },
    'spec.bulkhead.maxQueued: Invalid value: -1: spec.bulkhead.maxQueued in body should be greater than or equal to 0',
  ],
  [
    '$.spec.bulkhead.maxQueued maximum',
    { spec: { bulkhead: { maxQueued: 100001 } } },
    'spec.bulkhead.maxQueued: Invalid value: 100001: spec.bulkhead.maxQueued in body should be less than or equal to 100000',
  ],
  [
    '$.spec.bulkhead.acquireTimeout type',
    { spec: { bulkhead: { acquireTimeout: 3 } } },
    'spec.bulkhead.acquireTimeout: Invalid value: "integer": spec.bulkhead.acquireTimeout in body must be of type string: "integer"',
  ],
  [
    '$.spec.bulkhead.acquireTimeout maxLength',
    { spec: { bulkhead: { acquireTimeout: '0001h0001h0001h0001h0001h' } } },
    'spec.bulkhead.acquireTimeout: Too long: may not be more than 24 bytes',
  ],
  [
    '$.spec.bulkhead.acquireTimeout rule 0',
    { spec: { bulkhead: { acquireTimeout: '0s' } } },
    'spec.bulkhead.acquireTimeout: Invalid value: "string": must be a duration longer than 0s, written with the units h, m, s and ms, such as 5s or 500ms',
  ],
  [
    '$.spec.shutdown type',
    { spec: { shutdown: 'text' } },
    'spec.shutdown: Invalid value: "string": spec.shutdown in body must be of type object: "string"',
  ],
  [
    '$.spec.shutdown.drainTimeout type',
    { spec: { shutdown: { drainTimeout: 3 } } },
    'spec.shutdown.drainTimeout: Invalid value: "integer": spec.shutdown.drainTimeout in body must be of type string: "integer"',
  ],
  [
    '$.spec.shutdown.drainTimeout maxLength',
    { spec: { shutdown: { drainTimeout: '0001h0001h0001h0001h0001h' } } },
    'spec.shutdown.drainTimeout: Too long: may not be more than 24 bytes',
  ],
  [
    '$.spec.shutdown.drainTimeout rule 0',
    { spec: { shutdown: { drainTimeout: 'half an hour' } } },
    'spec.shutdown.drainTimeout: Invalid value: "string": must be a duration, written with the units h, m, s and ms, such as 5m or 1m30s',
  ],
  [
    '$.spec.shutdown.handlerTimeout type',
    { spec: { shutdown: { handlerTimeout: 3 } } },
    'spec.shutdown.handlerTimeout: Invalid value: "integer": spec.shutdown.handlerTimeout in body must be of type string: "integer"',
  ],
  [
    '$.spec.shutdown.handlerTimeout maxLength',
    { spec: { shutdown: { handlerTimeout: '0001h0001h0001h0001h0001h' } } },
    'spec.shutdown.handlerTimeout: Too long: may not be more than 24 bytes',
  ],
  [
    '$.spec.shutdown.handlerTimeout rule 0',
    { spec: { shutdown: { handlerTimeout: 'half an hour' } } },
    'spec.shutdown.handlerTimeout: Invalid value: "string": must be a duration, written with the units h, m, s and ms, such as 30s',
  ],
  [
    '$.spec.monitoring type',
    { spec: { monitoring: 'text' } },
    'spec.monitoring: Invalid value: "string": spec.monitoring in body must be of type object: "string"',
  ],
  [
    '$.spec.monitoring.serviceMonitor type',
    { spec: { monitoring: { serviceMonitor: 'text' } } },
    'spec.monitoring.serviceMonitor: Invalid value: "string": spec.monitoring.serviceMonitor in body must be of type object: "string"',
  ],
  [
    '$.spec.monitoring.serviceMonitor.enabled type',
    { spec: { monitoring: { serviceMonitor: { enabled: 'yes' } } } },
    'spec.monitoring.serviceMonitor.enabled: Invalid value: "string": spec.monitoring.serviceMonitor.enabled in body must be of type boolean: "string"',
  ],
  [
    '$.spec.monitoring.serviceMonitor.interval type',
    { spec: { monitoring: { serviceMonitor: { interval: 30 } } } },
    'spec.monitoring.serviceMonitor.interval: Invalid value: "integer": spec.monitoring.serviceMonitor.interval in body must be of type string: "integer"',
  ],
  [
    '$.spec.monitoring.serviceMonitor.interval maxLength',
    { spec: { monitoring: { serviceMonitor: { interval: '0001h0001h0001h0001h0001h' } } } },
    'spec.monitoring.serviceMonitor.interval: Too long: may not be more than 24 bytes',
  ],
  [
    '$.spec.monitoring.serviceMonitor.interval rule 0',
    { spec: { monitoring: { serviceMonitor: { interval: '0s' } } } },
    'spec.monitoring.serviceMonitor.interval: Invalid value: "string": must be a duration longer than 0s, written with the units h, m, s and ms, such as 30s or 1m30s',
  ],
  [
    '$.spec.monitoring.serviceMonitor.labels type',
    { spec: { monitoring: { serviceMonitor: { labels: 'text' } } } },
    'spec.monitoring.serviceMonitor.labels: Invalid value: "string": spec.monitoring.serviceMonitor.labels in body must be of type object: "string"',
  ],
  [
    '$.spec.monitoring.serviceMonitor.labels maxProperties',
    {
      spec: {
        monitoring: {
          serviceMonitor: {
            labels: Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`l${i}`, ''])),
          },
        },
      },
    },
    'spec.monitoring.serviceMonitor.labels: Too many: 17: must have at most 16 items',
  ],
  [
    '$.spec.monitoring.serviceMonitor.labels rule 0',
    { spec: { monitoring: { serviceMonitor: { labels: { '-release': 'a' } } } } },
    'spec.monitoring.serviceMonitor.labels: Invalid value: "object": must have names that labels may have, such as release',
  ],
  [
    '$.spec.monitoring.serviceMonitor.labels.* type',
    { spec: { monitoring: { serviceMonitor: { labels: { release: 3 } } } } },
    'spec.monitoring.serviceMonitor.labels.release: Invalid value: "integer": spec.monitoring.serviceMonitor.labels.release in body must be of type string: "integer"',
  ],
  [
    '$.spec.monitoring.serviceMonitor.labels.* maxLength',
    { spec: { monitoring: { serviceMonitor: { labels: { release: 'a'.repeat(64) } } } } },
    'spec.monitoring.serviceMonitor.labels.release: Too long: may not be more than 63 bytes',
  ],
  [
    '$.spec.monitoring.serviceMonitor.labels.* rule 0',
    { spec: { monitoring: { serviceMonitor: { labels: { release: '-' } } } } },
    "spec.monitoring.serviceMonitor.labels[release]: Invalid value: \"string\": must be a value that labels may have, which holds only letters, digits, '-', '_' and '.', such as prometheus",
  ],
  [
    '$.spec.monitoring.alerts type',
    { spec: { monitoring: { alerts: 'text' } } },
    'spec.monitoring.alerts: Invalid value: "string": spec.monitoring.alerts in body must be of type object: "string"',
  ],
  [
    '$.spec.monitoring.alerts.enabled type',
    { spec: { monitoring: { alerts: { enabled: 'yes' } } } },
    'spec.monitoring.alerts.enabled: Invalid value: "string": spec.monitoring.alerts.enabled in body must be of type boolean: "string"',
  ],
  [
    '$.spec.monitoring.alerts.labels type',
    { spec: { monitoring: { alerts: { labels: 'text' } } } },
    'spec.monitoring.alerts.labels: Invalid value: "string": spec.monitoring.alerts.labels in body must be of type object: "string"',
  ],
  [
    '$.spec.monitoring.alerts.labels maxProperties',
    {
      spec: {
        monitoring: {
          alerts: {
            labels: Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`l${i}`, ''])),
          },
        },
      },
    },
    'spec.monitoring.alerts.labels: Too many: 17: must have at most 16 items',
  ],
  [
    '$.spec.monitoring.alerts.labels rule 0',
    { spec: { monitoring: { alerts: { labels: { '-release': 'a' } } } } },
    'spec.monitoring.alerts.labels: Invalid value: "object": must have names that labels may have, such as release',
  ],
  [
    '$.spec.monitoring.alerts.labels.* type',
    { spec: { monitoring: { alerts: { labels: { release: 3 } } } } },
    'spec.monitoring.alerts.labels.release: Invalid value: "integer": spec.monitoring.alerts.labels.release in body must be of type string: "integer"',
  ],
  [
    '$.spec.monitoring.alerts.labels.* maxLength',
    { spec: { monitoring: { alerts: { labels: { release: 'a'.repeat(64) } } } } },
    'spec.monitoring.alerts.labels.release: Too long: may not be more than 63 bytes',
  ],
  [
    '$.spec.monitoring.alerts.labels.* rule 0',
    { spec: { monitoring: { alerts: { labels: { release: '-' } } } } },
    "spec.monitoring.alerts.labels[release]: Invalid value: \"string\": must be a value that labels may have, which holds only letters, digits, '-', '_' and '.', such as prometheus",
  ],
  [
    '$.spec.podTemplate type',
    { spec: { podTemplate: 'text' } },
    'spec.podTemplate: Invalid value: "string": spec.podTemplate in body must be of type object: "string"',
  ],
];

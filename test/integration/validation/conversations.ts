import type { Row } from './row.ts';

/** Bad manifests of AgentDeployments, by their conversations. */
export const rows: Row[] = [
  [
    '$.spec rule 2',
    {
      spec: {
        systemPrompt: 'Be kind.',
        systemPromptFrom: { configMapKeyRef: { name: 'prompts', key: 'triage.md' } },
      },
    },
    'spec.systemPromptFrom: Invalid value: "object": must not be set together with systemPrompt; remove one of the two',
  ],
  [
    '$.spec.systemPrompt type',
    { spec: { systemPrompt: 3 } },
    'spec.systemPrompt: Invalid value: "integer": spec.systemPrompt in body must be of type string: "integer"',
  ],
  [
    '$.spec.systemPrompt minLength',
    { spec: { systemPrompt: '' } },
    'spec.systemPrompt: Invalid value: "": spec.systemPrompt in body should be at least 1 chars long',
  ],
  [
    '$.spec.systemPrompt maxLength',
    { spec: { systemPrompt: 'a'.repeat(65537) } },
    'spec.systemPrompt: Too long: may not be more than 65536 bytes',
  ],
  [
    '$.spec.systemPromptFrom type',
    { spec: { systemPromptFrom: 'text' } },
    'spec.systemPromptFrom: Invalid value: "string": spec.systemPromptFrom in body must be of type object: "string"',
  ],
  [
    '$.spec.systemPromptFrom required configMapKeyRef',
    { spec: { systemPromptFrom: {} } },
    'spec.systemPromptFrom.configMapKeyRef: Required value',
  ],
  [
    '$.spec.systemPromptFrom.configMapKeyRef type',
    { spec: { systemPromptFrom: { configMapKeyRef: 'text' } } },
    'spec.systemPromptFrom.configMapKeyRef: Invalid value: "string": spec.systemPromptFrom.configMapKeyRef in body must be of type object: "string"',
  ],
  [
    '$.spec.systemPromptFrom.configMapKeyRef required name',
    { spec: { systemPromptFrom: { configMapKeyRef: { key: 'triage.md' } } } },
    'spec.systemPromptFrom.configMapKeyRef.name: Required value',
  ],
  [
    '$.spec.systemPromptFrom.configMapKeyRef required key',
    { spec: { systemPromptFrom: { configMapKeyRef: { name: 'prompts' } } } },
    'spec.systemPromptFrom.configMapKeyRef.key: Required value',
  ],
  [
    '$.spec.systemPromptFrom.configMapKeyRef.name type',
    { spec: { systemPromptFrom: { configMapKeyRef: { name: 3, key: 'triage.md' } } } },
    'spec.systemPromptFrom.configMapKeyRef.name: Invalid value: "integer": spec.systemPromptFrom.configMapKeyRef.name in body must be of type string: "integer"',
  ],
  [
    '$.spec.systemPromptFrom.configMapKeyRef.name minLength',
    { spec: { systemPromptFrom: { configMapKeyRef: { name: '', key: 'triage.md' } } } },
    'spec.systemPromptFrom.configMapKeyRef.name: Invalid value: "": spec.systemPromptFrom.configMapKeyRef.name in body should be at least 1 chars long',
  ],
  [
    '$.spec.systemPromptFrom.configMapKeyRef.name maxLength',
    {
      spec: { systemPromptFrom: { configMapKeyRef: { name: 'a'.repeat(254), key: 'triage.md' } } },
    },
    'spec.systemPromptFrom.configMapKeyRef.name: Too long: may not be more than 253 bytes',
  ],
  [
    '$.spec.systemPromptFrom.configMapKeyRef.name rule 0',
    { spec: { systemPromptFrom: { configMapKeyRef: { name: 'My prompts', key: 'triage.md' } } } },
    "spec.systemPromptFrom.configMapKeyRef.name: Invalid value: \"string\": must be the name of a ConfigMap, which holds only lower-case letters, digits, '-' and '.', such as prompts",
  ],
  [
    '$.spec.systemPromptFrom.configMapKeyRef.key type',
    { spec: { systemPromptFrom: { configMapKeyRef: { name: 'prompts', key: 3 } } } },
    'spec.systemPromptFrom.configMapKeyRef.key: Invalid value: "integer": spec.systemPromptFrom.configMapKeyRef.key in body must be of type string: "integer"',
  ],
  [
    '$.spec.systemPromptFrom.configMapKeyRef.key minLength',
    { spec: { systemPromptFrom: { configMapKeyRef: { name: 'prompts', key: '' } } } },
    'spec.systemPromptFrom.configMapKeyRef.key: Invalid value: "": spec.systemPromptFrom.configMapKeyRef.key in body should be at least 1 chars long',
  ],
  [
    '$.spec.systemPromptFrom.configMapKeyRef.key maxLength',
    { spec: { systemPromptFrom: { configMapKeyRef: { name: 'prompts', key: 'a'.repeat(254) } } } },
    'spec.systemPromptFrom.configMapKeyRef.key: Too long: may not be more than 253 bytes',
  ],
  [
    '$.spec.systemPromptFrom.configMapKeyRef.key rule 0',
    { spec: { systemPromptFrom: { configMapKeyRef: { name: 'prompts', key: 'a/b' } } } },
    "spec.systemPromptFrom.configMapKeyRef.key: Invalid value: \"string\": must be a key of a ConfigMap, which holds only letters, digits, '-', '_' and '.', such as triage.md",
  ],
  [
    '$.spec.conversation type',
    { spec: { conversation: 'text' } },
    'spec.conversation: Invalid value: "string": spec.conversation in body must be of type object: "string"',
  ],
  [
    '$.spec.conversation.maxMessages type',
    { spec: { conversation: { maxMessages: 'three' } } },
    'spec.conversation.maxMessages: Invalid value: "string": spec.conversation.maxMessages in body must be of type integer: "string"',
  ],
  [
    '$.spec.conversation.maxMessages minimum',
    { spec: { conversation: { maxMessages: 1 } } },
    'spec.conversation.maxMessages: Invalid value: 1: spec.conversation.maxMessages in body should be greater than or equal to 2',
  ],
  [
    '$.spec.conversation.maxMessages maximum',
    { spec: { conversation: { maxMessages: 10001 } } },
    'spec.conversation.maxMessages: Invalid value: 10001: spec.conversation.maxMessages in body should be less than or equal to 10000',
  ],
  [
    '$.spec.conversation.maxTurns type',
    { spec: { conversation: { maxTurns: 'three' } } },
    'spec.conversation.maxTurns: Invalid value: "string": spec.conversation.maxTurns in body must be of type integer: "string"',
  ],
  [
    '$.spec.conversation.maxTurns minimum',
    { spec: { conversation: { maxTurns: 0 } } },
    'spec.conversation.maxTurns: Invalid value: 0: spec.conversation.maxTurns in body should be greater than or equal to 1',
  ],
  [
    '$.spec.conversation.maxTurns maximum',
    { spec: { conversation: { maxTurns: 1001 } } },
    'spec.conversation.maxTurns: Invalid value: 1001: spec.conversation.maxTurns in body should be less than or equal to 1000',
  ],
  [
    '$.spec.conversation.maxTokens type',
    { spec: { conversation: { maxTokens: 'three' } } },
    'spec.conversation.maxTokens: Invalid value: "string": spec.conversation.maxTokens in body must be of type integer: "string"',
  ],
  [
    '$.spec.conversation.maxTokens minimum',
    { spec: { conversation: { maxTokens: 0 } } },
    'spec.conversation.maxTokens: Invalid value: 0: spec.conversation.maxTokens in body should be greater than or equal to 1',
  ],
  [
    '$.spec.conversation.maxTokens maximum',
    { spec: { conversation: { maxTokens: 10000001 } } },
    'spec.conversation.maxTokens: Invalid value: 10000001: spec.conversation.maxTokens in body should be less than or equal to 10000000',
  ],
  [
    '$.spec.conversation.idleTimeout type',
    { spec: { conversation: { idleTimeout: 3 } } },
    'spec.conversation.idleTimeout: Invalid value: "integer": spec.conversation.idleTimeout in body must be of type string: "integer"',
  ],
  [
    '$.spec.conversation.idleTimeout maxLength',
    { spec: { conversation: { idleTimeout: '0001h0001h0001h0001h0001h' } } },
    'spec.conversation.idleTimeout: Too long: may not be more than 24 bytes',
  ],
  [
    '$.spec.conversation.idleTimeout rule 0',
    { spec: { conversation: { idleTimeout: '0s' } } },
    'spec.conversation.idleTimeout: Invalid value: "string": must be a duration longer than 0s, written with the units h, m, s and ms, such as 1h or 90m',
  ],
  [
    '$.spec.timeouts.run type',
    { spec: { timeouts: { run: 3 } } },
    'spec.timeouts.run: Invalid value: "integer": spec.timeouts.run in body must be of type string: "integer"',
  ],
  [
    '$.spec.timeouts.run maxLength',
    { spec: { timeouts: { run: '0001h0001h0001h0001h0001h' } } },
    'spec.timeouts.run: Too long: may not be more than 24 bytes',
  ],
  [
    '$.spec.timeouts.run rule 0',
    { spec: { timeouts: { run: '0s' } } },
    'spec.timeouts.run: Invalid value: "string": must be a duration longer than 0s, written with the units h, m, s and ms, such as 15m or 1h30m',
  ],
  [
    '$.spec.conversation.store type',
    { spec: { conversation: { store: 'text' } } },
    'spec.conversation.store: Invalid value: "string": spec.conversation.store in body must be of type object: "string"',
  ],
  [
    '$.spec.conversation.store rule 0',
    { spec: { conversation: { store: { type: 'Redis' } } } },
    'spec.conversation.store.redis: Invalid value: "object": must be set with type Redis, and with no other',
  ],
  [
    '$.spec.conversation.store.type type',
    { spec: { conversation: { store: { type: 3 } } } },
    'spec.conversation.store.type: Invalid value: "integer": spec.conversation.store.type in body must be of type string: "integer"',
    'spec.conversation.store.type: Unsupported value: 3: supported values: "Memory", "Redis"',
  ],
  [
    '$.spec.conversation.store.type enum',
    { spec: { conversation: { store: { type: 'Disk' } } } },
    'spec.conversation.store.type: Unsupported value: "Disk": supported values: "Memory", "Redis"',
  ],
  [
    '$.spec.conversation.store.redis type',
    { spec: { conversation: { store: { type: 'Redis', redis: 'text' } } } },
    'spec.conversation.store.redis: Invalid value: "string": spec.conversation.store.redis in body must be of type object: "string"',
  ],
  [
    '$.spec.conversation.store.redis required url',
    { spec: { conversation: { store: { type: 'Redis', redis: {} } } } },
    'spec.conversation.store.redis.url: Required value',
  ],
  [
    '$.spec.conversation.store.redis.url type',
    { spec: { conversation: { store: { type: 'Redis', redis: { url: 3 } } } } },
    'spec.conversation.store.redis.url: Invalid value: "integer": spec.conversation.store.redis.url in body must be of type string: "integer"',
  ],
  [
    '$.spec.conversation.store.redis.url minLength',
    { spec: { conversation: { store: { type: 'Redis', redis: { url: '' } } } } },
    'spec.conversation.store.redis.url: Invalid value: "": spec.conversation.store.redis.url in body should be at least 1 chars long',
  ],
  [
    '$.spec.conversation.store.redis.url maxLength',
    { spec: { conversation: { store: { type: 'Redis', redis: { url: 'a'.repeat(2049) } } } } },
    'spec.conversation.store.redis.url: Too long: may not be more than 2048 bytes',
  ],
  [
    '$.spec.conversation.store.redis.url rule 0',
    {
      spec: {
        conversation: { store: { type: 'Redis', redis: { url: 'redis://:secret@redis:6379' } } },
      },
    },
    'spec.conversation.store.redis.url: Invalid value: "string": must be redis://HOST:PORT or rediss://HOST:PORT, with a database number if need be and without credentials, such as redis://redis.support.svc:6379',
  ],
  [
    '$.spec.conversation.store.redis.passwordSecretRef type',
    {
      spec: {
        conversation: {
          store: { type: 'Redis', redis: { url: 'redis://redis:6379', passwordSecretRef: 'text' } },
        },
      },
    },
    'spec.conversation.store.redis.passwordSecretRef: Invalid value: "string": spec.conversation.store.redis.passwordSecretRef in body must be of type object: "string"',
  ],
  [
    '$.spec.conversation.store.redis.passwordSecretRef required name',
    {
      spec: {
        conversation: {
          store: {
            type: 'Redis',
            redis: { url: 'redis://redis:6379', passwordSecretRef: { key: 'password' } },
          },
        },
      },
    },
    'spec.conversation.store.redis.passwordSecretRef.name: Required value',
  ],
  [
    '$.spec.conversation.store.redis.passwordSecretRef required key',
    {
      spec: {
        conversation: {
          store: {
            type: 'Redis',
            redis: { url: 'redis://redis:6379', passwordSecretRef: { name: 'redis' } },
          },
        },
      },
    },
    'spec.conversation.store.redis.passwordSecretRef.key: Required value',
  ],
  [
    '$.spec.conversation.store.redis.passwordSecretRef.name type',
    {
      spec: {
        conversation: {
          store: {
            type: 'Redis',
            redis: { url: 'redis://redis:6379', passwordSecretRef: { name: 3, key: 'password' } },
          },
        },
      },
    },
    'spec.conversation.store.redis.passwordSecretRef.name: Invalid value: "integer": spec.conversation.store.redis.passwordSecretRef.name in body must be of type string: "integer"',
  ],
  [
    '$.spec.conversation.store.redis.passwordSecretRef.name minLength',
    {
      spec: {
        conversation: {
          store: {
            type: 'Redis',
            redis: { url: 'redis://redis:6379', passwordSecretRef: { name: '', key: 'password' } },
          },
        },
      },
    },
    'spec.conversation.store.redis.passwordSecretRef.name: Invalid value: "": spec.conversation.store.redis.passwordSecretRef.name in body should be at least 1 chars long',
  ],
  [
    '$.spec.conversation.store.redis.passwordSecretRef.name maxLength',
    {
      spec: {
        conversation: {
          store: {
            type: 'Redis',
            redis: {
              url: 'redis://redis:6379',
              passwordSecretRef: { name: 'a'.repeat(254), key: 'password' },
            },
          },
        },
      },
    },
    'spec.conversation.store.redis.passwordSecretRef.name: Too long: may not be more than 253 bytes',
  ],
  [
    '$.spec.conversation.store.redis.passwordSecretRef.name rule 0',
    {
      spec: {
        conversation: {
          store: {
            type: 'Redis',
            redis: {
              url: 'redis://redis:6379',
              passwordSecretRef: { name: 'My redis', key: 'password' },
            },
          },
        },
      },
    },
    "spec.conversation.store.redis.passwordSecretRef.name: Invalid value: \"string\": must be the name of a Secret, which holds only lower-case letters, digits, '-' and '.', such as redis",
  ],
  [
    '$.spec.conversation.store.redis.passwordSecretRef.key type',
    {
      spec: {
        conversation: {
          store: {
            type: 'Redis',
            redis: { url: 'redis://redis:6379', passwordSecretRef: { name: 'redis', key: 3 } },
          },
        },
      },
    },
    'spec.conversation.store.redis.passwordSecretRef.key: Invalid value: "integer": spec.conversation.store.redis.passwordSecretRef.key in body must be of type string: "integer"',
  ],
  [
    '$.spec.conversation.store.redis.passwordSecretRef.key minLength',
    {
      spec: {
        conversation: {
          store: {
            type: 'Redis',
            redis: { url: 'redis://redis:6379', passwordSecretRef: { name: 'redis', key: '' } },
          },
        },
      },
    },
    'spec.conversation.store.redis.passwordSecretRef.key: Invalid value: "": spec.conversation.store.redis.passwordSecretRef.key in body should be at least 1 chars long',
  ],
  [
    '$.spec.conversation.store.redis.passwordSecretRef.key maxLength',
    {
      spec: {
        conversation: {
          store: {
            type: 'Redis',
            redis: {
              url: 'redis://redis:6379',
              passwordSecretRef: { name: 'redis', key: 'a'.repeat(254) },
            },
          },
        },
      },
    },
    'spec.conversation.store.redis.passwordSecretRef.key: Too long: may not be more than 253 bytes',
  ],
  [
    '$.spec.conversation.store.redis.passwordSecretRef.key rule 0',
    {
      spec: {
        conversation: {
          store: {
            type: 'Redis',
            redis: { url: 'redis://redis:6379', passwordSecretRef: { name: 'redis', key: 'a/b' } },
          },
        },
      },
    },
    "spec.conversation.store.redis.passwordSecretRef.key: Invalid value: \"string\": must be a key of a Secret, which holds only letters, digits, '-', '_' and '.', such as password",
  ],
];

import type { Row } from './row.ts';

/** Bad manifests of AgentDeployments, by their conversations. */
export const rows: Row[] = [
  [
    '$.spec rule 4',
    {
      spec: {
        systemPrompt: 'Be kind.',
        systemPromptFrom: { configMapKeyRef: { name: 'prompts', key: 'triage.md' } },
      },
    },
    'spec.systemPromptFrom: Invalid value: "object": must not be set together with systemPrompt; remove one of the two',
  ],
  [
    '$.spec.systemPromptFrom required configMapKeyRef',
    { spec: { systemPromptFrom: {} } },
    'spec.systemPromptFrom.configMapKeyRef: Required value',
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
    '$.spec.systemPromptFrom.configMapKeyRef.name rule 0',
    { spec: { systemPromptFrom: { configMapKeyRef: { name: 'My prompts', key: 'triage.md' } } } },
    "spec.systemPromptFrom.configMapKeyRef.name: Invalid value: \"string\": must be the name of a ConfigMap, which holds only lower-case letters, digits, '-' and '.', such as prompts",
  ],
  [
    '$.spec.systemPromptFrom.configMapKeyRef.key rule 0',
    { spec: { systemPromptFrom: { configMapKeyRef: { name: 'prompts', key: 'a/b' } } } },
    "spec.systemPromptFrom.configMapKeyRef.key: Invalid value: \"string\": must be a key of a ConfigMap, which holds only letters, digits, '-', '_' and '.', such as triage.md",
  ],
  [
    '$.spec.conversation.idleTimeout rule 0',
    { spec: { conversation: { idleTimeout: '0s' } } },
    'spec.conversation.idleTimeout: Invalid value: "string": must be a duration longer than 0s, written with the units h, m, s and ms, such as 1h or 90m',
  ],
  [
    '$.spec.timeouts.run rule 0',
    { spec: { timeouts: { run: '0s' } } },
    'spec.timeouts.run: Invalid value: "string": must be a duration longer than 0s, written with the units h, m, s and ms, such as 15m or 1h30m',
  ],
  [
    '$.spec.conversation.store rule 0',
    { spec: { conversation: { store: { type: 'Memory', redis: { url: 'redis://redis:6379' } } } } },
    'spec.conversation.store.redis: Invalid value: "object": must be set with type Redis, and with no other',
  ],
  [
    '$.spec.conversation.store.redis required url',
    { spec: { conversation: { store: { type: 'Redis', redis: {} } } } },
    'spec.conversation.store.redis.url: Required value',
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
  [
    '$.spec rule 7',
    { spec: { conversation: { store: { type: 'Redis' } } } },
    'spec.redis: Invalid value: "object": must be set where conversation.store.type is Redis',
  ],
  ['$.spec.redis required url', { spec: { redis: {} } }, 'spec.redis.url: Required value'],
  [
    '$.spec.redis.url rule 0',
    { spec: { redis: { url: 'redis://:secret@redis:6379' } } },
    'spec.redis.url: Invalid value: "string": must be redis://HOST:PORT or rediss://HOST:PORT, with a database number if need be and without credentials, such as redis://redis.support.svc:6379',
  ],
  [
    '$.spec.redis.passwordSecretRef required name',
    { spec: { redis: { url: 'redis://redis:6379', passwordSecretRef: { key: 'password' } } } },
    'spec.redis.passwordSecretRef.name: Required value',
  ],
  [
    '$.spec.redis.passwordSecretRef required key',
    { spec: { redis: { url: 'redis://redis:6379', passwordSecretRef: { name: 'redis' } } } },
    'spec.redis.passwordSecretRef.key: Required value',
  ],
  [
    '$.spec.redis.passwordSecretRef.name rule 0',
    {
      spec: {
        redis: {
          url: 'redis://redis:6379',
          passwordSecretRef: { name: 'My redis', key: 'password' },
        },
      },
    },
    "spec.redis.passwordSecretRef.name: Invalid value: \"string\": must be the name of a Secret, which holds only lower-case letters, digits, '-' and '.', such as redis",
  ],
  [
    '$.spec.redis.passwordSecretRef.key rule 0',
    {
      spec: {
        redis: { url: 'redis://redis:6379', passwordSecretRef: { name: 'redis', key: 'a/b' } },
      },
    },
    "spec.redis.passwordSecretRef.key: Invalid value: \"string\": must be a key of a Secret, which holds only letters, digits, '-', '_' and '.', such as password",
  ],
];

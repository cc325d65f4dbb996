import type { Row } from './row.ts';

const JWT = { issuer: 'https://login', audiences: ['triage'], jwksURL: 'https://login/keys' };

/** Bad manifests of AgentDeployments, by who may call them. */
export const rows: Row[] = [
  [
    '$.spec.auth type',
    { spec: { auth: 'text' } },
    'spec.auth: Invalid value: "string": spec.auth in body must be of type object: "string"',
  ],
  [
    '$.spec.auth rule 0',
    { spec: { auth: { type: 'APIKeys' } } },
    'spec.auth.apiKeys: Invalid value: "object": must be set when type is APIKeys, and only then',
  ],
  [
    '$.spec.auth rule 1',
    { spec: { auth: { type: 'None', jwt: JWT } } },
    'spec.auth.jwt: Invalid value: "object": must be set when type is JWT, and only then',
  ],
  [
    '$.spec.auth.type type',
    { spec: { auth: { type: 3 } } },
    'spec.auth.type: Invalid value: "integer": spec.auth.type in body must be of type string: "integer"',
    'spec.auth.type: Unsupported value: 3: supported values: "None", "APIKeys", "JWT"',
  ],
  [
    '$.spec.auth.type enum',
    { spec: { auth: { type: 'Basic' } } },
    'spec.auth.type: Unsupported value: "Basic": supported values: "None", "APIKeys", "JWT"',
  ],
  [
    '$.spec.auth.apiKeys type',
    { spec: { auth: { type: 'APIKeys', apiKeys: 'text' } } },
    'spec.auth.apiKeys: Invalid value: "string": spec.auth.apiKeys in body must be of type object: "string"',
  ],
  [
    '$.spec.auth.apiKeys required secretRef',
    { spec: { auth: { type: 'APIKeys', apiKeys: {} } } },
    'spec.auth.apiKeys.secretRef: Required value',
  ],
  [
    '$.spec.auth.apiKeys.secretRef type',
    { spec: { auth: { type: 'APIKeys', apiKeys: { secretRef: 'text' } } } },
    'spec.auth.apiKeys.secretRef: Invalid value: "string": spec.auth.apiKeys.secretRef in body must be of type object: "string"',
  ],
  [
    '$.spec.auth.apiKeys.secretRef required name',
    { spec: { auth: { type: 'APIKeys', apiKeys: { secretRef: {} } } } },
    'spec.auth.apiKeys.secretRef.name: Required value',
  ],
  [
    '$.spec.auth.apiKeys.secretRef.name type',
    { spec: { auth: { type: 'APIKeys', apiKeys: { secretRef: { name: 3 } } } } },
    'spec.auth.apiKeys.secretRef.name: Invalid value: "integer": spec.auth.apiKeys.secretRef.name in body must be of type string: "integer"',
  ],
  [
    '$.spec.auth.apiKeys.secretRef.name minLength',
    { spec: { auth: { type: 'APIKeys', apiKeys: { secretRef: { name: '' } } } } },
    'spec.auth.apiKeys.secretRef.name: Invalid value: "": spec.auth.apiKeys.secretRef.name in body should be at least 1 chars long',
  ],
  [
    '$.spec.auth.apiKeys.secretRef.name maxLength',
    { spec: { auth: { type: 'APIKeys', apiKeys: { secretRef: { name: 'a'.repeat(254) } } } } },
    'spec.auth.apiKeys.secretRef.name: Too long: may not be more than 253 bytes',
  ],
  [
    '$.spec.auth.apiKeys.secretRef.name rule 0',
    { spec: { auth: { type: 'APIKeys', apiKeys: { secretRef: { name: 'My keys' } } } } },
    "spec.auth.apiKeys.secretRef.name: Invalid value: \"string\": must be the name of a Secret, which holds only lower-case letters, digits, '-' and '.', such as callers",
  ],
  [
    '$.spec.auth.jwt type',
    { spec: { auth: { type: 'JWT', jwt: 'text' } } },
    'spec.auth.jwt: Invalid value: "string": spec.auth.jwt in body must be of type object: "string"',
  ],
  [
    '$.spec.auth.jwt required issuer',
    { spec: { auth: { type: 'JWT', jwt: { audiences: ['a'], jwksURL: 'https://login/keys' } } } },
    'spec.auth.jwt.issuer: Required value',
  ],
  [
    '$.spec.auth.jwt required audiences',
    { spec: { auth: { type: 'JWT', jwt: { issuer: 'a', jwksURL: 'https://login/keys' } } } },
    'spec.auth.jwt.audiences: Required value',
  ],
  [
    '$.spec.auth.jwt required jwksURL',
    { spec: { auth: { type: 'JWT', jwt: { issuer: 'a', audiences: ['a'] } } } },
    'spec.auth.jwt.jwksURL: Required value',
  ],
  [
    '$.spec.auth.jwt.issuer type',
    { spec: { auth: { type: 'JWT', jwt: { ...JWT, issuer: 3 } } } },
    'spec.auth.jwt.issuer: Invalid value: "integer": spec.auth.jwt.issuer in body must be of type string: "integer"',
  ],
  [
    '$.spec.auth.jwt.issuer minLength',
    { spec: { auth: { type: 'JWT', jwt: { ...JWT, issuer: '' } } } },
    'spec.auth.jwt.issuer: Invalid value: "": spec.auth.jwt.issuer in body should be at least 1 chars long',
  ],
  [
    '$.spec.auth.jwt.issuer maxLength',
    { spec: { auth: { type: 'JWT', jwt: { ...JWT, issuer: 'a'.repeat(513) } } } },
    'spec.auth.jwt.issuer: Too long: may not be more than 512 bytes',
  ],
  [
    '$.spec.auth.jwt.jwksURL type',
    { spec: { auth: { type: 'JWT', jwt: { ...JWT, jwksURL: 3 } } } },
    'spec.auth.jwt.jwksURL: Invalid value: "integer": spec.auth.jwt.jwksURL in body must be of type string: "integer"',
  ],
  [
    '$.spec.auth.jwt.jwksURL minLength',
    { spec: { auth: { type: 'JWT', jwt: { ...JWT, jwksURL: '' } } } },
    'spec.auth.jwt.jwksURL: Invalid value: "": spec.auth.jwt.jwksURL in body should be at least 1 chars long',
  ],
  [
    '$.spec.auth.jwt.jwksURL maxLength',
    { spec: { auth: { type: 'JWT', jwt: { ...JWT, jwksURL: `https://${'a'.repeat(2048)}` } } } },
    'spec.auth.jwt.jwksURL: Too long: may not be more than 2048 bytes',
  ],
  [
    '$.spec.auth.jwt.jwksURL rule 0',
    { spec: { auth: { type: 'JWT', jwt: { ...JWT, jwksURL: 'ftp://login/keys' } } } },
    'spec.auth.jwt.jwksURL: Invalid value: "string": must be an http or https URL without a user or a fragment, such as https://login.example.com/.well-known/jwks.json',
  ],
  [
    '$.spec.auth.jwt.audiences type',
    { spec: { auth: { type: 'JWT', jwt: { ...JWT, audiences: 'text' } } } },
    'spec.auth.jwt.audiences: Invalid value: "string": spec.auth.jwt.audiences in body must be of type array: "string"',
  ],
  [
    '$.spec.auth.jwt.audiences minItems',
    { spec: { auth: { type: 'JWT', jwt: { ...JWT, audiences: [] } } } },
    'spec.auth.jwt.audiences: Invalid value: 0: spec.auth.jwt.audiences in body should have at least 1 items',
  ],
  [
    '$.spec.auth.jwt.audiences maxItems',
    {
      spec: {
        auth: {
          type: 'JWT',
          jwt: { ...JWT, audiences: Array.from({ length: 17 }, (_, i) => `a${i}`) },
        },
      },
    },
    'spec.auth.jwt.audiences: Too many: 17: must have at most 16 items',
  ],
  [
    '$.spec.auth.jwt.audiences unique',
    { spec: { auth: { type: 'JWT', jwt: { ...JWT, audiences: ['a', 'a'] } } } },
    'spec.auth.jwt.audiences[1]: Duplicate value: "a"',
  ],
  [
    '$.spec.auth.jwt.audiences[*] type',
    { spec: { auth: { type: 'JWT', jwt: { ...JWT, audiences: [3] } } } },
    'spec.auth.jwt.audiences[0]: Invalid value: "integer": spec.auth.jwt.audiences[0] in body must be of type string: "integer"',
  ],
  [
    '$.spec.auth.jwt.audiences[*] minLength',
    { spec: { auth: { type: 'JWT', jwt: { ...JWT, audiences: [''] } } } },
    'spec.auth.jwt.audiences[0]: Invalid value: "": spec.auth.jwt.audiences[0] in body should be at least 1 chars long',
  ],
  [
    '$.spec.auth.jwt.audiences[*] maxLength',
    { spec: { auth: { type: 'JWT', jwt: { ...JWT, audiences: ['a'.repeat(513)] } } } },
    'spec.auth.jwt.audiences[0]: Too long: may not be more than 512 bytes',
  ],
  [
    '$.spec.auth.jwt.keys type',
    { spec: { auth: { type: 'JWT', jwt: { ...JWT, keys: 'text' } } } },
    'spec.auth.jwt.keys: Invalid value: "string": spec.auth.jwt.keys in body must be of type object: "string"',
  ],
  [
    '$.spec.auth.jwt.keys.timeout type',
    { spec: { auth: { type: 'JWT', jwt: { ...JWT, keys: { timeout: 3 } } } } },
    'spec.auth.jwt.keys.timeout: Invalid value: "integer": spec.auth.jwt.keys.timeout in body must be of type string: "integer"',
  ],
  [
    '$.spec.auth.jwt.keys.timeout maxLength',
    {
      spec: {
        auth: { type: 'JWT', jwt: { ...JWT, keys: { timeout: '0001h0001h0001h0001h0001h' } } },
      },
    },
    'spec.auth.jwt.keys.timeout: Too long: may not be more than 24 bytes',
  ],
  [
    '$.spec.auth.jwt.keys.timeout rule 0',
    { spec: { auth: { type: 'JWT', jwt: { ...JWT, keys: { timeout: '0s' } } } } },
    'spec.auth.jwt.keys.timeout: Invalid value: "string": must be a duration longer than 0s, written with the units h, m, s and ms, such as 10s or 500ms',
  ],
  [
    '$.spec.auth.jwt.keys.refreshInterval type',
    { spec: { auth: { type: 'JWT', jwt: { ...JWT, keys: { refreshInterval: 3 } } } } },
    'spec.auth.jwt.keys.refreshInterval: Invalid value: "integer": spec.auth.jwt.keys.refreshInterval in body must be of type string: "integer"',
  ],
  [
    '$.spec.auth.jwt.keys.refreshInterval maxLength',
    {
      spec: {
        auth: {
          type: 'JWT',
          jwt: { ...JWT, keys: { refreshInterval: '0001h0001h0001h0001h0001h' } },
        },
      },
    },
    'spec.auth.jwt.keys.refreshInterval: Too long: may not be more than 24 bytes',
  ],
  [
    '$.spec.auth.jwt.keys.refreshInterval rule 0',
    { spec: { auth: { type: 'JWT', jwt: { ...JWT, keys: { refreshInterval: '0s' } } } } },
    'spec.auth.jwt.keys.refreshInterval: Invalid value: "string": must be a duration longer than 0s, written with the units h, m, s and ms, such as 5m or 1h30m',
  ],
  [
    '$.spec.auth.jwt.keys.maxAge type',
    { spec: { auth: { type: 'JWT', jwt: { ...JWT, keys: { maxAge: 3 } } } } },
    'spec.auth.jwt.keys.maxAge: Invalid value: "integer": spec.auth.jwt.keys.maxAge in body must be of type string: "integer"',
  ],
  [
    '$.spec.auth.jwt.keys.maxAge maxLength',
    {
      spec: {
        auth: { type: 'JWT', jwt: { ...JWT, keys: { maxAge: '0001h0001h0001h0001h0001h' } } },
      },
    },
    'spec.auth.jwt.keys.maxAge: Too long: may not be more than 24 bytes',
  ],
  [
    '$.spec.auth.jwt.keys.maxAge rule 0',
    { spec: { auth: { type: 'JWT', jwt: { ...JWT, keys: { maxAge: '0s' } } } } },
    'spec.auth.jwt.keys.maxAge: Invalid value: "string": must be a duration longer than 0s, written with the units h, m, s and ms, such as 24h or 1h30m',
  ],
  [
    '$.spec.auth.jwt.keys.cooldown type',
    { spec: { auth: { type: 'JWT', jwt: { ...JWT, keys: { cooldown: 3 } } } } },
    'spec.auth.jwt.keys.cooldown: Invalid value: "integer": spec.auth.jwt.keys.cooldown in body must be of type string: "integer"',
  ],
  [
    '$.spec.auth.jwt.keys.cooldown maxLength',
    {
      spec: {
        auth: { type: 'JWT', jwt: { ...JWT, keys: { cooldown: '0001h0001h0001h0001h0001h' } } },
      },
    },
    'spec.auth.jwt.keys.cooldown: Too long: may not be more than 24 bytes',
  ],
  [
    '$.spec.auth.jwt.keys.cooldown rule 0',
    { spec: { auth: { type: 'JWT', jwt: { ...JWT, keys: { cooldown: '0s' } } } } },
    'spec.auth.jwt.keys.cooldown: Invalid value: "string": must be a duration longer than 0s, written with the units h, m, s and ms, such as 10s or 500ms',
  ],
];

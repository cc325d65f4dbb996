import type { Row } from './row.ts';

const JWT = { issuer: 'https://login', audiences: ['triage'], jwksURL: 'https://login/keys' };

/** Bad manifests of AgentDeployments, by who may call them. */
export const rows: Row[] = [
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
    '$.spec.auth.apiKeys required secretRef',
    { spec: { auth: { type: 'APIKeys', apiKeys: {} } } },
    'spec.auth.apiKeys.secretRef: Required value',
  ],
  [
    '$.spec.auth.apiKeys.secretRef required name',
    { spec: { auth: { type: 'APIKeys', apiKeys: { secretRef: {} } } } },
    'spec.auth.apiKeys.secretRef.name: Required value',
  ],
  [
    '$.spec.auth.apiKeys.secretRef.name rule 0',
    { spec: { auth: { type: 'APIKeys', apiKeys: { secretRef: { name: 'My keys' } } } } },
    "spec.auth.apiKeys.secretRef.name: Invalid value: \"string\": must be the name of a Secret, which holds only lower-case letters, digits, '-' and '.', such as clients",
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
    '$.spec.auth.jwt.jwksURL rule 0',
    { spec: { auth: { type: 'JWT', jwt: { ...JWT, jwksURL: 'ftp://login/keys' } } } },
    'spec.auth.jwt.jwksURL: Invalid value: "string": must be an http or https URL without a user or a fragment, such as https://login.example.com/.well-known/jwks.json',
  ],
  [
    '$.spec.auth.jwt.audiences unique',
    { spec: { auth: { type: 'JWT', jwt: { ...JWT, audiences: ['a', 'a'] } } } },
    'spec.auth.jwt.audiences[1]: Duplicate value: "a"',
  ],
];

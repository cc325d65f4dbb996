import type { Row } from './row.ts';

const ADDRESS =
  'must be the address of a proxy with http:// or https:// and without credentials, such as http://proxy.example.com:3128; credentials go into credentialsSecretRef';

/** Bad addresses of a proxy. */
function address(field: 'httpProxy' | 'httpsProxy'): Row[] {
  return ['proxy:3128', 'http://me:secret@proxy:3128', 'socks5://proxy', 'http://proxy/path'].map(
    (url) => [
      `$.spec.proxy.${field} rule 0`,
      { spec: { proxy: { [field]: url } } },
      `spec.proxy.${field}: Invalid value: "string": ${ADDRESS}`,
    ],
  );
}

const secretName = (example: string): string =>
  `must be the name of a Secret, which holds only lower-case letters, digits, '-' and '.', such as ${example}`;

const proxy = (fields: object): { spec: object } => ({
  spec: { proxy: { httpsProxy: 'http://proxy:3128', ...fields } },
});

const certificate = (
  clientCertSecretRef: object,
  baseURL = 'https://model.example.com',
): { spec: object } => ({
  spec: {
    model: { endpoints: [{ name: 'primary', baseURL, tls: { clientCertSecretRef } }] },
  },
});

/** Bad values of spec.proxy, spec.trustedCA and the tls of endpoints. */
export const rows: Row[] = [
  [
    '$.spec.proxy rule 0',
    { spec: { proxy: { noProxy: ['example.com'] } } },
    'spec.proxy: Invalid value: "object": must name httpProxy, httpsProxy or both',
  ],
  ...address('httpProxy'),
  ...address('httpsProxy'),
  [
    '$.spec.proxy.noProxy unique',
    proxy({ noProxy: ['a.example', 'a.example'] }),
    'spec.proxy.noProxy[1]: Duplicate value: "a.example"',
  ],
  [
    '$.spec.proxy.noProxy[*] rule 0',
    proxy({ noProxy: ['a.example, b.example'] }),
    'spec.proxy.noProxy[0]: Invalid value: "string": must be one name, address or network without commas and white space, such as .corp.example.com',
  ],
  [
    '$.spec.proxy.credentialsSecretRef required name',
    proxy({ credentialsSecretRef: {} }),
    'spec.proxy.credentialsSecretRef.name: Required value',
  ],
  [
    '$.spec.proxy.credentialsSecretRef.name rule 0',
    proxy({ credentialsSecretRef: { name: 'My proxy' } }),
    `spec.proxy.credentialsSecretRef.name: Invalid value: "string": ${secretName('proxy')}`,
  ],
  [
    '$.spec.trustedCA required configMapKeyRef',
    { spec: { trustedCA: {} } },
    'spec.trustedCA.configMapKeyRef: Required value',
  ],
  [
    '$.spec.trustedCA.configMapKeyRef required name',
    { spec: { trustedCA: { configMapKeyRef: { key: 'ca.crt' } } } },
    'spec.trustedCA.configMapKeyRef.name: Required value',
  ],
  [
    '$.spec.trustedCA.configMapKeyRef.name rule 0',
    { spec: { trustedCA: { configMapKeyRef: { name: 'Corporate CA' } } } },
    "spec.trustedCA.configMapKeyRef.name: Invalid value: \"string\": must be the name of a ConfigMap, which holds only lower-case letters, digits, '-' and '.', such as corporate-ca",
  ],
  [
    '$.spec.trustedCA.configMapKeyRef.key rule 0',
    { spec: { trustedCA: { configMapKeyRef: { name: 'corporate-ca', key: 'ca/crt' } } } },
    "spec.trustedCA.configMapKeyRef.key: Invalid value: \"string\": must be a key of a ConfigMap, which holds only letters, digits, '-', '_' and '.', such as ca.crt",
  ],
  [
    '$.spec.model.endpoints[*] rule 2',
    certificate({ name: 'llm-client' }, 'http://model.example.com'),
    'spec.model.endpoints[0].tls: Invalid value: "object": must go with a baseURL that starts with https://; change baseURL, or remove it',
  ],
  [
    '$.spec.model.endpoints[*].tls required clientCertSecretRef',
    { spec: { model: { endpoints: [{ name: 'primary', tls: {} }] } } },
    'spec.model.endpoints[0].tls.clientCertSecretRef: Required value',
  ],
  [
    '$.spec.model.endpoints[*].tls.clientCertSecretRef required name',
    certificate({}),
    'spec.model.endpoints[0].tls.clientCertSecretRef.name: Required value',
  ],
  [
    '$.spec.model.endpoints[*].tls.clientCertSecretRef.name rule 0',
    certificate({ name: 'LLM client' }),
    `spec.model.endpoints[0].tls.clientCertSecretRef.name: Invalid value: "string": ${secretName('llm-client')}`,
  ],
];

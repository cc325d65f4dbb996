import type { Row } from './row.ts';

const APIKEYS = { type: 'APIKeys', apiKeys: { secretRef: { name: 'clients' } } };
const JWT = {
  type: 'JWT',
  jwt: { issuer: 'i', audiences: ['a'], jwksURL: 'https://login.example.com/keys' },
};

const PATH = '$.spec.auth.clients';
const FIELD = 'spec.auth.clients';

function row(rule: string, client: object, message: string, auth: object = APIKEYS): Row {
  return [`${PATH}[*]${rule}`, { spec: { auth: { ...auth, clients: [client] } } }, message];
}

/** Bad manifests of AgentDeployments, by what clients may do. */
export const rows: Row[] = [
  [
    '$.spec rule 5',
    {
      spec: {
        redis: { url: 'redis://redis:6379' },
        conversation: { store: { type: 'Redis' } },
        auth: { ...APIKEYS, clients: [{ name: 'a', allow: { conversations: 'All' } }] },
      },
    },
    `${FIELD}: Invalid value: "object": must not allow All conversations unless conversation.store.type is Memory`,
  ],
  [
    '$.spec.auth rule 2',
    { spec: { auth: { type: 'None', clients: [{ name: 'a', allow: {} }] } } },
    `${FIELD}: Invalid value: "object": must have type APIKeys or JWT, which tell clients apart, where it has clients`,
  ],
  [
    '$.spec.auth rule 3',
    {
      spec: {
        auth: { ...APIKEYS, clients: [{ claim: { name: 'groups', value: 'a' }, allow: {} }] },
      },
    },
    `${FIELD}: Invalid value: "object": must have type JWT where clients are named by a claim`,
  ],
  row(' required allow', { name: 'a' }, `${FIELD}[0].allow: Required value`),
  row(
    ' rule 0',
    { allow: {} },
    `${FIELD}[0]: Invalid value: "object": must have either name or claim`,
  ),
  row(
    '.claim required name',
    { claim: { value: 'a' }, allow: {} },
    `${FIELD}[0].claim.name: Required value`,
    JWT,
  ),
  row(
    '.claim required value',
    { claim: { name: 'groups' }, allow: {} },
    `${FIELD}[0].claim.value: Required value`,
    JWT,
  ),
  row(
    '.allow rule 0',
    { name: 'a', allow: { admin: true, maxTokens: 1 } },
    `${FIELD}[0].allow.admin: Invalid value: "object": allows everything, so that routes, models, tools and maxTokens must be left out`,
  ),
  row(
    '.allow.routes unique',
    { name: 'a', allow: { routes: ['Models', 'Models'] } },
    `${FIELD}[0].allow.routes[1]: Duplicate value: "Models"`,
  ),
  row(
    '.allow.models unique',
    { name: 'a', allow: { models: ['m', 'm'] } },
    `${FIELD}[0].allow.models[1]: Duplicate value: "m"`,
  ),
  row(
    '.allow.tools unique',
    { name: 'a', allow: { tools: ['t', 't'] } },
    `${FIELD}[0].allow.tools[1]: Duplicate value: "t"`,
  ),
  [
    '$.spec.security.responses[*] required action',
    { spec: { security: { responses: [{}] } } },
    'spec.security.responses[0].action: Required value',
  ],
  [
    '$.spec.security.responses[*].types unique',
    {
      spec: {
        security: { responses: [{ action: 'Report', types: ['ToolMisuse', 'ToolMisuse'] }] },
      },
    },
    'spec.security.responses[0].types[1]: Duplicate value: "ToolMisuse"',
  ],
  [
    '$.spec.security.responses[*].duration rule 0',
    { spec: { security: { responses: [{ action: 'Block', duration: '0s' }] } } },
    'spec.security.responses[0].duration: Invalid value: "string": must be a duration longer than 0s, written with the units h, m, s and ms, such as 10m or 1h',
  ],
];

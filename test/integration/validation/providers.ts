import type { Row } from './row.ts';

const endpoint = (fields: object): { spec: object } => ({
  spec: { model: { endpoints: [{ name: 'primary', ...fields }] } },
});
const KEY = { apiKeySecretRef: { name: 'cloud' } };
const BEDROCK = { provider: 'Bedrock', region: 'eu-central-1', ...KEY };
const VERTEX = {
  ...{ provider: 'Vertex', region: 'eu', project: 'my-project', credentialScheme: 'Bearer' },
  ...KEY,
};
const AT = 'spec.model.endpoints[0]';

/** Bad fields of endpoints at clouds. */
export const rows: Row[] = [
  [
    '$.spec.model.endpoints[*] rule 3',
    endpoint({ provider: 'Bedrock', region: 'eu-central-1' }),
    `${AT}.provider: Invalid value: "object": is a cloud, which needs credentials of the agent; set identity or apiKeySecretRef`,
  ],
  [
    '$.spec.model.endpoints[*] rule 4',
    endpoint({ ...BEDROCK, region: undefined }),
    `${AT}.region: Invalid value: "object": goes with ClaudePlatformAWS, Bedrock, BedrockMantle and Vertex, which need it, and with no other provider; set or remove it`,
  ],
  [
    '$.spec.model.endpoints[*] rule 5',
    endpoint({ ...VERTEX, project: undefined }),
    `${AT}.project: Invalid value: "object": goes with Vertex, which needs it, and with no other provider; set or remove it`,
  ],
  [
    '$.spec.model.endpoints[*] rule 6',
    endpoint({ ...BEDROCK, workspace: 'wrkspc_1' }),
    `${AT}.workspace: Invalid value: "object": goes with ClaudePlatformAWS, which needs it, and with no other provider; set or remove it`,
  ],
  [
    '$.spec.model.endpoints[*] rule 7',
    endpoint({ provider: 'Foundry', ...KEY }),
    `${AT}.resource: Invalid value: "object": goes with Foundry, which needs it or a baseURL, and with no other provider; set one of the two, or remove it`,
  ],
  [
    '$.spec.model.endpoints[*] rule 8',
    endpoint({ ...VERTEX, credentialScheme: 'APIKey' }),
    `${AT}.credentialScheme: Invalid value: "object": must be Bearer for Vertex, which takes tokens of Google in place of API keys`,
  ],
  [
    '$.spec.model.endpoints[*] rule 9',
    endpoint({ ...BEDROCK, model: 'a', models: [{ name: 'a', as: 'b' }] }),
    `${AT}.models: Invalid value: "object": must not stand beside model, which is asked for whatever model a request names; remove one of the two`,
  ],
  [
    '$.spec.model.endpoints[*] rule 10',
    endpoint({ ...VERTEX, model: 'a/../b' }),
    `${AT}.model: Invalid value: "object": must hold only letters, digits, '_', '.', '@' and '-' for Vertex, where it is a part of the path, such as claude-opus-5`,
  ],
  [
    '$.spec.model.endpoints[*].region rule 0',
    endpoint({ ...BEDROCK, region: 'eu/central' }),
    `${AT}.region: Invalid value: "string": must be the name of a region, which holds only lower-case letters, digits and '-', such as eu-central-1`,
  ],
  [
    '$.spec.model.endpoints[*].project rule 0',
    endpoint({ ...VERTEX, project: '../p' }),
    `${AT}.project: Invalid value: "string": must be the ID of a project of Google, which holds only lower-case letters, digits, '-', '.' and ':', such as my-project`,
  ],
  [
    '$.spec.model.endpoints[*].workspace rule 0',
    endpoint({ ...BEDROCK, provider: 'ClaudePlatformAWS', workspace: 'a b' }),
    `${AT}.workspace: Invalid value: "string": must be the ID of a workspace, which holds only letters, digits, '_' and '-', such as wrkspc_01AbCd`,
  ],
  [
    '$.spec.model.endpoints[*].resource rule 0',
    endpoint({ provider: 'Foundry', resource: 'a.b', ...KEY }),
    `${AT}.resource: Invalid value: "string": must be the name of a resource of Azure, which holds only letters, digits and '-', such as my-foundry`,
  ],
  [
    '$.spec.model.endpoints[*].models[*].as rule 0',
    endpoint({ ...BEDROCK, models: [{ name: 'a', as: '../b' }] }),
    `${AT}.models[0].as: Invalid value: "string": must be the ID of a model, which holds only letters, digits and '_', '.', ':', '@', '/' and '-', without '..', such as eu.anthropic.claude-opus-5`,
  ],
  [
    '$.spec.model.endpoints[*].models[*] required name',
    endpoint({ ...BEDROCK, models: [{ as: 'b' }] }),
    `${AT}.models[0].name: Required value`,
  ],
  [
    '$.spec.model.endpoints[*].models[*] required as',
    endpoint({ ...BEDROCK, models: [{ name: 'a' }] }),
    `${AT}.models[0].as: Required value`,
  ],
  [
    '$.spec.model.endpoints[*].models unique',
    endpoint({
      ...BEDROCK,
      models: [
        { name: 'a', as: 'b' },
        { name: 'a', as: 'c' },
      ],
    }),
    `${AT}.models[1]: Duplicate value: {"name":"a"}`,
  ],
  [
    '$.spec.model.endpoints[*].betas.accept unique',
    endpoint({ ...BEDROCK, betas: { accept: ['a', 'a'] } }),
    `${AT}.betas.accept[1]: Duplicate value: "a"`,
  ],
];

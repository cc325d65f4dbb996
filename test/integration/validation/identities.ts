import type { Row } from './row.ts';

const ROLE = 'arn:aws:iam::111122223333:role/models';
const AUDIENCE =
  '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/k';
const AZURE = {
  tenantID: '00000000-1111-2222-3333-444444444444',
  clientID: '55555555-6666-7777-8888-999999999999',
};
const BEDROCK = { provider: 'Bedrock', region: 'eu-central-1' };
const VERTEX = { provider: 'Vertex', region: 'eu', project: 'my-project' };
const FOUNDRY = { provider: 'Foundry', resource: 'mine' };

const endpoint = (fields: object): { spec: object } => ({
  spec: { model: { endpoints: [{ name: 'primary', ...fields }] } },
});
const AT = 'spec.model.endpoints[0]';
const PATH = '$.spec.model.endpoints[*]';
const CLOUD = `${AT}.identity: Invalid value: "object": must be of the provider's cloud; write aws for ClaudePlatformAWS, Bedrock and BedrockMantle, google for Vertex, azure for Foundry and OpenAI`;
const ONE_CLOUD = `${AT}.identity: Invalid value: "object": must name one cloud; write aws, google or azure, and remove the others`;
const PROGRAM =
  'spec.model.endpoints: Invalid value: "object": must name no identity that the program reaches too, because its container shares the pod; set identity.aws.roleARN or identity.google.audience, whose token only the runtime has';

/** Bad identities of endpoints. */
export const rows: Row[] = [
  [
    `${PATH} rule 11`,
    endpoint({ ...BEDROCK, identity: { aws: {} }, apiKeySecretRef: { name: 'cloud' } }),
    `${AT}.identity: Invalid value: "object": must not stand beside apiKeySecretRef, as the endpoint gets either credentials of the identity or a key; remove one of the two`,
  ],
  [
    `${PATH} rule 12`,
    endpoint({
      ...BEDROCK,
      identity: { aws: {} },
      headersFrom: [{ name: 'Authorization', secretKeyRef: { name: 'a', key: 'b' } }],
    }),
    `${AT}.headersFrom: Invalid value: "object": must not name x-api-key or Authorization together with identity, whose credentials are sent in their place; remove one of the two`,
  ],
  [`${PATH} rule 13`, endpoint({ ...BEDROCK, identity: { google: {} } }), CLOUD],
  [`${PATH} rule 13`, endpoint({ ...VERTEX, identity: { azure: AZURE } }), CLOUD],
  [`${PATH} rule 13`, endpoint({ ...FOUNDRY, identity: { aws: { roleARN: ROLE } } }), CLOUD],
  [
    `${PATH}.identity rule 0`,
    endpoint({ ...BEDROCK, identity: { aws: {}, google: {} } }),
    ONE_CLOUD,
  ],
  [`${PATH}.identity rule 0`, endpoint({ ...FOUNDRY, identity: {} }), ONE_CLOUD],
  [
    `${PATH}.identity.aws.roleARN rule 0`,
    endpoint({ ...BEDROCK, identity: { aws: { roleARN: 'models' } } }),
    `${AT}.identity.aws.roleARN: Invalid value: "string": must be the ARN of a role, such as arn:aws:iam::111122223333:role/models`,
  ],
  [
    `${PATH}.identity.google rule 0`,
    endpoint({
      ...VERTEX,
      identity: { google: { serviceAccount: 'a@p.iam.gserviceaccount.com' } },
    }),
    `${AT}.identity.google.serviceAccount: Invalid value: "object": goes with audience; set audience, or remove it and bind the ServiceAccount by iam.gke.io/gcp-service-account`,
  ],
  [
    `${PATH}.identity.google.audience rule 0`,
    endpoint({ ...VERTEX, identity: { google: { audience: 'https://iam.googleapis.com/' } } }),
    `${AT}.identity.google.audience: Invalid value: "string": must be the full name of a workload identity provider, such as //iam.googleapis.com/projects/123456789/locations/global/workloadIdentityPools/clusters/providers/production`,
  ],
  [
    `${PATH}.identity.google.serviceAccount rule 0`,
    endpoint({
      ...VERTEX,
      identity: {
        google: { audience: AUDIENCE, serviceAccount: 'a/../b@p.iam.gserviceaccount.com' },
      },
    }),
    `${AT}.identity.google.serviceAccount: Invalid value: "string": must be the address of a service account of Google, such as models@my-project.iam.gserviceaccount.com`,
  ],
  ...(['tenantID', 'clientID'] as const).map((name): Row => [
    `${PATH}.identity.azure required ${name}`,
    endpoint({ ...FOUNDRY, identity: { azure: { ...AZURE, [name]: undefined } } }),
    `${AT}.identity.azure.${name}: Required value`,
  ]),
  [
    `${PATH}.identity.azure.tenantID rule 0`,
    endpoint({ ...FOUNDRY, identity: { azure: { ...AZURE, tenantID: 'a/../b' } } }),
    `${AT}.identity.azure.tenantID: Invalid value: "string": must be the ID or the domain of a tenant, such as 00000000-1111-2222-3333-444444444444`,
  ],
  [
    `${PATH}.identity.azure.clientID rule 0`,
    endpoint({ ...FOUNDRY, identity: { azure: { ...AZURE, clientID: 'models' } } }),
    `${AT}.identity.azure.clientID: Invalid value: "string": must be the ID of an application, such as 55555555-6666-7777-8888-999999999999`,
  ],
  ...[{ aws: {} }, { google: {} }].map((identity): Row => [
    '$.spec rule 10',
    {
      spec: {
        program: { image: 'registry.example.com/orders:1' },
        model: {
          endpoints: [{ name: 'primary', ...('aws' in identity ? BEDROCK : VERTEX), identity }],
        },
      },
    },
    PROGRAM,
  ]),
];

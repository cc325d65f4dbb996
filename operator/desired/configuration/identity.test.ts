import { expect, it } from '@jest/globals';
import { endpoint } from '../../testing/fixtures.ts';
import { resolveIdentity, tokenDirectory } from './identity.ts';

const ROLE = 'arn:aws:iam::111122223333:role/models';
const AUDIENCE =
  '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/k';
const AZURE = { tenantID: 'contoso.example', clientID: '55555555-6666-7777-8888-999999999999' };

const directory = tokenDirectory;

it.each([
  [
    { aws: { roleARN: ROLE } },
    { aws: { roleARN: ROLE, region: 'eu-west-1' }, directory: directory('sts.amazonaws.com') },
  ],
  [{ aws: {} }, { aws: {} }],
  [{ google: {} }, { google: {} }],
  [
    { google: { audience: AUDIENCE } },
    { google: { audience: AUDIENCE }, directory: directory(AUDIENCE) },
  ],
  [{ azure: AZURE }, { azure: AZURE, directory: directory('api://AzureADTokenExchange') }],
])('%j resolves to %j', (identity, resolved) => {
  const spec = endpoint('primary', { provider: 'Bedrock', region: 'eu-west-1', identity });
  expect(resolveIdentity(spec)).toEqual({ identity: resolved });
});

/** Our exchanges beside those of the vendors' own libraries, at the same fake servers: the requests must be equal. */
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { assumedRole, podIdentity } from '../../runtime/model/identity/aws.ts';
import { federatedApplication } from '../../runtime/model/identity/azure.ts';
import type { Exchange, ExchangeContext } from '../../runtime/model/identity/exchange.ts';
import { federation, metadataServer } from '../../runtime/model/identity/google.ts';
import { Clouds, grants, serviceAccountToken } from '../../runtime/testing/clouds.ts';
import { answerJson } from '../../runtime/testing/upstream.ts';
import type { Seen } from '../../runtime/testing/upstream.ts';
import { pythonEnvironment } from './environment.ts';

// The first run on a machine installs the libraries.
jest.setTimeout(180_000);

const NAMES = {
  roleARN: 'arn:aws:iam::111122223333:role/models',
  audience: '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/k',
  serviceAccount: 'models@project.iam.gserviceaccount.com',
  tenantID: '00000000-1111-2222-3333-444444444444',
  clientID: '55555555-6666-7777-8888-999999999999',
};

let clouds: Clouds;
let directory: string;
let environment: NodeJS.ProcessEnv;

beforeAll(async () => {
  clouds = await new Clouds().start();
  clouds.answer = (response, seen) => {
    if (seen.url.includes('openid-configuration')) {
      const at = `${clouds.secure.url.replace('127.0.0.1', 'localhost')}/${NAMES.tenantID}`;
      answerJson(response, {
        ...{ issuer: `${at}/v2.0`, authorization_endpoint: `${at}/authorize` },
        token_endpoint: `${at}/oauth2/v2.0/token`,
      });
    } else if (seen.url.includes('recursive=true')) {
      answerJson(response, { email: 'default', scopes: [], aliases: ['default'] });
    } else {
      response.setHeader('metadata-flavor', 'Google');
      grants(response, seen);
    }
  };
  directory = await clouds.token(serviceAccountToken());
  environment = await pythonEnvironment('identities.txt');
});
afterAll(() => clouds.cleanups.run());

/** The requests that a call leaves at the servers. */
async function requestsOf(call: () => Promise<unknown>): Promise<Seen[]> {
  for (const { seen } of [clouds.plain, clouds.secure]) seen.length = 0;
  await call();
  return [...clouds.plain.seen, ...clouds.secure.seen];
}

/** What a server reads of a request, without what tells which library sent it. */
function meaning({ url, headers, body }: Seen): object {
  const { 'content-type': type = '', authorization, 'metadata-flavor': flavor } = headers;
  return { url, type: type.split(';')[0], authorization, flavor, body: members(type, body) };
}

/** Members in any order. Absent ones and empty ones mean the same. */
function members(type: string, body: Buffer): object {
  const parsed = type.startsWith('application/json')
    ? (JSON.parse(body.toString()) as object)
    : Object.fromEntries(new URLSearchParams(body.toString()));
  const entries = Object.entries(parsed).filter(
    ([name, value]) => value !== null && !OF_LIBRARY.has(name),
  );
  return Object.fromEntries(entries.sort());
}

/** msal asks Entra for facts of a user, whom client credentials do not have. */
const OF_LIBRARY = new Set(['client_info']);

/** What libraries ask besides the exchange. */
const ASIDE = /openid-configuration|recursive=true/;

const run = promisify(execFile);

const theirs = (name: string): Promise<Seen[]> =>
  requestsOf(() =>
    run(
      'python3',
      [
        join(import.meta.dirname, 'identities.py'),
        ...[clouds.plain.url, clouds.secure.url.replace('127.0.0.1', 'localhost')],
        ...[clouds.authority, directory],
        JSON.stringify({ ...NAMES, podName: clouds.context().podName }),
        name,
      ],
      { env: environment },
    ),
  );

type Make = (context: ExchangeContext) => Exchange;

it.each<[string, string, Make]>([
  [
    'a role of AWS',
    'aws_role',
    (context) => assumedRole({ ...NAMES, region: 'eu-west-1', directory }, context),
  ],
  ['EKS Pod Identity', 'aws_pod', podIdentity],
  ["Google's metadata server", 'google_metadata', metadataServer],
  [
    'a federated identity of Google',
    'google_federation',
    (context) => federation({ audience: NAMES.audience, directory }, context),
  ],
  [
    'a service account of Google',
    'google_account',
    (context) => federation({ ...NAMES, directory }, context),
  ],
  [
    'an application of Azure',
    'azure',
    (context) => federatedApplication({ ...NAMES, directory }, context),
  ],
])('%s is asked for as the library of its vendor asks', async (_, library, make) => {
  const ours = await requestsOf(() => make(clouds.context())(AbortSignal.timeout(5000)));
  const asked = (await theirs(library)).filter(({ url }) => !ASIDE.test(url));
  expect(ours.length).toBeGreaterThan(0);
  expect(ours.map(meaning)).toEqual(asked.map(meaning));
});

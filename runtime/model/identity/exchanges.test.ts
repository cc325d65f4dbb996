import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { ServerResponse } from 'node:http';
import {
  Clouds,
  assumed,
  grants,
  refusedByAWS,
  serviceAccountToken,
} from '../../testing/clouds.ts';
import { answerJson } from '../../testing/upstream.ts';
import { assumedRole, podIdentity } from './aws.ts';
import { federatedApplication } from './azure.ts';
import type { Exchange, ExchangeContext, Grant } from './exchange.ts';
import { federation, metadataServer } from './google.ts';

const ROLE = 'arn:aws:iam::111122223333:role/models';
const AUDIENCE =
  '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/k';
const ACCOUNT = 'models@project.iam.gserviceaccount.com';
const TENANT = '00000000-1111-2222-3333-444444444444';
const CLIENT = '55555555-6666-7777-8888-999999999999';
/** What clouds write that nobody else may read. */
const SECRET = /111122223333|role\/models|models@project|00000000-1111/;

let clouds: Clouds;
let directory: string;
const token = serviceAccountToken();

beforeAll(async () => {
  clouds = await new Clouds().start();
});
afterAll(() => clouds.cleanups.run());
beforeEach(async () => {
  clouds.answer = grants;
  clouds.secure.seen.length = 0;
  clouds.plain.seen.length = 0;
  clouds.proxy.seen.length = 0;
  directory = await clouds.token(token);
});

type Make = (context: ExchangeContext) => Exchange;

const role: Make = (context) =>
  assumedRole({ roleARN: ROLE, region: 'eu-west-1', directory }, context);
const federated: Make = (context) => federation({ audience: AUDIENCE, directory }, context);
const asAccount: Make = (context) =>
  federation({ audience: AUDIENCE, serviceAccount: ACCOUNT, directory }, context);
const azure: Make = (context) =>
  federatedApplication({ tenantID: TENANT, clientID: CLIENT, directory }, context);

const exchanged = (make: Make, context = clouds.context()): Promise<Grant> =>
  make(context)(AbortSignal.timeout(5000));

/** The message of the refusal. */
const refusedWith = async (make: Make, context = clouds.context()): Promise<string> => {
  const failed = await exchanged(make, context).then(
    () => 'no failure',
    (error: unknown) => (error as Error).message,
  );
  expect(failed).not.toMatch(SECRET);
  return failed;
};

const AWS_KEYS = {
  ...{ kind: 'aws', accessKeyId: 'ASIAROLE', secretAccessKey: 'role/secret+' },
  sessionToken: 'role-session==',
};

describe('the exchange', () => {
  it.each<[string, Make, object, string[]]>([
    ['a role of AWS', role, AWS_KEYS, ['sts.eu-west-1.amazonaws.com']],
    [
      'a federated identity of Google',
      federated,
      { kind: 'bearer', token: 'cloud-token' },
      ['sts.googleapis.com'],
    ],
    [
      'a service account of Google',
      asAccount,
      { kind: 'bearer', token: 'account-token' },
      ['sts.googleapis.com', 'iamcredentials.googleapis.com'],
    ],
    [
      'an application of Azure',
      azure,
      { kind: 'bearer', token: 'cloud-token' },
      ['login.microsoftonline.com'],
    ],
  ])('of %s goes through the proxy and trusts the authority', async (_, make, found, hosts) => {
    const { credentials, lifetimeMs } = await exchanged(make);
    expect(credentials).toEqual(found);
    expect(Math.abs(lifetimeMs - 3_600_000)).toBeLessThan(5000);
    expect(clouds.proxy.seen).toEqual(hosts.map((host) => `CONNECT ${host}:443`));
  });

  it.each<[string, Make, object]>([
    [
      'EKS Pod Identity',
      podIdentity,
      {
        ...{ kind: 'aws', accessKeyId: 'ASIAPOD', secretAccessKey: 'pod-secret' },
        sessionToken: 'pod-session',
      },
    ],
    ["Google's metadata server", metadataServer, { kind: 'bearer', token: 'cloud-token' }],
  ])('with %s bypasses the proxy', async (_, make, found) => {
    const { credentials, lifetimeMs } = await exchanged(make);
    expect(credentials).toEqual(found);
    expect(Math.abs(lifetimeMs - 3_600_000)).toBeLessThan(5000);
    expect(clouds.proxy.seen).toEqual([]);
  });

  it('asks the STS of China for a region there', async () => {
    await exchanged((context) =>
      assumedRole({ roleARN: ROLE, region: 'cn-north-1', directory }, context),
    );
    expect(clouds.proxy.seen).toEqual(['CONNECT sts.cn-north-1.amazonaws.com.cn:443']);
  });

  it('rereads a token that the kubelet has renewed', async () => {
    const exchange = role(clouds.context());
    await exchange(AbortSignal.timeout(5000));
    const renewed = serviceAccountToken({ jti: 'next' });
    await clouds.token(renewed);
    await exchange(AbortSignal.timeout(5000));
    const sent = clouds.secure.seen.map(({ body }) =>
      new URLSearchParams(body.toString()).get('WebIdentityToken'),
    );
    expect(sent).toEqual([token, renewed]);
  });

  it('counts a lifetime by the clock of the cloud', async () => {
    const hourBehind = (): Date => new Date(Date.now() - 3_600_000);
    const { lifetimeMs, aheadMs } = await exchanged(
      role,
      clouds.context(clouds.network(), hourBehind),
    );
    expect(Math.abs(lifetimeMs - 3_600_000)).toBeLessThan(5000);
    expect(Math.abs(aheadMs - 3_600_000)).toBeLessThan(5000);
  });
});

const answers =
  (status: number, body: string | object) =>
  (response: ServerResponse): void => {
    if (typeof body === 'string') response.writeHead(status).end(body);
    else answerJson(response, body, status);
  };

/** The certificate of a company's proxy that opens connections. */
const NO_AUTHORITY = /add its authority to spec.trustedCA/;

describe('a refused exchange says what to change', () => {
  it.each<[string, Make, ReturnType<typeof answers>, RegExp]>([
    ['a role', role, answers(403, refusedByAWS('AccessDenied')), /trust policy .*support:triage/],
    ['an issuer', role, answers(400, refusedByAWS('InvalidIdentityToken')), /OIDC identity/],
    ['an old token', role, answers(400, refusedByAWS('ExpiredTokenException')), /clocks of/],
    ['a region', role, answers(403, refusedByAWS('RegionDisabledException')), /another region/],
    ['another code', role, answers(400, refusedByAWS('Novel')), /\(Novel\)/],
    ['a code like HTML', role, answers(502, refusedByAWS('a b')), /\(HTTP 502\)/],
    ['a page', role, answers(200, '<html>Welcome to role/models</html>'), /a proxy answers/],
    ['no expiry', role, answers(200, assumed('soon')), /did not answer as documented/],
    ['a huge answer', role, answers(200, 'x'.repeat(70_000)), /did not answer as documented/],
    ['no association', podIdentity, answers(404, { code: 'ResourceNotFound' }), /association/],
    ['no account', metadataServer, answers(404, 'models@project'), /Workload Identity Federation/],
    [
      'a grant',
      federated,
      answers(400, { error: 'invalid_grant', error_description: 'models@project' }),
      /\(invalid_grant\).*attribute condition/,
    ],
    ['a target', federated, answers(400, { error: 'invalid_target' }), /google.audience/],
    ['a tenant', azure, answers(400, { error_codes: [90002] }), /azure.tenantID \(AADSTS90002\)/],
    ['a client', azure, answers(400, { error_codes: [700016] }), /azure.clientID/],
    ['a subject', azure, answers(401, { error_codes: [700213] }), /subject .*support:triage/],
    ['an assertion', azure, answers(401, { error_codes: [700024] }), /clocks of/],
    ['more', azure, answers(401, { error_codes: ['x'], error: TENANT }), /HTTP 401/],
    ['no token', azure, answers(200, { expires_in: 3600 }), /did not answer as documented/],
  ])('%s', async (_, make, answer, message) => {
    clouds.answer = answer;
    expect(await refusedWith(make)).toMatch(message);
  });

  it('a service account that the agent may not act as', async () => {
    clouds.answer = (response, seen) => {
      if (seen.url.endsWith(':generateAccessToken')) answers(403, { error: ACCOUNT })(response);
      else grants(response, seen);
    };
    expect(await refusedWith(asAccount)).toMatch(/roles\/iam.workloadIdentityUser.*support:triage/);
  });

  it('a clock that is 10 minutes off', async () => {
    clouds.answer = answers(400, refusedByAWS('InvalidIdentityToken'));
    for (const [offset, text] of [
      [-10, '10 minutes behind'],
      [10, '10 minutes ahead of'],
    ] as const) {
      const date = (): Date => new Date(Date.now() + offset * 60_000);
      expect(await refusedWith(role, clouds.context(clouds.network(), date))).toContain(text);
    }
  });

  it('a host that no name leads to, such as that of a region that does not exist', async () => {
    const wrong: Make = (context) =>
      assumedRole({ roleARN: ROLE, region: 'eu-west-9', directory }, context);
    expect(await refusedWith(wrong)).toMatch(/sts.eu-west-9.amazonaws.com cannot be reached/);
  });

  it('an authority that is not trusted', async () => {
    const { trustedCA: _, ...content } = clouds.network();
    expect(await refusedWith(role, clouds.context(content))).toMatch(NO_AUTHORITY);
  });

  it('a token that is not mounted, or has expired', async () => {
    directory = `${clouds.directory}/absent`;
    expect(await refusedWith(role)).toMatch(/Replace the pod/);
    directory = await clouds.token(serviceAccountToken({ exp: 1_700_000_000 }), 'expired');
    expect(await refusedWith(role)).toMatch(/expired at 2023-11-14.*clock of the node/);
    expect(clouds.secure.seen).toEqual([]);
  });

  it('a pod without EKS Pod Identity, or with the address of another host', async () => {
    const context = clouds.context();
    expect(await refusedWith(podIdentity, { ...context, environment: {} })).toMatch(
      /create-pod-identity-association/,
    );
    const containerCredentialsURI = 'http://thief.example/v1/credentials';
    const environment = { ...context.environment, containerCredentialsURI };
    expect(await refusedWith(podIdentity, { ...context, environment })).toMatch(
      /Remove the variable from podTemplate/,
    );
  });
});

it('an exchange ends with its signal', async () => {
  clouds.answer = () => undefined;
  const ended = new AbortController();
  const asked = role(clouds.context())(ended.signal);
  ended.abort(new Error('enough'));
  await expect(asked).rejects.toThrow('enough');
});

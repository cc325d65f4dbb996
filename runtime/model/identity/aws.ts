import type { Credentials } from '../provider/credentials.ts';
import { IdentityProblem } from './problem.ts';
import { ask, fileText, mountedToken, objectIn, refusal, unreadable } from './exchange.ts';
import type { CloudAnswer, Exchange, ExchangeContext, Grant } from './exchange.ts';

/** A role that the agent's ServiceAccount assumes. */
export interface AssumedRole {
  roleARN: string;
  region: string;
  /** Directory of the mounted token. */
  directory: string;
}

/** Asks STS by AssumeRoleWithWebIdentity. The web token proves who asks, so the request has no signature. */
export function assumedRole(
  { roleARN, region, directory }: AssumedRole,
  context: ExchangeContext,
): Exchange {
  const host = stsHost(region);
  return async (signal) => {
    const { token, subject } = await mountedToken(directory, context.date);
    const body = new URLSearchParams({
      ...{ Action: 'AssumeRoleWithWebIdentity', Version: '2011-06-15' },
      ...{ RoleSessionName: sessionName(context.podName), RoleArn: roleARN },
      WebIdentityToken: token,
    });
    const headers = { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' };
    const question = { method: 'POST', url: `https://${host}/`, headers } as const;
    const answer = await ask({ ...question, body: body.toString() }, context, signal);
    if (answer.status !== 200) throw refusal(refusedRole(answer, host, subject), answer);
    const member = (name: string): string | undefined => element(answer.text, name);
    const grant = grantOf(
      {
        accessKeyId: member('AccessKeyId'),
        secretAccessKey: member('SecretAccessKey'),
        sessionToken: member('SessionToken'),
        expiration: member('Expiration'),
      },
      answer,
      context,
    );
    if (!grant) throw unreadable(host);
    return grant;
  };
}

/** The agent that EKS Pod Identity runs on each node. */
export function podIdentity(context: ExchangeContext): Exchange {
  const { containerCredentialsURI: url, containerTokenFile: path } = context.environment;
  return async (signal) => {
    if (url === undefined || path === undefined) {
      throw new IdentityProblem(
        'EKS Pod Identity has given the pod no credentials. Associate a role with the ServiceAccount of the agent (aws eks create-pod-identity-association), then replace the pod. Elsewhere than on EKS set identity.aws.roleARN.',
      );
    }
    if (!isTrusted(url)) {
      throw new IdentityProblem(
        'AWS_CONTAINER_CREDENTIALS_FULL_URI names a host that is not of EKS Pod Identity. Remove the variable from podTemplate.',
      );
    }
    const { host } = new URL(url);
    const token = await fileText(path);
    if (token === undefined) {
      throw new IdentityProblem(
        'The token of EKS Pod Identity is not mounted: AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE names no file that holds one. Replace the pod.',
      );
    }
    const headers = { accept: 'application/json', authorization: token };
    const answer = await ask({ method: 'GET', url, headers }, context, signal);
    if (answer.status !== 200) {
      const text = `EKS Pod Identity refuses credentials (HTTP ${answer.status}). Check the association of the agent's ServiceAccount, and that the role trusts pods.eks.amazonaws.com for sts:AssumeRole and sts:TagSession.`;
      throw refusal(text, answer);
    }
    const found = objectIn(answer) ?? {};
    const grant = grantOf(
      {
        accessKeyId: found['AccessKeyId'],
        secretAccessKey: found['SecretAccessKey'],
        sessionToken: found['Token'],
        expiration: found['Expiration'],
      },
      answer,
      context,
    );
    if (!grant) throw unreadable(host);
    return grant;
  };
}

function stsHost(region: string): string {
  return `sts.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`;
}

/** CloudTrail shows it. 2 to 64 characters of [\w+=,.@-]. */
function sessionName(podName: string): string {
  return podName
    .replaceAll(/[^\w+=,.@-]/g, '-')
    .slice(-64)
    .padStart(2, '-');
}

/** Hosts that SDKs of AWS accept without https: loopback, and the agents of ECS and EKS. */
const LOCAL_HOSTS = /^(127(\.\d+){3}|localhost|\[::1\]|169\.254\.170\.(2|23)|\[fd00:ec2::23\])$/;

function isTrusted(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, hostname } = new URL(url);
  return protocol === 'https:' || (protocol === 'http:' && LOCAL_HOSTS.test(hostname));
}

type Members = Record<'accessKeyId' | 'secretAccessKey' | 'sessionToken' | 'expiration', unknown>;

/** Undefined if a member is missing. */
function grantOf(
  members: Members,
  { aheadMs }: CloudAnswer,
  { date }: ExchangeContext,
): Grant | undefined {
  const { accessKeyId, secretAccessKey, sessionToken, expiration } = members;
  const expiresAt = typeof expiration === 'string' ? Date.parse(expiration) : NaN;
  if (typeof accessKeyId !== 'string' || typeof secretAccessKey !== 'string') return undefined;
  if (typeof sessionToken !== 'string' || Number.isNaN(expiresAt)) return undefined;
  const credentials: Credentials = { kind: 'aws', accessKeyId, secretAccessKey, sessionToken };
  return { credentials, lifetimeMs: expiresAt - (date().getTime() + aheadMs), aheadMs };
}

/** Text of an XML element that has no children. STS writes the elements that we read without escapes. */
function element(xml: string, name: string): string | undefined {
  return new RegExp(`<${name}>([^<>&]{1,8192})</${name}>`).exec(xml)?.[1];
}

/** What to change, by STS's code. */
const REFUSALS: Readonly<Record<string, (subject: string) => string>> = {
  AccessDenied: (subject) =>
    `AWS does not let the agent assume the role of identity.aws.roleARN (AccessDenied). Check that the role exists, and let its trust policy allow sts:AssumeRoleWithWebIdentity to ${subject} of this cluster, with audience sts.amazonaws.com.`,
  InvalidIdentityToken: () =>
    `AWS does not know the issuer of the cluster's tokens (InvalidIdentityToken). Make it an IAM OIDC identity provider in the account of identity.aws.roleARN, with audience sts.amazonaws.com.`,
  IDPCommunicationError: () =>
    `AWS cannot fetch the keys of the cluster's issuer (IDPCommunicationError). Make its /.well-known/openid-configuration public.`,
  ExpiredTokenException: () =>
    `For AWS the mounted token of the ServiceAccount has expired (ExpiredTokenException). Check the clocks of the node and of the API server.`,
  RegionDisabledException: () =>
    `The account has not activated AWS STS in the region of the endpoint (RegionDisabledException). Activate it, or name another region.`,
  ValidationError: () =>
    `AWS takes identity.aws.roleARN for malformed (ValidationError). Write it as arn:aws:iam::ACCOUNT:role/NAME.`,
  Throttling: () =>
    `AWS limits the rate of exchanges (Throttling). The next one follows by itself.`,
};

function refusedRole({ text, status }: CloudAnswer, host: string, subject: string): string {
  const code = element(text, 'Code') ?? '';
  if (Object.hasOwn(REFUSALS, code)) return REFUSALS[code]!(subject);
  const shown = CODE.test(code) ? code : `HTTP ${status}`;
  return `${host} refuses the exchange (${shown}). Check identity.aws.roleARN and the region of the endpoint.`;
}

const CODE = /^[A-Za-z]{1,64}$/;

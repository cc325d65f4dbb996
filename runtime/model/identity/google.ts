import { ask, mountedToken, objectIn, refusal, tokenIn, unreadable } from './exchange.ts';
import type { CloudAnswer, Exchange, ExchangeContext, Grant } from './exchange.ts';

/** A workload identity pool that trusts the cluster. */
export interface Federation {
  /** The provider's resource: //iam.googleapis.com/projects/N/locations/global/workloadIdentityPools/POOL/providers/P. */
  audience: string;
  /** The account to act as; absent: the federated identity itself. */
  serviceAccount?: string | undefined;
  /** Directory of the mounted token. */
  directory: string;
}

const METADATA_HOST = '169.254.169.254';
const STS = 'sts.googleapis.com';
const IAM = 'iamcredentials.googleapis.com';
const FORM = 'application/x-www-form-urlencoded';
/** What the token of the model may do. */
const CLOUD_PLATFORM = 'https://www.googleapis.com/auth/cloud-platform';
/** What a token may do that only makes another one. */
const IAM_ONLY = 'https://www.googleapis.com/auth/iam';
/** Lifetime of the tokens of service accounts, in seconds: the longest that needs no policy. */
const LIFETIME_SECONDS = 3600;

/** The metadata server of GKE, for the agent's ServiceAccount, or of the machine. */
export function metadataServer(context: ExchangeContext): Exchange {
  const host = context.environment.metadataHost ?? METADATA_HOST;
  const url = `http://${host}/computeMetadata/v1/instance/service-accounts/default/token`;
  const headers = { 'metadata-flavor': 'Google' };
  return async (signal) => {
    const answer = await ask({ method: 'GET', url, headers }, context, signal);
    if (answer.status !== 200) throw refusal(refusedMetadata(answer), answer);
    return bearer(answer, host);
  };
}

/** Google's STS, then the token of a service account if one is named. */
export function federation(
  { audience, serviceAccount, directory }: Federation,
  context: ExchangeContext,
): Exchange {
  return async (signal) => {
    const { token, subject } = await mountedToken(directory, context.date);
    const form = new URLSearchParams({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      audience,
      scope: serviceAccount === undefined ? CLOUD_PLATFORM : IAM_ONLY,
      requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      subject_token: token,
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    });
    const url = `https://${STS}/v1/token`;
    const headers = { 'content-type': FORM };
    const body = form.toString();
    const answer = await ask({ method: 'POST', url, headers, body }, context, signal);
    if (answer.status !== 200) throw refusal(refusedExchange(answer, subject), answer);
    const granted = bearer(answer, STS);
    if (serviceAccount === undefined) return granted;
    return tokenOfAccount({ serviceAccount, subject, granted }, context, signal);
  };
}

interface Impersonation {
  serviceAccount: string;
  subject: string;
  granted: Grant;
}

/** IAM Credentials API: generateAccessToken. */
async function tokenOfAccount(
  { serviceAccount, subject, granted }: Impersonation,
  context: ExchangeContext,
  signal: AbortSignal,
): Promise<Grant> {
  const { credentials } = granted;
  const token = credentials.kind === 'bearer' ? credentials.token : '';
  const url = `https://${IAM}/v1/projects/-/serviceAccounts/${serviceAccount}:generateAccessToken`;
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
  const body = JSON.stringify({ scope: [CLOUD_PLATFORM], lifetime: `${LIFETIME_SECONDS}s` });
  const answer = await ask({ method: 'POST', url, headers, body }, context, signal);
  if (answer.status !== 200) throw refusal(refusedAccount(answer, subject), answer);
  const { accessToken, expireTime } = objectIn(answer) ?? {};
  const made = tokenIn(accessToken);
  const expiresAt = typeof expireTime === 'string' ? Date.parse(expireTime) : NaN;
  if (made === undefined || Number.isNaN(expiresAt)) throw unreadable(IAM);
  const { aheadMs } = answer;
  const lifetimeMs = expiresAt - (context.date().getTime() + aheadMs);
  return { credentials: { kind: 'bearer', token: made }, lifetimeMs, aheadMs };
}

/** The token in an answer of OAuth 2.0 (RFC 6749, 5.1). */
export function bearer(answer: CloudAnswer, host: string): Grant {
  const { access_token: given, expires_in: seconds } = objectIn(answer) ?? {};
  const token = tokenIn(given);
  if (token === undefined || typeof seconds !== 'number') throw unreadable(host);
  const { aheadMs } = answer;
  return { credentials: { kind: 'bearer', token }, lifetimeMs: seconds * 1000, aheadMs };
}

function refusedMetadata({ status }: CloudAnswer): string {
  if (status === 404) {
    return `Google's metadata server has no account for the pod (HTTP 404). Turn Workload Identity Federation for GKE on, or attach a service account to the node.`;
  }
  if (status === 403) {
    return `Google's metadata server refuses a token to the pod (HTTP 403). Check the service account that the agent's ServiceAccount is bound to by iam.gke.io/gcp-service-account.`;
  }
  return `Google's metadata server answers with HTTP ${status}. The next exchange follows by itself.`;
}

/** What to change, by OAuth's code. */
function refusedExchange(answer: CloudAnswer, subject: string): string {
  switch (objectIn(answer)?.['error']) {
    case 'invalid_grant':
      return `Google does not accept the token of ${subject} (invalid_grant). Check the issuer and the keys of the workload identity provider, and its attribute condition.`;
    case 'invalid_target':
      return `Google does not know the workload identity provider of identity.google.audience, or it is disabled (invalid_target). Write its full name: //iam.googleapis.com/projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER.`;
    case 'invalid_request':
      return `Google refuses the exchange (invalid_request). Check identity.google.audience.`;
    default:
      return `Google refuses the exchange (HTTP ${answer.status}). Check identity.google.audience.`;
  }
}

function refusedAccount({ status }: CloudAnswer, subject: string): string {
  if (status === 403 || status === 404) {
    return `Google does not let the agent act as identity.google.serviceAccount (HTTP ${status}). Check that the account exists, that the IAM Service Account Credentials API is on, and that the account grants roles/iam.workloadIdentityUser to the principal of ${subject}.`;
  }
  return `Google makes no token of identity.google.serviceAccount (HTTP ${status}). Check the name of the account.`;
}

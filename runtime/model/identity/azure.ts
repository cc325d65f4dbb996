import { bearer } from './google.ts';
import { ask, mountedToken, objectIn, refusal } from './exchange.ts';
import type { CloudAnswer, Exchange, ExchangeContext } from './exchange.ts';

/** An application or managed identity whose federated credential trusts the cluster. */
export interface FederatedApplication {
  tenantID: string;
  clientID: string;
  /** Directory of the mounted token. */
  directory: string;
}

const ENTRA = 'login.microsoftonline.com';
/** What the token is for: the models of Foundry. */
const SCOPE = 'https://ai.azure.com/.default';

/** Microsoft Entra ID: the token of the cluster is the assertion of the client (RFC 7523, 2.2). */
export function federatedApplication(
  { tenantID, clientID, directory }: FederatedApplication,
  context: ExchangeContext,
): Exchange {
  const url = `https://${ENTRA}/${tenantID}/oauth2/v2.0/token`;
  return async (signal) => {
    const { token, subject } = await mountedToken(directory, context.date);
    const form = new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: clientID,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: token,
      scope: SCOPE,
    });
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const body = form.toString();
    const answer = await ask({ method: 'POST', url, headers, body }, context, signal);
    if (answer.status !== 200) throw refusal(refused(answer, subject), answer);
    return bearer(answer, ENTRA);
  };
}

const NO_CREDENTIAL = (code: string, subject: string): string =>
  `Entra finds no federated credential that fits the token (${code}). Give the application of identity.azure.clientID one with the issuer of this cluster, subject ${subject} and audience api://AzureADTokenExchange.`;
const NO_TENANT = (code: string): string =>
  `Entra does not know identity.azure.tenantID (${code}). Check it.`;
const NO_SIGNATURE = (code: string): string =>
  `Entra cannot check the signature of the token (${code}). Make the issuer of the cluster public, with its current keys.`;

/** What to change, by Entra's number of the error (AADSTS…). */
const REFUSALS: Readonly<Record<number, (code: string, subject: string) => string>> = {
  70021: NO_CREDENTIAL,
  700211: NO_CREDENTIAL,
  700212: NO_CREDENTIAL,
  700213: NO_CREDENTIAL,
  700016: (code) =>
    `Entra does not know identity.azure.clientID in this tenant (${code}). Check both.`,
  90002: NO_TENANT,
  900023: NO_TENANT,
  700024: (code) =>
    `For Entra the mounted token of the ServiceAccount is not valid now (${code}). Check the clocks of the node and of the API server.`,
  700027: NO_SIGNATURE,
  50166: NO_SIGNATURE,
};

function refused(answer: CloudAnswer, subject: string): string {
  const { error_codes: codes } = objectIn(answer) ?? {};
  const known: unknown = Array.isArray(codes) ? codes[0] : undefined;
  if (!Number.isSafeInteger(known)) {
    return `Entra refuses the exchange (HTTP ${answer.status}). Check identity.azure.`;
  }
  const code = `AADSTS${known as number}`;
  const say = REFUSALS[known as number];
  return say?.(code, subject) ?? `Entra refuses the exchange (${code}). Check identity.azure.`;
}

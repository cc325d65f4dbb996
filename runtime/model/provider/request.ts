import type { RemoteContext } from '../../../tracing/span.ts';
import type { Edit } from '../../json/scan.ts';
import { requestHeaders } from '../transport/headers.ts';
import type { OwnHeaders } from '../transport/headers.ts';
import type { UpstreamRequest } from '../transport/upstream.ts';
import type { Credentials } from './credentials.ts';
import { modelAt } from './models.ts';
import { BETA_HEADER, betasIn } from './obstacle.ts';
import type { EndpointRequest, EndpointTarget } from './provider.ts';

/** How a provider's requests differ from those of the client's protocol. */
export interface Differences {
  context?: RemoteContext | undefined;
  /** The one for an API key. Default: x-api-key. */
  keyHeader?: string;
  /** Replaces path and query. */
  path?: string;
  edits?: readonly Edit[] | undefined;
  /** Whether a header of the client, in small letters, stays here. */
  drops?: (name: string) => boolean;
}

/** The request below the endpoint's address. */
export function directRequest(
  asked: EndpointRequest,
  { endpoint, credentials, headers }: EndpointTarget,
  { context, keyHeader = 'x-api-key', path = asked.path, edits, drops }: Differences,
): UpstreamRequest {
  const address = addressOf(endpoint.baseURL);
  const credential = credentialHeader(credentials, keyHeader);
  const baggage = asked.content.telemetry.baggage === 'Forward';
  const { betas } = endpoint;
  const own = { credential, headers, baggage, drops };
  const sent = betas?.others === 'Drop' ? withBetas(asked, own, betas.accept) : own;
  return {
    method: asked.method,
    origin: address.origin,
    path: `${address.path}${path}`,
    headers: requestHeaders(asked.headers, sent, context),
    certificate: endpoint.clientCertificate && endpoint.name,
    body: bodyOf(asked, endpoint, edits),
  };
}

/** A request of unknown kind goes unchanged. */
function bodyOf(
  asked: EndpointRequest,
  endpoint: EndpointTarget['endpoint'],
  edits?: readonly Edit[],
): Buffer | undefined {
  const { method, expected, body, protocol } = asked;
  if (expected === 'Any') return body.length > 0 ? body : undefined;
  if (method !== 'POST') return undefined;
  const { models, maxTokens } = endpoint;
  const bounds = models ? { model: modelAt(endpoint, asked.model), maxTokens } : endpoint;
  return protocol.bodyFor(asked, bounds, edits);
}

/** Only the betas that the endpoint accepts. */
function withBetas(asked: EndpointRequest, own: OwnHeaders, accept: readonly string[]): OwnHeaders {
  const kept = betasIn(asked.headers).filter((beta) => accept.includes(beta));
  const { headers = [], drops } = own;
  const more: [string, string][] = kept.length > 0 ? [[BETA_HEADER, kept.join(',')]] : [];
  return {
    ...own,
    headers: [...more, ...headers],
    drops: (name) => name === BETA_HEADER || drops?.(name) === true,
  };
}

/** The header that shows credentials; undefined for those that sign each request. */
export function credentialHeader(
  credentials: Credentials | undefined,
  keyHeader: string,
): readonly [name: string, value: string] | undefined {
  switch (credentials?.kind) {
    case 'apiKey':
      return [keyHeader, credentials.value];
    case 'bearer':
      return ['authorization', `Bearer ${credentials.token}`];
    default:
      return undefined;
  }
}

interface Address {
  origin: string;
  /** Without a slash at its end. */
  path: string;
}

/** Parsed base URLs: parsing one costs as much as the rest of an attempt. */
const addresses = new Map<string, Address>();
const MAX_ADDRESSES = 256;

function addressOf(baseURL: string): Address {
  const known = addresses.get(baseURL);
  if (known) return known;
  const { origin, pathname } = new URL(baseURL);
  const address = { origin, path: pathname.replace(/\/+$/, '') };
  if (addresses.size >= MAX_ADDRESSES) addresses.clear();
  addresses.set(baseURL, address);
  return address;
}

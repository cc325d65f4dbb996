import type { RemoteContext } from '../../../tracing/span.ts';
import { requestHeaders } from '../transport/headers.ts';
import type { UpstreamRequest } from '../transport/upstream.ts';
import type { Credentials } from './credentials.ts';
import type { EndpointRequest, EndpointTarget } from './provider.ts';

/** The request below the endpoint's address, with the credentials in a header. `keyHeader`: the one for an API key. */
export function directRequest(
  asked: EndpointRequest,
  { endpoint, credentials, headers }: EndpointTarget,
  context?: RemoteContext,
  keyHeader = 'x-api-key',
): UpstreamRequest {
  const { origin, path } = addressOf(endpoint.baseURL);
  const credential = credentialHeader(credentials, keyHeader);
  const baggage = asked.content.telemetry.baggage === 'Forward';
  return {
    method: asked.method,
    origin,
    path: `${path}${asked.path}`,
    headers: requestHeaders(asked.headers, { credential, headers, baggage }, context),
    certificate: endpoint.clientCertificate && endpoint.name,
    body: bodyOf(asked, endpoint),
  };
}

/** A request of unknown kind goes unchanged. */
function bodyOf(asked: EndpointRequest, endpoint: EndpointTarget['endpoint']): Buffer | undefined {
  const { method, expected, body, protocol } = asked;
  if (expected === 'Any') return body.length > 0 ? body : undefined;
  return method === 'POST' ? protocol.bodyFor(asked, endpoint) : undefined;
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

export interface Address {
  origin: string;
  /** Without a slash at its end. */
  path: string;
}

/** Parsed base URLs: parsing one costs as much as the rest of an attempt. */
const addresses = new Map<string, Address>();
const MAX_ADDRESSES = 256;

export function addressOf(baseURL: string): Address {
  const known = addresses.get(baseURL);
  if (known) return known;
  const { origin, pathname } = new URL(baseURL);
  const address = { origin, path: pathname.replace(/\/+$/, '') };
  if (addresses.size >= MAX_ADDRESSES) addresses.clear();
  addresses.set(baseURL, address);
  return address;
}

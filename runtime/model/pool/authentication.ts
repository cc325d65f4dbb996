import type { Endpoint } from '../../../contract/generated/types.ts';
import type { Credential as Hashed } from '../../guard/admission.ts';
import type {
  Credential,
  Credentials as MountedCredentials,
  MountedKey,
} from '../../mounts/credentials.ts';
import { readHeaders } from '../../mounts/secretHeaders.ts';
import type { SecretReader } from '../../mounts/secretHeaders.ts';
import type { SharedIdentity } from '../identity/identities.ts';
import type { Credentials } from '../provider/credentials.ts';
import { CREDENTIALS } from '../transport/headers.ts';

/** Credentials that the agent itself sends to an endpoint. */
export interface Authentication {
  /** The endpoint's own; absent: the client's pass on. */
  credentials?: Credentials;
  /** Each replaces the client's header of the same name. */
  headers?: readonly [string, string][];
  /** Whose credentials they are; absent: a Secret's or the client's. */
  identity?: SharedIdentity['identity'];
  /** Whose gates apply; absent: the client's own. */
  credential?: Hashed;
}

export type Mounted = SecretReader & Pick<MountedCredentials, 'mounted'>;

/** The identities of endpoints. */
export interface EndpointIdentities {
  of(endpoint: Endpoint): SharedIdentity | undefined;
}

/** What an endpoint lacks: a key of a Secret, or credentials for its identity. */
export interface Lacking {
  missing?: Credential;
  unavailable?: SharedIdentity['identity'];
}

/** The agent's credentials and header values for an endpoint, or what is missing first. */
export function authentication(
  endpoint: Endpoint,
  mounted: Mounted,
  identities: EndpointIdentities,
): Authentication | { lacking: Lacking } {
  const { credential, credentialScheme, headersFrom = [] } = endpoint;
  const key = credential && mounted.mounted(credential);
  if (credential && key === undefined) return { lacking: { missing: credential } };
  const shared = identities.of(endpoint);
  if (shared && !shared.identity.credentials) return { lacking: { unavailable: shared.identity } };
  const own = shared ? shownIdentity(shared) : key ? shownKey(key, credentialScheme) : NOTHING;
  return headersFrom.length === 0 ? own : withHeaders(own, headersFrom, mounted);
}

const NOTHING: Authentication = {};

/** The key identifies better than other headers. Headers that are no credential identify nothing. */
function withHeaders(
  own: Authentication,
  from: NonNullable<Endpoint['headersFrom']>,
  mounted: Mounted,
): Authentication | { lacking: Lacking } {
  const secret = readHeaders(from, mounted);
  if ('missing' in secret) return { lacking: { missing: secret.missing.credential } };
  const { headers } = secret;
  const shows = headers.some(([name]) => CREDENTIALS.has(name.toLowerCase()));
  const credential = own.credential ?? (shows ? secret.credential : undefined);
  return { ...own, headers, ...(credential && { credential }) };
}

function shownIdentity({ identity, credential }: SharedIdentity): Authentication {
  const { credentials } = identity;
  return { ...(credentials && { credentials }), identity, credential };
}

function shownKey(
  { key, credential }: MountedKey,
  scheme: Endpoint['credentialScheme'],
): Authentication {
  const credentials: Credentials =
    scheme === 'Bearer' ? { kind: 'bearer', token: key } : { kind: 'apiKey', value: key };
  return { credentials, credential };
}

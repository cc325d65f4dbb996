import type { Endpoint } from '../../../contract/generated/types.ts';
import type { Credential as Hashed } from '../../guard/admission.ts';
import type {
  Credential,
  Credentials as MountedCredentials,
  MountedKey,
} from '../../mounts/credentials.ts';
import { readHeaders } from '../../mounts/secretHeaders.ts';
import type { SecretReader } from '../../mounts/secretHeaders.ts';
import type { Credentials } from '../provider/credentials.ts';
import { CREDENTIALS } from '../transport/headers.ts';

/** Credentials that the agent itself sends to an endpoint. */
export interface Authentication {
  /** The endpoint's own; absent: the client's pass on. */
  credentials?: Credentials;
  /** Each replaces the client's header of the same name. */
  headers?: readonly [string, string][];
  /** Whose gates apply; absent: the client's own. */
  credential?: Hashed;
}

export type Mounted = SecretReader & Pick<MountedCredentials, 'mounted'>;

/** The mounted key and header values of an endpoint, or the first that is missing. */
export function authentication(
  { credential, credentialScheme, headersFrom = [] }: Endpoint,
  mounted: Mounted,
): Authentication | { missing: Credential } {
  const key = credential && mounted.mounted(credential);
  if (credential && key === undefined) return { missing: credential };
  const own = key ? shownKey(key, credentialScheme) : NOTHING;
  return headersFrom.length === 0 ? own : withHeaders(own, headersFrom, mounted);
}

const NOTHING: Authentication = {};

/** The key identifies better than other headers. Headers that are no credential identify nothing. */
function withHeaders(
  own: Authentication,
  from: NonNullable<Endpoint['headersFrom']>,
  mounted: Mounted,
): Authentication | { missing: Credential } {
  const secret = readHeaders(from, mounted);
  if ('missing' in secret) return { missing: secret.missing.credential };
  const { headers } = secret;
  const shows = headers.some(([name]) => CREDENTIALS.has(name.toLowerCase()));
  const credential = own.credential ?? (shows ? secret.credential : undefined);
  return { ...own, headers, ...(credential && { credential }) };
}

function shownKey(
  { key, credential }: MountedKey,
  scheme: Endpoint['credentialScheme'],
): Authentication {
  const credentials: Credentials =
    scheme === 'Bearer' ? { kind: 'bearer', token: key } : { kind: 'apiKey', value: key };
  return { credentials, credential };
}

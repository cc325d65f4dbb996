import type { Endpoint } from '../../../contract/generated/types.ts';
import type { Credential as Hashed } from '../../guard/admission.ts';
import type { Credential, Credentials, MountedKey } from '../../mounts/credentials.ts';
import { readHeaders } from '../../mounts/secretHeaders.ts';
import type { SecretReader } from '../../mounts/secretHeaders.ts';
import { CREDENTIALS } from '../transport/headers.ts';

/** Credentials that the agent itself sends to an endpoint. */
export interface Authentication {
  /** The endpoint's own key; absent: the client's credentials pass on. */
  key?: string;
  /** Each replaces the client's header of the same name. */
  headers?: readonly [string, string][];
  /** Whose gates apply; absent: the client's own. */
  credential?: Hashed;
}

export type Mounted = SecretReader & Pick<Credentials, 'mounted'>;

/** The mounted key and header values of an endpoint, or the first that is missing. */
export function authentication(
  { credential, headersFrom = [] }: Endpoint,
  mounted: Mounted,
): Authentication | { missing: Credential } {
  const key = credential && mounted.mounted(credential);
  if (credential && key === undefined) return { missing: credential };
  if (headersFrom.length === 0) return key ?? NOTHING;
  const secret = readHeaders(headersFrom, mounted);
  if ('missing' in secret) return { missing: secret.missing.credential };
  const { headers } = secret;
  const shows = headers.some(([name]) => CREDENTIALS.has(name.toLowerCase()));
  return { ...key, headers, ...credentialOf(key, shows ? secret.credential : undefined) };
}

const NOTHING: Authentication = {};

/** The key identifies better than other headers. Headers that are no credential identify nothing. */
function credentialOf(
  key: MountedKey | undefined,
  shown: Hashed | undefined,
): Pick<Authentication, 'credential'> {
  const credential = key?.credential ?? shown;
  return credential ? { credential } : {};
}

import type { Endpoint } from '../../../contract/generated/types.ts';
import type { Credential } from '../../guard/admission.ts';
import { CREDENTIALS } from '../transport/headers.ts';
import { readHeaders } from '../transport/secretHeaders.ts';
import type { SecretReader } from '../transport/secretHeaders.ts';
import type { Credentials, MountedKey } from './credentials.ts';

/** What the agent itself shows an endpoint. */
export interface Authentication {
  /** The endpoint's own key; absent: the client's is passed on. */
  key?: string;
  /** Each in place of the client's of the same name. */
  headers?: readonly [string, string][];
  /** Whose gates apply; absent: the client's own. */
  credential?: Credential;
}

export type Mounted = SecretReader & Pick<Credentials, 'mounted'>;

/** The mounted key and header values of an endpoint; the first that is missing, if one is. */
export function authentication(
  { credential, headersFrom = [] }: Endpoint,
  mounted: Mounted,
): Authentication | { missing: NonNullable<Endpoint['credential']> } {
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

/** The key tells more than headers besides it, and headers that are no credential tell nothing. */
function credentialOf(
  key: MountedKey | undefined,
  shown: Credential | undefined,
): Pick<Authentication, 'credential'> {
  const credential = key?.credential ?? shown;
  return credential ? { credential } : {};
}

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Endpoint } from '../../../contract/generated/types.ts';
import type { Credential as Hashed } from '../../guard/admission.ts';
import { fileVersion } from '../../network/mountedFile.ts';
import { CREDENTIALS } from '../transport/headers.ts';
import { readHeaders } from '../transport/secretHeaders.ts';
import type { SecretReader } from '../transport/secretHeaders.ts';

/** Where a credential is mounted. */
export type Credential = NonNullable<Endpoint['credential']>;

/** A mounted key and its name in the guard. */
export interface MountedKey {
  key: string;
  credential: Hashed;
}

interface Cached {
  checkedAt: number;
  /** Distinguishes versions of the file. */
  version: string;
  mounted: MountedKey | undefined;
}

/** Interval between two checks of a file, in milliseconds. */
const CHECK_MS = 1000;

/** Characters that a header allows; any other makes the credential unusable. */
const USABLE = /^[\x21-\x7e]+$/;

/**
 * API keys from mounted Secrets. Checks a file at most once a second and reads it again only if it has changed. A new
 * value takes effect without a restart.
 */
export class Credentials {
  readonly #now: () => number;
  readonly #cache = new Map<string, Cached>();

  /** `now` is a monotonic clock in milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** The key, or undefined when the Secret or the key in it is missing, empty or unusable. */
  read(credential: Credential): string | undefined {
    return this.mounted(credential)?.key;
  }

  /** The key with its hash. */
  mounted({ path }: Credential): MountedKey | undefined {
    const cached = this.#cache.get(path);
    const now = this.#now();
    if (cached && now - cached.checkedAt < CHECK_MS) return cached.mounted;
    const version = fileVersion(path);
    const mounted = cached && cached.version === version ? cached.mounted : mountedAt(path);
    this.#cache.set(path, { checkedAt: now, version, mounted });
    return mounted;
  }

  /** Forgets all other files. */
  retain(paths: ReadonlySet<string>): void {
    for (const path of this.#cache.keys()) if (!paths.has(path)) this.#cache.delete(path);
  }
}

/** Names a credential without disclosing it. */
export function credentialHash(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url');
}

function mountedAt(path: string): MountedKey | undefined {
  const key = keyIn(path);
  return key === undefined
    ? undefined
    : { key, credential: { hash: credentialHash(key), mounted: true } };
}

function keyIn(path: string): string | undefined {
  try {
    const key = readFileSync(path, 'utf8').trim();
    return USABLE.test(key) ? key : undefined;
  } catch {
    return undefined;
  }
}

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

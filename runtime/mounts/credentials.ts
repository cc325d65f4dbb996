import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Endpoint } from '../../contract/generated/types.ts';
import type { Credential as Hashed } from '../guard/admission.ts';
import { fileVersion } from './mountedFile.ts';

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

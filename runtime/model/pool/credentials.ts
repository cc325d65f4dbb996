import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import type { Endpoint } from '../../../contract/generated/types.ts';
import type { Credential as Hashed } from '../../guard/admission.ts';

/** Where a credential is mounted. */
export type Credential = NonNullable<Endpoint['credential']>;

/** A key that is mounted, and how the guard knows it. */
export interface MountedKey {
  key: string;
  credential: Hashed;
}

interface Cached {
  checkedAt: number;
  /** What tells one version of the file from another. */
  version: string;
  mounted: MountedKey | undefined;
}

/** Time between two looks at a file, in milliseconds. */
const CHECK_MS = 1000;

/** What may stand in a header; anything else in the file makes the credential unusable. */
const USABLE = /^[\x21-\x7e]+$/;

/**
 * API keys from mounted Secrets. A file is looked at no more than once a second and read again
 * only when it is another file or has changed, so that a new value is live without a restart.
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

  /** The same with the key's hash. */
  mounted({ path }: Credential): MountedKey | undefined {
    const cached = this.#cache.get(path);
    const now = this.#now();
    if (cached && now - cached.checkedAt < CHECK_MS) return cached.mounted;
    const version = versionOf(path);
    const mounted = cached && cached.version === version ? cached.mounted : mountedAt(path);
    this.#cache.set(path, { checkedAt: now, version, mounted });
    return mounted;
  }

  /** Forgets files that no endpoint uses any more. */
  retain(paths: ReadonlySet<string>): void {
    for (const path of this.#cache.keys()) if (!paths.has(path)) this.#cache.delete(path);
  }
}

function versionOf(path: string): string {
  try {
    const { ino, mtimeMs, size } = statSync(path);
    return `${ino} ${mtimeMs} ${size}`;
  } catch {
    return 'absent';
  }
}

/** Names a credential without showing it. */
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

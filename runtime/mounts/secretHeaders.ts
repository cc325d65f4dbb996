import { createHash } from 'node:crypto';
import type { SecretHeader } from '../../contract/generated/types.ts';
import type { Credential } from '../guard/admission.ts';

/** Reads a mounted value; undefined when the Secret or the key in it is missing. */
export interface SecretReader {
  read(credential: SecretHeader['credential']): string | undefined;
}

export interface ReadHeaders {
  headers: [string, string][];
  /** Names all values without disclosing them; absent without any. */
  credential?: Credential;
}

/** Headers with their values from mounted Secrets, or the first missing one. */
export function readHeaders(
  from: readonly SecretHeader[],
  credentials: SecretReader,
): ReadHeaders | { missing: SecretHeader } {
  if (from.length === 0) return { headers: [] };
  const hash = createHash('sha256');
  const headers: [string, string][] = [];
  for (const header of from) {
    const value = credentials.read(header.credential);
    if (value === undefined) return { missing: header };
    const { name, prefix = '' } = header;
    headers.push([name, `${prefix}${value}`]);
    hash.update(`${name}\n${value}\n`);
  }
  return { headers, credential: { hash: hash.digest('base64url'), mounted: true } };
}

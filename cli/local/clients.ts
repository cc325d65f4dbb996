import { createHash } from 'node:crypto';
import type { Content } from '../../contract/generated/types.ts';
import type { Keys } from '../manifests/inventory.ts';
import { textsIn } from './keys.ts';

/** Keys of a Secret that are valid names of files. */
const KEY = /^(?!\.\.)[-._a-zA-Z0-9]+$/;

/**
 * Points auth to the API keys of clients in manifests: files by path, and missing Secrets. Other keys get another
 * directory, so that removed ones stop working.
 */
export function localClients(
  { auth }: Content,
  where: { directory: string; namespace: string; keys: readonly Keys[] },
): { files: [path: string, text: string][]; missing: string[] } {
  if (auth?.apiKeys === undefined) return { files: [], missing: [] };
  const { secret, path } = auth.apiKeys;
  const ref = { kind: 'Secret' as const, namespace: where.namespace, name: secret };
  const texts = textsIn(ref, where.keys).filter(([key]) => KEY.test(key));
  const hash = createHash('sha256').update(JSON.stringify(texts)).digest('hex').slice(0, 16);
  const directory = `${where.directory}${path}/${hash}`;
  auth.apiKeys.path = directory;
  const missing = `Secret ${secret}, the API keys of clients, is missing or empty, so that nobody is let in; add a manifest of it`;
  return {
    files: texts.map(([key, text]) => [`${directory}/${key}`, text]),
    missing: texts.length === 0 ? [missing] : [],
  };
}

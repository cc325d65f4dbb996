import type { Keys } from '../manifests/inventory.ts';

/** A key of a Secret or a ConfigMap that an agent uses. */
export interface KeyRef {
  kind: 'Secret' | 'ConfigMap';
  namespace: string;
  name: string;
  key: string;
}

/** The environment, as process.env. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The value of a key: from a manifest, or, for a Secret, from the environment variable of that name. Undefined without
 * one.
 */
export function valueOf(
  ref: KeyRef,
  keys: readonly Keys[],
  environment: Environment,
): string | undefined {
  const found = keysOf(ref, keys);
  const written = found && textIn(found, ref.key);
  if (written !== undefined || ref.kind === 'ConfigMap') return written;
  return environment[variableOf(ref)];
}

/** The environment variable for a key of a Secret: ANTHROPIC_API_KEY for api-key of anthropic. */
export function variableOf({ name, key }: Pick<KeyRef, 'name' | 'key'>): string {
  return `${name}_${key}`.toUpperCase().replaceAll(/[^A-Z0-9]+/g, '_');
}

/** All keys of a Secret or a ConfigMap in the manifests. */
export function textsIn(
  ref: Omit<KeyRef, 'key'>,
  keys: readonly Keys[],
): [key: string, text: string][] {
  const found = keysOf(ref, keys);
  const names = new Set(
    [found?.data, found?.stringData].flatMap((each) => Object.keys(each ?? {})),
  );
  return [...names].sort().flatMap((key) => {
    const text = textIn(found!, key);
    return text === undefined ? [] : [[key, text]];
  });
}

function keysOf(ref: Omit<KeyRef, 'key'>, keys: readonly Keys[]): Keys | undefined {
  return keys.find(
    ({ kind, metadata: { namespace, name } }) =>
      kind === ref.kind && namespace === ref.namespace && name === ref.name,
  );
}

function textIn({ kind, data, stringData }: Keys, key: string): string | undefined {
  const plain = stringData?.[key] ?? (kind === 'ConfigMap' ? data?.[key] : undefined);
  if (typeof plain === 'string') return plain;
  const encoded = kind === 'Secret' ? data?.[key] : undefined;
  return typeof encoded === 'string' ? Buffer.from(encoded, 'base64').toString('utf8') : undefined;
}

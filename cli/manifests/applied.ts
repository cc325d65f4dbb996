import type { KubernetesObject } from '../../crds/meta.ts';

type Fields = Readonly<Record<string, unknown>>;

const LAST = 'kubectl.kubernetes.io/last-applied-configuration';

/**
 * The object as kubectl apply leaves it. It has the fields of the manifest, lists as a whole. It loses those that only the
 * last manifest has, and keeps all others, such as those that another tool sets.
 */
export function applied(live: KubernetesObject, manifest: Fields): Fields {
  const text = live.metadata.annotations?.[LAST];
  const last = text === undefined ? {} : (JSON.parse(text) as Fields);
  return merged(live as unknown as Fields, last, manifest);
}

function merged(live: Fields, last: Fields, manifest: Fields): Fields {
  const kept = Object.entries(live).filter(([name]) => !(name in last) || name in manifest);
  const result = Object.fromEntries<unknown>(kept);
  for (const [name, value] of Object.entries(manifest)) {
    if (value === null) delete result[name];
    else result[name] = isFields(value) ? below(live[name], last[name], value) : value;
  }
  return result;
}

function below(live: unknown, last: unknown, value: Fields): Fields {
  return merged(isFields(live) ? live : {}, isFields(last) ? last : {}, value);
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

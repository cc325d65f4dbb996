import { InvalidSpecError } from '../common/errors.ts';

export type Json = Record<string, unknown>;

/** How the list at a path is merged: by the fields that identify an element. */
interface KeyedList {
  /** Identifying fields; a missing one counts as its default. The first must be there. */
  keys: readonly { field: string; default?: string }[];
  /** An element with fields besides its keys replaces the fields that it does not name (volume sources). */
  retainKeys?: boolean;
}

const byName: KeyedList = { keys: [{ field: 'name' }] };

/**
 * Lists of a pod template that merge by key, as the Kubernetes API declares; all others are replaced. Ports and spread
 * constraints have a second key, as in server-side apply, so that one port number may serve TCP and UDP. Source:
 * patchStrategy and listMapKeys in k8s.io/api/core/v1/types.go.
 */
const KEYED_LISTS: Record<string, KeyedList> = {
  'spec.containers': byName,
  'spec.initContainers': byName,
  'spec.volumes': { ...byName, retainKeys: true },
  'spec.imagePullSecrets': byName,
  'spec.resourceClaims': byName,
  'spec.schedulingGates': byName,
  'spec.hostAliases': { keys: [{ field: 'ip' }] },
  'spec.topologySpreadConstraints': {
    keys: [{ field: 'topologyKey' }, { field: 'whenUnsatisfiable' }],
  },
  ...containerLists('spec.containers'),
  ...containerLists('spec.initContainers'),
};

function containerLists(path: string): Record<string, KeyedList> {
  return {
    [`${path}.env`]: byName,
    [`${path}.volumeMounts`]: { keys: [{ field: 'mountPath' }] },
    [`${path}.volumeDevices`]: { keys: [{ field: 'devicePath' }] },
    [`${path}.ports`]: {
      keys: [{ field: 'containerPort' }, { field: 'protocol', default: 'TCP' }],
    },
  };
}

const DIRECTIVE = '$patch';

/**
 * The pod template `base` with `patch` over it: objects field by field, keyed lists element by element, everything
 * else replaced. null removes a field; `$patch: delete` removes an element or an object, `$patch: replace` keeps
 * nothing of the base. Throws an InvalidSpecError (InvalidPodTemplate) that names the place where the patch does not
 * fit. Neither argument is changed. Source: kubectl's strategic merge patch.
 */
export function strategicMerge(base: Json, patch: Json): Json {
  return mergeObject(base, patch, '');
}

function mergeObject(base: Json, patch: Json, path: string): Json {
  checkDirectives(patch, path);
  const merged: Json = patch[DIRECTIVE] === 'replace' ? {} : { ...base };
  for (const [field, value] of Object.entries(patch)) {
    if (field === DIRECTIVE) continue;
    if (value === null || isDeletion(value)) delete merged[field];
    else merged[field] = mergeValue(merged[field], value, join(path, field));
  }
  return merged;
}

function mergeValue(base: unknown, patch: unknown, path: string): unknown {
  const list = KEYED_LISTS[path];
  if (list !== undefined) return mergeList(base, patch, path, list);
  if (isObject(patch)) return mergeObject(isObject(base) ? base : {}, patch, path);
  return Array.isArray(patch) ? patch.map((item: unknown) => plain(item, path)) : patch;
}

/** An element of a replaced list merges with nothing, but loses its nulls. */
function plain(item: unknown, path: string): unknown {
  return isObject(item) ? mergeObject({}, item, path) : item;
}

function mergeList(base: unknown, patch: unknown, path: string, list: KeyedList): unknown[] {
  const given = elements(patch, path);
  const replaced = given.some((item) => item[DIRECTIVE] === 'replace' && only(item, DIRECTIVE));
  const own = replaced || base === undefined ? [] : elements(base, path);
  const merged = new Map<string, Json>(own.map((item) => [identity(item, list, path), item]));
  const added: Json[] = [];
  for (const item of given.filter((one) => !only(one, DIRECTIVE))) {
    const id = identity(item, list, path);
    const match = merged.get(id);
    if (isDeletion(item)) merged.delete(id);
    else if (match === undefined) added.push(mergeObject({}, item, path));
    else merged.set(id, mergeObject(retained(match, item, list), item, path));
  }
  return [...merged.values(), ...added];
}

function retained(base: Json, patch: Json, list: KeyedList): Json {
  const keys = list.keys.map(({ field }) => field);
  const silent = Object.keys(patch).every((field) => keys.includes(field));
  if (list.retainKeys !== true || silent) return base;
  return Object.fromEntries(Object.entries(base).filter(([field]) => field in patch));
}

function identity(item: Json, list: KeyedList, path: string): string {
  const first = list.keys[0]!.field;
  if (item[first] === undefined || item[first] === null) {
    throw invalid(path, `has an element without ${first}; each needs one, to tell them apart`);
  }
  return JSON.stringify(list.keys.map(({ field, default: value }) => item[field] ?? value ?? null));
}

function elements(value: unknown, path: string): Json[] {
  if (Array.isArray(value) && value.every(isObject)) return value;
  throw invalid(path, 'must be a list of objects');
}

function checkDirectives(patch: Json, path: string): void {
  for (const [field, value] of Object.entries(patch)) {
    if (!field.startsWith('$')) continue;
    if (field === DIRECTIVE && ['delete', 'replace', 'merge'].includes(String(value))) continue;
    throw invalid(
      join(path, field),
      'is not supported; of the directives of a strategic merge only $patch: delete, $patch: replace and $patch: merge are',
    );
  }
}

function invalid(path: string, message: string): InvalidSpecError {
  return new InvalidSpecError('InvalidPodTemplate', `spec.podTemplate.${path} ${message}`);
}

function isDeletion(value: unknown): boolean {
  return isObject(value) && value[DIRECTIVE] === 'delete';
}

function only(item: Json, field: string): boolean {
  return Object.keys(item).length === 1 && field in item;
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function join(path: string, field: string): string {
  return path === '' ? field : `${path}.${field}`;
}

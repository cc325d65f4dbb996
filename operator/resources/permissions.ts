import { USES, type Use } from './resources.ts';

export type Scope = Use['scope'];

/** A rule of a Role or ClusterRole. */
export interface PolicyRule {
  apiGroups: string[];
  resources: string[];
  /** The operator's setting that names the only object. */
  only?: NonNullable<Use['only']>;
  verbs: string[];
}

/** The rules of one scope, exactly for USES. Resources of one group with the same verbs share a rule. */
export function permissions(scope: Scope): PolicyRule[] {
  const merged = new Map<string, PolicyRule>();
  for (const rule of USES.filter((use) => use.scope === scope).flatMap(rulesOf)) {
    const key = JSON.stringify([rule.apiGroups, rule.verbs, rule.only]);
    const same = merged.get(key);
    if (same) same.resources.push(...rule.resources);
    else merged.set(key, rule);
  }
  return [...merged.values()];
}

/** One rule for the kind itself and one for each subresource. */
function rulesOf({ resource: { group, plural, verbs }, only }: Use): PolicyRule[] {
  const uses = Object.keys(verbs).map((verb) => {
    const [action, part] = verb.split('/').reverse() as [string, string | undefined];
    // RBAC cannot bind create to a name.
    const named = only !== undefined && action !== 'create';
    return { of: part === undefined ? plural : `${plural}/${part}`, action, named };
  });
  return [...Map.groupBy(uses, ({ of, named }) => `${of} ${!named}`).values()].map((same) => ({
    apiGroups: [group],
    resources: [same[0]!.of],
    ...(same[0]!.named && { only }),
    verbs: same.map(({ action }) => action),
  }));
}

import { USES, type Use } from './resources.ts';

/** Where rules hold. */
export type Scope = Use['scope'];

/** A rule of a Role or ClusterRole. */
export interface PolicyRule {
  apiGroups: string[];
  resources: string[];
  /** A setting of the operator by which the one object is named, not the name itself. */
  only?: NonNullable<Use['only']>;
  verbs: string[];
}

/** What the operator may do in a scope: exactly its USES, resources of one group with the same verbs together. */
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
    // A permission to create cannot be bound to a name.
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

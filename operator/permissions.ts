import * as resources from './kube/resource.ts';
import type { Access, Resource, Verb } from './kube/resource.ts';
import type { KubernetesObject } from './kube/types.ts';

/** Where rules hold; see Access. */
export type Scope = Access<never>['scope'];

/** A rule of a Role or ClusterRole. */
export interface PolicyRule {
  apiGroups: string[];
  resources: string[];
  /** A setting of the operator by which the one object is named, not the name itself. */
  only?: NonNullable<Access<never>['only']>;
  verbs: string[];
}

type AnyResource = Resource<KubernetesObject>;

/** Resources that the operator uses, in the order in which they are declared. */
const USED = (Object.values(resources) as unknown[]).filter(isResource);

function isResource(value: unknown): value is AnyResource {
  return typeof value === 'object' && value !== null && 'access' in value;
}

/**
 * What the operator may do in a scope: exactly the verbs declared beside the resources, resources of one
 * group with the same verbs together.
 */
export function permissions(scope: Scope): PolicyRule[] {
  const rules = USED.filter(({ access }) => access.scope === scope).flatMap(rulesOf);
  const merged = new Map<string, PolicyRule>();
  for (const rule of rules) {
    const key = JSON.stringify([rule.apiGroups, rule.verbs, rule.only]);
    const same = merged.get(key);
    if (same) same.resources.push(...rule.resources);
    else merged.set(key, rule);
  }
  return [...merged.values()];
}

function rulesOf(resource: AnyResource): PolicyRule[] {
  const { group, plural, access } = resource;
  const verbs = Object.keys(access.verbs) as Verb[];
  const rule = (of: string, list: string[], named: boolean): PolicyRule[] =>
    list.length === 0
      ? []
      : [
          {
            apiGroups: [group],
            resources: [of],
            ...(named && access.only !== undefined && { only: access.only }),
            verbs: list,
          },
        ];
  const plain = verbs.filter((verb) => !verb.includes('/'));
  const named = access.only !== undefined;
  return [
    ...rule(
      plural,
      plain.filter((verb) => !named || verb !== 'create'),
      true,
    ),
    // A permission to create cannot be bound to a name.
    ...rule(
      plural,
      plain.filter((verb) => named && verb === 'create'),
      false,
    ),
    ...subresourceRules(verbs, (part, list) => rule(`${plural}/${part}`, list, true)),
  ];
}

/** Rules for verbs such as status/update, by the part before the slash. */
function subresourceRules(
  verbs: readonly Verb[],
  rule: (part: string, verbs: string[]) => PolicyRule[],
): PolicyRule[] {
  const split = verbs.filter((verb) => verb.includes('/')).map((verb) => verb.split('/'));
  return [...new Set(split.map(([part]) => part!))].flatMap((part) =>
    rule(
      part,
      split.filter(([of]) => of === part).map(([, verb]) => verb!),
    ),
  );
}

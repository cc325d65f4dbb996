import { plannedObjects, type AgentPlan } from '../desired/plan.ts';
import { splitKey, type KubernetesObject, type Resource } from '../kube/index.ts';
import type { Own } from '../resources/resources.ts';
import { BY_AGENT } from './agentKeys.ts';
import type { Caches } from './caches.ts';
import { isMadeByKeda } from './children.ts';
import { mayBeKeptByKeda } from './scalers.ts';

/** Kinds that are never deleted: a spec that results in no such object keeps the last good one. */
const KEPT = new Set(['ConfigMap', 'Deployment']);

/** The agent's objects in the cluster that are not in its plan. */
export function obsoleteObjects(
  key: string,
  plan: AgentPlan,
  caches: Pick<Caches, 'children' | 'optional'>,
): { resource: Resource<KubernetesObject, Own>; object: KubernetesObject }[] {
  const planned = new Set(
    plannedObjects(plan).map(({ kind, metadata }) => `${kind}/${metadata.name}`),
  );
  return caches.children
    .filter(({ resource }) => !KEPT.has(resource.kind))
    .flatMap((informer) => {
      const { resource } = informer;
      return informer
        .keysByIndex(BY_AGENT, key)
        .filter((child) => !planned.has(`${resource.kind}/${splitKey(child).name}`))
        .map((child) => ({ resource, object: informer.getByKey(child)! }))
        .filter(({ object }) => !isMadeByKeda(object) || !mayBeKeptByKeda(caches, key));
    });
}

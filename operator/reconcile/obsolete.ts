import { plannedObjects, type AgentPlan } from '../desired/plan.ts';
import { splitKey, type KubernetesObject, type Resource } from '../kube/index.ts';
import type { Own } from '../resources/resources.ts';
import { BY_AGENT } from './agentOf.ts';
import type { Caches } from './caches.ts';
import { isMadeByKeda } from './children.ts';
import { isKeptByKeda } from './scalers.ts';

/** Kinds that every agent has one of. When a spec allows none to be made, the last good one stays. */
const LASTING = new Set(['ConfigMap', 'Deployment']);

/** Objects of the agent that are there and are not, or no longer, part of its plan. */
export function obsoleteObjects(
  key: string,
  plan: AgentPlan,
  caches: Pick<Caches, 'children' | 'keda'>,
): { resource: Resource<KubernetesObject, Own>; object: KubernetesObject }[] {
  const planned = new Set(
    plannedObjects(plan).map(({ kind, metadata }) => `${kind}/${metadata.name}`),
  );
  return caches.children
    .filter(({ resource }) => !LASTING.has(resource.kind))
    .flatMap((informer) => {
      const { resource } = informer;
      return informer
        .keysByIndex(BY_AGENT, key)
        .filter((each) => !planned.has(`${resource.kind}/${splitKey(each).name}`))
        .map((each) => ({ resource, object: informer.getByKey(each)! }))
        .filter(({ object }) => !isMadeByKeda(object) || !isKeptByKeda(caches, key));
    });
}

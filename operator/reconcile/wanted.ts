import type { Desired } from '../desired/objects.ts';
import type { AgentPlan } from '../desired/plan.ts';
import { splitKey, type KubernetesObject, type Own, type Resource } from '../kube/index.ts';
import { BY_AGENT } from './agentOf.ts';
import type { Caches } from './caches.ts';

/**
 * The objects that an agent is to have besides its ConfigMap, in the order in which they are applied: what guards pods
 * before pods, and what needs the Deployment after it.
 */
export function wantedObjects(plan: AgentPlan): Desired[] {
  return [
    plan.serviceAccount,
    plan.networkPolicy,
    plan.disruptionBudget,
    plan.deployment,
    plan.service,
    plan.headlessService,
    plan.autoscaler,
    plan.serviceMonitor,
    plan.prometheusRule,
  ].filter((object) => object !== undefined);
}

/** Kinds that every agent has one of. When a spec allows none to be made, the last good one stays. */
const LASTING = new Set(['ConfigMap', 'Deployment']);

export interface Unwanted {
  resource: Resource<KubernetesObject, Own>;
  object: KubernetesObject;
}

/** Objects of the agent that are there and not, or no longer, part of its plan. */
export function unwantedObjects(
  key: string,
  plan: AgentPlan,
  caches: Pick<Caches, 'children'>,
): Unwanted[] {
  const wanted = new Set(
    wantedObjects(plan).map(({ kind, metadata }) => `${kind}/${metadata.name}`),
  );
  return caches.children
    .filter(({ resource }) => !LASTING.has(resource.kind))
    .flatMap((informer) => {
      const { resource } = informer;
      return informer
        .keysByIndex(BY_AGENT, key)
        .filter((each) => !wanted.has(`${resource.kind}/${splitKey(each).name}`))
        .map((each) => ({ resource, object: informer.getByKey(each)! }));
    });
}

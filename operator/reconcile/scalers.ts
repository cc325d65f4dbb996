/**
 * How a HorizontalPodAutoscaler replaces a ScaledObject, and the reverse. Two HorizontalPodAutoscalers of one Deployment
 * disable each other, and KEDA refuses a ScaledObject for a Deployment that has one. So the old object is deleted first.
 * The number of pods stays the same in between, because nothing else sets it.
 */
import type { AgentDeployment } from '../../crds/generated/types.ts';
import type { AgentPlan } from '../desired/plan.ts';
import type { Desired } from '../desired/objects/objects.ts';
import { keyOf, type HorizontalPodAutoscaler } from '../kube/index.ts';
import { BY_AGENT, namesOf } from './agentKeys.ts';
import type { Caches } from './caches.ts';
import { isControlledBy, isMadeByKeda } from './children.ts';
import type { ScaledObject } from './optionalCaches.ts';

type Scalers = Pick<Caches, 'autoscalers' | 'optional'>;

/** The HorizontalPodAutoscaler that KEDA made from the agent's ScaledObject. */
function autoscalerOfKeda(
  caches: Pick<Caches, 'autoscalers'>,
  agentKey: string,
): HorizontalPodAutoscaler | undefined {
  return caches.autoscalers
    .keysByIndex(BY_AGENT, agentKey)
    .map((key) => caches.autoscalers.getByKey(key)!)
    .find(isMadeByKeda);
}

/** The objects that scale the agent at present. */
export function scalersOf(
  caches: Scalers,
  agentKey: string,
): { autoscaler: HorizontalPodAutoscaler | undefined; scaledObject: ScaledObject | undefined } {
  const { namespace, name } = namesOf(agentKey);
  return {
    autoscaler: caches.autoscalers.get(namespace, name) ?? autoscalerOfKeda(caches, agentKey),
    scaledObject: caches.optional.scaledObject(namespace, name),
  };
}

/** Whether KEDA may still need its HorizontalPodAutoscaler: the operator does not see whether there is a ScaledObject. */
export function mayBeKeptByKeda(caches: Pick<Caches, 'optional'>, agentKey: string): boolean {
  const isSeen = ['Absent', 'Served'].includes(caches.optional.scaledObjects);
  return !isSeen || isKeptByKeda(caches, agentKey);
}

/** Whether KEDA would create its HorizontalPodAutoscaler again after a deletion. */
function isKeptByKeda(caches: Pick<Caches, 'optional'>, agentKey: string): boolean {
  const { namespace, name } = namesOf(agentKey);
  const scaledObject = caches.optional.scaledObject(namespace, name);
  return scaledObject !== undefined && scaledObject.metadata.deletionTimestamp === undefined;
}

/** Whether an object must wait until the former autoscaler is gone. That deletion triggers the next reconcile. */
export function waitsForScaler(
  agent: AgentDeployment,
  desired: Desired,
  plan: Pick<AgentPlan, 'autoscaler' | 'scaledObject'>,
  caches: Scalers,
): boolean {
  const { namespace, name } = desired.metadata;
  if (desired === plan.scaledObject) {
    const ours = caches.autoscalers.get(namespace, name);
    return ours !== undefined && isControlledBy(agent, ours);
  }
  if (desired !== plan.autoscaler) return false;
  const key = keyOf(agent);
  return isKeptByKeda(caches, key) || autoscalerOfKeda(caches, key) !== undefined;
}

import { AGENT_LABEL } from '../desired/common/metadata.ts';
import { PROGRAM_CONTAINER } from '../desired/objects/programTemplate.ts';
import { RUNTIME_CONTAINER } from '../desired/objects/runtimeTemplate.ts';
import type { KubernetesObject, OwnerReference } from '../../crds/meta.ts';
import type { Pod } from '../kube/index.ts';
import { DELETION_COST } from './deletionCosts.ts';
import { slimProgram } from './programEnd.ts';

/**
 * Keeps the fields of a pod that the operator reads: a tenth of the whole object. Pods are by far the most numerous
 * objects in memory.
 */
export function slimPod({ apiVersion, kind, metadata, spec, status }: Pod): Pod {
  const { namespace, name, uid, resourceVersion, labels, deletionTimestamp } = metadata;
  const { phase, conditions } = status ?? {};
  const ready = conditions?.filter(
    ({ type, status: is }) => type === 'Ready' || (type === 'PodScheduled' && is === 'False'),
  );
  return {
    apiVersion,
    kind,
    metadata: {
      namespace,
      name,
      uid,
      resourceVersion,
      ...agentLabel(labels),
      ...deletionCost(metadata),
      ...controllers(metadata),
      ...(deletionTimestamp !== undefined && { deletionTimestamp }),
    },
    spec: { containers: [], ...account(spec) },
    status: {
      ...(phase && { phase }),
      ...addresses(status),
      ...(ready && { conditions: ready }),
      ...containers(status),
    },
  };
}

type Containers = Pick<NonNullable<Pod['status']>, 'containerStatuses' | 'initContainerStatuses'>;

/** Containers that wait, and the program. With a program the runtime is an init container that stays. */
function containers({
  containerStatuses = [],
  initContainerStatuses = [],
}: NonNullable<Pod['status']> = {}): Containers {
  const hasProgram = initContainerStatuses.some(({ name }) => name === RUNTIME_CONTAINER);
  const kept = containerStatuses.flatMap((container) => {
    if (hasProgram && container.name === PROGRAM_CONTAINER) return slimProgram(container);
    return container.state?.waiting ? container : [];
  });
  const waiting = initContainerStatuses.filter(({ state }) => state?.waiting);
  return {
    ...(kept.length > 0 && { containerStatuses: kept }),
    ...(waiting.length > 0 && { initContainerStatuses: waiting }),
  };
}

/** Keeps the name, the agent and the owner of a ReplicaSet. */
export function slimReplicaSet({ apiVersion, kind, metadata }: KubernetesObject): KubernetesObject {
  const { namespace, name, uid, resourceVersion, labels } = metadata;
  return {
    apiVersion,
    kind,
    metadata: {
      ...{ namespace, name, uid, resourceVersion },
      ...agentLabel(labels),
      ...controllers(metadata),
    },
  };
}

/** Other labels can take as much as an object may. */
function agentLabel(labels: Pod['metadata']['labels']): Pick<Pod['metadata'], 'labels'> {
  const agent = labels?.[AGENT_LABEL];
  return agent === undefined ? {} : { labels: { [AGENT_LABEL]: agent } };
}

function addresses({ podIP, podIPs = [] }: NonNullable<Pod['status']> = {}): Pod['status'] {
  return { ...(podIP && { podIP }), ...(podIPs.length > 1 && { podIPs }) };
}

function deletionCost({ annotations }: Pod['metadata']): Pick<Pod['metadata'], 'annotations'> {
  const cost = annotations?.[DELETION_COST];
  return cost === undefined ? {} : { annotations: { [DELETION_COST]: cost } };
}

function account({ serviceAccountName }: Pod['spec']): Pick<Pod['spec'], 'serviceAccountName'> {
  return serviceAccountName === undefined ? {} : { serviceAccountName };
}

function controllers({ ownerReferences }: KubernetesObject['metadata']): {
  ownerReferences?: OwnerReference[];
} {
  const controller = ownerReferences?.filter((owner) => owner.controller);
  return controller?.length ? { ownerReferences: controller } : {};
}

import type { Pod } from '../kube/index.ts';

/**
 * What the operator reads of a pod and nothing else: a tenth of what the API server sends, for what is by far the
 * most numerous of all objects in memory.
 */
export function slimPod({ apiVersion, kind, metadata, status }: Pod): Pod {
  const { namespace, name, uid, resourceVersion, labels, deletionTimestamp } = metadata;
  const { phase, podIP, conditions, containerStatuses } = status ?? {};
  const ready = conditions?.filter(({ type }) => type === 'Ready');
  const waiting = containerStatuses?.filter(({ state }) => state?.waiting);
  return {
    apiVersion,
    kind,
    metadata: {
      namespace,
      name,
      uid,
      resourceVersion,
      labels,
      ...(deletionTimestamp !== undefined && { deletionTimestamp }),
    },
    spec: { containers: [] },
    status: {
      ...(phase && { phase }),
      ...(podIP && { podIP }),
      ...(ready && { conditions: ready }),
      ...(waiting && waiting.length > 0 && { containerStatuses: waiting }),
    },
  };
}

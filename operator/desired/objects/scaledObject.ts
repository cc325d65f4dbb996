import type { AgentDeployment } from '../../../crds/generated/types.ts';
import { measuredContainers } from './autoscaler.ts';
import { availabilityCondition, type Availability } from '../common/availability.ts';
import type { ConditionDraft } from '../common/condition.ts';
import { childMetadata } from '../common/metadata.ts';
import type { Desired, HorizontalPodAutoscaler } from './objects.ts';

interface Trigger {
  type: 'prometheus' | 'cpu' | 'memory';
  metricType: 'AverageValue' | 'Utilization';
  metadata: Record<string, string>;
}

/** KEDA's kind. KEDA makes a HorizontalPodAutoscaler from it. */
export interface ScaledObject extends Desired {
  apiVersion: 'keda.sh/v1alpha1';
  kind: 'ScaledObject';
  spec: {
    scaleTargetRef: { apiVersion: string; kind: string; name: string };
    minReplicaCount: number;
    maxReplicaCount: number;
    triggers: Trigger[];
    advanced?: {
      horizontalPodAutoscalerConfig: {
        behavior: NonNullable<HorizontalPodAutoscaler['spec']['behavior']>;
      };
    };
  };
}

/**
 * Scales by load in place of a HorizontalPodAutoscaler. Undefined if the spec does not ask for it or the cluster lacks
 * the kind.
 *
 * @param scaledObjects whether the cluster has the kind
 */
export function buildScaledObject(
  agent: AgentDeployment,
  scaledObjects: Availability,
): ScaledObject | undefined {
  const { autoscaling } = agent.spec;
  if (autoscaling?.inFlight === undefined || scaledObjects !== 'Served') return undefined;
  const { minReplicas, maxReplicas, cpuPercent, memoryPercent, behavior, inFlight } = autoscaling;
  const { name } = agent.metadata;
  return {
    apiVersion: 'keda.sh/v1alpha1',
    kind: 'ScaledObject',
    metadata: childMetadata(agent, name),
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name },
      minReplicaCount: minReplicas,
      maxReplicaCount: maxReplicas,
      triggers: [
        load(agent, inFlight),
        ...measuredContainers(agent).flatMap((container) => [
          ...resource(container, 'cpu', cpuPercent),
          ...resource(container, 'memory', memoryPercent),
        ]),
      ],
      ...(behavior && { advanced: { horizontalPodAutoscalerConfig: { behavior } } }),
    },
  };
}

type InFlight = NonNullable<NonNullable<AgentDeployment['spec']['autoscaling']>['inFlight']>;

/**
 * Scales by the average of requests in flight and queued, including streams. Without figures in Prometheus the trigger fails
 * and the number of pods stays. By default KEDA would take 0 and remove pods under load.
 */
function load({ metadata }: AgentDeployment, { target, prometheus }: InFlight): Trigger {
  const own = `namespace="${metadata.namespace}", breakwater_dev_agent="${metadata.name}", name="inbound"`;
  return {
    type: 'prometheus',
    metricType: 'AverageValue',
    metadata: {
      serverAddress: prometheus.serverAddress.replace(/\/+$/, ''),
      query: `sum(bulkhead_active_requests{${own}}) + sum(bulkhead_queue_size{${own}})`,
      threshold: String(target),
      ignoreNullValues: 'false',
    },
  };
}

/** Empty for a target of 0, which leaves the metric out. */
function resource(containerName: string, type: 'cpu' | 'memory', percent: number): Trigger[] {
  if (percent === 0) return [];
  const metadata = { value: String(percent), containerName };
  return [{ type, metricType: 'Utilization', metadata }];
}

const KIND = 'ScaledObject of keda.sh/v1alpha1';
const ASKED = 'spec.autoscaling.inFlight';
const MEANWHILE_FAILING =
  'Until then KEDA scales as before; without a ScaledObject only CPU and memory determine the number of pods.';
const MEANWHILE = 'Until then only CPU and memory determine the number of pods.';

/** The condition ScaledByLoad: whether the cluster has KEDA. Undefined unless the spec asks for it. */
export function loadCondition(
  { spec, metadata }: AgentDeployment,
  scaledObjects: Availability,
): ConditionDraft | undefined {
  const inFlight = spec.autoscaling?.inFlight;
  if (inFlight === undefined) return undefined;
  return availabilityCondition({ type: 'ScaledByLoad', served: 'ScaledObject' }, scaledObjects, {
    Served: `KEDA scales by ScaledObject ${metadata.name}, for ${inFlight.target} requests in flight or queued per pod.`,
    Absent: `${ASKED} needs ${KIND}, which this cluster does not have. Install KEDA, or remove the field. ${MEANWHILE}`,
    Forbidden: `The operator may not list ${KIND}, which ${ASKED} needs. Give it the roles of its release. ${MEANWHILE}`,
    Failing: `The API server does not list ${KIND}, which ${ASKED} needs, and the operator leaves the agent's ScaledObject as it is. Look at the operator's log and at the CRDs of KEDA. ${MEANWHILE_FAILING}`,
    Unknown: `The operator does not know yet whether this cluster has ${KIND}. ${MEANWHILE}`,
  });
}

import type { AgentDeployment } from '../../crds/generated/types.ts';
import { FIELD_MANAGER } from '../desired/common/metadata.ts';
import type { Desired } from '../desired/objects/objects.ts';
import type { Deployment, KubeClient } from '../kube/index.ts';
import { Deployments } from '../resources/resources.ts';

/** Owns spec.replicas from when autoscaling is turned on until a HorizontalPodAutoscaler sets it. */
const REPLICAS_MANAGER = 'breakwater-agentdeployment-replicas';

/**
 * Must run before a Deployment is applied without spec.replicas. The API server removes a field without an owner, which
 * would scale the Deployment to 1 pod. So another field manager takes ownership first. A new Deployment starts with
 * minReplicas. So does one with 0 replicas, which an autoscaler leaves alone.
 * @param existing undefined if there is no such Deployment
 */
export async function transferReplicasOwnership(
  client: Pick<KubeClient, 'get' | 'apply' | 'delete'>,
  agent: AgentDeployment,
  desired: Desired,
  existing: Deployment | undefined,
  signal: AbortSignal,
): Promise<void> {
  const { namespace, name } = desired.metadata;
  const minReplicas = agent.spec.autoscaling?.minReplicas ?? 1;
  const present = existing && (await client.get(Deployments, namespace, name, { signal }));
  const replicas = present?.spec.replicas || minReplicas;
  if (!present) {
    const { spec } = desired as Desired & Pick<Deployment, 'spec'>;
    const seeded = { ...desired, spec: { ...spec, replicas } };
    await client.apply(Deployments, seeded, { fieldManager: FIELD_MANAGER, signal });
  } else if (!ownsReplicas(present)) {
    return;
  }
  const { apiVersion, kind } = desired;
  await client.apply(
    Deployments,
    { apiVersion, kind, metadata: { namespace, name }, spec: { replicas } } as Desired,
    { fieldManager: REPLICAS_MANAGER, signal },
  );
}

function ownsReplicas({ metadata }: Deployment): boolean {
  const { managedFields = [] } = metadata as { managedFields?: ManagedFields[] };
  return managedFields.some(
    ({ manager, operation, fieldsV1 }) =>
      manager === FIELD_MANAGER &&
      operation === 'Apply' &&
      fieldsV1?.['f:spec']?.['f:replicas'] !== undefined,
  );
}

interface ManagedFields {
  manager?: string;
  operation?: string;
  fieldsV1?: { 'f:spec'?: { 'f:replicas'?: unknown } };
}

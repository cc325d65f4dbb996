import type { AgentDeployment } from '../../crds/generated/types.ts';
import type { Desired } from '../desired/objects/objects.ts';
import { type Deployment } from '../kube/index.ts';
import { Deployments } from '../resources/resources.ts';
import { FIELD_MANAGER, type ChildClient } from './childClient.ts';

/** Keeps the number of pods from when the operator lets go of it until a HorizontalPodAutoscaler sets it. */
export const REPLICAS_MANAGER = 'breakwater-agentdeployment-replicas';

/**
 * To be called before a Deployment is applied without spec.replicas. The API server removes a field that nobody owns any
 * more, and that would set the number of pods to 1; so another manager takes it over first. A new Deployment begins
 * with the fewest pods that autoscaling allows, and so does one without pods, which no autoscaler touches.
 * @param existing the Deployment as it is, if there is one
 */
export async function handReplicasOver(
  client: ChildClient,
  agent: AgentDeployment,
  desired: Desired,
  existing: Deployment | undefined,
  signal: AbortSignal,
): Promise<void> {
  const { namespace, name } = desired.metadata;
  const fewest = agent.spec.autoscaling?.minReplicas ?? 1;
  const present = existing && (await client.get(Deployments, namespace, name, { signal }));
  const replicas = present?.spec.replicas || fewest;
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

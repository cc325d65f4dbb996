import type { AgentDeployment } from '../../crds/generated/types.ts';
import type { KubernetesObject } from '../../crds/meta.ts';
import type { Deployment } from '../desired/objects/objects.ts';
import { isControlledBy } from './children.ts';

/** Who owns the object of a name. Foreign: not this agent. Missing: there is no such object. */
export type Ownership = 'Ours' | 'Foreign' | 'Missing';

/** Objects without which pods must not run. */
export interface Prerequisites {
  serviceAccount: Ownership;
  networkPolicy: Ownership | 'NotPlanned';
}

/**
 * Who owns an object after it was applied.
 *
 * @param refused the API server's reason, if it refused the object
 * @param live as the informer has it
 */
export function ownershipOf(
  agent: AgentDeployment,
  refused: string | undefined,
  live: KubernetesObject | undefined,
): Ownership {
  if (refused === undefined) return 'Ours';
  if (refused === 'AlreadyExists') return 'Foreign';
  return live && isControlledBy(agent, live) ? 'Ours' : 'Missing';
}

/**
 * The Deployment that may be applied; undefined if none may. Without its prerequisites a Deployment is neither created
 * nor changed. If its pods would run under a foreign ServiceAccount, an existing Deployment is scaled to 0.
 */
export function permittedDeployment(
  deployment: Deployment,
  { serviceAccount, networkPolicy }: Prerequisites,
  exists: boolean,
): Deployment | undefined {
  if (serviceAccount === 'Foreign' && exists) {
    return { ...deployment, spec: { ...deployment.spec, replicas: 0 } };
  }
  const areOurs = serviceAccount === 'Ours' && ['Ours', 'NotPlanned'].includes(networkPolicy);
  return areOurs ? deployment : undefined;
}

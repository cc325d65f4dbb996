import type { AgentDeployment } from '../../crds/generated/types.ts';
import type { KubernetesObject } from '../../crds/meta.ts';
import type { Deployment } from '../desired/objects/objects.ts';
import { isControlledBy } from './children.ts';

/** Whether an object that guards pods is there. Foreign: somebody else's has its name. */
export type Standing = 'Ours' | 'Foreign' | 'Missing';

/** What pods must not run without. */
export interface Guards {
  serviceAccount: Standing;
  networkPolicy: Standing | 'Unwanted';
}

/**
 * How an object stands after it was applied.
 *
 * @param refused reason of the API server, when it refused that
 * @param live as the informer has it
 */
export function standingOf(
  agent: AgentDeployment,
  refused: string | undefined,
  live: KubernetesObject | undefined,
): Standing {
  if (refused === undefined) return 'Ours';
  if (refused === 'AlreadyExists') return 'Foreign';
  return live && isControlledBy(agent, live) ? 'Ours' : 'Missing';
}

/**
 * The Deployment that may be applied now. Without its guards it stays as it is: none is made, and one that is there is
 * not changed. One whose pods would run under somebody else's ServiceAccount has none.
 */
export function guardedDeployment(
  deployment: Deployment,
  { serviceAccount, networkPolicy }: Guards,
  isThere: boolean,
): Deployment | undefined {
  if (serviceAccount === 'Foreign' && isThere) {
    return { ...deployment, spec: { ...deployment.spec, replicas: 0 } };
  }
  const guarded = serviceAccount === 'Ours' && ['Ours', 'Unwanted'].includes(networkPolicy);
  return guarded ? deployment : undefined;
}

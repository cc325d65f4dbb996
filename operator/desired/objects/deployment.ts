import type { AgentDeployment } from '../../../crds/generated/types.ts';
import { childMetadata, MAX_SURGE, selectorLabels } from '../common/metadata.ts';
import type { Deployment } from './objects.ts';
import {
  CHOICES_ANNOTATION,
  TEMPLATE_ANNOTATION,
  templateOf,
  type LiveDeployment,
  type Pods,
} from './pods.ts';

/**
 * Marks a Deployment during its upgrade for the next leader. `true`: it has one of the places. `Repairs`: it needs none,
 * because none of its pods was available.
 */
export const UPGRADING_ANNOTATION = 'breakwater.dev/upgrading';

/**
 * State of an agent whose pods change with a new version of the operator. Waits: for a place; it keeps its pod template.
 * Stopped: it waits because too many agents have failed. Rolls: it has a place. Failed: it had a place, and its new pods do
 * not become available. Repairs: it rolls without a place, because none of its pods was available.
 */
export type Upgrade = 'Waits' | 'Stopped' | 'Rolls' | 'Failed' | 'Repairs';

/** Whether the agent keeps its pod template. */
export function keepsPods(upgrade: Upgrade | undefined): boolean {
  return upgrade === 'Waits' || upgrade === 'Stopped';
}

/**
 * The Deployment of the agent's pods. A rollout starts a new pod before it stops an old one, so that the agent never has
 * fewer pods than desired.
 */
export function buildDeployment(
  agent: AgentDeployment,
  pods: Pods,
  { live, upgrade }: { live?: LiveDeployment; upgrade?: Upgrade },
): Deployment {
  const { autoscaling, replicas } = agent.spec;
  const { template, annotations } = keepsPods(upgrade) && live ? keptPods(live, pods) : pods;
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      ...childMetadata(agent, agent.metadata.name),
      annotations: {
        ...annotations,
        ...(upgrade && !keepsPods(upgrade) && { [UPGRADING_ANNOTATION]: markOf(upgrade) }),
      },
    },
    spec: {
      ...(autoscaling === undefined ? { replicas } : {}),
      selector: { matchLabels: selectorLabels(agent) },
      strategy: {
        type: 'RollingUpdate',
        rollingUpdate: { maxSurge: MAX_SURGE, maxUnavailable: 0 },
      },
      template,
    },
  };
}

function markOf(upgrade: Upgrade): string {
  return upgrade === 'Repairs' ? 'Repairs' : 'true';
}

/** Adds a missing annotation with the current choices, so that a later edit by the user does not wait. */
function keptPods(
  live: LiveDeployment,
  { annotations }: Pods,
): Pick<Pods, 'template' | 'annotations'> {
  const noted = live.metadata.annotations ?? {};
  const template = noted[TEMPLATE_ANNOTATION];
  return {
    template: templateOf(live),
    annotations: {
      ...(template !== undefined && { [TEMPLATE_ANNOTATION]: template }),
      [CHOICES_ANNOTATION]: noted[CHOICES_ANNOTATION] ?? annotations[CHOICES_ANNOTATION]!,
    },
  };
}

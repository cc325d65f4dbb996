import type { AgentDeployment } from '../../crds/generated/types.ts';
import { childMetadata, selectorLabels } from './metadata.ts';
import type { Deployment } from './objects.ts';
import { podTemplate } from './podTemplate.ts';
import type { RuntimeImage } from './runtimeTemplate.ts';

/** What the operator gives every agent that does not choose for itself. */
export interface RuntimeOptions {
  /** Image of the runtime for agents without spec.image. */
  runtimeImage: string;
  /** Pull policy that goes with runtimeImage; the API server's default when absent. */
  runtimeImagePullPolicy?: string;
}

/**
 * The agent's pods. A roll-out starts a new pod before it stops an old one, so that the agent never serves with fewer
 * pods than wanted. Throws an InvalidSpecError when spec.podTemplate does not fit.
 */
export function deployment(agent: AgentDeployment, options: RuntimeOptions): Deployment {
  const { autoscaling, replicas } = agent.spec;
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: childMetadata(agent, agent.metadata.name),
    spec: {
      ...(autoscaling === undefined ? { replicas } : {}),
      selector: { matchLabels: selectorLabels(agent) },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      template: podTemplate(agent, runtimeImage(agent, options)),
    },
  };
}

/** The image that the agent asks for, else the operator's own. */
export function runtimeImage({ spec }: AgentDeployment, options: RuntimeOptions): RuntimeImage {
  const image = spec.image ?? options.runtimeImage;
  const pullPolicy =
    spec.imagePullPolicy ?? (spec.image === undefined ? options.runtimeImagePullPolicy : undefined);
  return pullPolicy === undefined ? { image } : { image, pullPolicy };
}

import type { Content } from '../../../contract/generated/types.ts';
import type { AgentDeployment } from '../../../crds/generated/types.ts';

type Spec = AgentDeployment['spec'];

/** What the agent's pods tell of the requests that they serve. */
export function resolveTelemetry({ telemetry }: Spec): Pick<Content, 'telemetry'> {
  const { successRatio, levels = {} } = telemetry.logging;
  return { telemetry: { logging: { successRatio: Number(successRatio), levels } } };
}

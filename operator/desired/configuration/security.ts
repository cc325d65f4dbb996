import type { Content } from '../../../contract/generated/types.ts';
import type { AgentDeployment } from '../../../crds/generated/types.ts';
import { parsePositiveDuration } from '../common/duration.ts';

type Spec = Pick<AgentDeployment['spec'], 'security'>;

/** What pods look for of attacks. */
export function resolveSecurity({ security }: Spec): Pick<Content, 'security'> {
  return { security: { incidents: incidents(security.incidents) } };
}

function incidents(spec: Spec['security']['incidents']): Content['security']['incidents'] {
  const { window, maxTracked, thresholds, raiseLevelAt, manySources, spend } = spec;
  return {
    windowMs: parsePositiveDuration(window, 'spec.security.incidents.window'),
    maxTracked,
    thresholds: {
      FailedAuthentication: thresholds.failedAuthentication,
      AuthorizationDenied: thresholds.authorizationDenied,
      PromptInjection: thresholds.promptInjection,
      ToolMisuse: thresholds.toolMisuse,
      SecretExposed: thresholds.secretExposed,
      LimitAbuse: thresholds.limitAbuse,
      MalformedInput: thresholds.malformedInput,
    },
    raiseAt: raiseLevelAt,
    manySources,
    spend,
  };
}

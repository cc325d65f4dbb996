import type { Content, HealthCheck } from '../../../contract/generated/types.ts';
import type { AgentDeployment } from '../../../crds/generated/types.ts';
import { parsePositiveDuration } from '../common/duration.ts';
import { InvalidSpecError } from '../common/errors.ts';

type Spec = Pick<AgentDeployment['spec'], 'healthChecks'>;
type CheckSpec = NonNullable<Spec['healthChecks']>[number];

/** The health checks of the pods. Throws an InvalidSpecError for a target that cannot be checked. */
export function resolveHealthChecks({
  healthChecks: all = [],
}: Spec): Pick<Content, 'healthChecks'> {
  return all.length === 0 ? {} : { healthChecks: all.map(check) };
}

function check(spec: CheckSpec): HealthCheck {
  const { name, http, tcp, interval, timeout, failureThreshold, critical } = spec;
  const path = `spec.healthChecks[${name}]`;
  if (http && !URL.canParse(http.url)) {
    throw new InvalidSpecError('InvalidHealthCheck', `${path}.http.url is not a valid URL`);
  }
  return {
    name,
    ...(http && { http: { url: http.url } }),
    ...(tcp && { tcp: { host: tcp.host, port: tcp.port } }),
    intervalMs: parsePositiveDuration(interval, `${path}.interval`),
    timeoutMs: parsePositiveDuration(timeout, `${path}.timeout`),
    failureThreshold,
    critical,
  };
}

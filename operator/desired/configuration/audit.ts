import type { Content } from '../../../contract/generated/types.ts';
import { MOUNTS } from '../../../contract/link.ts';
import type { AgentDeployment } from '../../../crds/generated/types.ts';
import { parseDuration } from '../common/duration.ts';

type Spec = AgentDeployment['spec'];
type AuditSpec = NonNullable<Spec['audit']>;

/** What pods record, and whom they believe about where a request comes from. */
export function resolveAudit({
  audit,
  auth: { trustedProxies = [] },
}: Spec): Pick<Content, 'audit' | 'trustedProxies'> {
  return {
    ...(audit && { audit: resolve(audit) }),
    ...(trustedProxies.length > 0 && { trustedProxies }),
  };
}

function resolve(spec: AuditSpec): NonNullable<Content['audit']> {
  const { stdout, memoryEvents, bufferBytes, authenticationInterval, content = [] } = spec;
  const { file } = spec;
  return {
    ...{ stdout, memoryEvents, bufferBytes, required: spec.required },
    ...(file && {
      file: { directory: MOUNTS.audit, maxBytes: file.maxBytes, maxFiles: file.maxFiles },
    }),
    authenticationIntervalMs: parseDuration(
      authenticationInterval,
      'spec.audit.authenticationInterval',
    ),
    argumentsOf: content.filter(({ include }) => include === 'Arguments').map(({ tool }) => tool),
  };
}

import type { Content } from '../../../contract/generated/types.ts';
import { MOUNTS } from '../../../contract/link.ts';
import type { AgentDeployment } from '../../../crds/generated/types.ts';
import { parseDuration, parsePositiveDuration } from '../common/duration.ts';
import { secretHeaders } from './secretHeaders.ts';

type Spec = AgentDeployment['spec'];
type AuditSpec = NonNullable<Spec['audit']>;

/** The audit of pods, and the proxies that they trust for source addresses. */
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
  const { file, webhook, otlp } = spec;
  return {
    ...{ stdout, memoryEvents, bufferBytes, required: spec.required },
    ...(file && {
      file: { directory: MOUNTS.audit, maxBytes: file.maxBytes, maxFiles: file.maxFiles },
    }),
    ...(webhook && { webhook: receiver(webhook, 'spec.audit.webhook') }),
    ...(otlp && { otlp: receiver(otlp, 'spec.audit.otlp') }),
    authenticationIntervalMs: parseDuration(
      authenticationInterval,
      'spec.audit.authenticationInterval',
    ),
    argumentsOf: content.filter(({ include }) => include === 'Arguments').map(({ tool }) => tool),
  };
}

type ReceiverSpec = NonNullable<AuditSpec['webhook'] | AuditSpec['otlp']>;

function receiver(
  { url, headersFrom, timeout, queueBytes }: ReceiverSpec,
  path: string,
): NonNullable<NonNullable<Content['audit']>['webhook']> {
  const timeoutMs = parsePositiveDuration(timeout, `${path}.timeout`);
  return { url, headersFrom: secretHeaders(headersFrom), timeoutMs, queueBytes };
}

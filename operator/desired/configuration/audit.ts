import type { Content } from '../../../contract/generated/types.ts';
import { MOUNTS } from '../../../contract/link.ts';
import type { AgentDeployment } from '../../../crds/generated/types.ts';
import { parsePositiveDuration } from '../common/duration.ts';
import {
  AUDIT_BUFFER_BYTES,
  AUDIT_MEMORY_EVENTS,
  AUDIT_QUEUE_BYTES,
  AUTHENTICATION_INTERVAL_MS,
} from './constants.ts';
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

function resolve({
  stdout,
  file,
  otlp,
  content = [],
  required,
}: AuditSpec): NonNullable<Content['audit']> {
  return {
    stdout,
    ...(file && {
      file: { directory: MOUNTS.audit, maxBytes: file.maxBytes, maxFiles: file.maxFiles },
    }),
    ...(otlp && { otlp: collector(otlp) }),
    memoryEvents: AUDIT_MEMORY_EVENTS,
    bufferBytes: AUDIT_BUFFER_BYTES,
    authenticationIntervalMs: AUTHENTICATION_INTERVAL_MS,
    argumentsOf: content.filter(({ include }) => include === 'Arguments').map(({ tool }) => tool),
    required,
  };
}

function collector({
  url,
  headersFrom,
  timeout,
}: NonNullable<AuditSpec['otlp']>): NonNullable<NonNullable<Content['audit']>['otlp']> {
  return {
    url,
    headersFrom: secretHeaders(headersFrom),
    timeoutMs: parsePositiveDuration(timeout, 'spec.audit.otlp.timeout'),
    queueBytes: AUDIT_QUEUE_BYTES,
  };
}

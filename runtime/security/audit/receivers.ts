import type { Content, SecretHeader } from '../../../contract/generated/types.ts';

/** Headers from Secrets of all that events of the audit are sent to. */
export function auditHeaders(audit: Content['audit']): SecretHeader[] {
  return [audit?.webhook, audit?.otlp].flatMap((receiver) => receiver?.headersFrom ?? []);
}

import type { Content, SecretHeader } from '../../../contract/generated/types.ts';

/** Secret headers of all receivers of the audit. */
export function auditHeaders(audit: Content['audit']): SecretHeader[] {
  return [audit?.webhook, audit?.otlp].flatMap((receiver) => receiver?.headersFrom ?? []);
}

/** Error codes of a certificate from an unknown authority. */
const UNTRUSTED: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/** What to configure against a certificate of an unknown authority; undefined for other errors. */
export function untrustedAdvice(code: string): string | undefined {
  if (!UNTRUSTED.has(code)) return undefined;
  return 'no trusted authority has issued the certificate; add its authority to spec.trustedCA';
}

/** Code of a network error, such as ECONNREFUSED; of an AggregateError the innermost. */
export function networkErrorCode(error: unknown): string {
  const { code, errors } = error as { code?: unknown; errors?: unknown[] };
  if (typeof code === 'string' && /^[A-Z][A-Z0-9_/]*$/.test(code)) return code;
  if (Array.isArray(errors) && errors.length > 0) return networkErrorCode(errors[0]);
  return 'unknown';
}

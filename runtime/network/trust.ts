import { X509Certificate } from 'node:crypto';
import { createSecureContext, getCACertificates } from 'node:tls';
import type { SecureContext } from 'node:tls';

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** The certificates in a text; undefined when there is none, or one that is malformed. */
export function certificatesIn(text: string): string[] | undefined {
  const found = text.match(CERTIFICATE);
  return found?.every(isCertificate) === true ? found : undefined;
}

/** A certificate that is shown to hosts, and its key; both as PEM. */
export interface ClientCertificate {
  cert: string;
  key: string;
}

/** What is trusted of hosts and shown to them. Undefined when the certificate and the key do not fit together. */
export function secureContextOf(
  authorities: readonly string[],
  certificate?: ClientCertificate,
): SecureContext | undefined {
  const ca =
    authorities.length > 0 ? { ca: [...getCACertificates('default'), ...authorities] } : {};
  try {
    return createSecureContext({ ...ca, ...certificate });
  } catch {
    return undefined;
  }
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
}

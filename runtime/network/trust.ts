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

/** What tls.SecureContext has and its types do not tell. */
interface Handle {
  addCACert?: (pem: string) => void;
}

/**
 * What is trusted of hosts and shown to them: the authorities besides those of the system. Undefined when the
 * certificate and the key do not fit together.
 */
export function secureContextOf(
  authorities: readonly string[],
  certificate?: ClientCertificate,
): SecureContext | undefined {
  try {
    const made = createSecureContext({ ...certificate });
    const handle = made.context as Handle;
    // The option `ca` takes the system's place, and to give all of them parses some 150 for 60 ms. This takes 1 ms.
    if (handle.addCACert) for (const pem of authorities) handle.addCACert(pem);
    else if (authorities.length > 0) return withAll(authorities, certificate);
    return made;
  } catch {
    return undefined;
  }
}

/** For a Node that has the handle no more. */
function withAll(authorities: readonly string[], certificate?: ClientCertificate): SecureContext {
  return createSecureContext({
    ...certificate,
    ca: [...getCACertificates('default'), ...authorities],
  });
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
}

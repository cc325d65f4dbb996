import { X509Certificate } from 'node:crypto';

/** Key and certificate as PEM. */
export interface ServerIdentity {
  key: string;
  cert: string;
}

const HOUR_MS = 3_600_000;
const VALID_MS = 10 * 365 * 24 * HOUR_MS;

/** An EC key and a self-signed certificate, made in memory. It only encrypts: the pod's token proves who it is. */
export async function selfSignedIdentity(name: string, now: Date): Promise<ServerIdentity> {
  // Loaded here, because it is large and nothing else needs it.
  await import('reflect-metadata');
  const x509 = await import('./x509.ts');
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      name: [{ CN: [name] }],
      // A slow clock must not make it invalid.
      notBefore: new Date(now.getTime() - HOUR_MS),
      notAfter: new Date(now.getTime() + VALID_MS),
      signingAlgorithm: algorithm,
      keys,
    },
    crypto,
  );
  const pkcs8 = await crypto.subtle.exportKey('pkcs8', keys.privateKey);
  return { key: x509.PemConverter.encode(pkcs8, 'PRIVATE KEY'), cert: certificate.toString('pem') };
}

const CERTIFICATES = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** Whether one of the authorities has signed the certificate. `authorities` are PEM, `shown` is DER. */
export function isSignedBy(authorities: string, shown: Buffer): boolean {
  const certificate = new X509Certificate(shown);
  return (authorities.match(CERTIFICATES) ?? []).some((pem) =>
    certificate.verify(new X509Certificate(pem).publicKey),
  );
}

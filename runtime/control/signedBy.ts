import { X509Certificate } from 'node:crypto';

const CERTIFICATES = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/**
 * Whether one of the authorities has signed the certificate.
 *
 * @param authorities certificates, PEM
 * @param shown certificate, DER
 */
export function isSignedBy(authorities: string, shown: Buffer): boolean {
  const certificate = new X509Certificate(shown);
  return (authorities.match(CERTIFICATES) ?? []).some((pem) =>
    certificate.verify(new X509Certificate(pem).publicKey),
  );
}

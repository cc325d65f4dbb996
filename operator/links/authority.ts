// @peculiar/x509 needs Reflect.getMetadata when it is loaded.
import 'reflect-metadata';
import {
  createPrivateKey,
  KeyObject,
  webcrypto,
  X509Certificate as NodeCertificate,
} from 'node:crypto';
import * as x509 from '@peculiar/x509';

/** A certificate and its private key, both PEM. */
export interface KeyPair {
  certificate: string;
  key: string;
}

/** The operator's own certificate authority. Pods know its certificate. Its key never leaves the operator. */
export type Authority = KeyPair;

/** The operator's client certificate with its key. */
export type ClientCredentials = KeyPair & {
  /** End of the certificate's validity, in milliseconds since the epoch. */
  expiresAt: number;
};

const YEAR_MS = 365 * 24 * 60 * 60 * 1000;
/** Certificates are backdated, because the clock of a node may be behind. */
const BACKDATE_MS = 60 * 60 * 1000;
const KEY_ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' };
const SIGNATURE_ALGORITHM = { name: 'ECDSA', hash: 'SHA-256' };

/** Creates an authority: an EC P-256 key and a self-signed certificate that is valid for `lifeMs` from `now`. */
export async function createAuthority(
  now: number = Date.now(),
  lifeMs: number = YEAR_MS,
): Promise<Authority> {
  const keys = await generateKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=Breakwater control authority',
    notBefore: new Date(now - BACKDATE_MS),
    notAfter: new Date(now + lifeMs),
    signingAlgorithm: SIGNATURE_ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: certificate.toString('pem'), key: exportKey(keys.privateKey) };
}

/** Issues a certificate for a TLS client, with a new key. */
export async function issueClientCertificate(
  authority: Authority,
  options: { commonName: string; lifeMs: number; now?: number },
): Promise<ClientCredentials> {
  const now = options.now ?? Date.now();
  const issuer = new x509.X509Certificate(authority.certificate);
  const keys = await generateKeys();
  const certificate = await x509.X509CertificateGenerator.create({
    subject: `CN=${options.commonName}`,
    issuer: issuer.subject,
    notBefore: new Date(now - BACKDATE_MS),
    notAfter: new Date(now + options.lifeMs),
    signingAlgorithm: SIGNATURE_ALGORITHM,
    publicKey: keys.publicKey,
    signingKey: await importKey(authority.key),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return {
    certificate: certificate.toString('pem'),
    key: exportKey(keys.privateKey),
    expiresAt: certificate.notAfter.getTime(),
  };
}

/** The validity of an authority without backdating, in milliseconds since 1970. */
export function validityOf(certificate: string): { issuedAt: number; expiresAt: number } {
  const { validFromDate, validToDate } = new NodeCertificate(certificate);
  return { issuedAt: validFromDate.getTime() + BACKDATE_MS, expiresAt: validToDate.getTime() };
}

/** Why this cannot sign as an authority; undefined if it can. */
export function problemOf({ certificate: pem, key }: KeyPair): string | undefined {
  let certificate: x509.X509Certificate;
  try {
    certificate = new x509.X509Certificate(pem);
  } catch {
    return 'the certificate is not in PEM';
  }
  const constraints = certificate.getExtension(x509.BasicConstraintsExtension);
  if (constraints?.ca !== true) return 'the certificate is not that of an authority';
  return keyFits(certificate, key) ? undefined : 'the key is not that of the certificate';
}

function keyFits(certificate: x509.X509Certificate, pem: string): boolean {
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') return false;
    // Only node:crypto checks whether a private key belongs to a certificate.
    return new NodeCertificate(certificate.toString('pem')).checkPrivateKey(key);
  } catch {
    return false;
  }
}

async function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(KEY_ALGORITHM, true, ['sign', 'verify']);
}

const exportKey = (key: webcrypto.CryptoKey): string =>
  KeyObject.from(key).export({ type: 'pkcs8', format: 'pem' }).toString();

async function importKey(pem: string): Promise<webcrypto.CryptoKey> {
  const der = createPrivateKey(pem).export({ type: 'pkcs8', format: 'der' });
  return webcrypto.subtle.importKey('pkcs8', der, KEY_ALGORITHM, false, ['sign']);
}

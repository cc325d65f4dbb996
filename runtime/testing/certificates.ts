import 'reflect-metadata';
import type { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

/** A certificate with its key, as PEM. */
export interface Pair {
  cert: string;
  key: string;
}

export interface TestAuthority {
  cert: string;
  /** Issues a client certificate. */
  issue(commonName: string): Promise<Pair>;
  /** Issues a server certificate for these names in DNS. */
  issueFor(...hosts: string[]): Promise<Pair>;
}

/** Purposes of keys (RFC 5280, 4.2.1.12). */
const SERVER = '1.3.6.1.5.5.7.3.1';
const CLIENT = '1.3.6.1.5.5.7.3.2';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** Makes a certificate authority. */
export async function testAuthority(name = 'authority'): Promise<TestAuthority> {
  const keys = await makeKeys();
  const root = await x509.X509CertificateGenerator.createSelfSigned(
    {
      ...validity(),
      name: [{ CN: [name] }],
      signingAlgorithm: ALGORITHM,
      keys,
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
      ],
    },
    crypto,
  );
  return {
    cert: root.toString('pem'),
    issue: (commonName) => issue(commonName, [new x509.ExtendedKeyUsageExtension([CLIENT])]),
    issueFor: (...hosts) =>
      issue(hosts[0]!, [
        new x509.ExtendedKeyUsageExtension([SERVER]),
        new x509.SubjectAlternativeNameExtension(
          hosts.map((value) => ({ type: 'dns' as const, value })),
        ),
      ]),
  };
  async function issue(commonName: string, extensions: x509.Extension[]): Promise<Pair> {
    const own = await makeKeys();
    const certificate = await x509.X509CertificateGenerator.create(
      {
        ...validity(),
        subject: [{ CN: [commonName] }],
        issuer: root.subject,
        signingKey: keys.privateKey,
        signingAlgorithm: ALGORITHM,
        publicKey: own.publicKey,
        extensions,
      },
      crypto,
    );
    const pkcs8 = await crypto.subtle.exportKey('pkcs8', own.privateKey);
    const key = x509.PemConverter.encode(pkcs8, 'PRIVATE KEY');
    return { cert: certificate.toString('pem'), key };
  }
}

function makeKeys(): Promise<webcrypto.CryptoKeyPair> {
  return crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

function validity(): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return { notBefore: new Date(now - 60_000), notAfter: new Date(now + 3_600_000) };
}

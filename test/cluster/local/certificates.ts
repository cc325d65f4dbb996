import 'reflect-metadata';
import type { webcrypto } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';
import { replaceFile } from '../../../common/files.ts';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY = 24 * 3600 * 1000;
const LIFETIME = 3650 * DAY;

/** Paths of a PEM certificate and of its PEM private key. */
export interface KeyPairFiles {
  certificate: string;
  key: string;
}

export interface Subject {
  commonName: string;
  /** Groups of the client in Kubernetes. */
  organization?: string;
  /** Addresses and DNS names of a server. */
  names?: readonly string[];
}

/** A certificate authority in a directory. Creates each certificate once and keeps it. */
export class CertificateAuthority {
  readonly files: KeyPairFiles;
  readonly #directory: string;
  readonly #certificate: x509.X509Certificate;
  readonly #key: webcrypto.CryptoKey;

  private constructor(
    directory: string,
    files: KeyPairFiles,
    certificate: x509.X509Certificate,
    key: webcrypto.CryptoKey,
  ) {
    this.#directory = directory;
    this.files = files;
    this.#certificate = certificate;
    this.#key = key;
  }

  /** Opens the authority `name` in `directory`, or creates it. */
  static async open(directory: string, name: string): Promise<CertificateAuthority> {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const files = keyPairFiles(directory, name);
    if (!isComplete(files)) {
      const keys = await generateKeys();
      const certificate = await x509.X509CertificateGenerator.createSelfSigned({
        name: [{ CN: [name] }],
        keys,
        ...validity(),
        signingAlgorithm: ALGORITHM,
        extensions: [
          new x509.BasicConstraintsExtension(true, undefined, true),
          new x509.KeyUsagesExtension(
            x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.digitalSignature,
            true,
          ),
        ],
      });
      await save(files, certificate, keys.privateKey);
    }
    const certificate = new x509.X509Certificate(await readFile(files.certificate, 'utf8'));
    const key = await importKey(await readFile(files.key, 'utf8'));
    return new CertificateAuthority(directory, files, certificate, key);
  }

  /** The certificate `name`, for servers and clients. Uses `subject` only when it creates the certificate. */
  async issue(name: string, subject: Subject): Promise<KeyPairFiles> {
    const files = keyPairFiles(this.#directory, name);
    if (isComplete(files)) return files;
    const keys = await generateKeys();
    const certificate = await x509.X509CertificateGenerator.create({
      subject: [
        { CN: [subject.commonName] },
        ...(subject.organization === undefined ? [] : [{ O: [subject.organization] }]),
      ],
      issuer: this.#certificate.subjectName.toJSON(),
      publicKey: keys.publicKey,
      signingKey: this.#key,
      ...validity(),
      signingAlgorithm: ALGORITHM,
      extensions: [
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([
          x509.ExtendedKeyUsage.serverAuth,
          x509.ExtendedKeyUsage.clientAuth,
        ]),
        ...alternativeNames(subject.names ?? []),
      ],
    });
    await save(files, certificate, keys.privateKey);
    return files;
  }
}

/** A key pair in two PEM files that signs and verifies service account tokens. */
export async function signingKeys(directory: string, name: string): Promise<KeyPairFiles> {
  const files = {
    certificate: join(directory, `${name}.pub`),
    key: join(directory, `${name}.key`),
  };
  if (isComplete(files)) return files;
  const keys = await generateKeys();
  await writeFile(files.certificate, await pem(keys.publicKey, 'spki', 'PUBLIC KEY'));
  await saveKey(files.key, keys.privateKey);
  return files;
}

function alternativeNames(names: readonly string[]): x509.Extension[] {
  if (names.length === 0) return [];
  return [
    new x509.SubjectAlternativeNameExtension(
      names.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value })),
    ),
  ];
}

function validity(): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(Date.now() - DAY), notAfter: new Date(Date.now() + LIFETIME) };
}

function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

function importKey(text: string): Promise<webcrypto.CryptoKey> {
  const der = Buffer.from(text.replace(/-----[^-]+-----/g, ''), 'base64');
  return crypto.subtle.importKey('pkcs8', der, ALGORITHM, false, ['sign']);
}

async function pem(
  key: webcrypto.CryptoKey,
  format: 'pkcs8' | 'spki',
  label: string,
): Promise<string> {
  return x509.PemConverter.encode(await crypto.subtle.exportKey(format, key), label) + '\n';
}

function keyPairFiles(directory: string, name: string): KeyPairFiles {
  return { certificate: join(directory, `${name}.crt`), key: join(directory, `${name}.key`) };
}

/** The key is written last, so the pair is whole if it exists. */
function isComplete(files: KeyPairFiles): boolean {
  return existsSync(files.key) && existsSync(files.certificate);
}

async function save(
  files: KeyPairFiles,
  certificate: x509.X509Certificate,
  key: webcrypto.CryptoKey,
): Promise<void> {
  await writeFile(files.certificate, certificate.toString('pem') + '\n');
  await saveKey(files.key, key);
}

async function saveKey(path: string, key: webcrypto.CryptoKey): Promise<void> {
  await replaceFile(path, await pem(key, 'pkcs8', 'PRIVATE KEY'));
}

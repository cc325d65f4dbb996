import { X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { type Authority, createAuthority, issueClientCertificate, problemOf } from './authority.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';

let authority: Authority;
beforeAll(async () => {
  authority = await createAuthority();
});

describe('an authority', () => {
  it('has an EC key and is valid for a year', () => {
    const certificate = new X509Certificate(authority.certificate);
    expect(certificate.ca).toBe(true);
    expect(certificate.publicKey.asymmetricKeyDetails?.namedCurve).toBe('prime256v1');
    const days = (certificate.validToDate.getTime() - Date.now()) / DAY_MS;
    expect(days).toBeCloseTo(365, 1);
  });

  it('issues certificates for a client and nothing else', async () => {
    const issued = await issueClientCertificate(authority, {
      commonName: 'breakwater-operator',
      lifeMs: 30 * DAY_MS,
    });
    const certificate = new X509Certificate(issued.certificate);
    expect(certificate.verify(new X509Certificate(authority.certificate).publicKey)).toBe(true);
    expect(certificate.subject).toBe('CN=breakwater-operator');
    expect(certificate.ca).toBe(false);
    expect(certificate.keyUsage).toEqual([CLIENT_AUTH]);
    expect(certificate.validToDate.getTime()).toBe(issued.expiresAt);
  });

  it('is distinguished from other texts', async () => {
    const other = await createAuthority();
    const client = await issueClientCertificate(authority, { commonName: 'c', lifeMs: DAY_MS });
    expect(problemOf(authority)).toBeUndefined();
    expect(problemOf({ certificate: 'x', key: 'y' })).toContain('not in PEM');
    expect(problemOf(client)).toContain('not that of an authority');
    expect(problemOf({ ...authority, key: 'y' })).toContain('the key is not that');
    expect(problemOf({ ...authority, key: other.key })).toContain('the key is not that');
  });
});

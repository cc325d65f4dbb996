import { X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { FakeClock } from '../kube/testing/fakeClock.ts';
import {
  type Authority,
  type AuthorityData,
  createAuthority,
  issueClientCertificate,
  loadAuthority,
  type SecretStore,
} from './authority.ts';
import { Credentials } from './credentials.ts';
import { MemoryLogger } from './testing/harness.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';

let authority: Authority;
beforeAll(async () => {
  authority = await createAuthority();
});

const dataOf = ({ certificate, key }: Authority): AuthorityData => ({
  'tls.crt': certificate,
  'tls.key': key,
});

/** A Secret that, like the API server's, only one can create. */
class MemoryStore implements SecretStore {
  data: AuthorityData | undefined;
  constructor(data?: AuthorityData) {
    this.data = data;
  }
  read(): Promise<AuthorityData | undefined> {
    return Promise.resolve(this.data);
  }
  create(data: AuthorityData): Promise<'created' | 'exists'> {
    if (this.data !== undefined) return Promise.resolve('exists');
    this.data = data;
    return Promise.resolve('created');
  }
}

describe('the authority', () => {
  it('is an EC authority for ten years', () => {
    const certificate = new X509Certificate(authority.certificate);
    expect(certificate.ca).toBe(true);
    expect(certificate.publicKey.asymmetricKeyDetails?.namedCurve).toBe('prime256v1');
    const years = (certificate.validToDate.getTime() - Date.now()) / (365 * DAY_MS);
    expect(years).toBeCloseTo(10, 1);
  });

  it('issues certificates for a client and nothing else', async () => {
    const issued = await issueClientCertificate(authority, {
      commonName: 'breakwater-operator',
      days: 30,
    });
    const certificate = new X509Certificate(issued.certificate);
    expect(certificate.verify(new X509Certificate(authority.certificate).publicKey)).toBe(true);
    expect(certificate.subject).toBe('CN=breakwater-operator');
    expect(certificate.ca).toBe(false);
    expect(certificate.keyUsage).toEqual([CLIENT_AUTH]);
    expect(certificate.validToDate.getTime()).toBe(issued.expiresAt);
  });

  it('is the same for processes that start together', async () => {
    const store = new MemoryStore();
    const [one, two] = await Promise.all([loadAuthority(store), loadAuthority(store)]);
    expect(two).toEqual(one);
    expect(await loadAuthority(store)).toEqual(one);
  });

  it('is refused when the Secret holds something else', async () => {
    const other = await createAuthority();
    const client = await issueClientCertificate(authority, { commonName: 'client', days: 1 });
    const expired = await createAuthority(Date.now() - 3651 * DAY_MS);
    const cases: [AuthorityData, string][] = [
      [{ 'tls.crt': 'x', 'tls.key': 'y' }, 'tls.crt is not a PEM certificate'],
      [{ ...dataOf(authority), 'tls.key': 'y' }, 'tls.key is not the key of tls.crt'],
      [{ ...dataOf(authority), 'tls.key': other.key }, 'tls.key is not the key of tls.crt'],
      [dataOf(client), 'tls.crt is not the certificate of an authority'],
      [dataOf(expired), 'tls.crt has expired'],
    ];
    for (const [data, problem] of cases) {
      await expect(loadAuthority(new MemoryStore(data))).rejects.toThrow(
        `The authority's Secret cannot be used: ${problem}. Delete it, and a new one is made`,
      );
    }
  });
});

describe('the client certificate', () => {
  it('is renewed when two thirds of its life are over', async () => {
    const clock = new FakeClock();
    const credentials = await Credentials.issue({ authority, clock, logger: new MemoryLogger() });
    const stop = new AbortController();
    credentials.run(stop.signal);
    const first = credentials.current();
    for (let hours = 0; hours < 20 * 24 - 1; hours += 1) await clock.advance(DAY_MS / 24);
    expect(credentials.current()).toBe(first);
    for (let hours = 0; hours < 3; hours += 1) {
      await clock.advance(DAY_MS / 24);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await expect(renewed(credentials, first)).resolves.toBeGreaterThan(first.expiresAt);
    stop.abort();
    expect(clock.pending).toBe(0);
  });
});

/** End of the validity of the certificate that follows `first`; keys are made in other threads. */
async function renewed(credentials: Credentials, first: { expiresAt: number }): Promise<number> {
  while (credentials.current() === first) await new Promise((resolve) => setImmediate(resolve));
  return credentials.current().expiresAt;
}

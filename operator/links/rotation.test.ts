import { beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock } from '../testing/fakeClock.ts';
import type { AuthorityData } from './authorities.ts';
import { createAuthority } from './authority.ts';
import { Credentials } from './credentials.ts';
import { Rotation, type SecretStore } from './rotation.ts';
import { MemoryLogger } from '../testing/linksHarness.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const HOUR_MS = DAY_MS / 24;

/** A Secret that, like the API server's, only one can create, and none can write over another's change. */
class MemoryStore implements SecretStore {
  data: AuthorityData | undefined;
  version = 1;
  revoked = false;
  writes = 0;
  read(): ReturnType<SecretStore['read']> {
    const { data, version, revoked } = this;
    return Promise.resolve(data && { data, version: String(version), revoked });
  }
  create(data: AuthorityData): Promise<'created' | 'exists'> {
    if (this.data) return Promise.resolve('exists');
    this.#write(data);
    return Promise.resolve('created');
  }
  replace(data: AuthorityData, version: string): Promise<'replaced' | 'changed'> {
    if (version !== String(this.version)) return Promise.resolve('changed');
    this.#write(data);
    return Promise.resolve('replaced');
  }
  #write(data: AuthorityData): void {
    this.data = data;
    this.version += 1;
    this.revoked = false;
    this.writes += 1;
  }
}

let clock: FakeClock;
let store: MemoryStore;
let logger: MemoryLogger;
beforeEach(() => {
  clock = new FakeClock();
  store = new MemoryStore();
  logger = new MemoryLogger();
});

const start = (): Promise<Rotation> => Rotation.start({ store, clock, logger });
const count = (pem: string): number => pem.split('-----BEGIN').length - 1;
const lead = (rotation: Rotation): Promise<void> =>
  rotation.lead(store, new AbortController().signal);

/** Lets days pass, with a check at the end of each. */
async function days(rotation: Rotation, n: number): Promise<void> {
  for (let day = 0; day < n; day++) {
    clock.stall(DAY_MS);
    await rotation.check();
  }
}

describe('the authority', () => {
  it('is the same for processes that start together or later', async () => {
    const [one, two] = await Promise.all([start(), start()]);
    expect(two.signing()).toEqual(one.signing());
    expect((await start()).signing()).toEqual(one.signing());
  });

  it('is not read from a Secret with another content', async () => {
    store.data = { 'tls.crt': 'x', 'tls.key': 'y' };
    await expect(start()).rejects.toThrow(
      "The authority's Secret cannot be used: in tls.crt and tls.key, the certificate is not in PEM. Delete the Secret",
    );
  });

  it('has a successor after two thirds of its life, which signs once pods have known it for a day', async () => {
    const rotation = await start();
    const first = rotation.signing();
    await lead(rotation);
    await days(rotation, 243);
    expect(count(rotation.trusted())).toBe(1);
    expect(store.writes).toBe(1);
    await days(rotation, 1);
    expect(count(rotation.trusted())).toBe(2);
    expect(rotation.signing()).toEqual(first);
    const known = rotation.trusted();
    await days(rotation, 1);
    expect(rotation.signing()).not.toEqual(first);
    expect(known).toContain(rotation.signing().certificate);
    expect(rotation.trusted()).toContain(first.certificate);
    await days(rotation, 120);
    expect(count(rotation.trusted())).toBe(1);
    expect(rotation.trusted()).toContain(rotation.signing().certificate);
    expect(Object.keys(store.data!).sort()).toEqual(['tls.crt', 'tls.key']);
  });

  it('is known to pods, over years, for as long as one of its certificates is in use', async () => {
    const rotation = await start();
    await lead(rotation);
    const credentials = await Credentials.issue({ authority: rotation.signing, clock, logger });
    const shown: { issuer: string; until: number }[] = [];
    let authorities = 0;
    rotation.onChange(() => (authorities += 1));
    for (let day = 0; day < 3 * 365; day++) {
      const knownYesterday = rotation.trusted();
      await days(rotation, 1);
      await credentials.check();
      // A pod's file may be that of yesterday.
      expect(knownYesterday).toContain(rotation.signing().certificate.trim());
      shown.push({
        issuer: rotation.signing().certificate.trim(),
        until: credentials.current().expiresAt,
      });
      const known = rotation.trusted();
      const inUse = shown.slice(-31).filter(({ until }) => until > clock.now());
      expect(inUse.every(({ issuer }) => known.includes(issuer))).toBe(true);
    }
    expect(authorities).toBeGreaterThan(8);
  });

  it('is followed by standby processes, which write nothing', async () => {
    const [leader, standby] = [await start(), await start()];
    await lead(leader);
    let changes = 0;
    standby.onChange(() => (changes += 1));
    await days(leader, 244);
    await standby.check();
    expect(changes).toBe(1);
    expect(standby.trusted()).toBe(leader.trusted());
    const { writes } = store;
    clock.stall(DAY_MS);
    await standby.check();
    expect(store.writes).toBe(writes);
  });

  it('is replaced at once if it expired while no operator ran', async () => {
    await start();
    clock.stall(400 * DAY_MS);
    const rotation = await start();
    await lead(rotation);
    expect(count(rotation.trusted())).toBe(1);
    expect(Object.keys(store.data!).sort()).toEqual(['tls.crt', 'tls.key']);
    const { writes } = store;
    await days(rotation, 2);
    expect(store.writes).toBe(writes);
  });

  it.each([
    ['deletes the Secret', () => (store.data = undefined)],
    ['sets the annotation on it', () => (store.revoked = true)],
  ])('is replaced at once when somebody %s, and pods no longer know it', async (_how, revoke) => {
    const rotation = await start();
    const [standby, stolen] = [await start(), rotation.signing()];
    await lead(rotation);
    // A successor that pods know already was in the Secret with the stolen key.
    await days(rotation, 244);
    expect(count(rotation.trusted())).toBe(2);
    const known = rotation.trusted();
    revoke();
    await standby.check();
    await rotation.check();
    expect(rotation.signing()).not.toEqual(stolen);
    expect(count(rotation.trusted())).toBe(1);
    expect(known).not.toContain(rotation.trusted().trim());
    expect(Object.keys(store.data!).sort()).toEqual(['tls.crt', 'tls.key']);
    await standby.check();
    expect(standby.trusted()).toBe(rotation.trusted());
    const fresh = rotation.signing();
    await rotation.check();
    expect(rotation.signing()).toEqual(fresh);
  });

  it('stays in use when the Secret is malformed or unreadable', async () => {
    const rotation = await start();
    const first = rotation.signing();
    await lead(rotation);
    store.data = { 'tls.crt': 'spoilt' };
    await days(rotation, 1);
    store.read = () => Promise.reject(new Error('unreachable'));
    await days(rotation, 1);
    expect(rotation.signing()).toEqual(first);
    expect(logger.lines.filter((line) => line.startsWith('["error"'))).toHaveLength(2);
  });

  it('is checked every 10 s until it stops', async () => {
    const rotation = await start();
    const stop = new AbortController();
    let reads = 0;
    const read = store.read.bind(store);
    store.read = () => {
      reads += 1;
      return read();
    };
    rotation.follow(stop.signal);
    for (let count = 0; count < 5; count++) await clock.advance(10_000);
    expect(reads).toBe(5);
    stop.abort();
    expect(clock.pending).toBe(0);
  });
});

describe('the client certificate', () => {
  it('is renewed when two thirds of its life are over', async () => {
    const authority = await createAuthority(clock.now());
    const credentials = await Credentials.issue({ authority: () => authority, clock, logger });
    const first = credentials.current();
    clock.stall(20 * DAY_MS - HOUR_MS);
    await credentials.check();
    expect(credentials.current()).toBe(first);
    clock.stall(2 * HOUR_MS);
    await credentials.check();
    expect(credentials.current().expiresAt).toBeGreaterThan(first.expiresAt);
  });

  it('is checked every hour until it stops', async () => {
    const authority = await createAuthority(clock.now());
    const credentials = await Credentials.issue({ authority: () => authority, clock, logger });
    const stop = new AbortController();
    credentials.run(stop.signal);
    await clock.advance(3 * HOUR_MS);
    expect(clock.pending).toBe(1);
    stop.abort();
    expect(clock.pending).toBe(0);
  });
});

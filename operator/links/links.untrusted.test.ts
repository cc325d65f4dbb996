import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import type { Hello } from '../../contract/generated/types.ts';
import { systemClock } from '../kube/clock.ts';
import { MemoryLogger } from '../testing/linksHarness.ts';
import { AGENT, counters, hashOf, hello, review, snapshot, target } from '../testing/messages.ts';
import { type PodConnection, PodServer } from '../testing/podServer.ts';
import {
  type Authority,
  type ClientCredentials,
  createAuthority,
  issueClientCertificate,
} from './authority.ts';
import type { AuthorityData } from './authorities.ts';
import { Credentials } from './credentials.ts';
import { Links, type LinksOptions } from './links.ts';
import { Rotation, type SecretStore } from './rotation.ts';
import type { PodTarget } from './target.ts';

const A = hashOf('a');

let authority: Authority;
let credentials: ClientCredentials;
let pods: PodServer;
let lead: AbortController;
let logger: MemoryLogger;
beforeAll(async () => {
  authority = await createAuthority();
  credentials = await issueClientCertificate(authority, {
    commonName: 'breakwater-operator',
    lifeMs: 86_400_000,
  });
});
beforeEach(async () => {
  pods = await PodServer.start(authority.certificate);
  lead = new AbortController();
  logger = new MemoryLogger();
});
afterEach(async () => {
  lead.abort();
  await pods.stop();
});

async function until<T>(condition: () => T | undefined | false): Promise<T> {
  const end = performance.now() + 4_000;
  for (;;) {
    if (performance.now() > end) throw new Error('it did not come about in time');
    const value = condition();
    if (value !== undefined && value !== false) return value;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function linksTo(pod: PodTarget, options: Partial<LinksOptions> = {}): Links {
  const links = new Links({
    credentials: () => credentials,
    reviewToken: review,
    clock: systemClock,
    random: () => 0.5,
    logger,
    registry: new Registry(),
    timing: { baseMs: 1, maxMs: 2 },
    ...options,
  });
  links.open(lead.signal, () => 1);
  links.setTargets([pod]);
  return links;
}

const at = (n: number): PodTarget => target(n, { port: pods.port });

async function greet(
  links: Links,
  pod: PodTarget,
  change: Partial<Hello> = {},
): Promise<PodConnection> {
  const link = await until(() => pods.linkTo(pod.ip));
  link.say(hello(pod, { hash: A, ...change }));
  await until(() => links.podReport(pod.uid)?.connected);
  return link;
}

/** What the log says of a link that ended. */
const refusals = (): string[] => logger.lines.filter((line) => line.includes('Link refused'));

describe('a pod that lies', () => {
  it('cannot make the operator keep fields that are not in the contract', async () => {
    const links = linksTo(at(1));
    const more = { 'x-more': Array.from({ length: 50_000 }, () => ({})) };
    const honest = snapshot(A);
    const [circuit] = honest.circuits;
    const link = await greet(links, at(1), { more: [{}] } as object);
    link.say({ ...honest, ...more, circuits: [{ ...circuit, more: { more } }] });
    await until(() => links.podReport('uid-1')?.snapshot);
    expect(links.podReport('uid-1')?.snapshot).toEqual(honest);
    expect(JSON.stringify(links.podsOf(AGENT))).not.toContain('more');
  });

  it.each([
    [
      'unsupported elements',
      (n: number) => ({ configuration: { unsupported: many(n, { path: '', feature: '' }) } }),
    ],
    [
      'missing credentials',
      (n: number) => ({ missingCredentials: many(n, { dependency: '', secret: '', key: '' }) }),
    ],
    [
      'circuits',
      (n: number) => ({ circuits: many(n, { dependency: '', state: 'Closed', since: '' }) }),
    ],
  ])('loses its link when it reports too many %s', async (_name, partOf) => {
    const links = linksTo(at(1));
    const link = await greet(links, at(1));
    link.say({ ...snapshot(A), ...partOf(4_000) });
    await until(() => link.closed);
    expect(refusals().join()).toContain('must NOT have more than');
    expect(links.podReport('uid-1')?.snapshot).toBeUndefined();
  });

  it('is refused when it shows the highest possible term', async () => {
    const links = linksTo(at(1));
    const told: number[] = [];
    links.onHigherTerm((_key, term) => told.push(term));
    const link = await until(() => pods.linkTo(at(1).ip));
    link.say(hello(at(1), { hash: A, highestTerm: Number.MAX_SAFE_INTEGER }));
    await until(() => link.closed);
    expect(refusals().join()).toContain('/highestTerm must be <= 2147483647');
    expect(told).toEqual([]);
  });

  it('cannot be linked with a key that was revoked, while the links of the operator come back', async () => {
    let stored: AuthorityData | undefined;
    const store: SecretStore = {
      read: () => Promise.resolve(stored && { data: stored, version: '1' }),
      create: (data) => Promise.resolve(((stored = data), 'created' as const)),
      replace: () => Promise.resolve('changed'),
    };
    const clock = systemClock;
    const rotation = await Rotation.start({ store, clock, logger });
    await rotation.lead(store, lead.signal);
    const own = await Credentials.issue({ authority: rotation.signing, clock, logger });
    const stolen = own.current();
    pods.setAuthority(rotation.trusted());
    const links = linksTo(at(1), { credentials: () => own.current() });
    const link = await greet(links, at(1));
    stored = undefined;
    await rotation.check();
    await own.check();
    // What a pod does when it reads the new authority.
    pods.setAuthority(rotation.trusted());
    link.cut();
    const thief = linksTo(at(2), { credentials: () => stolen });
    const again = await until(() => pods.connections[1]);
    again.say(hello(at(1), { hash: A }));
    await until(() => links.podReport('uid-1')?.connected);
    const refused = (): number =>
      logger.lines.filter((line) => line.includes('Unreachable')).length;
    await until(() => refused() >= 2);
    expect(thief.podReport('uid-2')?.connected).toBe(false);
    expect(pods.linkTo(at(2).ip)).toBeUndefined();
  });

  it('cannot write long texts into the log', async () => {
    const links = linksTo(at(1));
    const link = await until(() => pods.linkTo(at(1).ip));
    link.say(hello(at(1), { runtimeVersion: 'v'.repeat(400_000) }));
    await until(() => link.closed);
    expect(links.podReport('uid-1')?.connected).toBe(false);
    link.cut();
    expect(Math.max(...logger.lines.map(({ length }) => length))).toBeLessThan(1_000);
  });

  it.each<[string, (link: PodConnection) => void]>([
    ['messages', (link) => link.say(counters('calm', 1))],
    ['bytes', (link) => link.say({ type: 'Later', filler: 'x'.repeat(100_000) })],
    ['pings', (link) => link.ping()],
    ['pongs', (link) => link.pong()],
  ])('that sends too many %s loses its link, which backs off', async (what, send) => {
    const links = linksTo(at(1));
    const link = await greet(links, at(1));
    link.say(snapshot(A));
    for (let sent = 0; sent < 2_000 && !link.closed; sent += 1) {
      send(link);
      // More pings than are answered at a time end a link as well.
      if (sent % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await until(() => link.closed);
    await until(() => links.podReport('uid-1')?.connected === false);

    expect(links.podReport('uid-1')).toMatchObject({ excessive: true });
    expect(refusals()).toHaveLength(1);
    expect(refusals()[0]).toContain(what === 'bytes' ? 'bytes per second' : 'messages per second');
    // Another pod is dialled at once, long before this one.
    links.setTargets([at(1), at(2)]);
    await until(() => pods.linkTo(at(2).ip));
    expect(pods.connections.filter(({ address }) => address === at(1).ip)).toHaveLength(1);
  });

  it('that sends parts of a message without end loses its link at the next heartbeat', async () => {
    const heartbeat = { intervalMs: 20, silenceMs: 60_000 };
    const limits = { bytesPerSecond: 1_000, messagesPerSecond: 50, burstSeconds: 10 };
    const links = linksTo(at(1), { limits, timing: { baseMs: 1, maxMs: 2, heartbeat } });
    const link = await greet(links, at(1));
    for (let sent = 0; sent < 100; sent += 1) link.sayPart('x'.repeat(1_000));
    await until(() => link.closed);
    expect(refusals().join()).toContain('bytes per second');
  });

  it('does not prevent an honest pod with the longest names from reporting', async () => {
    const links = linksTo(at(1));
    const link = await greet(links, at(1));
    const { circuits, limits, gates, transitions, missing } = longest();
    const whole = { ...snapshot(A), circuits, gates, transitions, missingCredentials: missing };
    link.say({ ...whole, limits: limits.slice(0, 400) });
    for (const from of [400, 800]) {
      link.say({ type: 'Counters', circuits: [], limits: limits.slice(from, from + 400) });
    }
    await until(() => links.podReport('uid-1')?.snapshot?.limits.length === 1_024);
    expect(links.podReport('uid-1')).toMatchObject({ connected: true, snapshot: { circuits } });
  });

  it('that sends a message larger than any honest one loses its link, which backs off', async () => {
    const links = linksTo(at(1));
    const link = await greet(links, at(1));
    link.sayText('x'.repeat(512 * 1024 + 1));
    await until(() => links.podReport('uid-1')?.excessive);
    expect(refusals()).toHaveLength(1);
  });

  it('is dialled again only after the backoff, whatever the kubelet reports', async () => {
    const timing = { baseMs: 1, maxMs: 2, excessMs: 300 };
    const limits = { bytesPerSecond: 1e6, messagesPerSecond: 5, burstSeconds: 1 };
    const links = linksTo({ ...at(1), running: false }, { timing, limits });
    const link = await greet(links, at(1));
    const cutAt = performance.now();
    for (let sent = 0; sent < 10; sent += 1) link.say(snapshot(A));
    await until(() => links.podReport('uid-1')?.excessive);
    links.setTargets([{ ...at(1), running: true }]);
    links.setTargets([{ ...at(1), running: true, ready: true }]);
    const again = await until(() => pods.connections[1]);
    expect(performance.now() - cutAt).toBeGreaterThanOrEqual(300);
    again.say(hello(at(1), { hash: A }));
    await until(() => links.podReport('uid-1')?.connected);
    expect(links.podReport('uid-1')?.excessive).toBeUndefined();
  });
});

function many<T>(count: number, value: T): T[] {
  return Array.from({ length: count }, () => value);
}

/** As much as the fields of an agent and of its policies allow, each name of the greatest length. */
function longest(): Record<'circuits' | 'limits' | 'gates' | 'transitions' | 'missing', object[]> {
  const policy = 'p'.repeat(253);
  const time = '2026-01-01T00:00:00.000Z';
  const dependency = (n: number): string => `tool/${String(n).padStart(64, 't')}`;
  const of = <T>(count: number, make: (n: number) => T): T[] =>
    Array.from({ length: count }, (_, n) => make(n));
  const named = (n: number): object => ({
    dependency: dependency(n),
    model: String(n).padStart(256, 'm'),
    policy,
  });
  const reason = `override: ${'r'.repeat(256)}`;
  const lastFailure = { class: 'InvalidResponse', message: 'x'.repeat(256), time };
  return {
    circuits: of(112, (n) => ({
      ...named(n),
      ...{ state: 'Open', since: time, nextProbe: time, reason, lastFailure },
      handledResetToken: 't'.repeat(64),
    })),
    limits: of(1_024, (n) => ({
      ...{ target: dependency(n % 64), policy, name: String(n).padStart(63, 'l') },
      ...{ usedPercent: 100, rejected: Number.MAX_SAFE_INTEGER, limiting: true },
    })),
    gates: of(64, (n) => ({
      ...{ dependency: dependency(n), model: 'm'.repeat(256) },
      ...{ gate: 'RateLimited', until: time },
    })),
    transitions: of(64, (n) => ({
      ...named(n),
      ...{ sequence: n + 1, time, from: 'Closed', to: 'Open', reason },
    })),
    missing: of(64, (n) => ({
      ...{ dependency: dependency(n), secret: 's'.repeat(253), key: 'k'.repeat(253) },
    })),
  };
}

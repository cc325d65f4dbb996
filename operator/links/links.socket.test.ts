import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import type { Hello } from '../../contract/generated/types.ts';
import { systemClock } from '../kube/clock.ts';
import {
  type Authority,
  type ClientCredentials,
  createAuthority,
  issueClientCertificate,
} from './authority.ts';
import { Links, type LinksOptions } from './links.ts';
import type { PodTarget } from './target.ts';
import { DeadPort } from '../testing/deadPort.ts';
import { MemoryLogger } from '../testing/linksHarness.ts';
import {
  AGENT,
  configuration,
  hashOf,
  hello,
  review,
  snapshot,
  target,
} from '../testing/messages.ts';
import { type PodConnection, PodServer } from '../testing/podServer.ts';

const COUNT = 1_000;
const A = hashOf('a');
const B = hashOf('b');

/** Waits for a condition that comes about by I/O; the test's own time limit ends it. */
async function until<T>(condition: () => T | undefined | false): Promise<T> {
  for (;;) {
    const value = condition();
    if (value !== undefined && value !== false) return value;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

let authority: Authority;
let credentials: ClientCredentials;
beforeAll(async () => {
  authority = await createAuthority();
  credentials = await issueClientCertificate(authority, {
    commonName: 'breakwater-operator',
    lifeMs: 86_400_000,
  });
});

let pods: PodServer;
let lead: AbortController;
let logger: MemoryLogger;
beforeEach(async () => {
  pods = await PodServer.start(authority.certificate);
  lead = new AbortController();
  logger = new MemoryLogger();
});
afterEach(async () => {
  lead.abort();
  await pods.stop();
});

/** Links of a leader in term 1 that backs off by milliseconds only. */
function lead1(shown: ClientCredentials = credentials, options: Partial<LinksOptions> = {}): Links {
  const links = new Links({
    credentials: () => shown,
    reviewToken: review,
    clock: systemClock,
    random: () => 0.5,
    logger,
    registry: new Registry(),
    timing: { baseMs: 2, maxMs: 10 },
    ...options,
  });
  links.open(lead.signal, () => 1);
  return links;
}

const at = (n: number): PodTarget => target(n, { port: pods.port });

/** Waits for the operator to dial the pod, and says hello and a snapshot. */
async function answer(pod: PodTarget, change: Partial<Hello> = {}): Promise<PodConnection> {
  const link = await until(() => {
    const last = pods.linkTo(pod.ip);
    return last !== undefined && !last.closed && last;
  });
  link.say(hello(pod, change));
  link.say(snapshot(change.hash));
  return link;
}

/** Says hello and a snapshot for each pod as it is dialled, until all were. */
async function answerAll(all: PodTarget[]): Promise<void> {
  const byAddress = new Map(all.map((pod) => [pod.ip, pod]));
  let answered = 0;
  await until(() => {
    for (const link of pods.connections.slice(answered)) {
      answered += 1;
      link.say(hello(byAddress.get(link.address)!, { hash: A }));
      link.say(snapshot(A));
    }
    return answered >= all.length;
  });
}

describe('links over TLS', () => {
  it('connect, announce, push and report', async () => {
    const links = lead1();
    const [first, second] = [at(1), at(2)];
    links.setTargets([first, second]);
    const [one, two] = [await answer(first, { hash: A }), await answer(second, { hash: B })];
    await until(() => links.podsOf(AGENT).every((pod) => pod.snapshot !== undefined));
    links.setDesired(AGENT, configuration('b'), 1);
    await until(() => one.received.length === 2);
    expect(one.received).toEqual([
      { type: 'Announce', term: 1 },
      { type: 'Configure', term: 1, configuration: configuration('b') },
    ]);
    one.say(snapshot(B));
    await until(() => links.podReport(first.uid)?.hash === B);
    expect(two.received).toEqual([{ type: 'Announce', term: 1 }]);
  });

  it('transport a configuration of the largest size', async () => {
    const links = lead1();
    links.setTargets([at(1)]);
    const link = await answer(at(1), { hash: A });
    const large = configuration('b');
    Object.assign(large.content, { filler: 'x'.repeat(900 * 1024) });
    links.setDesired(AGENT, large, 1);
    await until(() => link.received.length === 2);
    expect(link.received[1]).toMatchObject({ configuration: { hash: B } });
  });

  it('are refused to a pod at the address of another', async () => {
    const links = lead1();
    links.setTargets([at(1)]);
    links.setDesired(AGENT, configuration('b'), 1);
    const link = await until(() => pods.linkTo(at(1).ip));
    link.say(hello(target(1, { uid: 'uid-of-another' })));
    await until(() => link.closed);
    expect(link.received).toEqual([{ type: 'Announce', term: 1 }]);
    expect(links.podReport('uid-1')?.connected).toBe(false);
    expect(logger.lines.join()).toContain('the token is of a pod of another UID');
    expect(logger.lines.join()).not.toContain('secret/');
  });

  it.each([
    ['of another authority', 'breakwater-operator', true],
    ['of another name', 'somebody', false],
  ])('are not opened with a certificate %s', async (_name, commonName, other) => {
    const issuer = other ? await createAuthority() : authority;
    const links = lead1(await issueClientCertificate(issuer, { commonName, lifeMs: 86_400_000 }));
    links.setTargets([at(1)]);
    await until(() => logger.lines.filter((line) => line.includes('Unreachable')).length >= 2);
    expect(pods.connections).toEqual([]);
    expect(links.podReport('uid-1')?.connected).toBe(false);
  });

  it('are opened again after a drop', async () => {
    const links = lead1();
    links.setTargets([at(1)]);
    const link = await answer(at(1), { hash: A });
    await until(() => links.podReport('uid-1')?.connected);
    link.cut();
    await until(() => links.podReport('uid-1')?.connected === false);
    links.setDesired(AGENT, configuration('b'), 1);
    const again = await answer(at(1), { hash: A });
    await until(() => again.received.length === 2);
    expect(links.podReport('uid-1')?.connected).toBe(true);
  });

  it('to a dead pod are given up after the time to connect, and delay no other', async () => {
    const dead = await DeadPort.start('127.0.60.1');
    try {
      const timing = { baseMs: 2, maxMs: 10, connectMs: 200, helloMs: 600_000 };
      const links = lead1(credentials, { timing, connects: { first: 1, repeated: 1 } });
      const gone = target(1, { ip: '127.0.60.1', port: dead.port });
      links.setTargets([gone, at(2)]);
      await answer(at(2), { hash: A });
      await until(() => links.podReport('uid-2')?.connected);
      const unreached = (): string[] =>
        logger.lines.filter((line) => line.includes('no connection within 200 ms'));
      await until(() => unreached().length >= 3);
      expect(links.podReport('uid-1')?.connected).toBe(false);
    } finally {
      await dead.stop();
    }
  });

  it('to a pod that hangs are given up after the time for its Hello', async () => {
    const timing = { baseMs: 2, maxMs: 10, helloMs: 300, placeMs: 10 };
    const links = lead1(credentials, { timing, handshakes: { first: 1, repeated: 1 } });
    links.setTargets([at(1), at(2)]);
    await answer(at(2), { hash: A });
    await until(() => links.podReport('uid-2')?.connected);
    await until(() => logger.lines.some((line) => line.includes('no valid hello within 300 ms')));
    expect(pods.linkTo(at(1).ip)).toBeDefined();
  });

  it.each([
    ['that takes too long', 300],
    ['when they end', 600_000],
  ])('end the review of their token %s', async (_name, reviewMs) => {
    const reviews: AbortSignal[] = [];
    const links = lead1(credentials, {
      timing: { baseMs: 600_000, maxMs: 600_000, reviewMs },
      reviewToken: (_token, signal) => {
        reviews.push(signal);
        return new Promise(() => undefined);
      },
    });
    links.setTargets([at(1)]);
    await answer(at(1));
    await until(() => reviews.length > 0);
    if (reviewMs > 300) links.setTargets([]);
    await until(() => reviews[0]!.aborted);
    expect(links.podReport('uid-1')?.connected ?? false).toBe(false);
  });

  it('end on a malformed message', async () => {
    const links = lead1();
    links.setTargets([at(1)]);
    const link = await answer(at(1), { hash: A });
    await until(() => links.podReport('uid-1')?.connected);
    link.sayText('{"type":"Snapshot"}');
    await until(() => link.closed);
    expect(logger.lines.join()).toContain("it must have required property 'configuration'");
  });

  it('end on a message that is too large', async () => {
    const links = lead1();
    links.setTargets([at(1)]);
    const link = await answer(at(1), { hash: A });
    await until(() => links.podReport('uid-1')?.connected);
    link.sayText('x'.repeat(1024 * 1024 + 1));
    await until(() => link.closed);
  });

  it('all close when leadership is lost, 1,000 of them, and push nothing afterwards', async () => {
    const links = lead1();
    const targets = Array.from({ length: COUNT }, (_, n) => at(n));
    links.setTargets(targets);
    await answerAll(targets);
    await until(() => links.podsOf(AGENT).every((pod) => pod.connected));
    expect(pods.connections).toHaveLength(COUNT);
    lead.abort();
    links.setDesired(AGENT, configuration('b'), 1);
    await until(() => pods.connections.every((link) => link.closed));
    expect(pods.connections).toHaveLength(COUNT);
    for (const link of pods.connections) {
      expect(link.received).toEqual([{ type: 'Announce', term: 1 }]);
    }
    expect(links.podsOf(AGENT).some((pod) => pod.connected)).toBe(false);
  }, 120_000);
});

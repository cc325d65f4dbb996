import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import type { Contract } from '../../contract/versions.ts';
import { systemClock } from '../kube/clock.ts';
import { MemoryLogger } from '../testing/linksHarness.ts';
import { AGENT, configuration, hello, review, snapshot, target } from '../testing/messages.ts';
import { type PodConnection, PodServer } from '../testing/podServer.ts';
import {
  type Authority,
  type ClientCredentials,
  createAuthority,
  issueClientCertificate,
} from './authority.ts';
import { Links } from './links.ts';

/** An operator of the next version, in which each type of message has lost its prefix and Siblings are new. */
const NEXT: Contract = {
  version: 2,
  earlier: {
    older: (message) => {
      const { type } = message as { type: string };
      return type === 'Siblings' ? undefined : { ...message, type: `Old${type}` };
    },
    newer: (message) => {
      const { type } = message as { type: string };
      return { ...message, type: type.replace(/^Old/, '') };
    },
  },
};
const POD = target(1);

let authority: Authority;
let credentials: ClientCredentials;
beforeAll(async () => {
  authority = await createAuthority();
  credentials = await issueClientCertificate(authority, {
    commonName: 'breakwater-operator',
    lifeMs: 86_400_000,
  });
});

let pods: PodServer | undefined;
let lead: AbortController;
let logger: MemoryLogger;
beforeEach(() => {
  lead = new AbortController();
  logger = new MemoryLogger();
});
afterEach(async () => {
  lead.abort();
  await pods?.stop();
});

/** The operator leads, and the pod speaks one version only. */
async function start(contract: Contract | undefined, protocol: string): Promise<Links> {
  pods = await PodServer.start(authority.certificate, { protocol });
  const links = new Links({
    ...{ credentials: () => credentials, reviewToken: review, clock: systemClock },
    ...{ random: () => 0.5, logger, registry: new Registry(), timing: { baseMs: 2, maxMs: 10 } },
    ...(contract && { contract }),
  });
  links.open(lead.signal, () => 1);
  links.setTargets([{ ...POD, port: pods.port }]);
  return links;
}

async function until<T>(condition: () => T | undefined | false): Promise<T> {
  for (;;) {
    const value = condition();
    if (value !== undefined && value !== false) return value;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const dialled = (): Promise<PodConnection> => until(() => pods!.linkTo(POD.ip));
const connected = (links: Links): Promise<unknown> =>
  until(() => links.podsOf(AGENT).some((pod) => pod.snapshot !== undefined));

describe('an operator of the next version', () => {
  it('links to a pod of the former version in that version', async () => {
    const links = await start(NEXT, 'breakwater.v1');
    const pod = await dialled();
    pod.say({ ...hello(POD), contract: 1, type: 'OldHello' });
    pod.say({ ...snapshot('a'), type: 'OldSnapshot' });
    await connected(links);
    links.setDesired(AGENT, configuration('b'), 1);
    await until(() => pod.received.length === 2);
    expect(pod.received).toEqual([
      { type: 'OldAnnounce', term: 1 },
      { type: 'OldConfigure', term: 1, configuration: configuration('b') },
    ]);
    expect(pod.closed).toBe(false);
  });

  it('links to a pod of its own version in its own version', async () => {
    const links = await start(NEXT, 'breakwater.v2');
    const pod = await dialled();
    pod.say({ ...hello(POD), contract: 2 });
    pod.say(snapshot('a'));
    await connected(links);
    expect(pod.received).toEqual([{ type: 'Announce', term: 1 }]);
  });

  it('does not link to a pod that answers in another version than it has chosen', async () => {
    const links = await start(NEXT, 'breakwater.v2');
    (await dialled()).say({ ...hello(POD), contract: 1 });
    await until(() => links.podReport(POD.uid)?.incompatible);
  });
});

describe('an operator of this version', () => {
  it('links to a pod of the next version, which knows this one too', async () => {
    const links = await start(undefined, 'breakwater.v1');
    const pod = await dialled();
    pod.say(hello(POD));
    pod.say(snapshot('a'));
    await connected(links);
  });

  it.each([
    ['this', undefined],
    ['the next', NEXT],
  ])('and one of %s version report that a pod is too far from them', async (_, contract) => {
    const links = await start(contract, 'breakwater.v9');
    await until(() => links.podReport(POD.uid)?.incompatible);
    expect(pods!.connections).toEqual([]);
  });
});

import { afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import { CONTRACT_VERSION, LINK_PROTOCOL } from '../../contract/link.ts';
import { systemClock } from '../kube/clock.ts';
import { MemoryLogger } from '../testing/linksHarness.ts';
import { hello, review, target } from '../testing/messages.ts';
import { type PodConnection, PodServer } from '../testing/podServer.ts';
import {
  type Authority,
  type ClientCredentials,
  createAuthority,
  issueClientCertificate,
} from './authority.ts';
import { Links } from './links.ts';

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
async function start(protocol: string): Promise<Links> {
  pods = await PodServer.start(authority.certificate, { protocol });
  const links = new Links({
    ...{ credentials: () => credentials, reviewToken: review, clock: systemClock },
    ...{ random: () => 0.5, logger, registry: new Registry(), timing: { baseMs: 2, maxMs: 10 } },
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

it('does not link to a pod that answers in another version than it has chosen', async () => {
  const links = await start(LINK_PROTOCOL);
  (await dialled()).say({ ...hello(POD), contract: CONTRACT_VERSION + 1 });
  await until(() => links.podReport(POD.uid)?.incompatible);
});

it('reports that a pod speaks another version only', async () => {
  const links = await start(`breakwater.v${CONTRACT_VERSION + 1}`);
  await until(() => links.podReport(POD.uid)?.incompatible);
  expect(pods!.connections).toEqual([]);
});

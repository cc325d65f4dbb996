/** Pods of one agent over real sockets, with the operator's own links. Siblings serve the requests of a full pod. */
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import type { Content } from '../../contract/generated/types.ts';
import { MOUNTS } from '../../contract/link.ts';
import { systemClock } from '../../operator/kube/clock.ts';
import {
  createAuthority,
  issueClientCertificate,
  Links,
  type Authority,
  type ClientCredentials,
  type PodTarget,
} from '../../operator/links/index.ts';
import type { Fleet as Led } from '../../operator/reconcile/fleet.ts';
import { ledFleet } from '../../operator/testing/ledFleet.ts';
import { MemoryLogger } from '../../operator/testing/linksHarness.ts';
import { review, tokenOf } from '../../operator/testing/messages.ts';
import type { Parts } from '../../runtime/testing/resolved.ts';
import { send, type Answer, type Sent } from '../../runtime/testing/client.ts';
import { configuration } from '../../runtime/testing/configuration.ts';
import { startRuntime, type StartedRuntime } from '../../runtime/testing/runtime.ts';
import { Cleanups } from '../../runtime/testing/setup.ts';
import { until } from '../../runtime/testing/until.ts';
import {
  answerJson,
  answerStream,
  fakeEndpoint,
  MESSAGE,
  type FakeEndpoint,
} from '../../runtime/testing/upstream.ts';

const AGENT = 'default/triage';
/** The most requests of each pod at a time. */
const PLACES = 4;
const ROUNDS = 3;
const BULKHEAD = { maxConcurrent: PLACES, maxQueued: 0, acquireTimeoutMs: 1000 };
const NEVER_ANSWERED = '{"model":"hold","messages":[]}';

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

let authority: Authority;
let credentials: ClientCredentials;
beforeAll(async () => {
  authority = await createAuthority();
  credentials = await issueClientCertificate(authority, {
    commonName: 'breakwater-operator',
    lifeMs: 86_400_000,
  });
});

interface Fleet {
  pods: StartedRuntime[];
  model: FakeEndpoint;
  links: Links;
  targets: PodTarget[];
  lead: AbortController;
  /** Makes the operator send this content to every pod. */
  configure(content: Parts<Content>): Promise<void>;
}

/** Starts pods under an operator. Their model never answers a request for the model `hold`. */
async function fleet(count: number, content: Parts<Content> = {}): Promise<Fleet> {
  const held: ServerResponse[] = [];
  const model = await fakeEndpoint((response, { body }) => {
    if (body.includes('"hold"')) held.push(response);
    else if (body.includes('"stream":true')) answerStream(response);
    else answerJson(response, MESSAGE);
  });
  cleanups.add(() => model.close());
  const places = new Map<string, number>();
  const pods: StartedRuntime[] = [];
  const targets: PodTarget[] = [];
  for (let i = 0; i < count; i += 1) {
    const ip = `127.0.0.${i + 2}`;
    const pod = { namespace: 'default', name: `triage-${i}`, uid: `uid-${i}` };
    const locate = (address: string): string => `${address}:${places.get(address) ?? 1}`;
    const started = await startRuntime(undefined, authority.certificate, {
      pod,
      peers: { self: ip, locate },
    });
    cleanups.add(() => started.stop());
    const { agent, control } = started.runtime.ports();
    const target = { ...pod, agent: 'triage', serviceAccount: 'triage', ip, port: control };
    await started.mount(MOUNTS.tokenKey, tokenOf(target));
    places.set(ip, agent);
    targets.push({ ...target, running: true, ready: true });
    pods.push(started);
  }
  const lead = new AbortController();
  const { links, host } = linksOf(lead);
  links.setTargets(targets);
  let counter = 0;
  const configure = async (next: Parts<Content>): Promise<void> => {
    counter += 1;
    const whole = { bulkhead: BULKHEAD, whenFull: 'Forward' as const, ...next };
    const desired = configuration(model.url, whole, { term: 1, counter });
    host.configure(AGENT, desired);
    links.setDesired(AGENT, desired, 1);
    const { hash } = desired;
    await until(() => pods.every((pod) => pod.runtime.snapshot().configuration.hash === hash));
  };
  await configure(content);
  return { pods, model, links, targets, lead, configure };
}

function linksOf(lead: AbortController): { links: Links; host: Led } {
  const links = new Links({
    credentials: () => credentials,
    reviewToken: review,
    clock: systemClock,
    random: Math.random,
    logger: new MemoryLogger(),
    registry: new Registry(),
    timing: { baseMs: 2, maxMs: 10 },
  });
  cleanups.add(() => Promise.resolve(lead.abort()));
  const host = ledFleet(lead.signal, { links, clock: systemClock });
  links.open(lead.signal, () => 1);
  return { links, host };
}

interface Peers {
  self: { inFlight: number; streams: number };
  siblings: { pod: string; inFlight: number; capacity: number; forwarded: number }[];
}

async function peersOf({ debugUrl }: StartedRuntime): Promise<Peers> {
  const { body } = await send(debugUrl, { method: 'GET', path: '/debug/peers' });
  return JSON.parse(body.toString()) as Peers;
}

/** Fills the first pod with requests that never end, and waits until it knows of `siblings` others. */
async function fill({ pods, model }: Fleet, siblings: number, sent: Sent = {}): Promise<void> {
  const before = model.seen.length;
  for (let i = 0; i < PLACES; i += 1) {
    send(pods[0]!.url, { body: NEVER_ANSWERED, ...sent }).catch(() => undefined);
  }
  await until(() => model.seen.length === before + PLACES);
  await until(async () => (await peersOf(pods[0]!)).siblings.length === siblings);
}

const reasonOf = ({ status, headers }: Answer): unknown[] => [
  status,
  headers['x-breakwater-reason'],
];
const FULL = [503, 'BulkheadFull'];
const GOOD = [200, undefined];
/** Calls of the model that each pod has made. */
const callsOf = ({ pods }: Fleet): number[] =>
  pods.map(({ runtime }) =>
    runtime.guard.circuitStats().reduce((sum, { requests }) => sum + requests, 0),
  );
const some = (count: number, url: string, sent: Sent = {}): Promise<Answer[]> =>
  Promise.all(Array.from({ length: count }, () => send(url, sent)));

const FEW = {
  ...{ target: 'inbound', policy: 'few', name: 'each', resource: 'Requests' as const },
  ...{ refill: { amount: 1, perMs: 3_600_000 }, capacity: 1000 },
} as unknown as Content['limits'][number];

/** Requests that each pod has charged to the limit. */
const charged = ({ pods }: Fleet): number[] =>
  pods.map(({ runtime }) => 1000 - Math.floor(runtime.guard.stats().limits[0]!.tokens));

describe('a full pod', () => {
  it('answers no 503 while a sibling is idle, and each request is charged once', async () => {
    const all = await fleet(3, { limits: [FEW] });
    await fill(all, 2);
    const [full] = all.pods;
    // As many at once as the siblings can take.
    for (let round = 0; round < ROUNDS; round += 1) {
      const answers = await some(2 * PLACES, full!.url);
      expect(answers.map(reasonOf)).toEqual(answers.map(() => GOOD));
      await until(async () =>
        (await peersOf(full!)).siblings.every(({ inFlight }) => inFlight === 0),
      );
    }
    const forwarded = ROUNDS * 2 * PLACES;
    // The same with requests to all pods, including the slow one.
    const asked = await Promise.all(all.pods.map(({ url }) => some(2, url)));
    const everywhere = asked.flat();
    expect(everywhere.map(reasonOf)).toEqual(everywhere.map(() => GOOD));
    const [own, ...others] = callsOf(all);
    expect(own).toBe(PLACES);
    expect(others[0]! + others[1]!).toBe(forwarded + 6);
    expect(Math.min(...others)).toBeGreaterThan(0);
    const [kept, ...paid] = charged(all);
    expect([kept, paid[0]! + paid[1]!]).toEqual([PLACES, forwarded + 6]);
    const { body } = await send(full!.metricsUrl, { method: 'GET', path: '/metrics' });
    expect(body.toString()).toContain(
      `agent_requests_forwarded_total{result="answered"} ${forwarded + 2}`,
    );
    expect(full!.logs.join()).toContain('"reason":"Forwarded"');
  });

  it('forwards streams with the id of the request and the credentials of the client', async () => {
    const all = await fleet(2);
    await fill(all, 1);
    const headers = { 'x-api-key': 'mine' };
    const body = '{"model":"m","stream":true,"messages":[]}';
    const answer = await send(all.pods[0]!.url, { body, headers });
    expect(answer.status).toBe(200);
    expect(answer.body.toString()).toContain('message_stop');
    const { headers: seen } = all.model.seen.at(-1)!;
    expect([seen['x-api-key'], seen['x-breakwater-forwarded']]).toEqual(['mine', undefined]);
    // The sibling refuses the request itself, with one id and under its own name.
    const refused = await send(all.pods[0]!.url, { body: '[]' });
    expect(refused.rawHeaders.filter((name) => name === 'request-id')).toHaveLength(1);
  });

  it('forwards requests also if its endpoints are full', async () => {
    const endpoints = [
      { name: 'primary', provider: 'Anthropic' as const, maxConcurrent: PLACES },
    ] as unknown as Content['endpoints'];
    const all = await fleet(2);
    const withBaseUrl = endpoints.map((each) => ({ ...each, baseURL: all.model.url }));
    await all.configure({
      endpoints: withBaseUrl,
      bulkhead: { ...BULKHEAD, maxConcurrent: 100 },
      limits: [FEW],
    });
    await fill(all, 1);
    const answers = await some(PLACES, all.pods[0]!.url);
    expect(answers.map(reasonOf)).toEqual(answers.map(() => GOOD));
    expect(charged(all)).toEqual([PLACES, PLACES]);
    expect((await peersOf(all.pods[0]!)).siblings[0]!.capacity).toBe(PLACES);
  });

  it('forwards no request twice, none with whenFull: Reject, and none to full pods', async () => {
    const all = await fleet(2);
    await fill(all, 1);
    const { url } = all.pods[0]!;
    const forwarded = { 'x-breakwater-forwarded': '1' };
    expect(reasonOf(await send(url, { headers: forwarded }))).toEqual(FULL);
    await all.configure({ whenFull: 'Reject' });
    expect(reasonOf(await send(url))).toEqual(FULL);
    await all.configure({ whenFull: 'Forward' });
    expect(reasonOf(await send(url))).toEqual(GOOD);
    await until(async () => (await peersOf(all.pods[1]!)).self.inFlight === 0);
    for (let i = 0; i < PLACES; i += 1) {
      send(all.pods[1]!.url, { body: NEVER_ANSWERED }).catch(() => undefined);
    }
    await until(async () => (await peersOf(all.pods[0]!)).siblings[0]?.inFlight === PLACES);
    expect(reasonOf(await send(url))).toEqual(FULL);
    expect(callsOf(all)).toEqual([PLACES, PLACES + 1]);
  });

  it('forwards no request of a client whose credentials fail', async () => {
    const path = await mkdtemp(join(tmpdir(), 'clients-'));
    cleanups.add(() => rm(path, { recursive: true }));
    await writeFile(join(path, 'shop'), 'key-of-the-shop\n');
    const auth = { type: 'APIKeys' as const, apiKeys: { path, secret: 'clients' } };
    const all = await fleet(2, { auth });
    const shop = { 'x-api-key': 'key-of-the-shop' };
    await fill(all, 1, { headers: shop });
    const { url } = all.pods[0]!;
    expect((await send(url)).status).toBe(401);
    expect(callsOf(all)).toEqual([PLACES, 0]);
    expect((await send(url, { headers: shop })).status).toBe(200);
  });

  it('avoids siblings that shut down or are gone, and all siblings without an operator', async () => {
    const all = await fleet(4);
    await fill(all, 3);
    const [full, leaving, gone] = all.pods;
    void leaving!.runtime.lifecycle.shutdown({
      endpointLagMs: 60_000,
      drainTimeoutMs: 0,
      handlerTimeoutMs: 2000,
    });
    // The operator does not learn of this one.
    await gone!.runtime.close();
    await until(async () => (await peersOf(full!)).siblings.length === 1);
    for (let i = 0; i < 10; i += 1) expect(reasonOf(await send(full!.url))).toEqual(GOOD);
    expect(callsOf(all)).toEqual([PLACES, 0, 0, 10]);
    all.lead.abort();
    await until(async () => (await peersOf(full!)).siblings.length === 0);
    expect(reasonOf(await send(full!.url))).toEqual(FULL);
  });
});

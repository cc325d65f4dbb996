import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { request } from 'node:https';
import { connect } from 'node:tls';
import { WebSocket } from 'ws';
import type { Hello, Report, Snapshot } from '../../contract/generated/types.ts';
import {
  LINK_PATH,
  LINK_PROTOCOL,
  MAX_MESSAGE_BYTES,
  OPERATOR_COMMON_NAME,
} from '../../contract/link.ts';
import { parseHello, parseReport } from '../../contract/validate.ts';
import { testAuthority } from '../testing/certificates.ts';
import type { Pair, TestAuthority } from '../testing/certificates.ts';
import { send } from '../testing/client.ts';
import { TOUCHY, configuration } from '../testing/configuration.ts';
import { startRuntime } from '../testing/runtime.ts';
import type { StartedRuntime } from '../testing/runtime.ts';
import { until } from '../testing/until.ts';
import { MESSAGE, answerJson, fakeEndpoint } from '../testing/upstream.ts';
import type { FakeEndpoint } from '../testing/upstream.ts';

let authority: TestAuthority;
let operator: Pair;
let endpoint: FakeEndpoint;
let agent: StartedRuntime;
let status: number;
const peers: Peer[] = [];

beforeAll(async () => {
  authority = await testAuthority();
  operator = await authority.issue(OPERATOR_COMMON_NAME);
});
beforeEach(async () => {
  status = 200;
  endpoint = await fakeEndpoint((response) => answerJson(response, MESSAGE, status));
  agent = await startRuntime(configuration(endpoint.url), authority.cert);
});
afterEach(async () => {
  for (const peer of peers.splice(0)) peer.socket.terminate();
  await agent.stop();
  await endpoint.close();
});

interface Peer {
  socket: WebSocket;
  messages: (Hello | Report)[];
  /** Why it could not be opened or was closed. */
  ended: () => string | undefined;
}

interface Dial {
  credentials?: Partial<Pair>;
  path?: string;
  protocol?: string;
}

function dial({
  credentials = operator,
  path = LINK_PATH,
  protocol = LINK_PROTOCOL,
}: Dial = {}): Peer {
  const { control } = agent.runtime.ports();
  const socket = new WebSocket(`wss://127.0.0.1:${control}${path}`, protocol, {
    ...credentials,
    rejectUnauthorized: false,
  });
  const messages: (Hello | Report)[] = [];
  let ended: string | undefined;
  socket.on('message', (data) => messages.push(JSON.parse((data as Buffer).toString()) as Report));
  socket.on('error', (error) => (ended ??= error.message));
  socket.on('close', (code) => (ended ??= `closed ${code}`));
  const peer = { socket, messages, ended: () => ended };
  peers.push(peer);
  return peer;
}

async function opened(): Promise<Peer> {
  const peer = dial();
  await until(() => peer.messages.length >= 2);
  return peer;
}

const authorityLoaded = (): Promise<unknown> =>
  until(() => agent.logs.filter((line) => line.includes('Authority was loaded')).length === 2);

const snapshots = ({ messages }: Peer): Snapshot[] =>
  messages.filter((each): each is Snapshot => each.type === 'Snapshot');
const last = (peer: Peer): Snapshot => snapshots(peer).at(-1)!;

describe('opening a link', () => {
  it('is answered with a Hello and a Snapshot that are valid by the contract', async () => {
    const { messages, socket } = await opened();
    expect(socket.protocol).toBe(LINK_PROTOCOL);
    expect(parseHello(messages[0])).toMatchObject({ ok: true });
    expect(messages[0]).toMatchObject({
      token: 'token-of-the-pod',
      pod: { namespace: 'default', name: 'triage-0', uid: 'uid-0' },
      highestTerm: 1,
      revision: { term: 1, counter: 1 },
    });
    expect(parseReport(messages[1])).toMatchObject({ ok: true });
    expect(messages[1]).toMatchObject({ type: 'Snapshot', missingCredentials: [] });
  });

  it('is refused to all but the operator, before a byte of the Hello', async () => {
    const other = await testAuthority();
    const refused: Record<string, Dial> = {
      'no certificate': { credentials: {} },
      'another authority': { credentials: await other.issue(OPERATOR_COMMON_NAME) },
      'another name': { credentials: await authority.issue('somebody') },
      'another path': { path: '/' },
      'another protocol': { protocol: 'breakwater.v0' },
    };
    for (const [why, how] of Object.entries(refused)) {
      const peer = dial(how);
      await until(() => peer.ended() !== undefined);
      expect([why, peer.messages]).toEqual([why, []]);
    }
    expect(agent.runtime.ports().control).toBeGreaterThan(0);
    await opened();
  });

  it('is refused to all until an authority is mounted', async () => {
    await agent.stop();
    agent = await startRuntime(configuration(endpoint.url));
    const early = dial();
    await until(() => early.ended() !== undefined);
    await agent.mount('authority.pem', authority.cert);
    await until(() => agent.logs.some((line) => line.includes('Authority was loaded')));
    await opened();
  });

  it('goes by a further authority without dropping links that are open', async () => {
    const before = await opened();
    const next = await testAuthority('next');
    await agent.mount('authority.pem', `${next.cert}\n${authority.cert}`);
    await authorityLoaded();
    const peer = dial({ credentials: await next.issue(OPERATOR_COMMON_NAME) });
    await until(() => peer.messages.length >= 2);
    expect(before.ended()).toBeUndefined();
  });

  it('goes by the authority before when the file with the next one is empty', async () => {
    const before = await opened();
    await agent.mount('authority.pem', '');
    await until(() => agent.logs.some((line) => line.includes('Authority was refused')));
    await opened();
    expect(before.ended()).toBeUndefined();
  });

  it('is refused with the key of a revoked authority, which also ends open links', async () => {
    const { control: port } = agent.runtime.ports();
    const stolen = { ...operator, rejectUnauthorized: false };
    const [open, early] = [await opened(), connect({ port, host: '127.0.0.1', ...stolen })];
    await new Promise((resolve) => early.once('secureConnect', resolve));
    const next = await testAuthority('next');
    await agent.mount('authority.pem', next.cert);
    await authorityLoaded();
    await until(() => open.ended() !== undefined);
    // TLS was shaken hands for before, the link is asked for now.
    const answer = new Promise<string>((resolve) =>
      early.once('data', (data: Buffer) => resolve(data.toString())),
    );
    early.write(
      `GET ${LINK_PATH} HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n` +
        `sec-websocket-version: 13\r\nsec-websocket-key: ${Buffer.alloc(16).toString('base64')}\r\n` +
        `sec-websocket-protocol: ${LINK_PROTOCOL}\r\n\r\n`,
    );
    expect(await answer).toMatch(/^HTTP\/1.1 403 /);
    early.destroy();
    const old = dial();
    await until(() => old.ended() !== undefined);
    expect(old.messages).toEqual([]);
    const peer = dial({ credentials: await next.issue(OPERATOR_COMMON_NAME) });
    await until(() => peer.messages.length >= 2);
  });

  it('accepts only TLS 1.3 and only a WebSocket', async () => {
    const { control: port } = agent.runtime.ports();
    const failed = await new Promise((resolve) => {
      const socket = connect({
        port,
        host: '127.0.0.1',
        maxVersion: 'TLSv1.2',
        rejectUnauthorized: false,
        ...operator,
      });
      socket.on('error', resolve);
      socket.on('secureConnect', () => resolve(undefined));
    });
    expect(failed).toMatchObject({ code: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION' });
    const code = await new Promise((resolve) => {
      request(
        { port, host: '127.0.0.1', path: LINK_PATH, rejectUnauthorized: false, ...operator },
        (response) => {
          response.resume();
          resolve(response.statusCode);
        },
      ).end();
    });
    expect(code).toBe(426);
  });
});

describe('a push', () => {
  it('is in force for the next request, and is reported to all links', async () => {
    const [peer, other] = [await opened(), await opened()];
    const limits = [
      {
        target: 'inbound',
        policy: 'p',
        name: 'n',
        resource: 'Requests',
        refill: { amount: 1, perMs: 600_000 },
        capacity: 1,
      },
    ];
    const next = configuration(endpoint.url, { limits }, { term: 1, counter: 2 });
    peer.socket.send(JSON.stringify({ type: 'Announce', term: 2 }));
    peer.socket.send(JSON.stringify({ type: 'Configure', term: 2, configuration: next }));
    await until(() => last(peer).configuration.hash === next.hash);
    expect(last(peer)).toMatchObject({
      configuration: { source: 'Link' },
      limits: [{ policy: 'p' }],
    });
    await until(() => last(other).configuration.hash === next.hash);
    expect([(await send(agent.url)).status, (await send(agent.url)).status]).toEqual([200, 429]);
    await until(() =>
      peer.messages.some((each) => each.type === 'Counters' && each.limits[0]?.rejected === 1),
    );
    for (const message of peer.messages.slice(1))
      expect(parseReport(message)).toMatchObject({ ok: true });
  });

  it('that is malformed is refused whole, and the last good one stays in force', async () => {
    const peer = await opened();
    const before = last(peer).configuration.hash;
    const wrong = { ...configuration(endpoint.url, {}, { term: 3, counter: 3 }), content: {} };
    peer.socket.send(JSON.stringify({ type: 'Configure', term: 3, configuration: wrong }));
    await until(() => last(peer).configuration.refused !== undefined);
    expect(last(peer).configuration).toMatchObject({
      hash: before,
      refused: {
        source: 'Link',
        hash: wrong.hash,
        message: expect.stringContaining('/configuration/content'),
      },
    });
    expect((await send(agent.url)).status).toBe(200);
    expect(agent.logs.some((line) => line.includes('Configuration was refused'))).toBe(true);
  });

  it('of a term below the announced one is refused, only to its sender', async () => {
    const [old, present] = [await opened(), await opened()];
    const before = last(present).configuration.hash;
    present.socket.send(JSON.stringify({ type: 'Announce', term: 5 }));
    present.socket.send(JSON.stringify({ type: 'Future' }));
    await until(() => agent.logs.some((line) => line.includes('unknown type')));
    const pushed = configuration('http://elsewhere', {}, { term: 4, counter: 9 });
    old.socket.send(JSON.stringify({ type: 'Configure', term: 4, configuration: pushed }));
    await until(() => last(old).configuration.refused !== undefined);
    expect(last(old).configuration).toMatchObject({
      hash: before,
      refused: { message: expect.stringContaining('below 5') },
    });
    expect(last(present).configuration.refused).toBeUndefined();
    expect((await send(agent.url)).status).toBe(200);
  });

  it('that is no valid message is ignored, and one that is too large ends its link', async () => {
    const [peer, other] = [await opened(), await opened()];
    peer.socket.send('{');
    peer.socket.send('x'.repeat(MAX_MESSAGE_BYTES + 1));
    await until(() => peer.ended() !== undefined);
    expect(peer.ended()).toBe('closed 1009');
    expect(other.ended()).toBeUndefined();
  });
});

describe('a change in the pod', () => {
  it('of a circuit is reported at once, and its failure with the counters', async () => {
    await agent.stop();
    agent = await startRuntime(configuration(endpoint.url, { circuits: [TOUCHY] }), authority.cert);
    const peer = await opened();
    status = 529;
    await send(agent.url);
    await until(() => peer.messages.some((each) => each.type === 'Transition'));
    const report = peer.messages.find((each) => each.type === 'Transition');
    expect(parseReport(report)).toMatchObject({ ok: true });
    expect(report).toMatchObject({
      transition: {
        sequence: 1,
        dependency: 'model/primary',
        policy: 'touchy',
        from: 'Closed',
        to: 'Open',
      },
      circuit: { state: 'Open', lastFailure: { class: 'Overloaded' } },
    });
    // In a snapshot, as the circuit of the called model takes the place of the one before the first call.
    await until(() => last(peer).circuits.some(({ lastFailure }) => lastFailure !== undefined));
  });

  it('of a gate is reported when it shuts and when a call with another key opens it', async () => {
    await agent.mount('api-key', 'first');
    const credential = { path: `${agent.directory}/api-key`, secret: 's', key: 'k' };
    const { url: baseURL } = endpoint;
    const endpoints = [{ name: 'primary', provider: 'Anthropic', baseURL, credential }];
    const peer = await opened();
    const next = configuration(baseURL, { endpoints }, { term: 1, counter: 2 });
    peer.socket.send(JSON.stringify({ type: 'Configure', term: 1, configuration: next }));
    await until(() => last(peer).configuration.revision?.counter === 2);
    expect(last(peer).gates).toEqual([{ dependency: 'model/primary', gate: 'None' }]);
    status = 401;
    // Fewer refusals may be a chance.
    for (let sent = 0; sent < 5; sent += 1) await send(agent.url);
    const told = (gate: string): boolean => {
      const counters = peer.messages.filter((each) => each.type === 'Counters');
      return counters.at(-1)?.gates?.[0]?.gate === gate;
    };
    await until(() => told('Unauthorized'));
    for (const message of peer.messages.slice(1)) {
      expect(parseReport(message)).toMatchObject({ ok: true });
    }
    await agent.mount('api-key', 'second');
    status = 200;
    await until(async () => (await send(agent.url)).status === 200);
    await until(() => told('None'));
  });

  it('of a missing credential is reported, and its return', async () => {
    const peer = await opened();
    const path = `${agent.directory}/api-key`;
    const endpoints: [
      {
        name: string;
        provider: string;
        baseURL: string;
        credential: { path: string; secret: string; key: string };
      },
    ] = [
      {
        name: 'primary',
        provider: 'Anthropic',
        baseURL: endpoint.url,
        credential: { path, secret: 's', key: 'k' },
      },
    ];
    const next = configuration(endpoint.url, { endpoints }, { term: 1, counter: 2 });
    peer.socket.send(JSON.stringify({ type: 'Configure', term: 1, configuration: next }));
    await until(() => last(peer).missingCredentials.length === 1);
    expect(last(peer).missingCredentials).toEqual([
      { dependency: 'model/primary', secret: 's', key: 'k' },
    ]);
    await agent.mount('api-key', 'key');
    await until(() => last(peer).missingCredentials.length === 0);
  });
});

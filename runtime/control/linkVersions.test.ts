import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { WebSocket } from 'ws';
import type { Hello, Report } from '../../contract/generated/types.ts';
import { CONTRACT_VERSION, LINK_PATH, OPERATOR_COMMON_NAME } from '../../contract/link.ts';
import type { Contract } from '../../contract/versions.ts';
import { testAuthority, type Pair, type TestAuthority } from '../testing/certificates.ts';
import { until } from '../testing/until.ts';
import { selfSignedIdentity } from './certificate.ts';
import { ControlServer } from './link.ts';

/** A pod of the next version, in which each type of message has lost its prefix and Transitions are new. */
const NEXT: Contract = {
  version: CONTRACT_VERSION + 1,
  earlier: {
    older: (message) => {
      const { type } = message as { type: string };
      return type === 'Transition' ? undefined : { ...message, type: `Old${type}` };
    },
    newer: (message) => {
      const { type } = message as { type: string };
      return { ...message, type: type.replace(/^Old/, '') };
    },
  },
};
const COUNTERS: Report = { type: 'Counters', limits: [], circuits: [] };

let authority: TestAuthority;
let operator: Pair;
let server: ControlServer | undefined;
let heard: unknown[];
const sockets: WebSocket[] = [];

beforeAll(async () => {
  authority = await testAuthority();
  operator = await authority.issue(OPERATOR_COMMON_NAME);
});
beforeEach(() => void (heard = []));
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.terminate();
  await server?.close();
});

async function start(contract?: Contract): Promise<number> {
  const hello = { type: 'Hello', token: 'a' } as unknown as Omit<Hello, 'contract'>;
  server = new ControlServer({
    identity: await selfSignedIdentity('pod', new Date()),
    ...(contract && { contract }),
    hello: () => Promise.resolve(hello),
    snapshot: () => COUNTERS,
    onMessage: (message) => {
      heard.push(message);
      return undefined;
    },
    log: pino({ level: 'silent' }),
  });
  server.setAuthority(authority.cert);
  server.server.listen(0, '127.0.0.1');
  await once(server.server, 'listening');
  return (server.server.address() as AddressInfo).port;
}

interface Peer {
  socket: WebSocket;
  messages: { type: string; contract?: number }[];
  refusal?: string;
}

function dial(port: number, ...versions: number[]): Peer {
  const socket = new WebSocket(
    `wss://127.0.0.1:${port}${LINK_PATH}`,
    versions.map((version) => `breakwater.v${version}`),
    { ...operator, rejectUnauthorized: false },
  );
  const peer: Peer = { socket, messages: [] };
  sockets.push(socket);
  socket.on('message', (data) =>
    peer.messages.push(JSON.parse((data as Buffer).toString()) as Hello),
  );
  socket.on('error', ({ message }) => (peer.refusal = message));
  return peer;
}

describe('a pod of the next version', () => {
  it('uses the version of an operator of the former version', async () => {
    const peer = dial(await start(NEXT), CONTRACT_VERSION);
    await until(() => server!.links === 1 && peer.messages.length === 2);
    expect(peer.messages).toMatchObject([
      { type: 'OldHello', contract: CONTRACT_VERSION },
      { type: 'OldCounters' },
    ]);
    peer.socket.send(JSON.stringify({ type: 'OldAnnounce', term: 1 }));
    peer.socket.send('{');
    await until(() => heard.length === 2);
    expect(heard).toEqual([{ type: 'Announce', term: 1 }, undefined]);
  });

  it('uses the version of each operator while leaders change', async () => {
    const port = await start(NEXT);
    const [old, present] = [dial(port, CONTRACT_VERSION), dial(port, 3, 2, 1)];
    await until(() => server!.links === 2);
    server!.broadcast({ type: 'Transition' } as Report);
    server!.broadcast(COUNTERS);
    await until(() => old.messages.length === 3 && present.messages.length === 4);
    expect(present.messages).toMatchObject([
      { type: 'Hello', contract: NEXT.version },
      { type: 'Counters' },
      { type: 'Transition' },
      { type: 'Counters' },
    ]);
    expect(old.messages.at(-1)).toMatchObject({ type: 'OldCounters' });
  });
});

it('a pod of this version accepts an operator of the next version, which offers this one too', async () => {
  const peer = dial(await start(), CONTRACT_VERSION + 1, CONTRACT_VERSION);
  await until(() => peer.messages.length === 2);
  expect(peer.messages).toMatchObject([{ type: 'Hello', contract: CONTRACT_VERSION }, {}]);
  expect(peer.socket.protocol).toBe(`breakwater.v${CONTRACT_VERSION}`);
});

it('a pod refuses an operator that is more than one version away', async () => {
  const peer = dial(await start(NEXT), NEXT.version + 2, NEXT.version + 1);
  await until(() => peer.refusal !== undefined);
  expect(peer.refusal).toBe('Unexpected server response: 400');
});

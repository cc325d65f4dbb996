import { afterEach, beforeAll, expect, it } from '@jest/globals';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { WebSocket } from 'ws';
import type { Hello, Report } from '../../contract/generated/types.ts';
import { CONTRACT_VERSION, LINK_PATH, OPERATOR_COMMON_NAME } from '../../contract/link.ts';
import { testAuthority, type Pair, type TestAuthority } from '../testing/certificates.ts';
import { until } from '../testing/until.ts';
import { selfSignedIdentity } from './certificate.ts';
import { ControlServer } from './link.ts';

const COUNTERS: Report = { type: 'Counters', limits: [], circuits: [] };

let authority: TestAuthority;
let operator: Pair;
let server: ControlServer | undefined;
const sockets: WebSocket[] = [];

beforeAll(async () => {
  authority = await testAuthority();
  operator = await authority.issue(OPERATOR_COMMON_NAME);
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.terminate();
  await server?.close();
});

async function start(): Promise<number> {
  const hello = { type: 'Hello', contract: CONTRACT_VERSION, token: 'a' } as unknown as Hello;
  server = new ControlServer({
    identity: await selfSignedIdentity('pod', new Date()),
    hello: () => Promise.resolve(hello),
    snapshot: () => COUNTERS,
    onMessage: () => undefined,
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

it('a pod of this version accepts an operator of the next version, which offers this one too', async () => {
  const peer = dial(await start(), CONTRACT_VERSION + 1, CONTRACT_VERSION);
  await until(() => peer.messages.length === 2);
  expect(peer.messages).toMatchObject([{ type: 'Hello', contract: CONTRACT_VERSION }, {}]);
  expect(peer.socket.protocol).toBe(`breakwater.v${CONTRACT_VERSION}`);
});

it('a pod refuses an operator that does not offer this version', async () => {
  const peer = dial(await start(), CONTRACT_VERSION + 2, CONTRACT_VERSION + 1);
  await until(() => peer.refusal !== undefined);
  expect(peer.refusal).toBe('Unexpected server response: 400');
});

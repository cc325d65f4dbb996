/**
 * The reference: a client that opens TLS and a WebSocket to pods, has the token of each hello reviewed, and does
 * nothing else. It does as many at a time, and over as many connections to the API server, as the operator.
 */
import { connect as connectTls, createSecureContext } from 'node:tls';
import { once } from 'node:events';
import { Pool } from 'undici';
import { WebSocket } from 'ws';
import type { Hello } from '../../../contract/generated/types.ts';
import { CONTROL_AUDIENCE, LINK_PATH, LINK_PROTOCOL, PORTS } from '../../../contract/link.ts';
import type { ClientCredentials } from '../../../operator/links/authority.ts';
import type { Access } from '../../kit/operator/access.ts';

export interface BareOrder {
  access: Access;
  credentials: ClientCredentials;
  /** Addresses of the live pods. */
  addresses: string[];
  handshakes: number;
  reviews: number;
}

export interface BareResult {
  seconds: number;
  /** Processor time. */
  cpuSeconds: number;
}

const { access, credentials, addresses, handshakes, reviews } = JSON.parse(
  process.env['BENCH']!,
) as BareOrder;
const api = new Pool(access.server, { connections: reviews, connect: access.tls });
const secureContext = createSecureContext({
  cert: credentials.certificate,
  key: credentials.key,
  minVersion: 'TLSv1.3',
});

async function link(host: string): Promise<void> {
  const socket = new WebSocket(`wss://${host}:${PORTS.control}${LINK_PATH}`, [LINK_PROTOCOL], {
    perMessageDeflate: false,
    createConnection: () =>
      connectTls({ host, port: PORTS.control, secureContext, rejectUnauthorized: false }),
  });
  const [hello] = (await once(socket, 'message')) as [Buffer];
  const { token } = JSON.parse(hello.toString()) as Hello;
  const { body } = await api.request({
    method: 'POST',
    path: '/apis/authentication.k8s.io/v1/tokenreviews',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenReview',
      metadata: {},
      spec: { token, audiences: [CONTROL_AUDIENCE] },
    }),
  });
  const { status } = (await body.json()) as { status: { authenticated?: boolean } };
  if (status.authenticated !== true) throw new Error(`The token of ${host} is not valid`);
}

const started = performance.now();
const used = process.cpuUsage();
const worker = async (): Promise<void> => {
  for (let host = addresses.pop(); host !== undefined; host = addresses.pop()) await link(host);
};
await Promise.all(Array.from({ length: handshakes }, worker));
const { user, system } = process.cpuUsage(used);
const seconds = (performance.now() - started) / 1000;
process.send!({ seconds, cpuSeconds: (user + system) / 1e6 } satisfies BareResult);
process.exit(0);

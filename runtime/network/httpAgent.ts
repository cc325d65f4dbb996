import { Agent as HttpAgent } from 'node:http';
import type { ClientRequest } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Socket } from 'node:net';
import { Dialer } from './dialer.ts';
import type { Network } from './network.ts';
import { proxyFor } from './proxies.ts';

interface Options {
  host: string;
  port: number;
  servername?: string;
}

type Callback = (error: Error | null, socket?: Socket) => void;

/** Members of Node's agents that their types lack. */
interface Internals {
  createConnection(options: Options, callback: Callback): void;
  addRequest(request: ClientRequest, options: Options): void;
}

/**
 * A node:http agent that uses the current network settings, for packages that need one. Each request has its own
 * connection.
 */
export function httpAgent(network: Pick<Network, 'settings'>, protocol: string): HttpAgent {
  const agent = protocol === 'https:' ? new HttpsAgent() : new HttpAgent();
  const internals = agent as unknown as Internals;
  const addRequest = internals.addRequest.bind(agent);
  internals.createConnection = (options, callback) => dial(network, protocol, options, callback);
  internals.addRequest = (request, options) => {
    if (protocol === 'http:') forward(network, request, options);
    addRequest(request, options);
  };
  return agent;
}

function dial(
  { settings }: Pick<Network, 'settings'>,
  protocol: string,
  { host, port, servername }: Options,
  callback: Callback,
): void {
  const { proxies, secureContext, connectMs } = settings;
  const dialer = new Dialer({ proxies, secureContext, proxyContext: secureContext, connectMs });
  const target = { protocol, hostname: host, host, port: String(port) };
  dialer.connect({ ...target, ...(servername && { servername }) }, (error, socket) => {
    if (error) callback(error);
    else callback(null, socket);
  });
}

/** Sends the whole URL, as a proxy expects for http. */
function forward(
  { settings: { proxies } }: Pick<Network, 'settings'>,
  request: ClientRequest,
  { host, port }: Options,
): void {
  const proxy = proxyFor(proxies, { protocol: 'http:', hostname: host, port });
  if (!proxy) return;
  request.path = `http://${request.getHeader('host') as string}${request.path}`;
  if (proxy.authorization !== undefined) {
    request.setHeader('proxy-authorization', proxy.authorization);
  }
}

import { request as httpRequest } from 'node:http';
import { isIP } from 'node:net';
import type { LookupFunction, Socket } from 'node:net';
import type { SecureContext } from 'node:tls';
import { buildConnector } from 'undici';
import { ProxyError, proxyFor, refusedByProxy, unreachableProxy } from './proxies.ts';
import type { Proxies, Proxy } from './proxies.ts';

export interface DialerOptions {
  proxies: Proxies;
  /** Trusted authorities and client certificate for hosts; absent: the system's authorities and none. */
  secureContext?: SecureContext | undefined;
  /** Trusted authorities for proxies; absent: the system's. */
  proxyContext?: SecureContext | undefined;
  /** Time to connect in milliseconds, including proxy and TLS. Read at each connection. */
  connectMs: () => number;
  /** Resolves hosts that are called directly. */
  lookup?: LookupFunction;
  /** Decides whether a host may be called through a proxy, which resolves it itself. */
  admit?: (host: string, done: (error?: Error) => void) => void;
}

type Target = buildConnector.Options;
type Callback = buildConnector.Callback;

interface Connectors {
  timeout: number;
  direct: buildConnector.connector;
  toProxy: buildConnector.connector;
}

/**
 * Opens connections, through a proxy if one is configured: a CONNECT tunnel to a host with https, or the proxy itself,
 * which forwards each request to a host with http.
 */
export class Dialer {
  readonly #options: DialerOptions;
  #connectors: Connectors | undefined;

  constructor(options: DialerOptions) {
    this.#options = options;
  }

  readonly connect = (target: Target, callback: Callback): void => {
    const proxy = proxyFor(this.#options.proxies, target);
    if (!proxy) return void this.#current().direct(target, callback);
    const { admit } = this.#options;
    if (!admit) return this.#through(proxy, target, callback);
    admit(target.hostname, (error) => {
      if (error) callback(error, null);
      else this.#through(proxy, target, callback);
    });
  };

  #through(proxy: Proxy, target: Target, callback: Callback): void {
    const { timeout, direct, toProxy } = this.#current();
    let open: Socket | undefined;
    let pending = true;
    const end = (error: Error | null, socket?: Socket): void => {
      clearTimeout(timer);
      if (!pending) return void socket?.destroy();
      pending = false;
      if (error) open?.destroy();
      if (error) callback(error, null);
      else callback(null, socket!);
    };
    const late = (): void => {
      end(new ProxyError(proxy, `did not connect within ${timeout} ms`, 'ETIMEDOUT'));
    };
    const timer = setTimeout(late, timeout);
    toProxy({ ...addressOf(proxy) }, (error, socket) => {
      if (error) return end(unreachableProxy(proxy, error));
      if (!pending) return void socket.destroy();
      open = socket;
      if (target.protocol !== 'https:') return end(null, socket);
      openTunnel(proxy, target, socket, (refusal) => {
        if (refusal) return end(refusal);
        if (!pending) return;
        direct({ ...target, httpSocket: socket }, (failed, secured) => {
          if (failed) end(failed);
          else end(null, secured);
        });
      });
    });
  }

  /** Reused while the time to connect stays the same, because they hold the cache of TLS sessions. */
  #current(): Connectors {
    const { connectMs, secureContext, proxyContext, lookup } = this.#options;
    const timeout = connectMs();
    if (this.#connectors?.timeout !== timeout) {
      const common = { timeout, allowH2: false };
      this.#connectors = {
        timeout,
        direct: endedByAlerts(
          buildConnector({
            ...common,
            ...(secureContext && { secureContext }),
            ...(lookup && { lookup }),
          }),
        ),
        toProxy: buildConnector({
          ...common,
          ...(proxyContext && { secureContext: proxyContext }),
        }),
      };
    }
    return this.#connectors;
  }
}

/**
 * A host refuses the client certificate by an alert after the handshake (RFC 8446, 4.4.2.4), then closes. undici alone
 * would report only the close.
 */
function endedByAlerts(connect: buildConnector.connector): buildConnector.connector {
  return (target, callback) => {
    connect(target, (...answer) => {
      const [, socket] = answer;
      if (target.protocol === 'https:') {
        socket?.once('error', (error: Error) => socket.destroy(error));
      }
      callback(...answer);
    });
  };
}

function addressOf({ protocol, hostname, port, name }: Proxy): Target {
  return { protocol, hostname, host: name, port: String(port) };
}

/** Asks the proxy for a tunnel over a connection to it. */
function openTunnel(
  proxy: Proxy,
  target: Target,
  socket: Socket,
  done: (refusal?: ProxyError) => void,
): void {
  const host = isIP(target.hostname) === 6 ? `[${target.hostname}]` : target.hostname;
  const path = `${host}:${target.port || 443}`;
  const { authorization } = proxy;
  const request = httpRequest({
    method: 'CONNECT',
    path,
    headers: {
      host: path,
      'proxy-connection': 'keep-alive',
      ...(authorization !== undefined && { 'proxy-authorization': authorization }),
    },
    createConnection: () => socket,
  });
  request.once('error', (error) => done(unreachableProxy(proxy, error)));
  request.once('connect', ({ statusCode = 0 }, _socket, head) => {
    if (statusCode < 200 || statusCode >= 300) return done(refusedByProxy(proxy, statusCode));
    if (head.length > 0) socket.unshift(head);
    done();
  });
  request.end();
}

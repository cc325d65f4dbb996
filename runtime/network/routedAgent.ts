import { Agent } from 'undici';
import type { Dispatcher } from 'undici';
import { Dialer } from './dialer.ts';
import type { DialerOptions } from './dialer.ts';
import { refusedByProxy } from './proxyError.ts';
import { proxyFor } from './proxies.ts';
import type { Proxies, Proxy } from './proxies.ts';

export type AgentOptions = Omit<Agent.Options, 'connect' | 'allowH2'>;

/** An agent of undici whose connections go the way that the proxies say. */
export class RoutedAgent extends Agent {
  readonly #proxies: Proxies;

  constructor(options: AgentOptions, way: DialerOptions) {
    super({ ...options, allowH2: false, connect: new Dialer(way).connect });
    this.#proxies = way.proxies;
  }

  override dispatch(
    options: Dispatcher.DispatchOptions,
    handler: Dispatcher.DispatchHandler,
  ): boolean {
    const proxy = this.#proxies.http && this.#forwarder(options);
    if (!proxy) return super.dispatch(options, handler);
    return super.dispatch(forwarded(options, proxy), refusable(handler, proxy));
  }

  /** The proxy that forwards a request to a host with http. */
  #forwarder({ origin = '' }: Dispatcher.DispatchOptions): Proxy | undefined {
    const url = new URL(origin);
    return url.protocol === 'http:' ? proxyFor(this.#proxies, url) : undefined;
  }
}

/** The request as a proxy takes it: with the whole URL (RFC 9112, 3.2.2). */
function forwarded(
  options: Dispatcher.DispatchOptions,
  { authorization }: Proxy,
): Dispatcher.DispatchOptions {
  const { origin, path, headers } = options;
  return {
    ...options,
    path: `${new URL(origin!).origin}${path}`,
    headers: authorization === undefined ? (headers ?? null) : withHeader(headers, authorization),
  };
}

function withHeader(
  headers: Dispatcher.DispatchOptions['headers'],
  authorization: string,
): string[] | Record<string, string> {
  if (Array.isArray(headers)) return [...headers, 'proxy-authorization', authorization];
  return { ...(headers as Record<string, string>), 'proxy-authorization': authorization };
}

/** A 407 is the proxy's word, and none of the host. */
function refusable(handler: Dispatcher.DispatchHandler, proxy: Proxy): Dispatcher.DispatchHandler {
  const begin = handler.onResponseStart?.bind(handler);
  handler.onResponseStart = (controller, status, ...rest) => {
    if (status === 407) controller.abort(refusedByProxy(proxy, status));
    else begin?.(controller, status, ...rest);
  };
  return handler;
}

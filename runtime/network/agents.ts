import type { Dispatcher } from 'undici';
import type { SecureContext } from 'node:tls';
import { Agent, fetch } from 'undici';
import type { Network, NetworkSettings } from './network.ts';
import type { DialerOptions } from './dialer.ts';
import { Dialer } from './dialer.ts';
import { proxyFor, refusedByProxy } from './proxies.ts';
import type { Proxies, Proxy } from './proxies.ts';

type Lookups = Pick<DialerOptions, 'lookup' | 'admit'>;

/**
 * undici agents for one purpose. When the network settings change, new agents replace them, and the old ones close
 * after their last request.
 */
export class Agents {
  readonly #network: Pick<Network, 'settings'>;
  readonly #options: AgentOptions;
  readonly #lookups: Lookups;
  #settings: NetworkSettings;
  /** By endpoint of the client certificate; the empty name: none. */
  #agents = new Map<string, Agent>();
  readonly #retired = new Set<Agent>();

  constructor(network: Pick<Network, 'settings'>, options: AgentOptions, lookups: Lookups = {}) {
    this.#network = network;
    this.#options = options;
    this.#lookups = lookups;
    this.#settings = network.settings;
  }

  /** The agent with the client certificate of an endpoint, if it has one. */
  of(endpoint = ''): Agent {
    const { settings } = this.#network;
    if (settings !== this.#settings) this.#follow(settings);
    const known = this.#agents.get(endpoint);
    if (known) return known;
    const made = this.#make(settings.endpoints.get(endpoint));
    this.#agents.set(endpoint, made);
    return made;
  }

  /** Connections and requests by origin. An origin with several certificates occurs several times. */
  stats(): [origin: string, stats: Agent['stats'][string]][] {
    return Array.from(this.#agents.values()).flatMap(({ stats }) => Object.entries(stats));
  }

  async destroy(): Promise<void> {
    const all = [...this.#agents.values(), ...this.#retired];
    await Promise.all(all.map((agent) => agent.destroy()));
  }

  #make(shown: SecureContext | undefined): Agent {
    const { proxies, secureContext, connectMs } = this.#settings;
    return new RoutedAgent(this.#options, {
      ...{ proxies, connectMs, secureContext: shown ?? secureContext, proxyContext: secureContext },
      ...this.#lookups,
    });
  }

  #follow(settings: NetworkSettings): void {
    this.#settings = settings;
    for (const agent of this.#agents.values()) {
      this.#retired.add(agent);
      const gone = (): void => void this.#retired.delete(agent);
      agent.close().then(gone, gone);
    }
    this.#agents = new Map();
  }
}

/** fetch over the network settings in force. */
export function networkFetch(agents: Agents): typeof globalThis.fetch {
  return (url, init) => {
    const own = { ...init, dispatcher: agents.of() } as Parameters<typeof fetch>[1];
    return fetch(url as string, own);
  };
}

export type AgentOptions = Omit<Agent.Options, 'connect' | 'allowH2'>;

/** An undici agent that uses the configured proxies. */
export class RoutedAgent extends Agent {
  readonly #proxies: Proxies;

  constructor(options: AgentOptions, settings: DialerOptions) {
    super({ ...options, allowH2: false, connect: new Dialer(settings).connect });
    this.#proxies = settings.proxies;
  }

  override dispatch(
    options: Dispatcher.DispatchOptions,
    handler: Dispatcher.DispatchHandler,
  ): boolean {
    const proxy = this.#proxies.http && this.#forwarder(options);
    if (!proxy) return super.dispatch(options, handler);
    return super.dispatch(forwarded(options, proxy), refusable(handler, proxy));
  }

  /** The proxy for a host with http. */
  #forwarder({ origin = '' }: Dispatcher.DispatchOptions): Proxy | undefined {
    const url = new URL(origin);
    return url.protocol === 'http:' ? proxyFor(this.#proxies, url) : undefined;
  }
}

/** The request with its whole URL, as a proxy expects (RFC 9112, 3.2.2). */
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

/** A 407 comes from the proxy, not from the host. */
function refusable(handler: Dispatcher.DispatchHandler, proxy: Proxy): Dispatcher.DispatchHandler {
  const begin = handler.onResponseStart?.bind(handler);
  handler.onResponseStart = (controller, status, ...rest) => {
    if (status === 407) controller.abort(refusedByProxy(proxy, status));
    else begin?.(controller, status, ...rest);
  };
  return handler;
}

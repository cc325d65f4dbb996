import type { Agent } from 'undici';
import type { SecureContext } from 'node:tls';
import type { Network, Way } from './network.ts';
import { RoutedAgent } from './routedAgent.ts';
import type { AgentOptions } from './routedAgent.ts';
import type { DialerOptions } from './dialer.ts';

type Lookups = Pick<DialerOptions, 'lookup' | 'admit'>;

/**
 * Agents of undici for one purpose that follow the network: when it changes others take their place, and those of
 * before close when their requests have ended.
 */
export class Agents {
  readonly #network: Pick<Network, 'way'>;
  readonly #options: AgentOptions;
  readonly #lookups: Lookups;
  #way: Way;
  /** By what they show; the empty name shows nothing. */
  #agents = new Map<string, Agent>();
  readonly #retired = new Set<Agent>();

  constructor(network: Pick<Network, 'way'>, options: AgentOptions, lookups: Lookups = {}) {
    this.#network = network;
    this.#options = options;
    this.#lookups = lookups;
    this.#way = network.way;
  }

  /** The agent that shows the client certificate of an endpoint, if it has one. */
  of(endpoint = ''): Agent {
    const { way } = this.#network;
    if (way !== this.#way) this.#follow(way);
    const known = this.#agents.get(endpoint);
    if (known) return known;
    const made = this.#make(way.endpoints.get(endpoint));
    this.#agents.set(endpoint, made);
    return made;
  }

  /** Connections and requests of those in use, by origin; one that several show certificates to occurs several times. */
  stats(): [origin: string, stats: Agent['stats'][string]][] {
    return Array.from(this.#agents.values()).flatMap(({ stats }) => Object.entries(stats));
  }

  async destroy(): Promise<void> {
    const all = [...this.#agents.values(), ...this.#retired];
    await Promise.all(all.map((agent) => agent.destroy()));
  }

  #make(shown: SecureContext | undefined): Agent {
    const { proxies, secureContext, connectMs } = this.#way;
    return new RoutedAgent(this.#options, {
      ...{ proxies, connectMs, secureContext: shown ?? secureContext, proxyContext: secureContext },
      ...this.#lookups,
    });
  }

  #follow(way: Way): void {
    this.#way = way;
    for (const agent of this.#agents.values()) {
      this.#retired.add(agent);
      const gone = (): void => void this.#retired.delete(agent);
      agent.close().then(gone, gone);
    }
    this.#agents = new Map();
  }
}

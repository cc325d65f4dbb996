import { lookup } from 'node:dns';
import type { LookupAddress } from 'node:dns';
import { isIP } from 'node:net';
import type { LookupFunction } from 'node:net';
import type { Agent } from 'undici';
import type { Content } from '../../../contract/generated/types.ts';
import { Agents } from '../../network/agents.ts';
import type { Network } from '../../network/network.ts';
import { isPrivate } from './privateNetworks.ts';

type Bounds = NonNullable<Content['egress']>;

/** Refuses a call; the message is for the model. */
export class EgressDenied extends Error {}

export interface EgressDeps {
  /** Absent: refuses private networks. */
  bounds: () => Bounds | undefined;
  network: Pick<Network, 'settings'>;
  lookup?: typeof lookup;
}

const DEFAULT_BOUNDS: Bounds = { allowHosts: [], denyPrivateNetworks: true };

/** Decides where tools may connect to. Hosts in the spec are always allowed; all others are bounded. */
export class Egress {
  readonly #deps: EgressDeps;
  readonly #free: Agents;
  readonly #bound: Agents;

  constructor(deps: EgressDeps) {
    this.#deps = deps;
    // One connection for each call: a kept connection may close during a write, and a tool must not run twice.
    const options = { headersTimeout: 0, bodyTimeout: 0, pipelining: 0 };
    this.#free = new Agents(deps.network, options);
    // Connects to the address that it has checked, so that no other answer of DNS can slip in between.
    const lookups = { lookup: this.#lookup, admit: this.#admit };
    this.#bound = new Agents(deps.network, options, lookups);
  }

  /** The agent for a URL; `named`: the spec contains its host. Throws EgressDenied. */
  to(url: URL, named: boolean): Agent {
    if (named) return this.#free.of();
    const { allowHosts, denyPrivateNetworks } = this.#bounds();
    const host = url.hostname.replace(/^\[|\]$/g, '');
    if (allowHosts.length > 0 && !allowHosts.some((each) => matches(host, each))) {
      throw new EgressDenied(`the host ${host} is not allowed`);
    }
    if (!denyPrivateNetworks) return this.#free.of();
    // An address needs no look-up.
    if (isIP(host) !== 0 && isPrivate(host)) throw denied(host);
    return this.#bound.of();
  }

  async close(): Promise<void> {
    await Promise.all([this.#free.destroy(), this.#bound.destroy()]);
  }

  #bounds(): Bounds {
    return this.#deps.bounds() ?? DEFAULT_BOUNDS;
  }

  /**
   * A proxy resolves the host itself, so this refuses only hosts that resolve to private addresses here. A host that
   * is unknown here is allowed if the spec names it.
   */
  readonly #admit = (host: string, done: (error?: Error) => void): void => {
    this.#lookup(host, { all: true }, (error) => {
      if (!error || error instanceof EgressDenied) return done(error ?? undefined);
      if (this.#bounds().allowHosts.length > 0) return done();
      done(
        new EgressDenied(
          `the host ${host} is known to the proxy alone, and may be in a private network; allowHosts has to name it`,
        ),
      );
    });
  };

  readonly #lookup: LookupFunction = (hostname, options, callback) => {
    const resolve = this.#deps.lookup ?? lookup;
    resolve(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
      if (error) return callback(error, '');
      const bad = addresses.find(({ address }) => isPrivate(address));
      if (bad || addresses.length === 0) return callback(denied(hostname), '');
      if (options.all) return callback(null, addresses);
      const [{ address, family }] = addresses as [LookupAddress];
      return callback(null, address, family);
    });
  };
}

function denied(host: string): EgressDenied {
  return new EgressDenied(`the host ${host} is in a private network`);
}

/** `pattern` is a host, or *. and a domain, which matches all its subdomains. */
function matches(host: string, pattern: string): boolean {
  const bare = host.toLowerCase().replace(/\.$/, '');
  return pattern.startsWith('*.') ? bare.endsWith(pattern.slice(1)) : bare === pattern;
}

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

/** Why something may not be called; the message is for the model. */
export class EgressDenied extends Error {}

export interface EgressDeps {
  /** Absent: private networks are refused. */
  bounds: () => Bounds | undefined;
  network: Pick<Network, 'way'>;
  lookup?: typeof lookup;
}

const DEFAULT_BOUNDS: Bounds = { allowHosts: [], denyPrivateNetworks: true };

/** Where tools may go. What the spec writes out is called wherever it is; all else is bound. */
export class Egress {
  readonly #deps: EgressDeps;
  readonly #free: Agents;
  readonly #bound: Agents;

  constructor(deps: EgressDeps) {
    this.#deps = deps;
    // A connection for each call: a kept one may be closed while it is written to, and a tool must not be called twice.
    const options = { headersTimeout: 0, bodyTimeout: 0, pipelining: 0 };
    this.#free = new Agents(deps.network, options);
    // The address that was checked is the one that is connected to, so no other answer of DNS can slip in between.
    const lookups = { lookup: this.#lookup, admit: this.#admit };
    this.#bound = new Agents(deps.network, options, lookups);
  }

  /** The way to a URL; `named`: the spec writes its host out. Throws EgressDenied. */
  to(url: URL, named: boolean): Agent {
    if (named) return this.#free.of();
    const { allowHosts, denyPrivateNetworks } = this.#bounds();
    const host = url.hostname.replace(/^\[|\]$/g, '');
    if (allowHosts.length > 0 && !allowHosts.some((each) => matches(host, each))) {
      throw new EgressDenied(`the host ${host} is not allowed`);
    }
    if (!denyPrivateNetworks) return this.#free.of();
    // Of an address nothing is looked up.
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
   * A proxy looks the host up itself, so this refuses only what is private from here. A host that is not known here
   * may be called where the spec allows it by name.
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

/** `pattern` is a host, or *. and a domain, which stands for everything below it. */
function matches(host: string, pattern: string): boolean {
  const bare = host.toLowerCase().replace(/\.$/, '');
  return pattern.startsWith('*.') ? bare.endsWith(pattern.slice(1)) : bare === pattern;
}

import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';

/** Longest list of addresses to read, from its end. */
const MAX_HOPS = 32;

/**
 * Source address of requests. `x-forwarded-for` counts only while each hop, from the nearest on, is a trusted proxy:
 * the client itself may have written the rest.
 */
export class SourceAddress {
  readonly #trusted = new BlockList();
  readonly #none: boolean;

  /** Addresses, or networks such as 10.0.0.0/8. Ignores other texts. */
  constructor(trustedProxies: readonly string[]) {
    this.#none = trustedProxies.length === 0;
    for (const text of trustedProxies) this.#trust(text);
  }

  of({ socket, headers }: Pick<IncomingMessage, 'socket' | 'headers'>): string | undefined {
    const peer = plain(socket.remoteAddress);
    if (this.#none || peer === undefined || !this.#isTrusted(peer)) return peer;
    const header = headers['x-forwarded-for'];
    const text = Array.isArray(header) ? header.join(',') : (header ?? '');
    let nearest = peer;
    for (const hop of text.split(',').slice(-MAX_HOPS).reverse()) {
      const address = plain(hop.trim());
      if (address === undefined) return nearest;
      nearest = address;
      if (!this.#isTrusted(address)) return nearest;
    }
    return nearest;
  }

  #trust(text: string): void {
    const [address = '', bits] = text.split('/');
    const version = isIP(address);
    if (version === 0) return;
    const type = version === 6 ? 'ipv6' : 'ipv4';
    const length = bits === undefined ? (version === 6 ? 128 : 32) : Number(bits);
    if (Number.isInteger(length) && length >= 0 && length <= (version === 6 ? 128 : 32)) {
      this.#trusted.addSubnet(address, length, type);
    }
  }

  #isTrusted(address: string): boolean {
    return this.#trusted.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
  }
}

/**
 * Source addresses under the trusted proxies in force.
 *
 * @param forwardedFrom the address from which a sibling says that it got the request; undefined unless it is one
 */
export function sourceAddresses(
  trustedProxies: () => readonly string[] | undefined,
  forwardedFrom: (request: Parameters<SourceAddress['of']>[0]) => string | undefined,
): SourceAddress['of'] {
  let proxies = trustedProxies();
  let source = new SourceAddress(proxies ?? []);
  return (request) => {
    const now = trustedProxies();
    if (now !== proxies) {
      proxies = now;
      source = new SourceAddress(now ?? []);
    }
    return forwardedFrom(request) ?? source.of(request);
  };
}

const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/** The address alone; undefined for other text. An IPv4 address in IPv6 becomes the IPv4 address. */
function plain(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const address = MAPPED.exec(text)?.[1] ?? text;
  return isIP(address) === 0 ? undefined : address;
}

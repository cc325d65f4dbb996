import { BlockList, isIP } from 'node:net';

/** Target of a connection; the host without brackets. */
export interface Target {
  host: string;
  port: number;
}

/** Whether a target bypasses the proxies. */
export type Exceptions = (target: Target) => boolean;

/** Suffixes of names of Services and of this machine. */
const LOCAL_SUFFIXES = ['.svc', '.cluster.local', '.localhost'];

/** Loopback, link-local and private networks: pods, Services and metadata services of clouds. */
const LOCAL_NETWORKS = [
  ...['10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12'],
  ...['192.168.0.0/16', '::1/128', 'fc00::/7', 'fe80::/10'],
];

/** Targets that never use a proxy. A name without a dot is a Service or this machine, too. */
const isLocal = matcher(LOCAL_NETWORKS);

/**
 * Parses exceptions as Go and kubectl do (golang.org/x/net/http/httpproxy). A name matches itself and its subdomains,
 * .name and *.name its subdomains, an address or a network the addresses in URLs, and * everything. Each may end in a
 * port. The hosts of the cluster always match.
 */
export function exceptions(entries: readonly string[]): Exceptions {
  const named = matcher(entries);
  return (target) => inCluster(target) || named(target);
}

function inCluster(target: Target): boolean {
  const host = plain(target.host);
  if (isIP(host) !== 0) return isLocal(target);
  return !host.includes('.') || LOCAL_SUFFIXES.some((suffix) => host.endsWith(suffix));
}

function matcher(entries: readonly string[]): Exceptions {
  const matches = entries.map((entry) => entry.trim().toLowerCase()).flatMap(matchOf);
  return ({ host, port }) => matches.some((match) => match({ host: plain(host), port }));
}

/** Empty for an entry that is not valid. */
function matchOf(entry: string): Exceptions[] {
  if (entry === '') return [];
  const network = networkOf(entry);
  if (network) return [({ host }) => network(host)];
  const [, name = '', digits] = /^(.*?)(?::(\d{1,5}))?$/.exec(entry)!;
  const bare = name.replace(/^\[(.*)\]$/, '$1');
  const matches = networkOf(bare) ?? nameOf(bare);
  return [({ host, port }) => (digits === undefined || Number(digits) === port) && matches(host)];
}

function nameOf(name: string): (host: string) => boolean {
  if (name === '*') return () => true;
  const below = name.replace(/^\*?\./, '');
  const suffix = `.${plain(below)}`;
  const itself = below === name ? plain(name) : undefined;
  return (host) => host === itself || host.endsWith(suffix);
}

/** Matches an address or a network in CIDR notation. */
function networkOf(text: string): ((host: string) => boolean) | undefined {
  const [address = '', bits, ...rest] = text.split('/');
  const family = isIP(address);
  const most = family === 4 ? 32 : 128;
  const prefix = bits === undefined ? most : Number(bits || Number.NaN);
  if (family === 0 || rest.length > 0 || !(prefix >= 0 && prefix <= most)) return undefined;
  const list = new BlockList();
  list.addSubnet(address, prefix, family === 4 ? 'ipv4' : 'ipv6');
  return (host) => {
    const of = isIP(host);
    return of !== 0 && list.check(host, of === 4 ? 'ipv4' : 'ipv6');
  };
}

function plain(host: string): string {
  return host
    .toLowerCase()
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/(.)\.$/, '$1');
}

import { exceptions } from './exceptions.ts';
import type { Exceptions } from './exceptions.ts';

/** An HTTP proxy. */
export interface Proxy {
  protocol: 'http:' | 'https:';
  hostname: string;
  port: number;
  /** Host and port, for messages. */
  name: string;
  /** Value of proxy-authorization; absent: no such header. */
  authorization?: string;
}

/** Proxies by scheme of the URL. */
export interface Proxies {
  /** For URLs with http. */
  http?: Proxy | undefined;
  /** For URLs with https. */
  https?: Proxy | undefined;
  except: Exceptions;
}

export const NO_PROXIES: Proxies = { except: () => true };

/** Proxies from HTTPS_PROXY, HTTP_PROXY and NO_PROXY; small letters take precedence. */
export interface ProxyEnvironment {
  proxies: Proxies;
  /** Variables that name no HTTP proxy; they have no effect. */
  unusable: string[];
}

type Environment = Readonly<Record<string, string | undefined>>;

export function proxyEnvironment(env: Environment): ProxyEnvironment {
  const unusable: string[] = [];
  const proxy = (name: string): Proxy | undefined => {
    const text = env[name.toLowerCase()] || env[name];
    if (text === undefined || text === '') return undefined;
    const found = proxyOf(text.includes('://') ? text : `http://${text}`);
    if (!found) unusable.push(name);
    return found;
  };
  const except = env['no_proxy'] || env['NO_PROXY'] || '';
  return {
    proxies: {
      http: proxy('HTTP_PROXY'),
      https: proxy('HTTPS_PROXY'),
      except: exceptions(except.split(/[,\s]+/)),
    },
    unusable,
  };
}

export const NO_PROXY_ENVIRONMENT: ProxyEnvironment = proxyEnvironment({});

/** The proxy at a URL, with the URL's user and password as credentials. Undefined if the URL names no HTTP proxy. */
export function proxyOf(text: string, authorization?: string): Proxy | undefined {
  if (!URL.canParse(text)) return undefined;
  const { protocol, hostname, port, username, password } = new URL(text);
  if (protocol !== 'http:' && protocol !== 'https:') return undefined;
  const number = Number(port || (protocol === 'https:' ? 443 : 80));
  const shown = authorization ?? (username === '' ? undefined : inUrl(username, password));
  return {
    protocol,
    hostname: hostname.replace(/^\[|\]$/g, ''),
    port: number,
    name: `${hostname}:${number}`,
    ...(shown !== undefined && { authorization: shown }),
  };
}

/** Value of proxy-authorization (RFC 7617). */
export function basicAuthorization(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

function inUrl(username: string, password: string): string {
  return basicAuthorization(decoded(username), decoded(password));
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The proxy for a host, with brackets or without; undefined: direct. */
export function proxyFor(
  { http, https, except }: Proxies,
  { protocol, hostname, port }: { protocol: string; hostname: string; port: string | number },
): Proxy | undefined {
  const proxy = protocol === 'https:' ? https : http;
  if (!proxy) return undefined;
  const number = Number(port || (protocol === 'https:' ? 443 : 80));
  return except({ host: hostname, port: number }) ? undefined : proxy;
}

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

/** A proxy refused a connection. The message names the proxy without its credentials. */
export class ProxyError extends Error {
  /** Code of a network error, if there is one. */
  readonly code: string;

  constructor({ name }: Pick<Proxy, 'name'>, what: string, code = 'ERR_PROXY') {
    super(`the proxy ${name} ${what}`);
    this.code = code;
  }
}

/** The error for a status of the proxy itself. */
export function refusedByProxy(proxy: Proxy, status: number): ProxyError {
  if (status !== 407) return new ProxyError(proxy, `answered ${status} to CONNECT`);
  const shown = proxy.authorization === undefined ? 'wants credentials' : 'refuses the credentials';
  return new ProxyError(proxy, `${shown} (407); see spec.proxy.credentialsSecretRef`);
}

/** Hides undici's own codes, because undici retries some errors forever by their code. */
export function unreachableProxy(proxy: Proxy, error: unknown): ProxyError {
  const { code, errors } = error as { code?: unknown; errors?: unknown[] };
  if (Array.isArray(errors) && errors.length > 0) return unreachableProxy(proxy, errors[0]);
  const known = typeof code === 'string' && /^[A-Z][A-Z0-9_]*$/.test(code) ? code : 'unknown';
  const what = `cannot be reached (${known})`;
  return new ProxyError(proxy, what, known.startsWith('UND_') ? undefined : known);
}

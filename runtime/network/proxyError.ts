import type { Proxy } from './proxies.ts';

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

/** Replaces undici's codes: undici retries some of them without end. */
export function unreachableProxy(proxy: Proxy, error: unknown): ProxyError {
  const { code, errors } = error as { code?: unknown; errors?: unknown[] };
  if (Array.isArray(errors) && errors.length > 0) return unreachableProxy(proxy, errors[0]);
  const known = typeof code === 'string' && /^[A-Z][A-Z0-9_]*$/.test(code) ? code : 'unknown';
  const what = `cannot be reached (${known})`;
  return new ProxyError(proxy, what, known.startsWith('UND_') ? undefined : known);
}

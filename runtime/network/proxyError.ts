import type { Proxy } from './proxies.ts';

/** A proxy did not let a connection through. The message names the proxy, and none of its credentials. */
export class ProxyError extends Error {
  /** Code of a network error, as far as there is one. */
  readonly code: string;

  constructor({ name }: Pick<Proxy, 'name'>, what: string, code = 'ERR_PROXY') {
    super(`the proxy ${name} ${what}`);
    this.code = code;
  }
}

/** What a status of the proxy itself comes to. */
export function refusedByProxy(proxy: Proxy, status: number): ProxyError {
  if (status !== 407) return new ProxyError(proxy, `answered ${status} to CONNECT`);
  const shown = proxy.authorization === undefined ? 'wants credentials' : 'refuses the credentials';
  return new ProxyError(proxy, `${shown} (407); see spec.proxy.credentialsSecretRef`);
}

/** Codes of undici must not pass: it tries again without end after some of them. */
export function unreachableProxy(proxy: Proxy, error: unknown): ProxyError {
  const { code, errors } = error as { code?: unknown; errors?: unknown[] };
  if (Array.isArray(errors) && errors.length > 0) return unreachableProxy(proxy, errors[0]);
  const known = typeof code === 'string' && /^[A-Z][A-Z0-9_]*$/.test(code) ? code : 'unknown';
  const what = `cannot be reached (${known})`;
  return new ProxyError(proxy, what, known.startsWith('UND_') ? undefined : known);
}

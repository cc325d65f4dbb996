import { createHash } from 'node:crypto';
import type { Endpoint } from '../../contract/generated/types.ts';
import { headerValue } from '../model/transport/headers.ts';
import { identityHeaders } from '../model/transport/identity.ts';
import type { RawHeaders } from '../model/transport/headers.ts';
import type { ModelRequest } from '../model/request.ts';

/** Headers that an answer may depend on, besides those of Anthropic. */
const SIGNIFICANT = new Set(['accept', 'accept-encoding', 'content-type']);

/**
 * Two requests with the same key may have the same answer: they ask the same endpoints for the same,
 * and unless all clients share, the same client asks with the same credentials.
 */
export function cacheKey(request: ModelRequest, principal: string): string {
  const { content, endpoints, headers, path, body } = request;
  const shared = content.cache?.scope === 'Shared';
  const who = shared ? [] : clientOf(request, principal);
  const what = [path, endpoints.map(identity), picked(headers, isSignificant)];
  return createHash('sha256')
    .update(JSON.stringify([who, what]))
    .update('\n')
    .update(body)
    .digest('base64url');
}

/** Where an endpoint gets the client's own headers, any of them may be a credential. */
function clientOf({ endpoints, headers }: ModelRequest, principal: string): string[] {
  const passedOn = endpoints.some(({ credential }) => !credential);
  return passedOn ? [principal, ...identityHeaders(headers)] : clientKey(principal, headers);
}

/**
 * What tells a client from others: the principal, or for a client that nobody has checked all that it may be known by.
 */
export function clientKey(principal: string, headers: RawHeaders): string[] {
  return principal === '' ? [principal, ...identityHeaders(headers)] : [principal];
}

/** Whether the client asks for an answer that is made for it. */
export function wantsFresh(request: ModelRequest): boolean {
  const text = headerValue(request.headers, 'cache-control')?.toLowerCase() ?? '';
  return /\bno-(cache|store)\b/.test(text);
}

/** What of an endpoint decides about its answers. */
function identity({ name, provider, model, baseURL, maxTokens }: Endpoint): unknown[] {
  return [name, provider, model, baseURL, maxTokens];
}

function picked(headers: readonly string[], wanted: (name: string) => boolean): string[] {
  const found: string[] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i]!.toLowerCase();
    if (wanted(name)) found.push(`${name}: ${headers[i + 1]}`);
  }
  return found.sort();
}

function isSignificant(name: string): boolean {
  return SIGNIFICANT.has(name) || name.startsWith('anthropic-');
}

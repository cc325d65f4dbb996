import { createHash } from 'node:crypto';
import type { Endpoint } from '../../contract/generated/types.ts';
import { dependencyOf } from '../guard/supported.ts';
import { headerValue, identityHeaders, requestHeaders } from '../model/transport/headers.ts';
import type { RawHeaders } from '../model/transport/headers.ts';
import { modelAt } from '../model/provider/models.ts';
import type { ModelRequest } from '../model/request.ts';

/** Headers that can change an answer, besides those of Anthropic. */
const SIGNIFICANT = new Set(['accept', 'accept-encoding', 'content-type']);

/**
 * Requests with the same key may share an answer: the same request to the same endpoints, and from the same client
 * with the same credentials unless all clients share.
 */
export function cacheKey(request: ModelRequest, principal: string): string {
  const { content, endpoints, headers, path, body } = request;
  const shared = content.cache?.scope === 'Shared';
  const who = shared ? [] : clientOf(request, principal);
  // A field that the client names in Connection reaches no endpoint.
  const sent = requestHeaders(headers);
  const what = [path, endpoints.map(identity), picked(sent, isSignificant)];
  return createHash('sha256')
    .update(JSON.stringify([who, what]))
    .update('\n')
    .update(body)
    .digest('base64url');
}

/** If an endpoint gets the client's headers, each of them may be a credential. */
function clientOf({ endpoints, headers }: ModelRequest, principal: string): string[] {
  const passedOn = endpoints.some(({ credential }) => !credential);
  return passedOn ? [principal, ...identityHeaders(headers)] : clientKey(principal, headers);
}

/** Identifies a client: by its principal, or by all its possible credentials if the agent has not authenticated it. */
export function clientKey(principal: string, headers: RawHeaders): string[] {
  return principal === '' ? [principal, ...identityHeaders(headers)] : [principal];
}

/** Whether the client asks for a fresh answer. */
export function wantsFresh(request: ModelRequest): boolean {
  const text = headerValue(request.headers, 'cache-control')?.toLowerCase() ?? '';
  return /\bno-(cache|store)\b/.test(text);
}

/** The fields of an endpoint that its answers depend on. */
function identity(endpoint: Endpoint): unknown[] {
  const { name, provider, model, models, baseURL, project, workspace, maxTokens } = endpoint;
  return [name, provider, model, models, baseURL, project, workspace, maxTokens];
}

/** The models that may answer: those of the endpoints with the best priority, as requests reach them. */
export function preferredModels({ endpoints, model }: ModelRequest): string[] {
  const best = Math.min(...endpoints.map(({ priority }) => priority));
  const preferred = endpoints.filter(({ priority }) => priority === best);
  return [...new Set(preferred.map((endpoint) => modelAt(endpoint, model)))];
}

/** The model that answered; undefined for an endpoint of lower priority, which only stands in. */
export function answeringModel(request: ModelRequest, dependency: string): string | undefined {
  const { endpoints, model } = request;
  const endpoint = endpoints.find((each) => dependencyOf(each) === dependency);
  if (!endpoint || endpoints.some(({ priority }) => priority < endpoint.priority)) return undefined;
  return modelAt(endpoint, model);
}

function picked(headers: readonly string[], includes: (name: string) => boolean): string[] {
  const found: string[] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i]!.toLowerCase();
    if (includes(name)) found.push(`${name}: ${headers[i + 1]}`);
  }
  return found.sort();
}

function isSignificant(name: string): boolean {
  return SIGNIFICANT.has(name) || name.startsWith('anthropic-');
}

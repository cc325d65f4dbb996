import type { Endpoint } from '../../../contract/generated/types.ts';
import type { RawHeaders } from '../transport/headers.ts';
import type { AskedRequest, EndpointRequest, Obstacle } from './provider.ts';

export type RouteKind = 'Messages' | 'CountTokens' | 'Models' | 'Any';

/** What all endpoints of a provider take. */
export interface Takes {
  routes: ReadonlySet<RouteKind>;
  maxBodyBytes: number;
}

/** What keeps a request from an endpoint, by its provider and its own fields. */
export function obstacleOf(
  asked: AskedRequest,
  endpoint: Pick<Endpoint, 'models' | 'betas'>,
  takes?: Takes,
): Obstacle | undefined {
  const kind = routeKind(asked);
  if (takes && !takes.routes.has(kind)) return 'Route';
  if (takes && asked.body.length > takes.maxBodyBytes) return 'Size';
  return kind === 'Messages' || kind === 'CountTokens' ? lacking(asked, endpoint) : undefined;
}

function lacking(
  { model, headers }: AskedRequest,
  { models, betas }: Pick<Endpoint, 'models' | 'betas'>,
): Obstacle | undefined {
  if (models?.every(({ name }) => name !== model) === true) return 'Model';
  return betas?.others === 'PassOver' && hasOther(headers, betas.accept) ? 'Beta' : undefined;
}

export function routeKind({
  expected,
  method,
}: Pick<EndpointRequest, 'expected' | 'method'>): RouteKind {
  if (expected === 'Message') return 'Messages';
  if (expected === 'Any') return 'Any';
  return method === 'POST' ? 'CountTokens' : 'Models';
}

export const BETA_HEADER = 'anthropic-beta';

function hasOther(headers: RawHeaders, accept: readonly string[]): boolean {
  return betasIn(headers).some((beta) => !accept.includes(beta));
}

/** The betas that a request asks for. */
export function betasIn(headers: RawHeaders): string[] {
  const betas: string[] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i]!;
    if (name.length !== BETA_HEADER.length || name.toLowerCase() !== BETA_HEADER) continue;
    for (const beta of headers[i + 1]!.split(',')) if (beta.trim() !== '') betas.push(beta.trim());
  }
  return betas;
}

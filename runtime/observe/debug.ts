import type { Configuration, Endpoint } from '../../contract/generated/types.ts';
import type { CachingCaller } from '../cache/cachingCaller.ts';
import type { ActiveConfiguration } from '../control/configuration.ts';
import type { Guard } from '../guard/guard.ts';
import { dependencyOf } from '../guard/supported.ts';
import type { EndpointState } from '../model/pool.ts';
import type { Performance } from './performance.ts';
import type { DebugPages } from './servers.ts';

export interface DebugFacts {
  guard: Guard;
  configuration: ActiveConfiguration;
  cache: Pick<CachingCaller, 'stats' | 'clear'>;
  performance: Pick<Performance, 'summary'>;
  /** How each endpoint stands for calls with its own key. */
  endpoints: () => EndpointState[];
  /** The process: names, times, phase, open requests, links. */
  state: () => Record<string, unknown>;
}

/** The debug port's pages. */
export function debugPages({
  guard,
  configuration,
  cache,
  performance,
  endpoints,
  state,
}: DebugFacts): DebugPages {
  return {
    '/debug/state': () => ({ ...state(), configuration: configuration.status() }),
    '/debug/circuits': () => ({
      circuits: guard.circuits(),
      gates: guard.gates(),
      transitions: guard.transitions(),
      stats: guard.stats().circuits,
    }),
    '/debug/rate_limiter': () => ({ limits: guard.limits(), stats: guard.stats().limits }),
    '/debug/bulkhead': () => ({ bulkheads: guard.stats().bulkheads }),
    '/debug/endpoints': () => ({
      loadBalancing: configuration.configuration?.content.loadBalancing ?? 'LeastLoaded',
      endpoints: configuration.endpoints.map((endpoint) => ({
        ...shown(endpoint),
        // One whose key is missing takes no calls.
        ...(endpoints().find(({ dependency }) => dependency === dependencyOf(endpoint)) ?? {
          dependency: dependencyOf(endpoint),
          standing: 'KeyMissing',
        }),
      })),
    }),
    '/debug/performance': () => performance.summary(),
    '/debug/cache': () => ({ ...cacheMode(configuration), ...cache.stats() }),
    'DELETE /debug/cache': () => {
      cache.clear();
      return { cleared: true };
    },
    '/debug/config': () => redacted(configuration.configuration),
  };
}

function cacheMode({ configuration }: ActiveConfiguration): { mode: string; scope?: string } {
  const cache = configuration?.content.cache;
  return cache ? { mode: 'Exact', scope: cache.scope } : { mode: 'Off' };
}

/** A configuration without what leads to secrets: no paths of credentials, no user in a URL. */
export function redacted(configuration: Configuration | undefined): unknown {
  if (!configuration) return {};
  const { content } = configuration;
  const { auth, endpoints } = content;
  const secret = auth?.apiKeys?.secret;
  const shownAuth = auth && { ...auth, ...(secret !== undefined && { apiKeys: { secret } }) };
  return {
    ...configuration,
    content: { ...content, auth: shownAuth, endpoints: endpoints.map(shown) },
  };
}

function shown({ credential, baseURL, ...rest }: Endpoint): Record<string, unknown> {
  const mount = credential && { secret: credential.secret, key: credential.key };
  return { ...rest, baseURL: withoutUser(baseURL), ...(mount && { credential: mount }) };
}

function withoutUser(text: string): string {
  if (!URL.canParse(text)) return '';
  const url = new URL(text);
  url.username = '';
  url.password = '';
  url.search = '';
  return url.href;
}

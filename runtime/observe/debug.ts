import type { Configuration, Endpoint } from '../../contract/generated/types.ts';
import type { ActiveConfiguration } from '../control/configuration.ts';
import type { Guard } from '../guard/guard.ts';
import type { DebugPages } from './servers.ts';

export interface DebugFacts {
  guard: Guard;
  configuration: ActiveConfiguration;
  /** The process: names, times, phase, open requests, links. */
  state: () => Record<string, unknown>;
}

/** The debug port's pages. */
export function debugPages({ guard, configuration, state }: DebugFacts): DebugPages {
  return {
    '/debug/state': () => ({
      ...state(),
      gates: guard.gates().filter(({ gate }) => gate !== 'None'),
      providerLimits: guard.providerLimits(),
      configuration: configuration.status(),
    }),
    '/debug/circuits': () => ({
      circuits: guard.circuits(),
      gates: guard.gates(),
      transitions: guard.transitions(),
      stats: guard.stats().circuits,
    }),
    '/debug/rate_limiter': () => ({ limits: guard.limits(), stats: guard.stats().limits }),
    '/debug/bulkhead': () => ({ bulkheads: guard.stats().bulkheads }),
    '/debug/config': () => redacted(configuration.configuration),
  };
}

/** A configuration without what leads to secrets: no paths of credentials, no user in a URL. */
export function redacted(configuration: Configuration | undefined): unknown {
  if (!configuration) return {};
  const { content } = configuration;
  return { ...configuration, content: { ...content, endpoints: content.endpoints.map(shown) } };
}

function shown({ credential, baseURL, ...rest }: Endpoint): unknown {
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

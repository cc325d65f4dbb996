import type {
  Configuration,
  ConfigurationStatus,
  Counters,
  Endpoint,
} from '../../contract/generated/types.ts';
import type { Guard } from '../guard/guard.ts';
import { dependencyOf } from '../guard/supported.ts';
import type { Performance } from './performance.ts';
import type { DebugPages } from './servers.ts';

export interface ShownCache {
  stats(): object;
  clear(): void;
}

/** The configuration in force. */
export interface ShownConfiguration {
  readonly configuration: Configuration | undefined;
  /** Endpoints that this runtime supports. */
  readonly endpoints: readonly Endpoint[];
  status(): ConfigurationStatus;
}

export interface DebugFacts {
  guard: Guard;
  configuration: ShownConfiguration;
  /** Wall clock. */
  date: () => Date;
  caches: { answers: ShownCache; toolResults: ShownCache };
  performance: Pick<Performance, 'summary' | 'report'>;
  /** State of each endpoint for calls with its own key. */
  endpoints: () => ({ dependency: string } & object)[];
  /** Number of sessions away from their own endpoint. */
  sessionsAway: () => number;
  /** Load of this pod and of the siblings that take forwarded requests. */
  peers: () => object;
  /** Levels of logs by module. */
  levels: () => Record<string, string>;
  /** Incidents and responses, as the pod reports them. */
  security: () => object;
  /** The program of the pod, and its tasks in the guides' order; empty without one. */
  program: () => object;
  ranking: () => object[];
  /** Starts the shutdown, all but its end. */
  drain: () => void;
  /** Events of the audit that match a query. */
  audit: (query: URLSearchParams) => Promise<object>;
  /** State of the process: names, times, phase, open requests, links. */
  state: () => Record<string, unknown>;
}

/** The pages of the debug port. Each has the time of its making. */
export function debugPages(facts: DebugFacts): DebugPages {
  const { guard, configuration, caches, performance, endpoints, sessionsAway } = facts;
  const { date, state, levels } = facts;
  const limits = (): object[] => limitsOf(guard, configuration.configuration);
  const pages: DebugPages = {
    '/debug/state': () => ({
      attention: attention(guard),
      ...state(),
      providerLimits: guard.providerLimits(),
      configuration: configuration.status(),
    }),
    '/debug/circuits': () => ({
      circuits: circuitsOf(guard),
      gates: guard.gates(),
      transitions: guard.transitions().reverse(),
    }),
    '/debug/rate_limiter': () => ({ limits: limits(), providerLimits: guard.providerLimits() }),
    '/debug/bulkhead': () => ({ bulkheads: guard.stats().bulkheads }),
    '/debug/endpoints': () => ({
      loadBalancing: configuration.configuration?.content.loadBalancing ?? 'LeastLoaded',
      affinity: { ...configuration.configuration?.content.affinity, sessionsAway: sessionsAway() },
      endpoints: configuration.endpoints.map((endpoint) => ({
        ...shown(endpoint),
        // An endpoint without its key takes no calls.
        ...(endpoints().find(({ dependency }) => dependency === dependencyOf(endpoint)) ?? {
          dependency: dependencyOf(endpoint),
          availability: 'KeyMissing',
        }),
      })),
    }),
    '/debug/peers': () => facts.peers(),
    '/debug/performance': () => performance.summary(),
    '/debug/figures': () => figuresOf(facts),
    '/debug/cache': () => ({
      ...cacheMode(configuration),
      ...caches.answers.stats(),
      toolResults: caches.toolResults.stats(),
    }),
    'DELETE /debug/cache': () => {
      caches.answers.clear();
      caches.toolResults.clear();
      return { cleared: true };
    },
    '/debug/logging': () => ({ levels: levels() }),
    '/debug/security': () => facts.security(),
    '/debug/audit': (query) => facts.audit(query),
    '/debug/program': () => facts.program(),
    '/debug/ranking': () => ({ ranking: facts.ranking() }),
    'POST /debug/drain': () => {
      facts.drain();
      return { draining: true };
    },
    '/debug/config': () => redacted(configuration.configuration),
  };
  const dated = (page: DebugPages[string]) => async (query: URLSearchParams) => ({
    time: date().toISOString(),
    ...(await page(query)),
  });
  return Object.fromEntries(Object.entries(pages).map(([path, page]) => [path, dated(page)]));
}

/** Figures that add up with those of other pods, as the pod reports them to the operator. */
function figuresOf({ guard, performance }: DebugFacts): Counters {
  const load = guard.load();
  return {
    type: 'Counters',
    ...{ limits: [], circuits: [], performance: performance.report() },
    ...(load && { load }),
  };
}

/** Everything abnormal: the first thing to read. */
function attention(guard: Guard): object {
  const { bulkheads } = guard.stats();
  return {
    circuits: guard.circuits().filter(({ state }) => state !== 'Closed'),
    gates: guard.gates().filter(({ gate }) => gate !== 'None'),
    limits: guard.limits().filter(({ limiting }) => limiting),
    bulkheads: bulkheads.filter(({ active, maxConcurrent }) => active >= maxConcurrent),
  };
}

/** Each circuit with its counts since the process began. */
function circuitsOf(guard: Guard): object[] {
  const circuits = guard.circuits();
  const counts = guard.circuitStats();
  return circuits.map((circuit, i) => {
    const { requests, rejected, inFlight, failures } = counts[i]!;
    return { ...circuit, requests, rejected, inFlight, failures };
  });
}

/** Each limit with its configuration, in the same order everywhere. */
function limitsOf(guard: Guard, configuration: Configuration | undefined): object[] {
  const stats = guard.stats().limits;
  const specs = configuration?.content.limits ?? [];
  return guard.limits().map((limit, i) => {
    const { requests, tokens, keys } = stats[i]!;
    const { target, policy, name } = limit;
    const spec = specs.find(
      (each) => each.target === target && each.policy === policy && each.name === name,
    );
    const { resource, capacity, refill, key, mode } = spec ?? {};
    const rounded = Math.round(tokens * 100) / 100;
    const perSecond = refill && (1000 * refill.amount) / refill.perMs;
    return {
      ...{
        ...limit,
        requests,
        resource,
        tokens: rounded,
        capacity,
        refill,
        refill_rate: perSecond,
        mode,
      },
      ...(key && { key, keys }),
    };
  });
}

function cacheMode({ configuration }: ShownConfiguration): { mode: string; scope?: string } {
  const cache = configuration?.content.cache;
  return cache ? { mode: 'Exact', scope: cache.scope } : { mode: 'Disabled' };
}

/** The configuration without traces of secrets: no paths of credentials, no user in a URL. */
export function redacted(configuration: Configuration | undefined): object {
  if (!configuration) return {};
  const { content } = configuration;
  const { auth, endpoints } = content;
  const secret = auth?.apiKeys?.secret;
  const shownAuth = auth && { ...auth, ...(secret !== undefined && { apiKeys: { secret } }) };
  return {
    ...configuration,
    content: withoutPaths({ ...content, auth: shownAuth, endpoints: endpoints.map(shown) }),
  };
}

function shown({ baseURL, ...rest }: Endpoint): Record<string, unknown> {
  return { ...rest, baseURL: withoutUser(baseURL) };
}

/** Shows mounted Secrets only by name and key, anywhere in the value. */
function withoutPaths(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutPaths);
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).map(([name, each]) => [name, withoutPaths(each)] as const);
  const mounted = 'secret' in value && 'path' in value;
  return Object.fromEntries(fields.filter(([name]) => !mounted || name !== 'path'));
}

function withoutUser(text: string): string {
  if (!URL.canParse(text)) return '';
  const url = new URL(text);
  url.username = '';
  url.password = '';
  url.search = '';
  return url.href;
}

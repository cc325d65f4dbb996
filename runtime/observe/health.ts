import type { IncomingMessage, ServerResponse } from 'node:http';
import type {
  CircuitStatus,
  GateStatus,
  HealthCheckStatus,
} from '../../contract/generated/types.ts';
import type { Clock } from '../guard/clock.ts';
import type { LastCall, LastCalls } from './lastCalls.ts';

/** Facts that decide health. */
export interface HealthFacts {
  configured(): boolean;
  /** Whether the pod has the mounts without which it refuses clients. */
  servable(): boolean;
  listening(): boolean;
  leaving(): boolean;
  /** Delay of the event loop, in milliseconds. */
  lagMs(): number;
  /** Open links to operators. */
  links(): number;
  circuits(): CircuitStatus[];
  gates(): GateStatus[];
  lastCalls: Pick<LastCalls, 'of'>;
  /** States of the spec's health checks. */
  healthChecks(): HealthCheckStatus[];
  /** Starts the checks that run at each request, by name; each resolves when it passes. */
  checks(): [name: string, asked: Promise<void>][];
  /** Whether the pod's program serves; undefined without one. */
  program(): { ok: boolean; detail?: string } | undefined;
  clock: Pick<Clock, 'setTimer'>;
}

/** Known state of a dependency. Nothing calls the dependency for it. */
export interface DependencyHealth {
  ok: boolean;
  circuit?: CircuitStatus['state'];
  /** Absent while the gate is open. */
  gate?: Exclude<GateStatus['gate'], 'None'>;
  /** RFC 3339: when calls may go through again. */
  until?: string;
  lastCall?: LastCall;
  lastFailure?: { class: string; time: string };
  detail?: string;
}

/** Timeout of a check, below any timeout of a probe, in milliseconds. */
const CHECK_MS = 500;

/** Undefined: there is nothing to check. */
type Check = (facts: HealthFacts) => CheckResult | undefined;

interface CheckResult {
  ok: boolean;
  detail?: string;
}

/** A pod with a larger delay of the event loop should get no new requests; in milliseconds. */
const MAX_LAG_MS = 1000;

const configuration: Check = (facts) => ({ ok: facts.configured() });
const mounts: Check = (facts) => ({ ok: facts.servable() });
const listeners: Check = (facts) => ({ ok: facts.listening() });
const shutdown: Check = (facts) => ({ ok: !facts.leaving() });
const eventLoop: Check = (facts) => {
  const lag = Math.round(facts.lagMs());
  return { ok: lag < MAX_LAG_MS, detail: `${lag} ms late` };
};
/** Only the checks that the spec calls critical: a failure shared by all pods must not take all out of service. */
const healthChecks: Check = (facts) => {
  const failing = facts
    .healthChecks()
    .filter(({ critical, state }) => critical && state === 'Failing')
    .map(({ name }) => name);
  return failing.length === 0 ? { ok: true } : { ok: false, detail: `${failing.join(', ')} fails` };
};
const program: Check = (facts) => facts.program();
/** The event loop turns if this runs. */
const turns: Check = () => ({ ok: true });

const LIVE = '/health/live';
const READY = '/health/ready';

/**
 * Start-up: a configuration is in force and the listeners are up. Live: the event loop turns; nothing else, so that an
 * outage of the model never restarts pods. Ready: the pod may take requests; a failed critical health check makes it
 * unready, and so do mounts that its template lacks, an open circuit does not.
 */
const PROBES: Record<string, Record<string, Check>> = {
  '/health': { configuration, listeners },
  [LIVE]: { eventLoop: turns },
  [READY]: { configuration, mounts, listeners, shutdown, eventLoop, healthChecks, program },
};

/**
 * The agent's dependencies. A failed dependency makes no probe fail, except by a critical health check: fewer pods would
 * not help.
 */
export function dependenciesOf(facts: HealthFacts): Record<string, DependencyHealth> {
  const links = facts.links();
  const gates = new Map(facts.gates().map((gate) => [gate.dependency, gate]));
  const circuits = Map.groupBy(facts.circuits(), ({ dependency }) => dependency);
  const dependencies = [...circuits].map(([dependency, models]) => [
    dependency,
    {
      ...healthOf(worstOf(models), gates.get(dependency)),
      ...lastCallOf(facts, dependency),
    },
  ]);
  return {
    operator: { ok: links > 0, detail: `${links} links` },
    ...(Object.fromEntries(dependencies) as Record<string, DependencyHealth>),
  };
}

/** The worst circuit of one dependency, which has one for each model. */
function worstOf(models: readonly CircuitStatus[]): CircuitStatus {
  const find = (state: CircuitStatus['state']): CircuitStatus | undefined =>
    models.find((each) => each.state === state);
  return find('Open') ?? find('HalfOpen') ?? models[0]!;
}

/** Leaves out the message of the last failure: anybody who reaches the agent can read its health. */
function healthOf(circuit: CircuitStatus, gate: GateStatus | undefined): DependencyHealth {
  const { state, nextProbe, lastFailure, shadow = false } = circuit;
  const shut = gate !== undefined && gate.gate !== 'None' ? gate : undefined;
  const until = [nextProbe, shut?.until]
    .filter((time) => time !== undefined)
    .sort()
    .at(-1);
  return {
    ok: (state === 'Closed' || shadow) && !shut,
    circuit: state,
    ...(shut && { gate: shut.gate as Exclude<GateStatus['gate'], 'None'> }),
    ...(until !== undefined && { until }),
    ...(lastFailure && { lastFailure: { class: lastFailure.class, time: lastFailure.time } }),
  };
}

function lastCallOf(facts: HealthFacts, dependency: string): Pick<DependencyHealth, 'lastCall'> {
  const lastCall = facts.lastCalls.of(dependency);
  return lastCall ? { lastCall } : {};
}

/** Runs all checks at once, each with its own timeout. */
export async function checked({
  checks,
  clock,
}: Pick<HealthFacts, 'checks' | 'clock'>): Promise<Record<string, DependencyHealth>> {
  const all = checks().map(async ([name, asked]) => [name, await inTime(asked, clock)]);
  return Object.fromEntries(await Promise.all(all)) as Record<string, DependencyHealth>;
}

async function inTime(
  asked: Promise<void>,
  clock: Pick<Clock, 'setTimer'>,
): Promise<DependencyHealth> {
  const { promise, resolve } = Promise.withResolvers<DependencyHealth>();
  const cancel = clock.setTimer(CHECK_MS, () => {
    resolve({ ok: false, detail: `no answer within ${CHECK_MS} ms` });
  });
  asked.then(
    () => resolve({ ok: true }),
    () => resolve({ ok: false, detail: 'cannot be reached' }),
  );
  const found = await promise;
  cancel();
  return found;
}

/** Answers requests for health. Returns false for any other request. */
export type HealthRoute = (request: IncomingMessage, response: ServerResponse) => boolean;

/** Whether health names the agent's dependencies, or only the state of the pod. */
export type Shows = 'Dependencies' | 'Pod';

/** Answers /health, /health/live and /health/ready with JSON. */
export function healthRoute(facts: HealthFacts, shows: Shows = 'Dependencies'): HealthRoute {
  return (request, response) => {
    const path = request.url?.split('?', 1)[0] ?? '';
    if (!Object.hasOwn(PROBES, path) || !isRead(request.method)) return false;
    const results = Object.entries(PROBES[path]!).flatMap(([name, check]) => {
      const result = check(facts);
      return result ? [[name, result] as const] : [];
    });
    const components: Record<string, CheckResult> = Object.fromEntries(results);
    const ok = Object.values(components).every((each) => each.ok);
    const status = ok ? 'ok' : 'unavailable';
    const named = shows === 'Dependencies';
    const page = named
      ? { status, components, ...checksOn(path, facts) }
      : { status, components: withoutDetails(components) };
    const tell = (dependencies?: Record<string, DependencyHealth>): void => {
      const body = JSON.stringify({ ...page, ...(dependencies && { dependencies }) });
      response.writeHead(ok ? 200 : 503, { 'content-type': 'application/json' });
      response.end(request.method === 'HEAD' ? undefined : `${body}\n`);
    };
    if (path !== READY || !named) tell();
    else void checked(facts).then((found) => tell({ ...dependenciesOf(facts), ...found }));
    return true;
  };
}

/** Details may name dependencies of the agent. */
function withoutDetails(components: Record<string, CheckResult>): Record<string, { ok: boolean }> {
  return Object.fromEntries(Object.entries(components).map(([name, { ok }]) => [name, { ok }]));
}

/** Reads results from memory: a request starts no check. Liveness has none. */
function checksOn(path: string, facts: HealthFacts): { checks?: HealthCheckStatus[] } {
  const checks = path === LIVE ? [] : facts.healthChecks();
  return checks.length === 0 ? {} : { checks };
}

function isRead(method: string | undefined): boolean {
  return method === 'GET' || method === 'HEAD';
}

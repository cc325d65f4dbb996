import type { IncomingMessage, ServerResponse } from 'node:http';
import type {
  CircuitStatus,
  GateStatus,
  HealthCheckStatus,
} from '../../contract/generated/types.ts';
import type { Clock } from '../guard/clock.ts';
import type { LastCall, LastCalls } from './lastCalls.ts';

/** What health is judged by. */
export interface HealthFacts {
  configured(): boolean;
  listening(): boolean;
  leaving(): boolean;
  /** Milliseconds that the event loop is late. */
  lagMs(): number;
  /** Open links to operators. */
  links(): number;
  circuits(): CircuitStatus[];
  gates(): GateStatus[];
  lastCalls: Pick<LastCalls, 'of'>;
  /** The checks of the spec, as they stand. */
  healthChecks(): HealthCheckStatus[];
  /** Asks what is asked anew each time; by name, each resolves when it is well. */
  checks(): [name: string, asked: Promise<void>][];
  clock: Pick<Clock, 'setTimer'>;
}

/** What is known of something that the agent depends on. No model, tool or MCP server is asked for it. */
export interface DependencyHealth {
  ok: boolean;
  circuit?: CircuitStatus['state'];
  /** Absent when nothing is held back. */
  gate?: Exclude<GateStatus['gate'], 'None'>;
  /** RFC 3339: when calls may go through again. */
  until?: string;
  lastCall?: LastCall;
  lastFailure?: { class: string; time: string };
  detail?: string;
}

/** Time for a check, below any timeout that a probe can have, in milliseconds. */
const CHECK_MS = 500;

type Check = (facts: HealthFacts) => { ok: boolean; detail?: string };

/** A loop later than this is better spared new requests, in milliseconds. */
const MAX_LAG_MS = 1000;

const configuration: Check = (facts) => ({ ok: facts.configured() });
const listeners: Check = (facts) => ({ ok: facts.listening() });
const shutdown: Check = (facts) => ({ ok: !facts.leaving() });
const eventLoop: Check = (facts) => {
  const lag = Math.round(facts.lagMs());
  return { ok: lag < MAX_LAG_MS, detail: `${lag} ms late` };
};
/** Only those that the spec calls critical: what all pods share must not take all of them out of service. */
const healthChecks: Check = (facts) => {
  const failing = facts
    .healthChecks()
    .filter(({ critical, state }) => critical && state === 'Failing')
    .map(({ name }) => name);
  return failing.length === 0 ? { ok: true } : { ok: false, detail: `${failing.join(', ')} fails` };
};
/** That this runs at all is the proof. */
const turns: Check = () => ({ ok: true });

const LIVE = '/health/live';
const READY = '/health/ready';

/**
 * Start-up: a configuration is in force and the listeners are up. Live: the event loop turns,
 * nothing else, so that an outage of the model never restarts pods. Ready: may take requests; an
 * open circuit is not unready, a critical health check that fails is.
 */
const PROBES: Record<string, Record<string, Check>> = {
  '/health': { configuration, listeners },
  [LIVE]: { eventLoop: turns },
  [READY]: { configuration, listeners, shutdown, eventLoop, healthChecks },
};

/** What the agent depends on. None of it gates any probe, a critical health check aside: a pod less would not mend it. */
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

/** Of the circuits of one dependency, one for each model. */
function worstOf(models: readonly CircuitStatus[]): CircuitStatus {
  const find = (state: CircuitStatus['state']): CircuitStatus | undefined =>
    models.find((each) => each.state === state);
  return find('Open') ?? find('HalfOpen') ?? models[0]!;
}

/** Without the message of the last failure: whoever reaches the agent may ask for its health. */
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

/** Asks all checks at once, each with a time of its own. */
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

/** Answers a request for health; says whether it was one. */
export type HealthRoute = (request: IncomingMessage, response: ServerResponse) => boolean;

/** Whether health names what the agent depends on, or only says how the pod is. */
export type Shows = 'Dependencies' | 'Pod';

/** Answers /health, /health/live and /health/ready with JSON; says whether it was one of them. */
export function healthRoute(facts: HealthFacts, shows: Shows = 'Dependencies'): HealthRoute {
  return (request, response) => {
    const path = request.url?.split('?', 1)[0] ?? '';
    if (!Object.hasOwn(PROBES, path) || !isRead(request.method)) return false;
    const results = Object.entries(PROBES[path]!).map(([name, check]) => [name, check(facts)]);
    const components = Object.fromEntries(results) as Record<string, ReturnType<Check>>;
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

/** A detail may name what the agent depends on. */
function withoutDetails(
  components: Record<string, ReturnType<Check>>,
): Record<string, { ok: boolean }> {
  return Object.fromEntries(Object.entries(components).map(([name, { ok }]) => [name, { ok }]));
}

/** From memory: nothing is checked because somebody asks. Liveness says nothing of them. */
function checksOn(path: string, facts: HealthFacts): { checks?: HealthCheckStatus[] } {
  const checks = path === LIVE ? [] : facts.healthChecks();
  return checks.length === 0 ? {} : { checks };
}

function isRead(method: string | undefined): boolean {
  return method === 'GET' || method === 'HEAD';
}

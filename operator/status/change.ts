import { isDeepStrictEqual } from 'node:util';
import type {
  AgentDeploymentStatus,
  CircuitBreakerPolicyStatus,
  RateLimitPolicyStatus,
} from '../../crds/generated/types.ts';
import { strictestAction } from './security.ts';

type AnyStatus = AgentDeploymentStatus | CircuitBreakerPolicyStatus | RateLimitPolicyStatus;

/** When to write a status: at once, within the write budget, or not at all. */
export type StatusChange = 'Now' | 'Later' | 'No';

/** Least change of a percentage (in points) and of a count (as a ratio) that causes a write. */
const MIN_POINTS = 20;
const MIN_RATIO = 0.2;

/** A last failure that is this much newer causes a write. Milliseconds. */
const MIN_FAILURE_AGE = 300_000;

/**
 * When to write `next` over `previous`. Now: a state, a condition, the generation or a transition changed. Later: a
 * message changed, or a figure changed enough. No: only smaller changes of figures, which wait for another reason.
 */
export function statusChange<S extends AnyStatus>(previous: S | undefined, next: S): StatusChange {
  if (isDeepStrictEqual(previous, next)) return 'No';
  if (previous === undefined || !isDeepStrictEqual(essence(previous), essence(next))) return 'Now';
  return textsDiffer(previous, next) || numbersMoved(figures(previous), figures(next))
    ? 'Later'
    : 'No';
}

/** Names of fields with figures and texts, at any depth. Their changes may wait. */
const INESSENTIAL = new Set([
  'message',
  'lastFailure',
  'lastError',
  'nextProbe',
  'votes',
  'until',
  'usedPercent',
  'used',
  'rejected',
  'performance',
  'load',
  'audit',
  'security',
]);

/** The parts that must be current at once: the status without texts and figures. */
function essence(status: AnyStatus): unknown {
  // An attacker chooses how often incidents come. So only the level, the first incident of each type and the strictest
  // action are written at once. The leader's grants change all the time.
  const state = 'limits' in status ? { ...status, fleet: undefined } : status;
  const security = securityIn(status);
  const types = security?.counts?.map(({ type }) => type) ?? [];
  return [pruned(state), security?.level, types, strictestAction(security)];
}

function securityIn(status: AnyStatus): AgentDeploymentStatus['security'] {
  return 'security' in status ? status.security : undefined;
}

function pruned(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(pruned);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([field]) => !INESSENTIAL.has(field))
      // Whether an endpoint stays in use as the last one is a state, its share a figure.
      .map(([field, part]) => [field, field === 'servedPercent' ? true : pruned(part)]),
  );
}

/** The incidents and responses, without their counts. */
function incidentsOf(security: AgentDeploymentStatus['security']): unknown {
  if (!security) return undefined;
  const { openIncidents, last, open = [], responsesInForce, responses } = security;
  const incidents = open.map(({ id, level }) => [id, level]);
  return [openIncidents, last?.id, incidents, responsesInForce, responses];
}

/** Compares messages, classes of failures, and times of probes and ends of gates. */
function textsDiffer(previous: AnyStatus, next: AnyStatus): boolean {
  return !isDeepStrictEqual(textsOf(previous), textsOf(next));
}

function textsOf(status: AnyStatus): unknown {
  const circuits = 'circuits' in status ? (status.circuits ?? []) : [];
  const dependencies = 'dependencies' in status ? (status.dependencies ?? []) : [];
  const heads = 'audit' in status ? (status.audit?.heads ?? []) : [];
  return [
    fleetOf(status),
    incidentsOf(securityIn(status)),
    heads.map(({ hash }) => hash),
    (status.conditions ?? []).map(({ message }) => message),
    dependencies.map(({ until }) => until),
    circuits.map(({ nextProbe, fleet, lastFailure }) => [
      nextProbe,
      fleet?.nextProbe,
      fleet?.votes,
      lastFailure?.class,
      lastFailure?.message,
    ]),
  ];
}

/** The leader that grants tokens, and to how many pods. */
function fleetOf(status: AnyStatus): unknown {
  return 'limits' in status ? [status.fleet?.pods, status.fleet?.leader] : [];
}

type Load = NonNullable<AgentDeploymentStatus['load']>;

const NO_LOAD: Load = { inFlight: 0, queued: 0, capacity: 0 };

interface Figures {
  percents: number[];
  counts: number[];
  failures: number[];
}

function figures(status: AnyStatus): Figures {
  const limits = 'limits' in status ? (status.limits ?? []) : [];
  const circuits = 'circuits' in status ? (status.circuits ?? []) : [];
  const performance = 'performance' in status ? (status.performance ?? []) : [];
  const load = 'load' in status ? status.load : undefined;
  return {
    percents: [
      ...usedShares(load),
      ...limits.map(({ usedPercent }) => usedPercent ?? 0),
      ...performance.flatMap(({ successPercent, recent }) => [
        successPercent,
        recent?.successPercent ?? 100,
      ]),
    ],
    counts: [
      load?.capacity ?? 0,
      ...limits.map(({ rejected }) => rejected ?? 0),
      ...performance.flatMap((each) => [
        ...[each.count, each.averageMs, each.p95Ms],
        // The number changes all the time. Only its fall to 0 and its rise from 0 count.
        Math.min(1, each.recent?.count ?? 0),
      ]),
    ],
    failures: circuits.map(({ lastFailure }) => Date.parse(lastFailure?.time ?? '') || 0),
  };
}

/** Requests in flight and queued requests, in percent of the capacity. */
function usedShares({ inFlight, queued, capacity }: Load = NO_LOAD): number[] {
  return [inFlight, queued].map((count) => (100 * count) / Math.max(1, capacity));
}

function numbersMoved(previous: Figures, next: Figures): boolean {
  return (
    moved(previous.percents, next.percents, () => MIN_POINTS) ||
    moved(previous.counts, next.counts, (before) => Math.max(1, before * MIN_RATIO)) ||
    moved(previous.failures, next.failures, () => MIN_FAILURE_AGE)
  );
}

function moved(
  previous: readonly number[],
  next: readonly number[],
  enough: (before: number) => number,
): boolean {
  return next.some((value, index) => {
    const before = previous[index] ?? 0;
    return Math.abs(value - before) >= enough(before);
  });
}

import { isDeepStrictEqual } from 'node:util';
import type {
  AgentDeploymentStatus,
  CircuitBreakerPolicyStatus,
  RateLimitPolicyStatus,
} from '../../crds/generated/types.ts';
import { strictestAction } from './security.ts';

type AnyStatus = AgentDeploymentStatus | CircuitBreakerPolicyStatus | RateLimitPolicyStatus;

/** When to write a status: at once, together with others at most once a minute, or not at all. */
export type StatusChange = 'Now' | 'Later' | 'No';

/** Least move of a percentage, in points, and of a count, as a ratio, that is worth a write of its own. */
const MIN_POINTS = 20;
const MIN_RATIO = 0.2;

/** A last failure that is this much newer is worth a write of its own, in ms. */
const MIN_FAILURE_AGE = 300_000;

/**
 * Whether `next` is to be written over `previous`. A change of state, of a condition, of the generation, of pods'
 * or circuits' states or of transitions is written now. A message, or a number that moved far enough, may wait. A
 * smaller move waits for another reason to write.
 */
export function statusChange<S extends AnyStatus>(previous: S | undefined, next: S): StatusChange {
  if (isDeepStrictEqual(previous, next)) return 'No';
  if (previous === undefined || !isDeepStrictEqual(essence(previous), essence(next))) return 'Now';
  return textsDiffer(previous, next) || numbersMoved(figures(previous), figures(next))
    ? 'Later'
    : 'No';
}

/** The fields besides figures and texts, by name. They occur at several depths. */
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

/** What a person must see at once: the status without texts and figures. */
function essence(status: AnyStatus): unknown {
  // An attacker chooses how often incidents come, so that only the level is written at once, the first incident of each
  // type, and whether a client is held.
  // What the leader grants moves all the time.
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
      .map(([field, part]) => [field, pruned(part)]),
  );
}

/** Which incidents and responses there are, without how often incidents were seen. */
function incidentsOf(security: AgentDeploymentStatus['security']): unknown {
  if (!security) return undefined;
  const { openIncidents, last, open = [], responsesInForce, responses } = security;
  const incidents = open.map(({ id, level }) => [id, level]);
  return [openIncidents, last?.id, incidents, responsesInForce, responses];
}

/** Messages, the kind of failures, the time of the next probe and of the end of a pause. */
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

/** Who grants the tokens of limits, and to how many pods. */
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
        // Their number itself wavers; that there are none any more is news.
        Math.min(1, each.recent?.count ?? 0),
      ]),
    ],
    failures: circuits.map(({ lastFailure }) => Date.parse(lastFailure?.time ?? '') || 0),
  };
}

/** How full the pods are, and how long their queues, in percent. */
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

import { Durations } from '../../contract/durations.ts';
import type {
  OperationReport,
  RecentReport,
  SubjectReport,
} from '../../contract/generated/types.ts';
import { sharesOf, type Shares } from '../../contract/shares.ts';
import type { AgentObservation } from './observations.ts';
import { reportedText } from './reported.ts';
import { sum } from './sum.ts';

type Operation = OperationReport['operation'];

/** Figures of several pods together. Times are in milliseconds. */
export interface Total extends Shares {
  count: number;
  averageMs: number;
  minMs: number;
  maxMs: number;
  topErrors: { type: string; count: number }[];
}

export interface Percentiles {
  p50Ms: number;
  p95Ms: number;
  p99Ms: number;
}

/** Figures of the last five minutes. */
export type RecentTotal = Total & { perSecond: number };

/** One endpoint or tool. */
export type SubjectTotal = Total & { name: string; recent: RecentTotal };

/** Figures of one operation in all pods of an agent. */
export interface OperationTotal extends Total, Percentiles {
  operation: Operation;
  /** Average rate since each pod started; without pods of an earlier version, which do not tell. */
  perSecond: number;
  recent: RecentTotal & Percentiles;
  subjects: SubjectTotal[];
}

const OPERATIONS: readonly Operation[] = ['request', 'model', 'tool'];
const MAX_SUBJECTS = 32;
const TOP_ERRORS = 5;
const MAX_ERROR = 64;
const MAX_NAME = 128;

/** Sums of the reports of several pods, for each operation with calls. */
export function totals(reports: readonly OperationReport[]): OperationTotal[] {
  return OPERATIONS.flatMap((operation) => {
    const parts = reports.filter((report) => report.operation === operation);
    const total = totalOf(parts);
    if (total.count === 0) return [];
    const recent = parts.flatMap((part) => part.recent ?? []);
    return {
      operation,
      ...total,
      perSecond: sum(parts, ({ count, seconds }) => (seconds === undefined ? 0 : count / seconds)),
      ...percentilesOf(parts),
      recent: { ...recentOf(recent), ...percentilesOf(recent) },
      subjects: subjectsOf(parts.flatMap((part) => part.subjects ?? [])),
    };
  });
}

function subjectsOf(reports: readonly SubjectReport[]): SubjectTotal[] {
  return Array.from(Map.groupBy(reports, ({ name }) => reportedText(name, MAX_NAME)))
    .map(([name, parts]) => ({
      name,
      ...totalOf(parts),
      recent: recentOf(parts.map(({ recent }) => recent)),
    }))
    .sort((a, b) => b.count - a.count || (a.name < b.name ? -1 : 1))
    .slice(0, MAX_SUBJECTS);
}

type Figures = Pick<OperationReport, 'count' | 'failures' | 'clientErrors' | 'totalMs'> &
  Partial<Pick<SubjectReport, 'minMs' | 'maxMs' | 'topErrors'>>;

function totalOf(parts: readonly Figures[]): Total {
  const count = sum(parts, (part) => part.count);
  // Pods of an earlier version report no minimum.
  const shortest = parts.filter((part) => part.count > 0).flatMap(({ minMs }) => minMs ?? []);
  return {
    count,
    ...sharesOf({
      count,
      failures: sum(parts, ({ failures }) => failures),
      clientErrors: sum(parts, ({ clientErrors = 0 }) => clientErrors),
    }),
    averageMs: count === 0 ? 0 : sum(parts, (part) => part.totalMs) / count,
    minMs: shortest.length === 0 ? 0 : Math.min(...shortest),
    maxMs: Math.max(0, ...parts.map(({ maxMs }) => maxMs ?? 0)),
    topErrors: topErrorsOf(parts),
  };
}

function topErrorsOf(parts: readonly Figures[]): Total['topErrors'] {
  const all = parts.flatMap(({ topErrors }) => topErrors ?? []);
  return Array.from(
    Map.groupBy(all, ({ type }) => reportedText(type, MAX_ERROR)),
    ([type, same]) => ({ type, count: sum(same, ({ count }) => count) }),
  )
    .sort((a, b) => b.count - a.count || (a.type < b.type ? -1 : 1))
    .slice(0, TOP_ERRORS);
}

function recentOf(parts: readonly RecentReport[]): RecentTotal {
  // Each pod has its own period: young pods have a shorter one.
  return { ...totalOf(parts), perSecond: sum(parts, ({ count, seconds }) => count / seconds) };
}

function percentilesOf(parts: readonly Pick<RecentReport, 'durations'>[]): Percentiles {
  const durations = new Durations();
  for (const part of parts) durations.merge(part.durations ?? []);
  return {
    p50Ms: durations.percentile(0.5),
    p95Ms: durations.percentile(0.95),
    p99Ms: durations.percentile(0.99),
  };
}

export type Reporting = Pick<AgentObservation['pods'][number], 'connected' | 'snapshot'>;

/** The reports of connected pods. */
export function reportsOf(pods: readonly Reporting[]): OperationReport[] {
  return pods
    .filter(({ connected }) => connected)
    .flatMap(({ snapshot }) => snapshot?.performance ?? []);
}

import { Durations } from '../../contract/durations.ts';
import type { OperationReport } from '../../contract/generated/types.ts';
import type { AgentDeploymentStatus } from '../../crds/generated/types.ts';
import type { AgentObservation } from './observations.ts';

type Operation = OperationReport['operation'];

/** How all pods of an agent have done together in one operation. Times are in milliseconds. */
export interface OperationTotal {
  operation: Operation;
  count: number;
  /** From 0 to 100. */
  successPercent: number;
  averageMs: number;
  p50Ms: number;
  p95Ms: number;
  p99Ms: number;
}

const OPERATIONS: readonly Operation[] = ['request', 'model', 'tool'];

/** What the reports of several pods add up to, for each operation that there was. */
export function totals(reports: readonly OperationReport[]): OperationTotal[] {
  return OPERATIONS.flatMap((operation) => {
    const parts = reports.filter((report) => report.operation === operation);
    const durations = new Durations();
    for (const part of parts) durations.merge(part.durations);
    const count = sum(parts, (part) => part.count);
    if (count === 0) return [];
    const failures = Math.min(
      count,
      sum(parts, (part) => part.failures),
    );
    return {
      operation,
      count,
      successPercent: (100 * (count - failures)) / count,
      averageMs: sum(parts, (part) => part.totalMs) / count,
      p50Ms: durations.percentile(0.5),
      p95Ms: durations.percentile(0.95),
      p99Ms: durations.percentile(0.99),
    };
  });
}

/** The same as status shows it: two digits of each figure, as finer ones would change all the time. */
export function performanceOf(
  observation: AgentObservation,
): Pick<AgentDeploymentStatus, 'performance'> {
  const shown = totals(reportsOf(observation.pods)).map((total) => ({
    operation: total.operation,
    count: rounded(total.count),
    successPercent: Math.floor(total.successPercent),
    averageMs: rounded(total.averageMs),
    p50Ms: rounded(total.p50Ms),
    p95Ms: rounded(total.p95Ms),
    p99Ms: rounded(total.p99Ms),
  }));
  return shown.length === 0 ? {} : { performance: shown };
}

/** An agent with its place among all. */
export interface Ranked {
  agent: string;
  /** Share of requests that did not fail, in percent, over their average duration in milliseconds and one. */
  score: number;
  operations: OperationTotal[];
}

/** Agents by how well they serve requests, the best first; those that had none are left out. */
export function ranking(
  agents: readonly { agent: string; pods: readonly Reporting[] }[],
): Ranked[] {
  return agents
    .flatMap(({ agent, pods }) => {
      const operations = totals(reportsOf(pods));
      const requests = operations.find(({ operation }) => operation === 'request');
      if (requests === undefined) return [];
      const score = requests.successPercent / (requests.averageMs + 1);
      return [{ agent, score, operations }];
    })
    .sort((a, b) => b.score - a.score);
}

type Reporting = Pick<AgentObservation['pods'][number], 'connected' | 'snapshot'>;

function reportsOf(pods: readonly Reporting[]): OperationReport[] {
  return pods
    .filter(({ connected }) => connected)
    .flatMap(({ snapshot }) => snapshot?.performance ?? []);
}

function sum<T>(all: readonly T[], of: (each: T) => number): number {
  return all.reduce((total, each) => total + of(each), 0);
}

/** To two significant digits. */
function rounded(value: number): number {
  return Math.round(Number(value.toPrecision(2)));
}

import type { OperationReport } from '../../contract/generated/types.ts';
import { Durations } from '../../contract/durations.ts';

/** What is measured: requests to the agent, attempts at a model, calls of tools. */
export type Operation = OperationReport['operation'];

export interface PerformanceDeps {
  /** Monotonic clock in milliseconds. */
  now: () => number;
  /** Wall clock. */
  date: () => Date;
}

/** One operation as people read it. Times are in milliseconds. */
export interface OperationSummary {
  count: number;
  /** Percent; 100 when there was none. */
  successPercent: number;
  minMs: number;
  maxMs: number;
  averageMs: number;
  p50Ms: number;
  p95Ms: number;
  p99Ms: number;
  /** On average since the process started. */
  perSecond: number;
  lastAt?: string;
  topErrors: { type: string; count: number }[];
}

const OPERATIONS = ['request', 'model', 'tool'] as const;
/** Kinds of errors that are told apart in each operation; the rest count as other. */
const MAX_ERRORS = 32;
const TOP_ERRORS = 5;

class Tally {
  readonly durations = new Durations();
  readonly errors = new Map<string, number>();
  failures = 0;
  totalMs = 0;
  minMs = Infinity;
  maxMs = 0;
  lastAt: Date | undefined;

  add(ms: number, error: string): void {
    this.durations.add(ms);
    this.totalMs += ms;
    this.minMs = Math.min(this.minMs, ms);
    this.maxMs = Math.max(this.maxMs, ms);
    if (error === '') return;
    this.failures += 1;
    const known = this.errors.has(error) || this.errors.size < MAX_ERRORS;
    const type = known ? error : 'other';
    this.errors.set(type, (this.errors.get(type) ?? 0) + 1);
  }

  topErrors(): { type: string; count: number }[] {
    const all = [...this.errors].map(([type, count]) => ({ type, count }));
    return all.sort((a, b) => b.count - a.count).slice(0, TOP_ERRORS);
  }
}

/** How the agent has done since its process started, by operation. */
export class Performance {
  readonly #deps: PerformanceDeps;
  readonly #startedAt: number;
  readonly #tallies = new Map<Operation, Tally>(OPERATIONS.map((name) => [name, new Tally()]));

  constructor(deps: PerformanceDeps) {
    this.#deps = deps;
    this.#startedAt = deps.now();
  }

  /** An operation has ended; `error` names its kind and is empty when there was none. */
  record(operation: Operation, ms: number, error: string): void {
    const tally = this.#tallies.get(operation)!;
    tally.add(ms, error);
    tally.lastAt = this.#deps.date();
  }

  summary(): { uptimeSeconds: number; operations: Record<Operation, OperationSummary> } {
    const uptimeMs = this.#deps.now() - this.#startedAt;
    const operations = OPERATIONS.map((name) => [name, this.#summaryOf(name, uptimeMs)]);
    return {
      uptimeSeconds: Math.round(uptimeMs / 1000),
      operations: Object.fromEntries(operations) as Record<Operation, OperationSummary>,
    };
  }

  /** The operations that there were, so that they can be added to those of other pods. */
  report(): OperationReport[] {
    return OPERATIONS.flatMap((operation) => {
      const { durations, failures, totalMs } = this.#tallies.get(operation)!;
      const { count } = durations;
      if (count === 0) return [];
      return [{ operation, count, failures, totalMs, durations: durations.buckets() }];
    });
  }

  #summaryOf(name: Operation, uptimeMs: number): OperationSummary {
    const tally = this.#tallies.get(name)!;
    const { durations, failures, totalMs, minMs, maxMs, lastAt } = tally;
    const { count } = durations;
    const percentile = (share: number): number =>
      Math.min(maxMs, Math.max(minMs, durations.percentile(share)));
    const none = count === 0;
    return {
      count,
      successPercent: none ? 100 : (100 * (count - failures)) / count,
      minMs: none ? 0 : minMs,
      maxMs,
      averageMs: none ? 0 : totalMs / count,
      p50Ms: none ? 0 : percentile(0.5),
      p95Ms: none ? 0 : percentile(0.95),
      p99Ms: none ? 0 : percentile(0.99),
      perSecond: uptimeMs > 0 ? (1000 * count) / uptimeMs : 0,
      ...(lastAt && { lastAt: lastAt.toISOString() }),
      topErrors: tally.topErrors(),
    };
  }
}

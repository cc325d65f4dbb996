import type {
  OperationReport,
  RecentReport,
  SubjectReport,
} from '../../contract/generated/types.ts';
import { sharesOf } from '../../contract/shares.ts';
import { BoundedLabel } from './boundedLabel.ts';
import { WINDOW_MS, WindowTally, sumOf } from './tally.ts';
import type { End, ErrorCount, Tally } from './tally.ts';

/** Measured operations: requests to the agent, attempts at a model, calls of tools. */
export type Operation = OperationReport['operation'];

export interface PerformanceDeps {
  /** Monotonic clock in milliseconds. */
  now: () => number;
  /** Wall clock. */
  date: () => Date;
}

/** Figures of one kind of operation, for people. Times are in milliseconds. */
export interface Summary {
  count: number;
  successes: number;
  failures: number;
  /** Requests that were the client's fault, or that it gave up: neither successes nor failures. */
  clientErrors: number;
  /** Percentages of successes and failures together; 100 and 0 without any. */
  successPercent: number;
  failurePercent: number;
  minMs: number;
  maxMs: number;
  averageMs: number;
  p50Ms: number;
  p95Ms: number;
  p99Ms: number;
  /** Average rate. */
  perSecond: number;
  lastAt?: string;
  topErrors: ErrorCount[];
}

/** Since the process started, and in the last five minutes. */
export interface OperationSummary extends Summary {
  last5Minutes: Summary;
}

export interface PerformanceSummary {
  uptimeSeconds: number;
  operations: Record<Operation, OperationSummary>;
  /** Attempts by endpoint. */
  endpoints: Record<string, OperationSummary>;
  /** Calls by tool. */
  tools: Record<string, OperationSummary>;
}

const OPERATIONS = ['request', 'model', 'tool'] as const;

/** Largest number of endpoints, and of tools; others count as one. */
const MAX_NAMES = 64;
/** Number of them in a report: the busiest. */
const MAX_REPORTED = 32;

/** Performance of the agent since its process started and lately, by operation, endpoint and tool. */
export class Performance {
  readonly #deps: PerformanceDeps;
  readonly #startedAt: number;
  /** By the name of the endpoint or tool; requests have an empty one. */
  readonly #tallies = new Map<Operation, Map<string, WindowTally>>(
    OPERATIONS.map((name) => [name, new Map<string, WindowTally>()]),
  );
  readonly #names = new Map(OPERATIONS.map((name) => [name, new BoundedLabel(MAX_NAMES)]));

  constructor(deps: PerformanceDeps) {
    this.#deps = deps;
    this.#startedAt = deps.now();
  }

  /** Records an operation. `name`: the endpoint or the tool. */
  record(operation: Operation, ms: number, end: End, name = ''): void {
    const tallies = this.#tallies.get(operation)!;
    const known = this.#names.get(operation)!.value(name);
    let tally = tallies.get(known);
    if (tally === undefined) tallies.set(known, (tally = new WindowTally()));
    tally.add(ms, end, this.#deps.now());
  }

  summary(): PerformanceSummary {
    const uptimeMs = this.#deps.now() - this.#startedAt;
    return {
      uptimeSeconds: Math.round(uptimeMs / 1000),
      operations: Object.fromEntries(
        OPERATIONS.map((name) => [name, this.#summaryOf(this.#all(name))]),
      ) as Record<Operation, OperationSummary>,
      endpoints: this.#byName('model'),
      tools: this.#byName('tool'),
    };
  }

  /** Figures that add up with those of other pods. */
  report(): OperationReport[] {
    const { now } = this.#deps;
    return OPERATIONS.flatMap((operation) => {
      const tallies = this.#all(operation);
      const total = sumOf(tallies.map((each) => each.sinceStart()));
      const recent = sumOf(tallies.map((each) => each.recent(now())));
      if (total.count === 0) return [];
      const subjects = this.#subjects(operation);
      return {
        operation,
        seconds: Math.max(1, Math.round((now() - this.#startedAt) / 1000)),
        ...figuresOf(total),
        durations: total.durations.buckets(),
        recent: { ...this.#recentOf(recent), durations: recent.durations.buckets() },
        ...(subjects.length > 0 && { subjects }),
      };
    });
  }

  #all(operation: Operation): WindowTally[] {
    return [...this.#tallies.get(operation)!.values()];
  }

  #byName(operation: Operation): Record<string, OperationSummary> {
    const named = [...this.#tallies.get(operation)!].filter(([name]) => name !== '');
    return Object.fromEntries(named.map(([name, tally]) => [name, this.#summaryOf([tally])]));
  }

  #subjects(operation: Operation): SubjectReport[] {
    return Array.from(this.#tallies.get(operation)!)
      .filter(([name]) => name !== '')
      .map(([name, tally]) => ({
        name,
        ...figuresOf(tally.sinceStart()),
        recent: this.#recentOf(tally.recent(this.#deps.now())),
      }))
      .sort((a, b) => b.recent.count - a.recent.count || b.count - a.count)
      .slice(0, MAX_REPORTED);
  }

  #recentOf(tally: Tally): Omit<RecentReport, 'durations'> {
    return { seconds: Math.max(1, Math.round(this.#windowMs() / 1000)), ...figuresOf(tally) };
  }

  #summary(tally: Tally, overMs: number): Summary {
    const { topErrors, ...figures } = summaryOf(tally, overMs);
    if (tally.count === 0) return { ...figures, topErrors };
    const ago = this.#deps.now() - tally.lastAt;
    const lastAt = new Date(this.#deps.date().getTime() - ago).toISOString();
    return { ...figures, lastAt, topErrors };
  }

  #windowMs(): number {
    return Math.min(WINDOW_MS, this.#deps.now() - this.#startedAt);
  }

  #summaryOf(tallies: readonly WindowTally[]): OperationSummary {
    const now = this.#deps.now();
    const recent = sumOf(tallies.map((each) => each.recent(now)));
    const total = sumOf(tallies.map((each) => each.sinceStart()));
    return {
      ...this.#summary(total, now - this.#startedAt),
      last5Minutes: this.#summary(recent, this.#windowMs()),
    };
  }
}

type Figures = Pick<
  SubjectReport,
  'count' | 'failures' | 'clientErrors' | 'totalMs' | 'minMs' | 'maxMs' | 'topErrors'
>;

function figuresOf(tally: Tally): Figures {
  const { count, failures, clientErrors, totalMs, minMs, maxMs } = tally;
  const none = count === 0;
  const topErrors = tally.topErrors();
  return { count, failures, clientErrors, totalMs, minMs: none ? 0 : minMs, maxMs, topErrors };
}

function summaryOf(tally: Tally, overMs: number): Omit<Summary, 'lastAt'> {
  const { durations } = tally;
  const { totalMs, minMs, maxMs, topErrors, ...counts } = figuresOf(tally);
  const { count } = counts;
  const percentile = (share: number): number =>
    Math.min(maxMs, Math.max(minMs, durations.percentile(share)));
  return {
    count,
    ...sharesOf(counts),
    minMs,
    maxMs,
    averageMs: count === 0 ? 0 : totalMs / count,
    p50Ms: percentile(0.5),
    p95Ms: percentile(0.95),
    p99Ms: percentile(0.99),
    perSecond: overMs > 0 ? (1000 * count) / overMs : 0,
    topErrors,
  };
}

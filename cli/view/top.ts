import type { Load, OperationReport } from '../../contract/generated/types.ts';
import { parseReport } from '../../contract/validate.ts';
import type { AgentDeployment } from '../../crds/generated/types.ts';
import { totalLoad, type TotalLoad } from '../../operator/status/load.ts';
import {
  totals,
  type OperationTotal,
  type Percentiles,
  type RecentTotal,
  type Total,
} from '../../operator/status/performance.ts';
import { sum } from '../../operator/status/sum.ts';
import { columns, type Line } from './columns.ts';

/** What one pod answers. */
export interface PodFigures {
  performance: readonly OperationReport[];
  load: Load | undefined;
  /** Undefined if it does not tell. */
  tokens: Tokens | undefined;
}

/** Usage of the pods of an agent that answered. */
export interface Usage {
  namespace: string;
  agent: string;
  pods: number;
  /** Since each pod started, and of the last five minutes. */
  operations: OperationTotal[];
  /** Now. Absent if no pod tells. */
  load?: TotalLoad;
  /** Tokens of calls to models since each pod started. Absent if a pod does not tell. */
  tokens?: Tokens;
}

export interface Tokens {
  input: number;
  output: number;
}

/**
 * @param figures the page /debug/figures
 * @param metrics the page /metrics; undefined if it was refused
 * @throws Error if the first page is no report
 */
export function podFigures(figures: string, metrics: string | undefined): PodFigures {
  // Pods run tools that a model chooses, so their pages are not trusted.
  const report = parseReport(JSON.parse(figures));
  if (!report.ok || report.value.type !== 'Counters')
    throw new Error(`/debug/figures has no figures${report.ok ? '' : `: ${report.message}`}`);
  const { performance = [], load } = report.value;
  return { performance, load, tokens: metrics === undefined ? undefined : tokensIn(metrics) };
}

export function usageOf({ metadata }: AgentDeployment, pods: readonly PodFigures[]): Usage {
  const load = totalLoad(pods.flatMap((pod) => pod.load ?? []));
  const tokens = pods.flatMap((pod) => pod.tokens ?? []);
  return {
    namespace: metadata.namespace ?? '',
    agent: metadata.name,
    pods: pods.length,
    operations: totals(pods.flatMap(({ performance }) => performance)),
    ...(load && { load }),
    ...(tokens.length > 0 &&
      tokens.length === pods.length && {
        tokens: {
          input: sum(tokens, ({ input }) => input),
          output: sum(tokens, ({ output }) => output),
        },
      }),
  };
}

const TOKENS = /^gen_ai_client_inference_usage_(input|output)_tokens_total\{.*\} (\S+)/gm;

/** The sum of tokens in the metrics of a pod. */
export function tokensIn(metrics: string): Tokens {
  const tokens: Tokens = { input: 0, output: 0 };
  for (const [, type, value] of metrics.matchAll(TOKENS))
    tokens[type as keyof Tokens] += Number(value);
  return tokens;
}

export interface TopLayout {
  width: number;
  namespaces: boolean;
  /** Whether to show each operation, endpoint and tool too. */
  details: boolean;
}

/** Usages as lines of text, the busiest agent first. */
export function topLines(
  usages: readonly Usage[],
  { width, namespaces, details }: TopLayout,
): string[] {
  const sorted = usages.toSorted((a, b) => requestsOf(b).count - requestsOf(a).count);
  const table = columns(
    sorted.map((usage) => ({
      cells: [namespaces ? usage.namespace : '', usage.agent, ...figuresOf(usage), ''],
    })),
    { head: HEAD, width },
  );
  if (!details) return table;
  return [...table, ...sorted.flatMap((usage) => ['', ...detailsOf(usage, width)])];
}

const HEAD = [
  ...['NAMESPACE', 'AGENT', 'REQUESTS', 'OK', 'AVERAGE', 'P50', 'P95', 'P99'],
  ...['TOKENS IN', 'TOKENS OUT', 'IN FLIGHT', 'QUEUED', 'CAPACITY', ''],
];

const NO_REQUESTS: Pick<Total, 'count'> & { figures?: undefined } = { count: 0 };

function requestsOf({ operations }: Usage): OperationTotal | typeof NO_REQUESTS {
  return operations.find(({ operation }) => operation === 'request') ?? NO_REQUESTS;
}

/** A dash stands for what no pod tells. */
function figuresOf(usage: Usage): string[] {
  const { pods, tokens, load } = usage;
  const requests = requestsOf(usage);
  return [
    pods === 0 ? '-' : `${requests.count}`,
    ...('operation' in requests ? timesOf(requests) : ['-', '-', '-', '-', '-']),
    ...(tokens ? [`${tokens.input}`, `${tokens.output}`] : ['-', '-']),
    ...(load ? [`${load.inFlight}`, `${load.queued}`, `${load.capacity}`] : ['-', '-', '-']),
  ];
}

function timesOf({ successPercent, averageMs, p50Ms, p95Ms, p99Ms }: OperationTotal): string[] {
  const times = [averageMs, p50Ms, p95Ms, p99Ms].map(duration);
  return [percent(successPercent), ...times];
}

const DETAILS = [
  ...['OPERATION', 'NAME', 'PERIOD', 'COUNT', '1/S', 'OK'],
  ...['AVERAGE', 'MIN', 'MAX', 'P50', 'P95', 'P99', 'ERRORS'],
];

function detailsOf({ operations }: Usage, width: number): string[] {
  const rows = operations.flatMap((operation) => {
    const { subjects, recent } = operation;
    return [
      ...both([operation.operation, ''], operation, recent),
      ...subjects.flatMap(({ name, recent, ...total }) =>
        both([operation.operation, name], total, recent),
      ),
    ];
  });
  return columns(rows, { head: DETAILS, width });
}

type Figures = Total & Partial<Percentiles>;

function both(names: string[], total: Figures, recent: RecentTotal & Partial<Percentiles>): Line[] {
  return [
    { cells: [...names, 'since start', `${total.count}`, '', ...detailOf(total)] },
    {
      cells: [...names, '5 min', `${recent.count}`, number(recent.perSecond), ...detailOf(recent)],
    },
  ];
}

function detailOf(total: Figures): string[] {
  const { successPercent, averageMs, minMs, maxMs, p50Ms, p95Ms, p99Ms, topErrors } = total;
  return [
    percent(successPercent),
    ...[averageMs, minMs, maxMs, p50Ms, p95Ms, p99Ms].map(duration),
    topErrors.map(({ type, count }) => `${type} ${count}`).join(', '),
  ];
}

/** Rounded down, so that a hundred means all. */
function percent(value: number): string {
  return `${Math.floor(value)}%`;
}

function duration(ms: number | undefined): string {
  if (ms === undefined) return '';
  return ms < 1000 ? `${number(ms)}ms` : `${(ms / 1000).toFixed(1)}s`;
}

/** With three digits. */
function number(value: number): string {
  return `${Number(value.toPrecision(3))}`;
}

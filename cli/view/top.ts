import type { Load, OperationReport } from '../../contract/generated/types.ts';
import type { Shares } from '../../contract/shares.ts';
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
import { ranking, type Ranking, type Requests } from '../../operator/status/ranking.ts';
import { sum } from '../../operator/status/sum.ts';
import { columns, type Line } from './columns.ts';
import { briefly } from './time.ts';

/** What one pod answers. */
export interface PodAnswer {
  pod: string;
  /** Whether Services send it requests. */
  ready: boolean;
  /** Absent if it does not run, or did not answer. */
  figures?: PodFigures;
}

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
  /** Load of each pod, which is absent if it does not tell. */
  instances: ({ pod: string; ready: boolean } & Partial<TotalLoad>)[];
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

export function usageOf({ metadata }: AgentDeployment, answers: readonly PodAnswer[]): Usage {
  const pods = answers.flatMap(({ figures }) => figures ?? []);
  const load = totalLoad(pods.flatMap((pod) => pod.load ?? []));
  const tokens = pods.flatMap((pod) => pod.tokens ?? []);
  return {
    namespace: metadata.namespace ?? '',
    agent: metadata.name,
    pods: pods.length,
    operations: totals(pods.flatMap(({ performance }) => performance)),
    ...(load && { load }),
    instances: answers.map(({ pod, ready, figures }) => ({
      ...{ pod, ready },
      ...(figures?.load && totalLoad([figures.load])),
    })),
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
  ...['NAMESPACE', 'AGENT', 'REQUESTS', 'OK', 'FAILED', '4XX', 'AVERAGE', 'P50', 'P95', 'P99'],
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
    ...('operation' in requests ? endsAndTimesOf(requests) : Array<string>(7).fill('-')),
    ...(tokens ? [`${tokens.input}`, `${tokens.output}`] : ['-', '-']),
    ...(load ? [`${load.inFlight}`, `${load.queued}`, `${load.capacity}`] : ['-', '-', '-']),
  ];
}

function endsAndTimesOf(total: OperationTotal): string[] {
  const { averageMs, p50Ms, p95Ms, p99Ms } = total;
  return [...endsOf(total), ...[averageMs, p50Ms, p95Ms, p99Ms].map(duration)];
}

/** Shares of successes and failures, and the number of errors of clients. */
function endsOf({ successPercent, failurePercent, clientErrors }: Shares): string[] {
  return [percent(successPercent), failureRate(failurePercent), `${clientErrors}`];
}

const DETAILS = [
  ...['OPERATION', 'NAME', 'PERIOD', 'COUNT', '1/S', 'OK', 'FAILED', '4XX'],
  ...['AVERAGE', 'MIN', 'MAX', 'P50', 'P95', 'P99', 'ERRORS'],
];

function detailsOf({ operations }: Usage, width: number): string[] {
  const rows = operations.flatMap((operation) => {
    const { subjects, recent } = operation;
    return [
      ...both([operation.operation, ''], operation, number(operation.perSecond), recent),
      ...subjects.flatMap(({ name, recent, ...total }) =>
        both([operation.operation, name], total, '', recent),
      ),
    ];
  });
  return columns(rows, { head: DETAILS, width });
}

type Figures = Total & Partial<Percentiles>;

function both(
  names: string[],
  total: Figures,
  perSecond: string,
  recent: RecentTotal & Partial<Percentiles>,
): Line[] {
  return [
    { cells: [...names, 'since start', `${total.count}`, perSecond, ...detailOf(total)] },
    {
      cells: [...names, '5 min', `${recent.count}`, number(recent.perSecond), ...detailOf(recent)],
    },
  ];
}

function detailOf(total: Figures): string[] {
  const { averageMs, minMs, maxMs, p50Ms, p95Ms, p99Ms, topErrors } = total;
  return [
    ...endsOf(total),
    ...[averageMs, minMs, maxMs, p50Ms, p95Ms, p99Ms].map(duration),
    topErrors.map(({ type, count }) => `${type} ${count}`).join(', '),
  ];
}

const PODS = ['NAMESPACE', 'AGENT', 'POD', 'READY', 'LOAD', 'PERCENT', 'QUEUED', ''];

/** Each pod with its requests in flight of its capacity, by agent. */
export function podLines(usages: readonly Usage[], { width, namespaces }: TopLayout): string[] {
  const lines = usages.flatMap(({ namespace, agent, instances }) =>
    instances.map(({ pod, ready, inFlight, queued, capacity }): Line => {
      const load =
        inFlight === undefined || queued === undefined || capacity === undefined
          ? ['-', '-', '-']
          : [`${inFlight}/${capacity}`, share(inFlight, capacity), `${queued}`];
      const names = [namespaces ? namespace : '', agent, pod];
      return { cells: [...names, ready ? 'yes' : 'no', ...load, ''] };
    }),
  );
  return columns(lines, { head: PODS, width });
}

export function ranked(usages: readonly Usage[], uptimeSeconds: number): Ranking {
  const agents = usages.map(({ namespace, agent, pods, operations }) => ({
    ...{ agent: `${namespace}/${agent}`, pods, operations },
  }));
  return ranking(agents, uptimeSeconds);
}

const PERIODS = [
  ...['PERIOD', 'REQUESTS', 'SUCCESSES', 'FAILURES', '4XX', 'OK', 'FAILED'],
  ...['REQUESTS/S', ''],
];
const RANKS = ['RANK', 'AGENT', 'SCORE', 'REQUESTS', 'OK', 'FAILED', 'AVERAGE', ''];

/** All agents together, and then each by its rank. */
export function summaryLines({ summary, agents }: Ranking, width: number): string[] {
  const { uptimeSeconds, activeAgents, pods, last5Minutes } = summary;
  const period = (name: string, all: Requests): Line => ({
    cells: [
      ...[name, `${all.requests}`, `${all.successes}`, `${all.failures}`, `${all.clientErrors}`],
      ...[percent(all.successPercent), failureRate(all.failurePercent), number(all.perSecond), ''],
    ],
  });
  const ranks = agents.map(({ agent, score, operations }, i): Line => {
    const requests = operations.find(({ operation }) => operation === 'request')!;
    const { count, successPercent, failurePercent, averageMs } = requests;
    const shares = [percent(successPercent), failureRate(failurePercent)];
    return {
      cells: [
        ...[`${i + 1}`, agent, score.toFixed(3), `${count}`, ...shares, duration(averageMs), ''],
      ],
    };
  });
  return [
    `${activeAgents} of ${summary.agents} agents have had requests, in ${pods} pods, the oldest of which is up for ${briefly(uptimeSeconds * 1000)}.`,
    '',
    ...columns([period('since start', summary), period('5 min', last5Minutes)], {
      ...{ head: PERIODS, width },
    }),
    ...(ranks.length === 0 ? [] : ['', ...columns(ranks, { head: RANKS, width })]),
  ];
}

const share = (part: number, whole: number): string =>
  `${whole === 0 ? 0 : ((100 * part) / whole).toFixed(1)}%`;

/** In tenths and rounded up, so that 0 means none. */
function failureRate(value: number): string {
  return `${Math.ceil(value * 10 - 1e-9) / 10}%`;
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

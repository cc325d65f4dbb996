import type { AgentDeployment, AgentDeploymentStatus } from '../../crds/generated/types.ts';
import { columns } from './columns.ts';

type Operation = NonNullable<AgentDeploymentStatus['performance']>[number];

/** Usage of all pods of an agent since their start. */
export interface Usage {
  namespace: string;
  agent: string;
  /** Requests to the agent. The status rounds them to two digits. */
  requests?: Omit<Operation, 'operation'>;
  /** Tokens of calls to models. Absent if a pod did not answer. */
  tokens?: Tokens;
}

export interface Tokens {
  input: number;
  output: number;
}

/** The agent's usage from its status, with the tokens from its pods' metrics. */
export function usageOf(
  { metadata, status }: AgentDeployment,
  metrics: readonly string[] | undefined,
): Usage {
  const found = status?.performance?.find(({ operation }) => operation === 'request');
  const { operation: _, ...requests } = found ?? { operation: undefined };
  return {
    namespace: metadata.namespace ?? '',
    agent: metadata.name,
    ...(found && { requests: requests as Omit<Operation, 'operation'> }),
    ...(metrics && { tokens: tokensIn(metrics) }),
  };
}

const TOKENS = /^gen_ai_client_inference_usage_(input|output)_tokens_total\{.*\} (\S+)/gm;
/** Name of the metric in pods of an earlier version. */
const OLD_TOKENS = /^gen_ai_client_tokens_total\{.*gen_ai_token_type="(input|output)".*\} (\S+)/gm;

/** The sum of tokens in the metrics of some pods. */
export function tokensIn(metrics: readonly string[]): Tokens {
  const tokens: Tokens = { input: 0, output: 0 };
  const found = metrics.flatMap((text) => [...text.matchAll(TOKENS), ...text.matchAll(OLD_TOKENS)]);
  for (const [, type, value] of found) tokens[type as keyof Tokens] += Number(value);
  return tokens;
}

const HEAD = [
  ...['NAMESPACE', 'AGENT', 'REQUESTS', 'OK', 'AVERAGE', 'P50', 'P95', 'P99'],
  ...['TOKENS IN', 'TOKENS OUT', ''],
];

/** Usages as lines of text, the busiest agent first. */
export function topTable(
  usages: readonly Usage[],
  { width, namespaces }: { width: number; namespaces: boolean },
): string[] {
  const rank = ({ requests }: Usage): number => requests?.count ?? 0;
  const lines = usages
    .toSorted((a, b) => rank(b) - rank(a))
    .map(({ namespace, agent, requests, tokens }) => ({
      cells: [
        namespaces ? namespace : '',
        agent,
        ...(requests === undefined ? ['0', '-', '-', '-', '-', '-'] : figures(requests)),
        ...[tokens?.input, tokens?.output].map((count) => (count === undefined ? '-' : `${count}`)),
        '',
      ],
    }));
  return columns(lines, { head: HEAD, width });
}

function figures(requests: Omit<Operation, 'operation'>): string[] {
  const { count, successPercent, averageMs, p50Ms, p95Ms, p99Ms } = requests;
  return [`${count}`, `${successPercent}%`, ...[averageMs, p50Ms, p95Ms, p99Ms].map(duration)];
}

function duration(ms: number): string {
  return ms < 1000 ? `${ms}ms` : `${(ms / 1000).toFixed(1)}s`;
}

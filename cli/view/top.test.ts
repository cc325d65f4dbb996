import { describe, expect, it } from '@jest/globals';
import { Durations } from '../../contract/durations.ts';
import type { Counters, OperationReport } from '../../contract/generated/types.ts';
import { agent } from './fixtures.ts';
import {
  podFigures,
  podLines,
  ranked,
  summaryLines,
  tokensIn,
  topLines,
  usageOf,
  type PodAnswer,
  type PodFigures,
} from './top.ts';

const METRICS = `# TYPE gen_ai_client_inference_usage_input_tokens_total counter
gen_ai_client_inference_usage_input_tokens_total{gen_ai_request_model="m",name="model/a"} 300
gen_ai_client_inference_usage_input_tokens_total{gen_ai_request_model="n",name="model/b"} 20
gen_ai_client_inference_usage_cache_read_input_tokens_total{gen_ai_request_model="m",name="model/a"} 9
gen_ai_client_inference_usage_output_tokens_total{gen_ai_request_model="m",name="model/a"} 41
gen_ai_client_inference_operation_input_tokens_sum{gen_ai_request_model="m",name="model/a"} 7
`;

function durationsOf(count: number): number[][] {
  const durations = new Durations();
  for (let i = 0; i < count; i += 1) durations.add(100);
  return durations.buckets();
}

function report(operation: OperationReport['operation'], count: number): OperationReport {
  const topErrors = [{ type: 'Timeout', count: 1 }];
  const figures = {
    failures: 1,
    clientErrors: 2,
    totalMs: count * 100,
    minMs: 90,
    maxMs: 1500,
    topErrors,
  };
  const recent = { seconds: 100, count: 5, ...figures, totalMs: 500 };
  return {
    ...{ operation, count, seconds: 1000, ...figures, durations: durationsOf(count) },
    recent: { ...recent, durations: durationsOf(5) },
    ...(operation === 'model' && { subjects: [{ name: 'primary', count, ...figures, recent }] }),
  };
}

const page = (performance: OperationReport[]): string => {
  const load = { inFlight: 2, queued: 1, capacity: 100, accepts: true };
  const counters: Counters = { type: 'Counters', limits: [], circuits: [], performance, load };
  return JSON.stringify({ time: '2026-11-25T10:00:00Z', ...counters });
};

const answer = (figures?: PodFigures, pod = 'triage-a'): PodAnswer => ({
  ...{ pod, ready: figures !== undefined },
  ...(figures && { figures }),
});

const BUSY = podFigures(page([report('request', 50), report('model', 60)]), METRICS);
const busy = answer(BUSY);

describe('top', () => {
  it('adds up the tokens of all models', () => {
    expect(tokensIn(METRICS)).toEqual({ input: 320, output: 41 });
  });

  it('adds up the figures of all pods, shows the busiest agent first, and marks unknown figures', () => {
    const { metadata, ...rest } = agent();
    const silent = { ...rest, metadata: { ...metadata, name: 'silent' } };
    const usages = [usageOf(silent, []), usageOf(agent(), [busy, busy])];
    expect(topLines(usages, { width: 160, namespaces: false, details: false })).toEqual([
      'AGENT   REQUESTS  OK   FAILED  4XX  AVERAGE  P50    P95    P99    TOKENS IN  TOKENS OUT  IN FLIGHT  QUEUED  CAPACITY',
      'triage  100       97%  2.1%    4    100ms    102ms  102ms  102ms  640        82          4          2       200',
      'silent  -         -    -       -    -        -      -      -      -          -           -          -       -',
    ]);
  });

  it('marks the tokens as unknown if a pod shows no metrics, and counts its requests', () => {
    const guarded = answer(podFigures(page([report('request', 50)]), undefined));
    const usage = usageOf(agent(), [busy, guarded]);
    expect(usage).not.toHaveProperty('tokens');
    expect(usage.operations[0]).toMatchObject({ operation: 'request', count: 100 });
  });

  it('shows operations, endpoints, the last five minutes and errors of one agent', () => {
    const lines = topLines([usageOf(agent(), [busy])], {
      ...{ width: 160, namespaces: false, details: true },
    });
    expect(lines.slice(3)).toEqual([
      'OPERATION  NAME     PERIOD       COUNT  1/S   OK   FAILED  4XX  AVERAGE  MIN   MAX   P50    P95    P99    ERRORS',
      'request             since start  50     0.05  97%  2.1%    2    100ms    90ms  1.5s  102ms  102ms  102ms  Timeout 1',
      'request             5 min        5      0.05  66%  33.4%   2    100ms    90ms  1.5s  102ms  102ms  102ms  Timeout 1',
      'model               since start  60     0.06  98%  1.8%    2    100ms    90ms  1.5s  102ms  102ms  102ms  Timeout 1',
      'model               5 min        5      0.05  66%  33.4%   2    100ms    90ms  1.5s  102ms  102ms  102ms  Timeout 1',
      'model      primary  since start  60           98%  1.8%    2    100ms    90ms  1.5s                       Timeout 1',
      'model      primary  5 min        5      0.05  66%  33.4%   2    100ms    90ms  1.5s                       Timeout 1',
    ]);
  });

  it('shows the load of each pod, also of one that does not answer', () => {
    const usages = [usageOf(agent(), [busy, answer(undefined, 'triage-b')])];
    expect(podLines(usages, { width: 160, namespaces: false, details: false })).toEqual([
      'AGENT   POD       READY  LOAD   PERCENT  QUEUED',
      'triage  triage-a  yes    2/100  2.0%     1',
      'triage  triage-b  no     -      -        -',
    ]);
  });

  it('shows all agents together, and ranks them', () => {
    const { metadata, ...rest } = agent();
    const idle = { ...rest, metadata: { ...metadata, name: 'idle' } };
    const usages = [usageOf(idle, []), usageOf(agent(), [busy])];
    expect(summaryLines(ranked(usages, 7500), 160)).toEqual([
      '1 of 2 agents have had requests, in 1 pods, the oldest of which is up for 125m.',
      '',
      'PERIOD       REQUESTS  SUCCESSES  FAILURES  4XX  OK   FAILED  REQUESTS/S',
      'since start  50        47         1         2    97%  2.1%    0.05',
      '5 min        5         2          1         2    66%  33.4%   0.05',
      '',
      'RANK  AGENT        SCORE  REQUESTS  OK   FAILED  AVERAGE',
      '1     shop/triage  0.890  50        97%  2.1%    100ms',
    ]);
  });

  it('refuses a page that is no report, such as one with control characters for a number', () => {
    const forged = page([{ ...report('request', 1), count: '\u001b[31m' as never }]);
    expect(() => podFigures(forged, '')).toThrow('/debug/figures has no figures: ');
  });
});

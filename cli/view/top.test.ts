import { describe, expect, it } from '@jest/globals';
import { Durations } from '../../contract/durations.ts';
import type { Counters, OperationReport } from '../../contract/generated/types.ts';
import { agent } from './fixtures.ts';
import { podFigures, tokensIn, topLines, usageOf } from './top.ts';

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
  const figures = { failures: 1, totalMs: count * 100, minMs: 90, maxMs: 1500, topErrors };
  const recent = { seconds: 100, count: 5, ...figures, totalMs: 500 };
  return {
    ...{ operation, count, ...figures, durations: durationsOf(count) },
    recent: { ...recent, durations: durationsOf(5) },
    ...(operation === 'model' && { subjects: [{ name: 'primary', count, ...figures, recent }] }),
  };
}

const page = (performance: OperationReport[]): string => {
  const load = { inFlight: 2, queued: 1, capacity: 100, accepts: true };
  const counters: Counters = { type: 'Counters', limits: [], circuits: [], performance, load };
  return JSON.stringify({ time: '2026-11-25T10:00:00Z', ...counters });
};

const busy = podFigures(page([report('request', 50), report('model', 60)]), METRICS);

describe('top', () => {
  it('adds up the tokens of all models', () => {
    expect(tokensIn(METRICS)).toEqual({ input: 320, output: 41 });
  });

  it('adds up the figures of all pods, shows the busiest agent first, and marks unknown figures', () => {
    const { metadata, ...rest } = agent();
    const silent = { ...rest, metadata: { ...metadata, name: 'silent' } };
    const usages = [usageOf(silent, []), usageOf(agent(), [busy, busy])];
    expect(topLines(usages, { width: 160, namespaces: false, details: false })).toEqual([
      'AGENT   REQUESTS  OK   AVERAGE  P50    P95    P99    TOKENS IN  TOKENS OUT  IN FLIGHT  QUEUED  CAPACITY',
      'triage  100       98%  100ms    102ms  102ms  102ms  640        82          4          2       200',
      'silent  -         -    -        -      -      -      -          -           -          -       -',
    ]);
  });

  it('marks the tokens as unknown if a pod shows no metrics, and counts its requests', () => {
    const guarded = podFigures(page([report('request', 50)]), undefined);
    const usage = usageOf(agent(), [busy, guarded]);
    expect(usage).not.toHaveProperty('tokens');
    expect(usage.operations[0]).toMatchObject({ operation: 'request', count: 100 });
  });

  it('shows operations, endpoints, the last five minutes and errors of one agent', () => {
    const lines = topLines([usageOf(agent(), [busy])], {
      ...{ width: 160, namespaces: false, details: true },
    });
    expect(lines.slice(3)).toEqual([
      'OPERATION  NAME     PERIOD       COUNT  1/S   OK   AVERAGE  MIN   MAX   P50    P95    P99    ERRORS',
      'request             since start  50           98%  100ms    90ms  1.5s  102ms  102ms  102ms  Timeout 1',
      'request             5 min        5      0.05  80%  100ms    90ms  1.5s  102ms  102ms  102ms  Timeout 1',
      'model               since start  60           98%  100ms    90ms  1.5s  102ms  102ms  102ms  Timeout 1',
      'model               5 min        5      0.05  80%  100ms    90ms  1.5s  102ms  102ms  102ms  Timeout 1',
      'model      primary  since start  60           98%  100ms    90ms  1.5s                       Timeout 1',
      'model      primary  5 min        5      0.05  80%  100ms    90ms  1.5s                       Timeout 1',
    ]);
  });

  it('refuses a page that is no report, such as one with control characters for a number', () => {
    const forged = page([{ ...report('request', 1), count: '\u001b[31m' as never }]);
    expect(() => podFigures(forged, '')).toThrow('/debug/figures has no figures: ');
  });
});

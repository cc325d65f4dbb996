import { describe, expect, it } from '@jest/globals';
import { agent } from './fixtures.ts';
import { tokensIn, topTable, usageOf } from './top.ts';

const METRICS = `# TYPE gen_ai_client_inference_usage_input_tokens_total counter
gen_ai_client_inference_usage_input_tokens_total{gen_ai_request_model="m",name="model/a"} 300
gen_ai_client_inference_usage_input_tokens_total{gen_ai_request_model="n",name="model/b"} 20
gen_ai_client_inference_usage_cache_read_input_tokens_total{gen_ai_request_model="m",name="model/a"} 9
gen_ai_client_inference_usage_output_tokens_total{gen_ai_request_model="m",name="model/a"} 41
gen_ai_client_inference_operation_input_tokens_sum{gen_ai_request_model="m",name="model/a"} 7
`;

/** Metrics of a pod of an earlier version. */
const OLD_METRICS = `# TYPE gen_ai_client_tokens_total counter
gen_ai_client_tokens_total{gen_ai_request_model="m",gen_ai_token_type="input"} 5
gen_ai_client_tokens_total{gen_ai_request_model="m",gen_ai_token_type="output"} 3
gen_ai_client_token_usage_sum{gen_ai_request_model="m",gen_ai_token_type="input"} 7
`;

function busy(count: number): ReturnType<typeof agent> {
  const { status, ...rest } = agent();
  const times = { averageMs: 120, p50Ms: 90, p95Ms: 1500, p99Ms: 2300 };
  const performance = [{ operation: 'request' as const, count, successPercent: 98, ...times }];
  return { ...rest, status: { ...status, performance } };
}

describe('top', () => {
  it('adds up the tokens of all pods and models', () => {
    expect(tokensIn([METRICS, METRICS])).toEqual({ input: 640, output: 82 });
    expect(tokensIn([METRICS, OLD_METRICS])).toEqual({ input: 325, output: 44 });
  });

  it('shows the busiest agent first, and marks unknown figures', () => {
    const { metadata, ...rest } = agent();
    const idle = { ...rest, metadata: { ...metadata, name: 'idle' } };
    const usages = [usageOf(idle, undefined), usageOf(busy(1200), [METRICS])];
    expect(topTable(usages, { width: 120, namespaces: false })).toEqual([
      'AGENT   REQUESTS  OK   AVERAGE  P50   P95   P99   TOKENS IN  TOKENS OUT',
      'triage  1200      98%  120ms    90ms  1.5s  2.3s  320        41',
      'idle    0         -    -        -     -     -     -          -',
    ]);
  });
});

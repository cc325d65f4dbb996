import { METRICS } from '../../runtime/observe/trace/names.ts';
import { AGENT, REJECTIONS, cost, quantile, quantiles, rate } from './panel.ts';
import type { Panel } from './panel.ts';

const WHO = 'namespace=~"$namespace", breakwater_dev_agent!=""';
const EACH = `namespace, ${AGENT}`;
const NAME = `{{namespace}}/{{${AGENT}}}`;
const failed = (by: string): string =>
  `${rate('agent_requests_failed_total', WHO, by)} / ${rate('agent_requests_total', WHO, by)}`;

/** Of all agents together, and which of them stand out. */
export const FLEET: Panel[] = [
  {
    title: 'Agents',
    description: 'Agents that are scraped, and their pods.',
    unit: 'none',
    type: 'stat',
    queries: [
      { expr: `count(count by (${EACH}) (config_revision_info{${WHO}}))`, legend: 'agents' },
      { expr: `count(config_revision_info{${WHO}})`, legend: 'pods' },
    ],
  },
  {
    title: 'In trouble',
    description: 'Agents with an open circuit, and with a gate that is shut.',
    unit: 'none',
    type: 'stat',
    queries: [
      {
        expr: `count(max by (${EACH}) (circuit_breaker_state{${WHO}, state="open"}) > 0) or vector(0)`,
        legend: 'open circuit',
      },
      {
        expr: `count(max by (${EACH}) (gate_state{${WHO}, state!="none"}) > 0) or vector(0)`,
        legend: 'shut gate',
      },
    ],
  },
  {
    title: 'Circuits',
    description: 'The worst state of any circuit of each agent.',
    unit: 'none',
    type: 'state-timeline',
    queries: [
      {
        expr: `max by (${EACH}) (circuit_breaker_state{${WHO}, state="half_open"} + ignoring (state) 2 * circuit_breaker_state{${WHO}, state="open"})`,
        legend: NAME,
      },
    ],
  },
  {
    title: 'Requests',
    description: 'Requests that have ended, well or not.',
    unit: 'reqps',
    queries: [{ expr: rate('agent_requests_total', WHO, 'namespace'), legend: '{{namespace}}' }],
  },
  {
    title: 'Share of requests that failed',
    description: 'By namespace.',
    unit: 'percentunit',
    queries: [{ expr: failed('namespace'), legend: '{{namespace}}' }],
  },
  {
    title: 'Agents that fail most',
    description: 'The ten with the largest share of requests answered with 5xx or broken off.',
    unit: 'percentunit',
    queries: [{ expr: `topk(10, ${failed(EACH)})`, legend: NAME }],
  },
  {
    title: 'Time to a whole answer',
    description: 'Of all requests, streams included.',
    unit: 's',
    queries: quantiles('agent_request_duration_seconds', WHO, '', ''),
  },
  {
    title: 'Slowest agents',
    description: 'The ten with the longest time to a whole answer, p95.',
    unit: 's',
    queries: [
      {
        expr: `topk(10, ${quantile(0.95, 'agent_request_duration_seconds', WHO, EACH)})`,
        legend: NAME,
      },
    ],
  },
  {
    title: 'Time to the first bytes of models',
    description: 'By model, p95.',
    unit: 's',
    queries: [
      {
        expr: quantile(0.95, METRICS.timeToFirstChunk, WHO, 'gen_ai_request_model'),
        legend: '{{gen_ai_request_model}}',
      },
    ],
  },
  {
    title: 'Attempts at models by outcome',
    description: 'By model and class of the failure; those without one went well.',
    unit: 'cps',
    queries: [
      {
        expr: rate(`${METRICS.duration}_count`, WHO, 'gen_ai_request_model, error_type'),
        legend: '{{gen_ai_request_model}} {{error_type}}',
      },
    ],
  },
  {
    title: 'Rejections by guard',
    description: 'Requests that agents themselves turned away, by reason.',
    unit: 'reqps',
    queries: [
      {
        expr: rate('agent_requests_total', `${WHO}, ${REJECTIONS}`, 'reason'),
        legend: '{{reason}}',
      },
    ],
  },
  {
    title: 'Agents on other endpoints',
    description: 'Calls that went to another endpoint than the one to be preferred.',
    unit: 'cps',
    queries: [{ expr: rate('fallbacks_total', WHO, EACH), legend: NAME }],
  },
  {
    title: 'Tokens',
    description: 'By namespace and direction; input includes what came from the cache.',
    unit: 'cps',
    queries: [
      { expr: rate(METRICS.inputTokens, WHO, 'namespace'), legend: '{{namespace}} input' },
      { expr: rate(METRICS.outputTokens, WHO, 'namespace'), legend: '{{namespace}} output' },
    ],
  },
  {
    title: 'Cost of an hour',
    description: 'What the tokens cost at the prices of a million that stand above, by namespace.',
    unit: 'currencyUSD',
    queries: [
      {
        expr: cost(METRICS.inputTokens, METRICS.outputTokens, WHO, 'namespace'),
        legend: '{{namespace}}',
      },
    ],
  },
  {
    title: 'Budgets of tokens that are used most',
    description:
      'Ten limits of tokens with least left in a pod. TokenBudgetNearlyUsed fires above 80 %.',
    unit: 'percentunit',
    queries: [
      {
        expr: `topk(10, max by (${EACH}, policy, limit) (1 - rate_limiter_tokens{${WHO}} / ignoring (resource) rate_limiter_capacity{${WHO}, resource=~".+Tokens"}))`,
        legend: `${NAME} {{policy}} {{limit}}`,
      },
    ],
  },
  {
    title: 'Tools',
    description: 'Calls by how they ended.',
    unit: 'cps',
    queries: [{ expr: rate('agent_tool_calls_total', WHO, 'outcome'), legend: '{{outcome}}' }],
  },
  {
    title: 'Hit rate of caches',
    description: 'Share of look-ups that found something: answers of models, and results of tools.',
    unit: 'percentunit',
    queries: [
      {
        expr: `${rate('cache_lookups_total', `${WHO}, result="hit"`, 'cache')} / ${rate('cache_lookups_total', WHO, 'cache')}`,
        legend: '{{cache}}',
      },
    ],
  },
  {
    title: 'Agents with more than one configuration',
    description:
      'Their pods do not all run the same one: for a moment after a change, or because some are not linked.',
    unit: 'none',
    queries: [
      {
        expr: `count(count by (${EACH}) (count by (${EACH}, hash) (config_revision_info{${WHO}})) > 1) or vector(0)`,
        legend: 'agents',
      },
    ],
  },
  {
    title: 'Resources of pods',
    description: 'Cores in use and resident memory, of all pods.',
    unit: 'none',
    queries: [
      { expr: rate('process_cpu_seconds_total', WHO, 'namespace'), legend: '{{namespace}} cores' },
      {
        expr: `sum by (namespace) (process_resident_memory_bytes{${WHO}})`,
        legend: '{{namespace}} memory',
      },
    ],
  },
  {
    title: 'Spans that are lost',
    description: 'Because a queue was full or a collector did not take them.',
    unit: 'cps',
    queries: [
      {
        expr: rate('trace_spans_total', `${WHO}, result!="exported"`, 'result'),
        legend: '{{result}}',
      },
    ],
  },
];

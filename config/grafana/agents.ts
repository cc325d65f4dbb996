import { METRICS } from '../../runtime/observe/trace/names.ts';
import { incidentPanels } from './incidents.ts';
import { AGENT, REJECTIONS, cost, quantile, quantiles, rate } from './panel.ts';
import type { Panel } from './panel.ts';

const WHO = 'namespace=~"$namespace", breakwater_dev_agent=~"$agent"';

/** Of the agents that are chosen, one by one. */
export const AGENTS: Panel[] = [
  {
    title: 'Circuits',
    description: 'The worst state of each circuit in any pod.',
    unit: 'none',
    type: 'state-timeline',
    queries: [
      {
        expr: `max by (${AGENT}, name) (circuit_breaker_state{${WHO}, state="half_open"} + ignoring (state) 2 * circuit_breaker_state{${WHO}, state="open"})`,
        legend: `{{${AGENT}}} {{name}}`,
      },
    ],
  },
  {
    title: 'Agents with an open circuit',
    description: 'Agents of which at least one pod has at least one circuit open.',
    unit: 'none',
    type: 'stat',
    queries: [
      {
        expr: `count(max by (namespace, ${AGENT}) (circuit_breaker_state{${WHO}, state="open"}) > 0) or vector(0)`,
        legend: 'agents',
      },
    ],
  },
  ...incidentPanels(WHO),
  {
    title: 'Requests',
    description: 'Requests that have ended, well or not.',
    unit: 'reqps',
    queries: [{ expr: rate('agent_requests_total', WHO, AGENT), legend: `{{${AGENT}}}` }],
  },
  {
    title: 'Share of requests that failed',
    description: 'Answered with 5xx or broken off. HighErrorRate fires above 5 %.',
    unit: 'percentunit',
    queries: [
      {
        expr: `${rate('agent_requests_failed_total', WHO, AGENT)} / ${rate('agent_requests_total', WHO, AGENT)}`,
        legend: `{{${AGENT}}}`,
      },
    ],
  },
  {
    title: 'Why requests failed',
    description: 'By reason, as in the header x-breakwater-reason.',
    unit: 'reqps',
    queries: [
      {
        expr: rate('agent_requests_failed_total', WHO, `${AGENT}, reason`),
        legend: `{{${AGENT}}} {{reason}}`,
      },
    ],
  },
  {
    title: 'Time to a whole answer',
    description: 'From a request to the end of its answer, streams included.',
    unit: 's',
    queries: quantiles('agent_request_duration_seconds', WHO, AGENT, `{{${AGENT}}}`),
  },
  {
    title: 'Time to the first bytes of the model',
    description: 'From a call to the model to the first bytes of its answer, p95.',
    unit: 's',
    queries: [
      {
        expr: quantile(0.95, METRICS.timeToFirstChunk, WHO, 'gen_ai_request_model, name'),
        legend: '{{gen_ai_request_model}} {{name}}',
      },
    ],
  },
  {
    title: 'Failures of dependencies',
    description: 'Failures that count for circuits, by class.',
    unit: 'cps',
    queries: [
      {
        expr: rate('circuit_breaker_failures_total', WHO, `${AGENT}, name, class`),
        legend: `{{${AGENT}}} {{name}} {{class}}`,
      },
    ],
  },
  {
    title: 'Gates that are shut',
    description:
      'Pods in which a provider limits the rate, the budget is spent or the key is refused.',
    unit: 'none',
    queries: [
      {
        expr: `sum by (${AGENT}, name, state) (gate_state{${WHO}, state!="none"})`,
        legend: `{{${AGENT}}} {{name}} {{state}}`,
      },
    ],
  },
  {
    title: 'Rejections by guard',
    description:
      'Requests that the agent itself turned away, by reason, and calls that found no place.',
    unit: 'reqps',
    queries: [
      {
        expr: rate('agent_requests_total', `${WHO}, ${REJECTIONS}`, `${AGENT}, reason`),
        legend: `{{${AGENT}}} {{reason}}`,
      },
      {
        expr: rate('bulkhead_rejected_total', WHO, `${AGENT}, name`),
        legend: `{{${AGENT}}} {{name}} full`,
      },
    ],
  },
  {
    title: 'Rejected by rate limits',
    description: 'HighRateLimitRejections fires above 10 a second.',
    unit: 'reqps',
    queries: [
      {
        expr: rate('rate_limiter_rejected_total', WHO, `${AGENT}, policy, limit`),
        legend: `{{${AGENT}}} {{policy}} {{limit}}`,
      },
    ],
  },
  {
    title: 'Level of buckets',
    description: 'What is left of each limit, in the pod that has least.',
    unit: 'none',
    queries: [
      {
        expr: `min by (${AGENT}, policy, limit) (rate_limiter_tokens{${WHO}})`,
        legend: `{{${AGENT}}} {{policy}} {{limit}}`,
      },
    ],
  },
  {
    title: 'At a time',
    description: 'Requests and calls under way, and those that wait for a place.',
    unit: 'none',
    queries: [
      {
        expr: `sum by (${AGENT}, name) (bulkhead_active_requests{${WHO}})`,
        legend: `{{${AGENT}}} {{name}}`,
      },
      {
        expr: `sum by (${AGENT}, name) (bulkhead_queue_size{${WHO}})`,
        legend: `{{${AGENT}}} {{name}} wait`,
      },
    ],
  },
  {
    title: 'Retries',
    description:
      'Attempts beyond the first, by what went wrong before, and how much of the budget is used.',
    unit: 'cps',
    queries: [
      { expr: rate('retries_total', WHO, `${AGENT}, reason`), legend: `{{${AGENT}}} {{reason}}` },
      {
        expr: `max by (${AGENT}, name) (retry_budget_ratio{${WHO}})`,
        legend: `{{${AGENT}}} {{name}} budget used`,
      },
    ],
  },
  {
    title: 'Tokens',
    description: 'Tokens of calls to models; input includes what came from the cache.',
    unit: 'cps',
    queries: [
      {
        expr: rate(METRICS.inputTokens, WHO, 'gen_ai_request_model, name'),
        legend: '{{gen_ai_request_model}} {{name}} input',
      },
      {
        expr: rate(METRICS.outputTokens, WHO, 'gen_ai_request_model, name'),
        legend: '{{gen_ai_request_model}} {{name}} output',
      },
    ],
  },
  {
    title: 'Cost of an hour',
    description: 'What the tokens cost at the prices of a million that stand above.',
    unit: 'currencyUSD',
    queries: [
      {
        expr: cost(METRICS.inputTokens, METRICS.outputTokens, WHO, 'gen_ai_request_model'),
        legend: '{{gen_ai_request_model}}',
      },
    ],
  },
  {
    title: 'Budgets of tokens that are used',
    description: 'Of the pod that has least left. TokenBudgetNearlyUsed fires above 80 %.',
    unit: 'percentunit',
    queries: [
      {
        expr: `max by (${AGENT}, policy, limit) (1 - rate_limiter_tokens{${WHO}} / ignoring (resource) rate_limiter_capacity{${WHO}, resource=~".+Tokens"})`,
        legend: `{{${AGENT}}} {{policy}} {{limit}}`,
      },
    ],
  },
  {
    title: 'Moves to other endpoints',
    description:
      'Calls that went to another endpoint than the one to be preferred. FallbackInUse fires after 15 minutes.',
    unit: 'cps',
    queries: [
      {
        expr: rate('fallbacks_total', WHO, `${AGENT}, from, to`),
        legend: `{{${AGENT}}} {{from}} → {{to}}`,
      },
    ],
  },
  {
    title: 'Attempts at models by outcome',
    description: 'By endpoint and class of the failure; those without one went well.',
    unit: 'cps',
    queries: [
      {
        expr: rate(`${METRICS.duration}_count`, WHO, 'name, error_type'),
        legend: '{{name}} {{error_type}}',
      },
    ],
  },
  {
    title: 'Time of attempts at models',
    description: 'From an attempt to the end of its answer, p95.',
    unit: 's',
    queries: [
      {
        expr: quantile(0.95, METRICS.duration, WHO, 'gen_ai_request_model, name'),
        legend: '{{gen_ai_request_model}} {{name}}',
      },
    ],
  },
  {
    title: 'Tools',
    description: 'Calls by how they ended; refused ones were not made, cached ones neither.',
    unit: 'cps',
    queries: [
      {
        expr: rate('agent_tool_calls_total', WHO, 'tool, outcome'),
        legend: '{{tool}} {{outcome}}',
      },
    ],
  },
  {
    title: 'Time of tools',
    description: 'Time of calls, their wait for a place included, p95.',
    unit: 's',
    queries: [
      { expr: quantile(0.95, 'agent_tool_latency_seconds', WHO, 'tool'), legend: '{{tool}}' },
    ],
  },
  {
    title: 'Hit rate of caches',
    description: 'Share of look-ups that found something: answers of models, and results of tools.',
    unit: 'percentunit',
    queries: [
      {
        expr: `${rate('cache_lookups_total', `${WHO}, result="hit"`, `${AGENT}, cache`)} / ${rate('cache_lookups_total', WHO, `${AGENT}, cache`)}`,
        legend: `{{${AGENT}}} {{cache}}`,
      },
    ],
  },
  {
    title: 'What pods keep',
    description: 'Conversations in memory, and the size of these and of caches.',
    unit: 'none',
    queries: [
      {
        expr: `sum by (${AGENT}) (conversations{${WHO}})`,
        legend: `{{${AGENT}}} conversations`,
      },
      {
        expr: `sum by (${AGENT}) (conversation_bytes{${WHO}})`,
        legend: `{{${AGENT}}} conversations memory`,
      },
      {
        expr: `sum by (${AGENT}, cache) (cache_bytes{${WHO}})`,
        legend: `{{${AGENT}}} {{cache}} memory`,
      },
    ],
  },
  {
    title: 'Connections to endpoints',
    description: 'Kept connections, and requests that wait for one.',
    unit: 'none',
    queries: [
      {
        expr: `sum by (origin, state) (connection_pool_connections{${WHO}})`,
        legend: '{{origin}} {{state}}',
      },
      {
        expr: `sum by (origin) (connection_pool_requests{${WHO}, state="queued"})`,
        legend: '{{origin}} queued',
      },
    ],
  },
  {
    title: 'Health checks that fail',
    description: 'Pods in which a check of spec.healthChecks fails.',
    unit: 'none',
    queries: [
      {
        expr: `sum by (${AGENT}, name) (1 - health_check_passing{${WHO}})`,
        legend: `{{${AGENT}}} {{name}}`,
      },
    ],
  },
  {
    title: 'Pods: event loop and memory',
    description: 'How late the event loop is, p99, and resident memory, of the worst pod.',
    unit: 's',
    queries: [
      {
        expr: `max by (${AGENT}) (nodejs_eventloop_lag_p99_seconds{${WHO}})`,
        legend: `{{${AGENT}}} lag`,
      },
      {
        expr: `max by (${AGENT}) (process_resident_memory_bytes{${WHO}})`,
        legend: `{{${AGENT}}} memory`,
      },
    ],
  },
  {
    title: 'Pods: processor time',
    description: 'Cores in use, of all pods together.',
    unit: 'none',
    queries: [
      {
        expr: rate('process_cpu_seconds_total', WHO, AGENT),
        legend: `{{${AGENT}}}`,
      },
    ],
  },
  {
    title: 'Input from prompt caches',
    description: 'Share of the input tokens that providers read from their prompt caches.',
    unit: 'percentunit',
    queries: [
      {
        expr: `${rate(METRICS.cacheReadTokens, WHO, 'gen_ai_request_model')} / ${rate(METRICS.inputTokens, WHO, 'gen_ai_request_model')}`,
        legend: '{{gen_ai_request_model}}',
      },
    ],
  },
  {
    title: 'Requests of sessions',
    description:
      'By whether the endpoint served them that their prompt cache is expected at (hit) or another one (moved).',
    unit: 'reqps',
    queries: [
      {
        expr: rate('affinity_requests_total', WHO, `${AGENT}, result`),
        legend: `{{${AGENT}}} {{result}}`,
      },
    ],
  },
  {
    title: 'Spans of traces',
    description: 'By what became of them. SpansLost fires when some are lost.',
    unit: 'cps',
    queries: [
      {
        expr: rate('trace_spans_total', WHO, `${AGENT}, result`),
        legend: `{{${AGENT}}} {{result}}`,
      },
    ],
  },
];

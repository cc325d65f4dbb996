/** The Grafana dashboard, as code: what is the same in every panel stands here once. */

import { METRICS } from '../../runtime/observe/trace/names.ts';

interface Query {
  expr: string;
  legend: string;
}

interface Panel {
  title: string;
  description: string;
  /** Grafana's name of the unit, such as s, reqps or percentunit. */
  unit: string;
  queries: Query[];
  type?: 'timeseries' | 'stat' | 'state-timeline';
}

const WHO = 'namespace=~"$namespace", breakwater_dev_agent=~"$agent"';
const OPERATOR = 'pod=~"$operator"';
const AGENT = 'breakwater_dev_agent';
const RATE = '$__rate_interval';

const rate = (series: string, labels: string, by: string): string =>
  `sum by (${by}) (rate(${series}{${labels}}[${RATE}]))`;

const quantile = (share: number, series: string, labels: string, by = ''): string =>
  `histogram_quantile(${share}, ${rate(`${series}_bucket`, labels, by === '' ? 'le' : `${by}, le`)})`;

const AGENTS: Panel[] = [
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
    queries: [
      {
        expr: quantile(0.5, 'agent_request_duration_seconds', WHO, AGENT),
        legend: `{{${AGENT}}} p50`,
      },
      {
        expr: quantile(0.99, 'agent_request_duration_seconds', WHO, AGENT),
        legend: `{{${AGENT}}} p99`,
      },
    ],
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
        expr: rate('agent_tool_calls_total', WHO, 'tool, status'),
        legend: '{{tool}} {{status}}',
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
];

const SECURITY: Panel[] = [
  {
    title: 'Open incidents',
    description:
      'Security incidents that are open, by threat level. SecurityIncident fires at High and Critical.',
    unit: 'none',
    queries: [
      {
        expr: `sum by (${AGENT}, level) (security_incidents_open{${WHO}})`,
        legend: `{{${AGENT}}} {{level}}`,
      },
    ],
  },
  {
    title: 'New incidents',
    description:
      'Security incidents in an hour, by type; one whose level rises counts at each level.',
    unit: 'none',
    queries: [
      {
        expr: `sum by (${AGENT}, type) (increase(security_incidents_total{${WHO}}[1h]))`,
        legend: `{{${AGENT}}} {{type}}`,
      },
    ],
  },
];

const OF_OPERATOR: Panel[] = [
  {
    title: 'Links to pods',
    description: 'By state. All should be connected.',
    unit: 'none',
    queries: [{ expr: `sum by (state) (breakwater_links{${OPERATOR}})`, legend: '{{state}}' }],
  },
  {
    title: 'Delay of changes, p99',
    description:
      'From sending a configuration to pods that enforce it; from a change to the status that shows it.',
    unit: 's',
    queries: [
      {
        expr: quantile(0.99, 'breakwater_policy_propagation_seconds', OPERATOR),
        legend: 'policy in force',
      },
      { expr: quantile(0.99, 'breakwater_status_lag_seconds', OPERATOR), legend: 'status written' },
    ],
  },
  {
    title: 'Reconciles',
    description: 'By controller and result.',
    unit: 'cps',
    queries: [
      {
        expr: rate('controller_runtime_reconcile_total', OPERATOR, 'controller, result'),
        legend: '{{controller}} {{result}}',
      },
    ],
  },
  {
    title: 'Wait in the queue, p99',
    description: 'How long a change waits before work on it starts.',
    unit: 's',
    queries: [
      {
        expr: quantile(0.99, 'workqueue_queue_duration_seconds', OPERATOR, 'name'),
        legend: '{{name}}',
      },
    ],
  },
  {
    title: 'Requests to the API server',
    description: 'By method and status code.',
    unit: 'reqps',
    queries: [
      {
        expr: rate('rest_client_requests_total', OPERATOR, 'method, code'),
        legend: '{{method}} {{code}}',
      },
    ],
  },
  {
    title: 'Age of watches',
    description:
      'Since when the API server was not heard, bookmarks included; they come once a minute.',
    unit: 's',
    queries: [
      {
        expr: `max by (kind) (breakwater_informer_last_event_seconds{${OPERATOR}})`,
        legend: '{{kind}}',
      },
    ],
  },
  {
    title: 'Leader',
    description: '1 for the pod that leads.',
    unit: 'none',
    queries: [
      { expr: `max by (pod) (leader_election_master_status{${OPERATOR}})`, legend: '{{pod}}' },
    ],
  },
  {
    title: 'Event loop and memory',
    description: 'How late the event loop is, p99, and resident memory.',
    unit: 's',
    queries: [
      {
        expr: `max by (pod) (nodejs_eventloop_lag_p99_seconds{${OPERATOR}})`,
        legend: '{{pod}} lag',
      },
      {
        expr: `max by (pod) (process_resident_memory_bytes{${OPERATOR}})`,
        legend: '{{pod}} memory',
      },
    ],
  },
];

const DATASOURCE = { type: 'prometheus', uid: '${datasource}' };
const HEIGHT = 8;
const WIDTH = 12;

/** The expressions of the panels about agents. */
export function agentExpressions(): string[] {
  return [...AGENTS, ...SECURITY].flatMap(({ queries }) => queries.map(({ expr }) => expr));
}

/** The expressions of all panels, and those by which the dashboard's variables are filled. */
export function expressions(): string[] {
  return [...AGENTS, ...SECURITY, ...OF_OPERATOR].flatMap(({ queries }) =>
    queries.map(({ expr }) => expr),
  );
}

/** The dashboard as Grafana imports it. */
export function dashboard(): object {
  const rows = [
    { title: 'Agents', panels: AGENTS },
    { title: 'Security', panels: SECURITY },
    { title: 'Operator', panels: OF_OPERATOR },
  ];
  let y = 0;
  let id = 0;
  const panels = rows.flatMap(({ title, panels: members }) => {
    const head = {
      id: ++id,
      type: 'row',
      title,
      collapsed: false,
      panels: [],
      gridPos: { x: 0, y, w: 24, h: 1 },
    };
    y += 1;
    const body = members.map((panel, index) => {
      const gridPos = {
        x: (index % 2) * WIDTH,
        y: y + Math.floor(index / 2) * HEIGHT,
        w: WIDTH,
        h: HEIGHT,
      };
      return { id: ++id, gridPos, ...panelOf(panel) };
    });
    y += Math.ceil(members.length / 2) * HEIGHT;
    return [head, ...body];
  });
  return {
    uid: 'breakwater',
    title: 'Breakwater',
    description: 'LLM agents, their circuits and limits, and the operator that runs them.',
    tags: ['breakwater'],
    editable: true,
    schemaVersion: 39,
    version: 1,
    refresh: '30s',
    time: { from: 'now-1h', to: 'now' },
    templating: { list: variables() },
    panels,
  };
}

function panelOf({ title, description, unit, queries, type = 'timeseries' }: Panel): object {
  return {
    type,
    title,
    description,
    datasource: DATASOURCE,
    fieldConfig: {
      defaults: {
        unit,
        ...(type === 'state-timeline' ? { mappings: [STATES], color: { mode: 'fixed' } } : {}),
      },
      overrides: queries.some(({ legend }) => legend.endsWith(' memory')) ? [MEMORY] : [],
    },
    options: {},
    targets: queries.map(({ expr, legend }, index) => ({
      refId: String.fromCharCode(65 + index),
      datasource: DATASOURCE,
      expr,
      legendFormat: legend,
    })),
  };
}

const STATES = {
  type: 'value',
  options: {
    0: { text: 'closed', color: 'green', index: 0 },
    1: { text: 'half open', color: 'yellow', index: 1 },
    2: { text: 'open', color: 'red', index: 2 },
  },
};

const MEMORY = {
  matcher: { id: 'byRegexp', options: '/ memory$/' },
  properties: [
    { id: 'unit', value: 'bytes' },
    { id: 'custom.axisPlacement', value: 'right' },
  ],
};

function variables(): object[] {
  const many = { includeAll: true, multi: true, refresh: 2, sort: 1, type: 'query' };
  const query = (name: string, label: string, definition: string): object => ({
    ...many,
    name,
    label,
    definition,
    query: { query: definition, refId: name },
    datasource: DATASOURCE,
    current: { text: ['All'], value: ['$__all'] },
    allValue: '.+',
  });
  return [
    { name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus' },
    query('namespace', 'Namespace', 'label_values(circuit_breaker_state, namespace)'),
    query(
      'agent',
      'Agent',
      `label_values(circuit_breaker_state{namespace=~"$namespace"}, ${AGENT})`,
    ),
    query('operator', 'Operator', 'label_values(leader_election_master_status, pod)'),
  ];
}

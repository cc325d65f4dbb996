import { quantile, quantiles, rate } from './panel.ts';
import type { Panel } from './panel.ts';

const WHO = 'pod=~"$operator"';

/** Of the operator. */
export const OPERATOR: Panel[] = [
  {
    title: 'Links to pods',
    description: 'By state. All should be connected.',
    unit: 'none',
    queries: [{ expr: `sum by (state) (breakwater_links{${WHO}})`, legend: '{{state}}' }],
  },
  {
    title: 'Delay of changes, p99',
    description:
      'From sending a configuration to pods that enforce it; from a change to the status that shows it.',
    unit: 's',
    queries: [
      {
        expr: quantile(0.99, 'breakwater_policy_propagation_seconds', WHO),
        legend: 'policy in force',
      },
      { expr: quantile(0.99, 'breakwater_status_lag_seconds', WHO), legend: 'status written' },
    ],
  },
  {
    title: 'Reconciles',
    description: 'By controller and result.',
    unit: 'cps',
    queries: [
      {
        expr: rate('controller_runtime_reconcile_total', WHO, 'controller, result'),
        legend: '{{controller}} {{result}}',
      },
    ],
  },
  {
    title: 'Time of reconciles',
    description: 'By controller, requests to the API server included.',
    unit: 's',
    queries: quantiles(
      'controller_runtime_reconcile_time_seconds',
      WHO,
      'controller',
      '{{controller}}',
    ),
  },
  {
    title: 'Reconciles that fail',
    description: 'BreakwaterReconcileErrors fires above 0.1 a second.',
    unit: 'cps',
    queries: [
      {
        expr: rate('controller_runtime_reconcile_errors_total', WHO, 'controller'),
        legend: '{{controller}}',
      },
    ],
  },
  {
    title: 'Keys in the queue',
    description: 'Changes that wait for a worker.',
    unit: 'none',
    queries: [{ expr: `sum by (name) (workqueue_depth{${WHO}})`, legend: '{{name}}' }],
  },
  {
    title: 'Wait in the queue, p99',
    description: 'How long a change waits before work on it starts.',
    unit: 's',
    queries: [
      {
        expr: quantile(0.99, 'workqueue_queue_duration_seconds', WHO, 'name'),
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
        expr: rate('rest_client_requests_total', WHO, 'method, code'),
        legend: '{{method}} {{code}}',
      },
    ],
  },
  {
    title: 'Time of requests to the API server',
    description: 'From sending a request to its whole answer, by method, watches aside.',
    unit: 's',
    queries: quantiles('rest_client_request_duration_seconds', WHO, 'verb', '{{verb}}'),
  },
  {
    title: 'Age of watches',
    description:
      'Since when the API server was not heard, bookmarks included; they come once a minute.',
    unit: 's',
    queries: [
      {
        expr: `max by (kind) (breakwater_informer_last_event_seconds{${WHO}})`,
        legend: '{{kind}}',
      },
    ],
  },
  {
    title: 'Leader',
    description: '1 for the pod that leads.',
    unit: 'none',
    queries: [{ expr: `max by (pod) (leader_election_master_status{${WHO}})`, legend: '{{pod}}' }],
  },
  {
    title: 'Event loop and memory',
    description: 'How late the event loop is, p99, and resident memory.',
    unit: 's',
    queries: [
      {
        expr: `max by (pod) (nodejs_eventloop_lag_p99_seconds{${WHO}})`,
        legend: '{{pod}} lag',
      },
      {
        expr: `max by (pod) (process_resident_memory_bytes{${WHO}})`,
        legend: '{{pod}} memory',
      },
    ],
  },
  {
    title: 'Processor time',
    description: 'Cores in use.',
    unit: 'none',
    queries: [{ expr: rate('process_cpu_seconds_total', WHO, 'pod'), legend: '{{pod}}' }],
  },
  {
    title: 'Spans of traces',
    description: 'By what became of them; none while the operator is not traced.',
    unit: 'cps',
    queries: [{ expr: rate('trace_spans_total', WHO, 'result'), legend: '{{result}}' }],
  },
];

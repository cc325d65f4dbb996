import type { AgentDeployment } from '../../../crds/generated/types.ts';

/** An alerting rule as Prometheus reads it. */
export interface Alert {
  alert: string;
  expr: string;
  for: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
}

/** Labels of an agent's series: its namespace, and AGENT_LABEL of its Service. */
const AGENT = 'namespace, breakwater_dev_agent';
const WHO = '{{ $labels.breakwater_dev_agent }} in {{ $labels.namespace }}';

/**
 * The alerts of one agent. Each bound is the one in docs/runbooks, where the page of each alert is.
 * @param runbooks address of those pages; absent: the pages are named without an address
 */
export function buildAlerts({ metadata }: AgentDeployment, runbooks?: string): Alert[] {
  const own = `namespace="${metadata.namespace}", breakwater_dev_agent="${metadata.name}"`;
  const page = (alert: string): Record<string, string> =>
    runbooks === undefined
      ? { runbook: `docs/runbooks/${alert}.md` }
      : { runbook_url: `${runbooks.replace(/\/+$/, '')}/${alert}.md` };
  return [...serving(own, page), ...using(own, page)];
}

type Page = (alert: string) => Record<string, string>;

/** Requests that the agent does not serve. */
function serving(own: string, page: Page): Alert[] {
  return [
    {
      alert: 'HighErrorRate',
      expr:
        `sum by (${AGENT}) (rate(agent_requests_failed_total{${own}}[5m]))` +
        ` / sum by (${AGENT}) (rate(agent_requests_total{${own}}[5m])) > 0.05`,
      for: '5m',
      labels: { severity: 'warning' },
      annotations: {
        summary: `Agent ${WHO} fails more than 5 % of its requests`,
        description:
          `{{ $value | humanizePercentage }} of the requests to agent ${WHO} were answered with 5xx or broken off, ` +
          'over 5 minutes. agent_requests_failed_total has the reasons.',
        ...page('HighErrorRate'),
      },
    },
    {
      alert: 'CircuitBreakerOpen',
      expr: `count by (${AGENT}, name) (circuit_breaker_state{${own}, state="open"} == 1) > 0`,
      for: '1m',
      labels: { severity: 'critical' },
      annotations: {
        summary: `Circuit {{ $labels.name }} of agent ${WHO} is open`,
        description:
          `{{ $value }} pods of agent ${WHO} have not called {{ $labels.name }} for more than a minute, ` +
          'because it fails. kubectl describe circuitbreakerpolicies shows the last failure.',
        ...page('CircuitBreakerOpen'),
      },
    },
    {
      alert: 'CircuitBreakerNotClosing',
      // Probes that fail at each scrape keep CircuitBreakerOpen from firing. Half-open without a request ends it.
      expr:
        `count by (${AGENT}, name) (max_over_time(circuit_breaker_state{${own}, state="open"}[3m]) == 1` +
        ` and ignoring (state) circuit_breaker_state{${own}, state="closed"} == 0) > 0`,
      for: '5m',
      labels: { severity: 'critical' },
      annotations: {
        summary: `Circuit {{ $labels.name }} of agent ${WHO} does not close`,
        description:
          `{{ $value }} pods of agent ${WHO} have only probed {{ $labels.name }} for more than 5 minutes, and the probes fail. ` +
          'kubectl describe circuitbreakerpolicies shows the last failure.',
        ...page('CircuitBreakerNotClosing'),
      },
    },
    {
      alert: 'HighRateLimitRejections',
      expr: `sum by (${AGENT}, policy, limit) (rate(rate_limiter_rejected_total{${own}}[5m])) > 10`,
      for: '5m',
      labels: { severity: 'warning' },
      annotations: {
        summary: `Rate limit {{ $labels.policy }} of agent ${WHO} rejects more than 10 requests/s`,
        description:
          `Limit {{ $labels.limit }} of RateLimitPolicy {{ $labels.policy }} rejects {{ $value | humanize }} requests/s ` +
          `to agent ${WHO}, for more than 5 minutes.`,
        ...page('HighRateLimitRejections'),
      },
    },
    {
      alert: 'AuthPending',
      expr: `count by (${AGENT}) (configuration_waiting{${own}, part="auth"} == 1) > 0`,
      for: '5m',
      labels: { severity: 'critical' },
      annotations: {
        summary: `Pods of agent ${WHO} still serve under its former authentication`,
        description:
          `{{ $value }} pods of agent ${WHO} have served under the former spec.auth for more than 5 minutes, ` +
          'because the rollout does not replace them. kubectl breakwater why says what holds it.',
        ...page('AuthPending'),
      },
    },
    {
      alert: 'SecurityIncident',
      // No `for`: an incident may end before it.
      expr: `sum by (${AGENT}, level) (max_over_time(security_incidents_open{${own}, level=~"High|Critical"}[5m])) > 0`,
      for: '0s',
      labels: { severity: 'critical' },
      annotations: {
        summary: `Agent ${WHO} may be under attack: incidents of level {{ $labels.level }} are open`,
        description:
          `{{ $value }} security incidents of level {{ $labels.level }} are or were open in pods of agent ${WHO} within 5 minutes. ` +
          'kubectl describe agentdeployments shows them under status.security.',
        ...page('SecurityIncident'),
      },
    },
  ];
}

/** Alerts on parts that still work, but cost more than they should or end soon. */
function using(own: string, page: Page): Alert[] {
  return [
    {
      alert: 'TokenBudgetNearlyUsed',
      // The pod with the least left: each has its own bucket.
      expr:
        `max by (${AGENT}, policy, limit) (1 - rate_limiter_tokens{${own}}` +
        ` / ignoring (resource) rate_limiter_capacity{${own}, resource=~".+Tokens"}) > 0.8`,
      for: '5m',
      labels: { severity: 'warning' },
      annotations: {
        summary: `Agent ${WHO} has used more than 80 % of a token budget`,
        description:
          `{{ $value | humanizePercentage }} of limit {{ $labels.limit }} of RateLimitPolicy {{ $labels.policy }} is used ` +
          `in a pod of agent ${WHO}. When all of it is, requests are rejected with 429.`,
        ...page('TokenBudgetNearlyUsed'),
      },
    },
    {
      alert: 'FallbackInUse',
      expr: `sum by (${AGENT}, from, to) (rate(fallbacks_total{${own}}[5m])) > 0`,
      for: '15m',
      labels: { severity: 'warning' },
      annotations: {
        summary: `Agent ${WHO} is served by {{ $labels.to }} instead of {{ $labels.from }}`,
        description:
          `{{ $value | humanize }} calls/s of agent ${WHO} go to {{ $labels.to }}, because {{ $labels.from }} fails or takes none, ` +
          'for more than 15 minutes. Clients are served; capacity, cost and answers may be others.',
        ...page('FallbackInUse'),
      },
    },
    {
      alert: 'RateLimitStoreDown',
      expr: `count by (${AGENT}) (rate_limiter_store_up{${own}} == 0) > 0`,
      for: '2m',
      labels: { severity: 'warning' },
      annotations: {
        summary: `Redis does not serve the rate limits of agent ${WHO}`,
        description:
          `{{ $value }} pods of agent ${WHO} have had no Redis for limits by key for more than 2 minutes. ` +
          'fleet.withoutLeader of each RateLimitPolicy decides meanwhile. The log of the pods has the reason.',
        ...page('RateLimitStoreDown'),
      },
    },
    {
      alert: 'AuditUndelivered',
      expr: `count by (${AGENT}, sink) (audit_sink_up{${own}} == 0) > 0`,
      for: '5m',
      labels: { severity: 'warning' },
      annotations: {
        summary: `Audit events of agent ${WHO} do not reach {{ $labels.sink }}`,
        description:
          `Audit events of {{ $value }} pods of agent ${WHO} have waited for {{ $labels.sink }} for more than 5 minutes. ` +
          'They are lost when the queue of their pod is full. With audit.required, pods refuse requests instead.',
        ...page('AuditUndelivered'),
      },
    },
    {
      alert: 'SpansLost',
      expr: `sum by (${AGENT}, result) (rate(trace_spans_total{${own}, result!="exported"}[5m])) > 0`,
      for: '5m',
      labels: { severity: 'warning' },
      annotations: {
        summary: `Traces of agent ${WHO} have gaps`,
        description:
          `{{ $value | humanize }} spans/s of agent ${WHO} are lost ({{ $labels.result }}): ` +
          'the collector does not take them, or not fast enough. Requests are not affected.',
        ...page('SpansLost'),
      },
    },
  ];
}

import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { AgentDeployment } from '../../crds/generated/types.ts';
import { expressions } from '../../config/grafana/dashboard.ts';
import type { DebugAgent, describeAgents } from '../../operator/debug.ts';
import { buildAlerts } from '../../operator/desired/objects/alerts.ts';
import type { Pod } from '../kit/agents.ts';
import { isReady } from '../kit/agents.ts';
import { parseMetrics, seriesIn, type Sample } from '../kit/metrics.ts';
import { OPERATOR, OPERATOR_NAMESPACE } from '../kit/platform.ts';
import { portForward } from '../kit/portForward.ts';
import { operatorRules } from '../kit/promtool.ts';
import type { RemoteTraffic } from '../kit/simulator.ts';
import { waitFor } from '../kit/wait.ts';
import type { SandboxModel } from './sandbox.ts';
import { Sandbox } from './sandbox.ts';

jest.setTimeout(240_000);

interface Lease {
  apiVersion: string;
  kind: string;
  metadata: { name: string };
  spec: { holderIdentity: string };
}

/** Series that this agent does not have. test/integration/queries.test.ts runs their queries in Prometheus. */
const BESIDES =
  /affinity_|agent_tool_|health_check_|configuration_waiting|connection_pool_|fallbacks_|rate_limiter_store_|trace_spans_|resource=~/;

const OPERATOR_LABEL = 'app.kubernetes.io/name=breakwater-operator';

/** Sum of a metric over the samples that have the labels. */
function sumOf(samples: readonly Sample[], name: string, labels: Record<string, string>): number {
  return samples
    .filter((sample) => sample.name === name)
    .filter((sample) => Object.entries(labels).every(([key, text]) => sample.labels[key] === text))
    .reduce((total, { value }) => total + value, 0);
}

describe('the metrics in Prometheus', () => {
  let sandbox: Sandbox;
  let model: SandboxModel;
  let traffic: RemoteTraffic;
  let agents: Sample[];
  let operator: Sample[];

  beforeAll(async () => {
    sandbox = await Sandbox.open('metrics');
    [model, traffic] = await Promise.all([sandbox.model(), sandbox.traffic()]);
    await sandbox.apply(
      sandbox.agent({
        ...{ name: 'gauge', replicas: 2, baseURL: model.baseURL, model: 'some-model' },
        spec: { audit: {} },
      }),
      sandbox.breaker('gauge', 'gauge', { trip: { consecutiveFailures: 3 }, openDuration: '10m' }),
      sandbox.limit('gauge', 'gauge', { capacity: 300, amount: 1, per: '1h' }),
    );
    await sandbox.served('gauge', traffic);
    // Causes successes, failures with retries until the circuits open, then rejections.
    await traffic.burst({ url: sandbox.url('gauge'), count: 20, concurrency: 4, stream: true });
    await model.control.setFault({ status: 503 });
    await waitFor(
      'both circuits open once the model serves nothing',
      async () => {
        await traffic.burst({ url: sandbox.url('gauge'), count: 10, concurrency: 4 });
        return scrapeAll(sandbox.namespace, 'breakwater.dev/agent=gauge', 9090);
      },
      (samples) => sumOf(samples, 'circuit_breaker_state', { state: 'open' }) === 2,
    );
    await traffic.burst({ url: sandbox.url('gauge'), count: 800, concurrency: 8 });
    agents = await scrapeAll(sandbox.namespace, 'breakwater.dev/agent=gauge', 9090);
    operator = await scrapeAll(OPERATOR_NAMESPACE, OPERATOR_LABEL, 8080);
  });

  afterAll(() => sandbox?.close());

  async function scrapeAll(namespace: string, selector: string, port: number): Promise<Sample[]> {
    const pods = (await sandbox.api.list<Pod>('pods', namespace, selector)).filter(isReady);
    const texts = await Promise.all(
      pods.map(({ metadata }) => {
        const path = `/api/v1/namespaces/${namespace}/pods/${metadata.name}:${port}/proxy/metrics`;
        return sandbox.kubectl.run(['get', '--raw', path]);
      }),
    );
    return texts.flatMap(parseMetrics);
  }

  it.each(
    buildAlerts({ metadata: { namespace: 'ns', name: 'gauge' } } as never).filter(
      ({ expr }) => !BESIDES.test(expr),
    ),
  )('include every series of the alert $alert', ({ expr }) => {
    const series = seriesIn(expr);
    expect(series.length).toBeGreaterThan(0);
    const present = new Set(agents.map(({ name }) => name));
    expect(series.filter((name) => !present.has(name))).toEqual([]);
  });

  it.each(operatorRules().spec.groups.flatMap(({ rules }) => rules))(
    'include every series of the alert $alert about the operator',
    ({ expr }) => expect(missingIn(expr, operator)).toEqual([]),
  );

  it('include every series of the dashboards, with the labels of their queries', () => {
    const priced = expressions().map((each) => each.replaceAll(/\$\w+_price/g, '1'));
    const missing = priced.flatMap((expression) => {
      if (BESIDES.test(expression)) return [];
      const found = expression.includes('$operator') ? operator : agents;
      return missingIn(expression, found).map((what) => `${what} in ${expression}`);
    });
    expect(missing).toEqual([]);
  });

  it('have values that can make alerts fire', () => {
    const sum = (name: string, labels: Record<string, string> = {}): number =>
      sumOf(agents, name, labels);
    expect(sum('agent_requests_failed_total') / sum('agent_requests_total')).toBeGreaterThan(0.05);
    expect(sum('circuit_breaker_state', { state: 'open' })).toBe(2);
    expect(sum('circuit_breaker_state', { state: 'closed' })).toBe(0);
    expect(sum('rate_limiter_rejected_total', { policy: 'gauge', limit: 'turns' })).toBeGreaterThan(
      10,
    );
  });

  it('include the links of all agents, and the time until a change is in force', async () => {
    const value = async (name: string, labels: Record<string, string> = {}): Promise<number> =>
      (await scrapeAll(OPERATOR_NAMESPACE, OPERATOR_LABEL, 8080))
        .filter((sample) => sample.name === name)
        .filter((sample) =>
          Object.entries(labels).every(([key, text]) => sample.labels[key] === text),
        )
        .reduce((total, sample) => total + sample.value, 0);
    const pods = (await sandbox.agents.readyPods('gauge')).length;
    expect(pods).toBe(2);
    expect(await value('breakwater_links', { state: 'connected' })).toBeGreaterThanOrEqual(pods);
    expect(await value('leader_election_master_status')).toBe(1);

    const before = await value('breakwater_policy_propagation_seconds_count');
    await sandbox.apply(sandbox.limit('gauge', 'gauge', { capacity: 61, amount: 1, per: '1h' }));
    await waitFor(
      'both pods have reported the change',
      () => value('breakwater_policy_propagation_seconds_count'),
      (count) => count >= before + pods,
    );
    expect(await value('breakwater_status_lag_seconds_count')).toBeGreaterThan(0);
  });

  it('agree with /debug/agents of the leading operator', async () => {
    const lease = await sandbox.api.get<Lease>('leases', OPERATOR_NAMESPACE, OPERATOR);
    const [leader = ''] = lease.spec.holderIdentity.split('_');
    const forward = await portForward(sandbox.kubectl, OPERATOR_NAMESPACE, `pod/${leader}`, 9091);
    try {
      const look = async (): Promise<{ own: DebugAgent; status: AgentDeployment['status'] }> => {
        const answer = await fetch(`${forward.url}/debug/agents`);
        const { leading, agents: all } = (await answer.json()) as ReturnType<typeof describeAgents>;
        expect(leading).toBe(true);
        const own = all.find(({ agent }) => agent === `${sandbox.namespace}/gauge`)!;
        return { own, status: (await sandbox.agents.agent('gauge')).status };
      };
      const { own } = await waitFor(
        'status and debug page name the same revision',
        look,
        (seen) => seen.own.revision === seen.status?.configuration?.revision,
      );
      expect(own.pods).toHaveLength(2);
      for (const pod of own.pods) {
        expect(pod).toMatchObject({ link: 'Connected', current: true, revision: own.revision });
        expect(pod.circuits['model/north']).toMatch(/^Open: \d+ consecutive failures/);
      }
    } finally {
      forward.stop();
    }
  });

  it('have less than 2,000 series for a pod', () => {
    expect(agents.length / 2).toBeLessThan(2000);
  });
});

/** Labels that Prometheus adds. */
const OF_TARGET = new Set(['namespace', 'pod', 'breakwater_dev_agent']);

/** Series, and labels in their queries, that the scrape lacks. */
function missingIn(expression: string, samples: readonly Sample[]): string[] {
  const series = seriesIn(expression);
  const found = samples.filter(({ name }) => series.includes(name));
  const names = new Set(found.map(({ name }) => name));
  const labels = new Set(found.flatMap((sample) => Object.keys(sample.labels)));
  const grouped = [...expression.matchAll(/\b(?:by|ignoring) \(([^)]*)\)/g)];
  const asked = [
    ...grouped.flatMap(([, list]) => list!.split(', ')),
    ...[...expression.matchAll(/(\w+)(?:=~|!=|!~|=)"/g)].map(([, label]) => label!),
  ];
  return [
    ...series.filter((name) => !names.has(name)),
    ...asked.filter((label) => !labels.has(label) && !OF_TARGET.has(label)),
  ];
}

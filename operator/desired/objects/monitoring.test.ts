import { describe, expect, it } from '@jest/globals';
import type { AgentDeploymentSpec } from '../../../crds/generated/types.ts';
import { buildAlerts } from './alerts.ts';
import { prometheusDuration } from '../common/duration.ts';
import { agentFixture } from '../../testing/fixtures.ts';
import { buildHeadlessService } from './headlessService.ts';
import { monitoredCondition, UNMONITORED, type MonitoringFacts } from './monitoring.ts';
import { podChoices } from './podChoices.ts';
import { buildPrometheusRule } from './prometheusRule.ts';
import { buildServiceMonitor } from './serviceMonitor.ts';

type Monitoring = AgentDeploymentSpec['monitoring'];

const SERVED: MonitoringFacts = { serviceMonitors: 'Served', prometheusRules: 'Served' };
const agent = (
  monitor: Partial<Monitoring['serviceMonitor']> = {},
  rules: Monitoring['alerts'] = {},
): ReturnType<typeof agentFixture> =>
  agentFixture('triage', {
    monitoring: { serviceMonitor: { interval: '30s', ...monitor }, alerts: rules },
  });

describe.each<[MonitoringFacts, string, boolean | undefined, boolean]>([
  [SERVED, 'left open', undefined, true],
  [SERVED, 'asked for', true, true],
  [SERVED, 'turned off', false, false],
  [UNMONITORED, 'left open', undefined, false],
  [UNMONITORED, 'asked for', true, false],
  [{ serviceMonitors: 'Forbidden', prometheusRules: 'Forbidden' }, 'asked for', true, false],
])('with %j, %s', (facts, _, enabled, made) => {
  const asked = enabled === undefined ? {} : { enabled };

  it(`there is ${made ? 'a' : 'no'} ServiceMonitor`, () => {
    expect(buildServiceMonitor(agent(asked), facts) !== undefined).toBe(made);
  });

  it(`there is ${made ? 'a' : 'no'} PrometheusRule`, () => {
    expect(buildPrometheusRule(agent({}, asked), facts) !== undefined).toBe(made);
  });

  it(`the headless Service ${made ? 'has no' : 'has'} annotations to scrape`, () => {
    const { annotations } = buildHeadlessService(agent(asked), facts).metadata;
    expect(annotations?.['prometheus.io/scrape']).toBe(made ? undefined : 'true');
  });
});

it.each([
  [30_000, '30s'],
  [90_000, '1m30s'],
  [3_600_000, '1h'],
  [1_500, '1s500ms'],
  [0, '0s'],
])('%d ms are %s to Prometheus', (ms, text) => expect(prometheusDuration(ms)).toBe(text));

it('an interval from an earlier version is raised to the shortest that pods allow', () => {
  const { spec } = buildServiceMonitor(agent({ interval: '10ms' }), SERVED)!;
  expect(spec.endpoints[0]?.interval).toBe('5s');
});

it('Prometheus and the pods get the token of scrapers', () => {
  expect(buildServiceMonitor(agent(), SERVED)!.spec.endpoints[0]).not.toHaveProperty(
    'authorization',
  );
  const credentials = { name: 'scraping', key: 'token' };
  const guarded = agent();
  guarded.spec.monitoring.auth = { tokenSecretRef: credentials };
  const { spec } = buildServiceMonitor(guarded, SERVED)!;
  expect(spec.endpoints[0]).toMatchObject({ authorization: { type: 'Bearer', credentials } });
  expect(podChoices(guarded).secrets).toEqual([credentials]);
});

it('an interval in any order of units becomes one that Prometheus accepts', () => {
  const { spec } = buildServiceMonitor(agent({ interval: '30s1m' }), SERVED)!;
  expect(spec.endpoints[0]?.interval).toBe('1m30s');
});

it('labels of the user do not replace those of the owner', () => {
  const labels = { release: 'prometheus', 'app.kubernetes.io/managed-by': 'me' };
  for (const object of [
    buildServiceMonitor(agent({ labels }), SERVED)!,
    buildPrometheusRule(agent({}, { labels }), SERVED)!,
  ]) {
    expect(object.metadata.labels).toMatchObject({
      release: 'prometheus',
      'app.kubernetes.io/managed-by': 'breakwater',
    });
  }
});

describe('the condition Monitored', () => {
  const of = (
    facts: MonitoringFacts,
    monitor: boolean | undefined,
    rules: boolean | undefined,
  ): string | undefined => {
    const draft = monitoredCondition(agent({ enabled: monitor }, { enabled: rules }), facts);
    return draft && `${draft.status} ${draft.reason}`;
  };

  it.each<[MonitoringFacts, boolean | undefined, boolean | undefined, string | undefined]>([
    [SERVED, undefined, undefined, undefined],
    [UNMONITORED, undefined, false, undefined],
    [SERVED, true, undefined, 'True Monitored'],
    [SERVED, true, true, 'True Monitored'],
    [UNMONITORED, true, undefined, 'False NotInstalled'],
    [{ serviceMonitors: 'Served', prometheusRules: 'Absent' }, true, true, 'False NotInstalled'],
    [{ serviceMonitors: 'Served', prometheusRules: 'Absent' }, true, false, 'True Monitored'],
    [{ serviceMonitors: 'Forbidden', prometheusRules: 'Served' }, true, true, 'False Forbidden'],
    [{ serviceMonitors: 'Unknown', prometheusRules: 'Served' }, true, true, 'Unknown Unknown'],
  ])('with %j, asked for %s and %s, is %s', (facts, monitor, rules, expected) => {
    expect(of(facts, monitor, rules)).toBe(expected);
  });

  it('names what is missing and which field asks for it', () => {
    const draft = monitoredCondition(agent({ enabled: true }, { enabled: true }), UNMONITORED);
    expect(draft?.message).toContain('ServiceMonitor and PrometheusRule');
    expect(draft?.message).toContain('spec.monitoring.alerts.enabled');
  });
});

it('alerts name their page, with its address if it is configured', () => {
  const [named] = buildAlerts(agent());
  expect(named?.annotations).toMatchObject({ runbook: 'docs/runbooks/HighErrorRate.md' });
  const [linked] = buildAlerts(agent(), 'https://example.com/runbooks/');
  expect(linked?.annotations).toMatchObject({
    runbook_url: 'https://example.com/runbooks/HighErrorRate.md',
  });
});

/** Figures of the guides that are defaults here, or stand in objects and presets. */
import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import {
  AGENT_DEPLOYMENT_DEFAULTS,
  CIRCUIT_BREAKER_POLICY_DEFAULTS,
} from '../../crds/generated/defaults.ts';
import { definitions } from '../../crds/definitions.ts';
import type { Schema } from '../../crds/definitions.ts';
import { buildAlerts } from '../../operator/desired/objects/alerts.ts';
import { MODULES } from '../../runtime/observe/log.ts';
import { agentFixture } from '../../operator/testing/fixtures.ts';

const ROOT = join(import.meta.dirname, '../..');
const AGENT = AGENT_DEPLOYMENT_DEFAULTS;
const { liveness, readiness, startup } = AGENT.probes;

it.each([
  ['probes.liveness', liveness, { period: '10s', timeout: '5s', failureThreshold: 3 }],
  ['probes.readiness', readiness, { period: '5s', timeout: '3s', failureThreshold: 2 }],
  ['cache.hot', AGENT.cache.hot, { maxEntries: 100, ttl: '5m' }],
  ['cache.warm', AGENT.cache.warm, { maxEntries: 500, ttl: '30m' }],
  ['cache.cold', AGENT.cache.cold, { maxEntries: 2000, ttl: '1h' }],
  ['conversation.maxMessages', AGENT.conversation.maxMessages, 100],
  ['shutdown.handlerTimeout', AGENT.shutdown.handlerTimeout, '30s'],
  ['bulkhead.maxConcurrent', AGENT.bulkhead.maxConcurrent, 100],
  ['bulkhead.acquireTimeout', AGENT.bulkhead.acquireTimeout, '5s'],
  ['timeouts.request', AGENT.timeouts.request, '5m'],
  ['timeouts.firstToken', AGENT.timeouts.firstToken, '60s'],
  ['trip', CIRCUIT_BREAKER_POLICY_DEFAULTS.trip, { consecutiveFailures: 5 }],
  ['halfOpen.successThreshold', CIRCUIT_BREAKER_POLICY_DEFAULTS.halfOpen.successThreshold, 2],
])('the default of %s is the figure of docs/reference/guides.md', (_, value, figure) => {
  expect(value).toEqual(figure);
});

it('a pod has five minutes to start, as the guides say, in steps of a second', () => {
  expect(startup).toEqual({ period: '1s', timeout: '1s', failureThreshold: 300 });
});

/** The schema of a field of an agent. */
function field(path: string): Schema {
  const agent = definitions().find(({ plural }) => plural === 'agentdeployments')!;
  return path.split('.').reduce<Schema>((schema, name) => {
    const inner = schema.items ?? schema;
    return inner.properties![name]!;
  }, agent.schema);
}

it('the strategies of load balancing are the four of the guides, with their default', () => {
  expect(field('spec.model.loadBalancing')).toMatchObject({
    enum: ['RoundRobin', 'LeastLoaded', 'Weighted', 'Random'],
    default: 'LeastLoaded',
  });
  expect(field('spec.model.endpoints.weight').default).toBe(1);
});

it('a tool and an MCP server take ten calls at a time', () => {
  expect(field('spec.tools.maxConcurrent').default).toBe(10);
  expect(field('spec.mcpServers.maxConcurrent').default).toBe(10);
});

it('autoscaling aims at 70 % of the CPU and 80 % of the memory', () => {
  expect(field('spec.autoscaling.cpuPercent').default).toBe(70);
  expect(field('spec.autoscaling.memoryPercent').default).toBe(80);
});

const read = (path: string): unknown => parse(readFileSync(join(ROOT, path), 'utf8')) as unknown;

interface Container {
  ports: { name: string; containerPort: number }[];
  resources: object;
  startupProbe: object;
  livenessProbe: object;
  readinessProbe: object;
}

describe('of an agent with the smallest spec', () => {
  const object = (name: string): unknown =>
    read(`operator/desired/testdata/smallest/${name}.golden.yaml`);
  const deployment = object('deployment') as {
    spec: { template: { spec: { containers: Container[] } } };
  };
  const container = deployment.spec.template.spec.containers[0]!;

  it('the container has the ports 8080 and 9090', () => {
    expect(container.ports).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ name: 'agent', containerPort: 8080 }),
        expect.objectContaining({ name: 'metrics', containerPort: 9090 }),
      ]),
    );
  });

  it('the container asks for 250m and 256Mi, and gets at most 500m and 512Mi', () => {
    expect(container.resources).toEqual({
      requests: { cpu: '250m', memory: '256Mi' },
      limits: { cpu: '500m', memory: '512Mi' },
    });
  });

  it('no probe has an initial delay', () => {
    const { startupProbe, livenessProbe, readinessProbe } = container;
    for (const probe of [startupProbe, livenessProbe, readinessProbe])
      expect(probe).not.toHaveProperty('initialDelaySeconds');
  });

  it('the headless Service tells Prometheus where to scrape', () => {
    expect(object('headlessService')).toMatchObject({
      metadata: {
        annotations: {
          'prometheus.io/scrape': 'true',
          'prometheus.io/port': '9090',
          'prometheus.io/path': '/metrics',
        },
      },
    });
  });

  it('the Services have the ports 80 for clients and 9090 for metrics', () => {
    expect(object('service')).toMatchObject({
      spec: { ports: [{ name: 'http', port: 80, targetPort: 'agent' }] },
    });
    expect(object('headlessService')).toMatchObject({
      spec: { ports: [{ name: 'http' }, { name: 'metrics', port: 9090, targetPort: 'metrics' }] },
    });
  });
});

it.each([
  ['HighErrorRate', '> 0.05', '5m', 'warning'],
  ['CircuitBreakerOpen', 'state="open"} == 1', '1m', 'critical'],
  ['HighRateLimitRejections', '> 10', '5m', 'warning'],
])('the alert %s has bound, time and severity of the guides', (name, bound, time, severity) => {
  const alert = buildAlerts(agentFixture()).find((each) => each.alert === name)!;
  expect(alert.expr).toContain(bound);
  expect([alert.for, alert.labels['severity']]).toEqual([time, severity]);
});

function preset(name: string): object {
  const [agent, circuit, limit] = ['agent', 'circuit-breaker', 'rate-limit'].map(
    (file) => (read(`config/presets/${name}/${file}.yaml`) as { spec: object }).spec,
  );
  return { agent, circuit, limit };
}

it('the preset for development has the figures of the guides', () => {
  expect(preset('development')).toMatchObject({
    circuit: {
      trip: { consecutiveFailures: 10 },
      halfOpen: { successThreshold: 2 },
      openDuration: '30s',
    },
    limit: { limits: [{ capacity: 50, refill: { amount: 5, per: '1s' } }] },
    agent: {
      bulkhead: { maxConcurrent: 5, acquireTimeout: '10s' },
      telemetry: {
        logging: { levels: Object.fromEntries(MODULES.map((name) => [name, 'Debug'])) },
      },
    },
  });
});

it('the preset for production has the figures of the guides', () => {
  expect(preset('production')).toMatchObject({
    circuit: {
      trip: { consecutiveFailures: 5 },
      halfOpen: { successThreshold: 2 },
      openDuration: '60s',
    },
    limit: { limits: [{ capacity: 200, refill: { amount: 20, per: '1s' } }] },
    agent: { replicas: 3, bulkhead: { maxConcurrent: 100, acquireTimeout: '5s' } },
  });
});

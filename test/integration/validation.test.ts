import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { definitions, type PrinterColumn, type Source } from '../../crds/definitions.ts';
import type { KubernetesObject } from '../../crds/meta.ts';
import { attach } from '../../operator/desired/policies/attach.ts';
import {
  agentFixture,
  breakerFixture,
  limitFixture,
  OPTIONS,
} from '../../operator/testing/fixtures.ts';
import { planAgent } from '../../operator/desired/plan.ts';
import { agentStatus } from '../../operator/status/agent.ts';
import {
  ago,
  circuit,
  NOW,
  observation,
  pod,
  transition,
} from '../../operator/testing/observations.ts';
import { breakerPolicyStatus, rateLimitPolicyStatus } from '../../operator/testing/policyStatus.ts';
import { startApiServer, START_TIMEOUT, type ApiServer, type Status } from './apiserver.ts';
import { rows as agentDeployments } from './validation/agentdeployments.ts';
import { rows as auth } from './validation/auth.ts';
import { rows as autoscaling } from './validation/autoscaling.ts';
import { rows as cache } from './validation/cache.ts';
import { rows as circuitBreakerPolicies } from './validation/circuitbreakerpolicies.ts';
import { rows as clients } from './validation/clients.ts';
import { rows as healthChecks } from './validation/healthChecks.ts';
import { rows as screening } from './validation/screening.ts';
import { rows as identities } from './validation/identities.ts';
import { rows as network } from './validation/network.ts';
import { rows as providers } from './validation/providers.ts';
import { rows as probes } from './validation/probes.ts';
import { rows as program } from './validation/program.ts';
import { rows as rateLimitPolicies } from './validation/ratelimitpolicies.ts';
import { rows as conversations } from './validation/conversations.ts';
import { rows as mcpServers } from './validation/mcpServers.ts';
import { rows as audit } from './validation/audit.ts';
import { rows as telemetry } from './validation/telemetry.ts';
import { rows as tools } from './validation/tools.ts';
import { removedRows } from './validation/deprecated.ts';
import { boundRows } from './validation/bounds.ts';
import type { Row } from './validation/row.ts';
import { rules } from './validation/rules.ts';
import { rows as service } from './validation/service.ts';

type Spec = Record<string, unknown>;

interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string };
  spec: Spec;
}

interface Kind {
  rows: Row[];
  /** The smallest spec that is accepted … */
  smallest: Spec;
  /** … and what the API server makes of it. */
  stored: Spec;
  columns: string[];
  wideColumns: string[];
}

const TARGET = { group: 'breakwater.dev', kind: 'AgentDeployment', name: 'triage' };
const LIMIT = { name: 'requests', refill: { amount: 10, per: '1s' }, capacity: 100 };

const kinds: Record<string, Kind> = {
  agentdeployments: {
    rows: [
      ...agentDeployments,
      ...auth,
      ...autoscaling,
      ...cache,
      ...conversations,
      ...clients,
      ...healthChecks,
      ...screening,
      ...mcpServers,
      ...identities,
      ...network,
      ...providers,
      ...probes,
      ...program,
      ...service,
      ...telemetry,
      ...audit,
      ...tools,
      ...removedRows('AgentDeployment'),
    ],
    smallest: { model: { endpoints: [{ name: 'primary' }] } },
    stored: {
      replicas: 1,
      runtimeUpgrade: 'Automatic',
      model: {
        endpoints: [
          {
            name: 'primary',
            provider: 'Anthropic',
            priority: 0,
            weight: 1,
          },
        ],
        loadBalancing: 'LeastLoaded',
        affinity: { mode: 'Automatic' },
      },
      timeouts: {
        connect: '10s',
        request: '5m',
        stream: '1h',
        firstToken: '60s',
        streamIdle: '120s',
        run: '15m',
        tool: '30s',
      },
      retry: {
        maxAttempts: 3,
        baseDelay: '500ms',
        maxDelay: '8s',
        budgetPercent: 20,
        minPerSecond: 1,
      },
      telemetry: { logging: { successRatio: '0' } },
      bulkhead: { maxConcurrent: 100, maxQueued: 100, acquireTimeout: '5s', whenFull: 'Forward' },
      auth: { type: 'None' },
      cache: {
        mode: 'Disabled',
        scope: 'PerPrincipal',
        hot: { maxEntries: 100, ttl: '5m' },
        warm: { maxEntries: 500, ttl: '30m' },
        cold: { maxEntries: 2000, ttl: '1h' },
      },
      conversation: {
        maxMessages: 100,
        maxTurns: 16,
        maxTokens: 4096,
        idleTimeout: '1h',
        store: { type: 'Memory' },
      },
      security: {
        egress: { denyPrivateNetworks: true },
        incidents: {},
        promptInjection: {
          mode: 'Report',
          threshold: 60,
          sources: [
            { source: 'ToolResults' },
            { source: 'McpResults' },
            { source: 'UserInput', mode: 'Report' },
          ],
          ruleSets: ['Default'],
          blockedResults: 'Replace',
        },
        secrets: { mode: 'Disabled', sources: ['Prompts', 'Answers'] },
        runGuard: { mode: 'Report', repeats: 3, messages: false },
      },
      shutdown: { drainTimeout: '5m', handlerTimeout: '30s' },
      service: { type: 'ClusterIP', port: 80 },
      networkPolicy: { enabled: true },
      probes: {
        startup: { period: '1s', timeout: '1s', failureThreshold: 300 },
        liveness: { period: '10s', timeout: '5s', failureThreshold: 3 },
        readiness: { period: '5s', timeout: '3s', failureThreshold: 2 },
      },
      disruption: { maxUnavailable: 1 },
      monitoring: { serviceMonitor: { interval: '30s' }, alerts: {} },
    },
    columns: ['Name', 'Ready', 'State', 'Circuits', 'Policies', 'Age'],
    wideColumns: ['Updated', 'Rollout', 'Program', 'Threat', 'Incidents'],
  },
  circuitbreakerpolicies: {
    rows: [...circuitBreakerPolicies, ...removedRows('CircuitBreakerPolicy')],
    smallest: { targetRefs: [{ name: 'triage' }], scope: 'Pod' },
    stored: {
      targetRefs: [TARGET],
      scope: 'Pod',
      trip: { consecutiveFailures: 5 },
      openDuration: '20s',
      failureOn: ['ServerError', 'Overloaded', 'Timeout', 'Connection', 'InvalidResponse'],
      halfOpen: { maxProbes: 1, successThreshold: 2, queueTimeout: '10s' },
      recovery: { rampUp: '0s' },
      mode: 'Enforce',
    },
    columns: ['Name', 'State', 'Open', 'Fleet', 'Target', 'Since', 'Programmed', 'Reason', 'Age'],
    wideColumns: ['Votes', 'Probing', 'Mode', 'Next-Probe', 'Last-Error'],
  },
  ratelimitpolicies: {
    rows: [...rateLimitPolicies, ...removedRows('RateLimitPolicy')],
    smallest: { targetRefs: [{ name: 'triage' }], limits: [LIMIT], scope: 'Pod' },
    stored: {
      targetRefs: [TARGET],
      limits: [
        { ...LIMIT, resource: 'Requests', maxKeys: 10_000, onLimit: 'Reject', maxWait: '2s' },
      ],
      scope: 'Pod',
      mode: 'Enforce',
    },
    columns: ['Name', 'State', 'Used', 'Rejected', 'Target', 'Programmed', 'Reason', 'Age'],
    wideColumns: [],
  },
};

let server: ApiServer;

beforeAll(async () => {
  server = await startApiServer();
}, START_TIMEOUT);

afterAll(() => server.stop());

/** The manifest that a row describes, as a person would write it. */
function badManifest(source: Source, smallest: Spec, [, difference]: Row): object {
  const whole = 'spec' in difference && !(difference.spec instanceof Object);
  return {
    apiVersion: 'breakwater.dev/v1alpha1',
    kind: source.definition.spec.names.kind,
    metadata: difference.metadata ?? { name: 'triage' },
    spec: whole ? difference.spec : { ...smallest, ...(difference.spec as Spec) },
  };
}

function create<T>(plural: string, manifest: object): Promise<{ status: number; body: T }> {
  return server.request<T>('POST', `/apis/breakwater.dev/v1alpha1/namespaces/default/${plural}`, {
    query: { dryRun: 'All', fieldValidation: 'Strict' },
    body: manifest,
  });
}

/** The messages of a refusal, without the server's remark that it did not look any further. */
function messages(status: Status): string[] {
  return (status.details?.causes ?? [])
    .filter(({ message }) => !message.includes('some validation rules were not checked'))
    .map(({ field, message }) => `${field}: ${message}`);
}

describe.each(definitions())('$plural', (source) => {
  const { plural, schema } = source;
  const kind = kinds[plural]!;
  const manifest = {
    apiVersion: 'breakwater.dev/v1alpha1',
    kind: source.definition.spec.names.kind,
    metadata: { name: 'triage' },
  };

  it('has a bad manifest for each rule of its schema', () => {
    expect(new Set(kind.rows.map(([rule]) => rule))).toEqual(new Set(rules(schema)));
  });

  it.each(kind.rows)('refuses what breaks %s', async (...row) => {
    const { status, body } = await create<Status>(plural, badManifest(source, kind.smallest, row));
    expect(messages(body).sort()).toEqual(row.slice(2).sort());
    expect(status).toBe(422);
  });

  it.each(boundRows(schema, kind.smallest))('refuses what breaks $rule', async (row) => {
    const { status, body } = await create<Status>(plural, { ...manifest, spec: row.spec });
    expect([status, messages(body)]).toEqual([
      422,
      expect.arrayContaining([expect.stringContaining(row.message)]),
    ]);
    expect(body.details?.causes?.map(({ field }) => field)).toContain(row.field);
  });

  it('refuses an unknown field', async () => {
    const spec = { ...kind.smallest, retries: 3 };
    const { status, body } = await create<Status>(plural, { ...manifest, spec });
    expect([status, body.message]).toEqual([
      400,
      expect.stringContaining('unknown field "spec.retries"'),
    ]);
  });

  it('accepts the smallest manifest and adds the defaults', async () => {
    const { status, body } = await create<Manifest>(plural, { ...manifest, spec: kind.smallest });
    expect([status, body.spec]).toEqual([201, kind.stored]);
  });

  it('has the expected columns in kubectl get', async () => {
    const { body } = await server.request<{ columnDefinitions: Required<PrinterColumn>[] }>(
      'GET',
      `/apis/breakwater.dev/v1alpha1/${plural}`,
      { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' },
    );
    const names = (priority: number): string[] =>
      body.columnDefinitions
        .filter((column) => column.priority === priority)
        .map(({ name }) => name);
    expect([names(0), names(1)]).toEqual([kind.columns, kind.wideColumns]);
  });
});

it('rules compare durations by length, not as text', async () => {
  const spec = { ...kinds.circuitbreakerpolicies!.smallest, openDuration: '90s' };
  const manifest = { apiVersion: 'breakwater.dev/v1alpha1', kind: 'CircuitBreakerPolicy' };
  const metadata = { name: 'triage' };
  const answer = (maxOpenDuration: string): Promise<{ status: number }> =>
    create('circuitbreakerpolicies', { ...manifest, metadata, spec: { ...spec, maxOpenDuration } });
  const statuses = await Promise.all(['1m30s', '1m29s999ms'].map(answer));
  expect(statuses.map(({ status }) => status)).toEqual([201, 422]);
});

it('a malformed duration causes exactly one error', async () => {
  const manifest = { apiVersion: 'breakwater.dev/v1alpha1', kind: 'CircuitBreakerPolicy' };
  const spec = { targetRefs: [{ name: 'triage' }], scope: 'Pod', openDuration: '1 minute' };
  const { body } = await create<Status>('circuitbreakerpolicies', {
    ...manifest,
    metadata: { name: 'triage' },
    spec,
  });
  expect(messages(body)).toHaveLength(1);
});

/** Manifests of ours in a directory of config/. */
function manifestsIn(directory: string): Manifest[] {
  return ['agent', 'circuit-breaker', 'rate-limit']
    .map((name) => join(import.meta.dirname, '../../config', directory, `${name}.yaml`))
    .flatMap((path) => parseAllDocuments(readFileSync(path, 'utf8')))
    .map((document) => document.toJS() as Manifest)
    .filter(({ apiVersion }) => apiVersion === 'breakwater.dev/v1alpha1');
}

describe.each(['samples', 'presets/development', 'presets/production'])(
  'every manifest in config/%s',
  (directory) => {
    it.each(manifestsIn(directory))('is accepted: $kind', async (manifest) => {
      const source = definitions().find(
        ({ definition }) => definition.spec.names.kind === manifest.kind,
      )!;
      const { name } = manifest.metadata;
      const { status } = await create(source.plural, { ...manifest, metadata: { name } });
      expect(status).toBe(201);
    });
  },
);

it.each([
  ['development', [10, 2, '30s'], [50, 5], [5, '10s']],
  ['production', [5, 2, '60s'], [200, 20], [100, '5s']],
])('the preset for %s has the documented figures', (preset, breaker, bucket, bulkhead) => {
  const [agent, circuit, rate] = manifestsIn(`presets/${preset}`);
  expect(circuit!.spec).toMatchObject({
    trip: { consecutiveFailures: breaker[0] },
    halfOpen: { successThreshold: breaker[1] },
    openDuration: breaker[2],
  });
  expect(rate!.spec).toMatchObject({
    limits: [{ capacity: bucket[0], refill: { amount: bucket[1], per: '1s' } }],
  });
  expect(agent!.spec).toMatchObject({
    bulkhead: { maxConcurrent: bulkhead[0], acquireTimeout: bulkhead[1] },
  });
  expect(agent!.metadata).toMatchObject({ labels: { preset } });
});

describe('the status', () => {
  const gates = [{ dependency: 'model/primary', gate: 'SpendLimit' as const, until: ago(-600) }];
  const open = circuit('Open', {
    overridden: 'Open',
    handledResetToken: '2',
    nextProbe: ago(-60),
    lastFailure: { class: 'Overloaded', message: 'HTTP 529', time: ago(20) },
  });
  const seen = observation([
    pod('a', { gates, circuits: [open], transitions: [transition(1, 20)] }),
  ]);
  const agent = agentFixture();
  const policies = {
    breakers: [breakerFixture('triage', { override: { state: 'Open' }, resetToken: '2' })],
    limits: [limitFixture()],
  };
  const { agents, breakers, limits } = attach(policies, [agent]);
  const plan = planAgent({ agent, attachment: agents.get('triage')!, options: OPTIONS });
  const common = { agents: new Map([['triage', seen]]), previous: undefined, now: NOW };
  const statuses: Record<string, [KubernetesObject & { spec: object }, object]> = {
    agentdeployments: [
      agent,
      agentStatus({ agent, plan, observation: seen, previous: undefined, now: NOW }),
    ],
    circuitbreakerpolicies: [
      policies.breakers[0]!,
      breakerPolicyStatus({ attachment: breakers[0]!, ...common }),
    ],
    ratelimitpolicies: [
      policies.limits[0]!,
      rateLimitPolicyStatus({ attachment: limits[0]!, ...common }),
    ],
  };

  it.each(Object.entries(statuses))(
    'of %s is stored without loss',
    async (plural, [object, status]) => {
      const namespace = await server.namespace(plural);
      const path = `/apis/breakwater.dev/v1alpha1/namespaces/${namespace}/${plural}/triage`;
      const { apiVersion, kind, spec } = object;
      const manifest = { apiVersion, kind, metadata: { name: 'triage' }, spec };
      await server.apply(path, manifest);
      const { body: stored } = await server.request<Manifest>('GET', path);
      const answer = await server.request<{ status: unknown }>('PUT', `${path}/status`, {
        query: { fieldValidation: 'Strict' },
        body: { ...stored, status },
      });
      expect([answer.status, answer.body.status]).toEqual([200, status]);
    },
  );
});

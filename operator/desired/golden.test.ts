import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { stringify } from 'yaml';
import type {
  AgentDeployment,
  CircuitBreakerPolicy,
  RateLimitPolicy,
} from '../../crds/generated/types.ts';
import { AGENT_DEPLOYMENT_DEFAULTS } from '../../crds/generated/defaults.ts';
import { MOUNTS_VARIABLE, mountsOf, shutdownName } from '../../contract/mounts.ts';
import { attach } from './policies/attach.ts';
import { buildConfigMap } from './objects/configMap.ts';
import {
  agentFixture,
  breakerFixture,
  bucketFixture,
  cacheFixture,
  endpoint,
  limitFixture,
  modelOf,
  OPTIONS,
} from '../testing/fixtures.ts';
import type { Mesh } from './objects/mesh.ts';
import { UNMONITORED, type MonitoringFacts } from './objects/monitoring.ts';
import { runtimeContainer } from './objects/podTemplate.ts';
import { planAgent } from './plan.ts';

const agents: Record<string, AgentDeployment> = {
  smallest: agentFixture('triage', { replicas: 1 }),
  'no-api-key': agentFixture('triage', {
    model: modelOf(endpoint('primary', { baseURL: 'http://model.support.svc:8000' })),
  }),
  everything: agentFixture('triage', {
    replicas: 5,
    image: 'example.com/custom-runtime:9',
    imagePullPolicy: 'Always',
    model: {
      loadBalancing: 'Weighted',
      affinity: { mode: 'Always', header: 'X-Session-Id' },
      endpoints: [
        endpoint('fallback', { priority: 10, maxTokens: 8192, contextTokens: 1_000_000 }),
        endpoint('primary', {
          model: 'claude-opus-4-5',
          baseURL: 'https://models.example.com/anthropic',
          apiKeySecretRef: { name: 'models.example', key: 'token' },
          tls: { clientCertSecretRef: { name: 'llm-client' } },
          maxConcurrent: 4,
          weight: 3,
        }),
      ],
    },
    proxy: {
      httpProxy: 'http://proxy.example.com:3128',
      httpsProxy: 'https://proxy.example.com:3129',
      noProxy: ['.corp.example.com', '192.0.2.0/24'],
      credentialsSecretRef: { name: 'proxy' },
    },
    trustedCA: { configMapKeyRef: { name: 'corporate-ca', key: 'ca.crt' } },
    timeouts: {
      connect: '1s500ms',
      request: '10m',
      attempt: '40s',
      firstToken: '20s',
      stream: '2h',
      streamIdle: '1m',
      run: '1h',
      tool: '5s',
    },
    tools: [
      {
        name: 'find_order',
        description: 'Finds an order by its number.',
        inputSchema: { type: 'object', properties: { id: { type: 'string' } }, required: ['id'] },
        http: {
          url: 'https://orders.example.com/v1/orders/{id}',
          method: 'GET',
          headers: [{ name: 'Accept', value: 'application/json' }],
          headersFrom: [
            {
              name: 'Authorization',
              prefix: 'Bearer ',
              secretKeyRef: { name: 'orders-api', key: 'token' },
            },
            { name: 'X-Tenant', secretKeyRef: { name: 'orders-api', key: 'tenant' } },
          ],
          maxResponseBytes: 4096,
        },
        cache: { ttl: '90s' },
        maxConcurrent: 3,
      },
    ],
    mcpServers: [
      {
        name: 'stock',
        url: 'http://stock.support.svc:8080/mcp',
        headersFrom: [{ name: 'X-Token', secretKeyRef: { name: 'stock.mcp', key: 'token' } }],
        allowedTools: ['count'],
        toolsHash: `sha256:${'5'.repeat(64)}`,
        checkInterval: '1m',
        cache: { ttl: '5m', tools: ['count'] },
        maxConcurrent: 2,
        maxResponseBytes: 1024,
      },
    ],
    healthChecks: [
      {
        name: 'orders',
        http: { url: 'https://orders.example.com/healthz' },
        interval: '15s',
        timeout: '500ms',
        failureThreshold: 2,
        critical: false,
      },
      {
        name: 'sidecar',
        tcp: { host: '127.0.0.1', port: 9999 },
        interval: '5s',
        timeout: '1s',
        failureThreshold: 3,
        critical: true,
      },
    ],
    auth: {
      type: 'APIKeys',
      apiKeys: { secretRef: { name: 'callers' } },
    },
    cache: cacheFixture({ mode: 'Exact', scope: 'Shared', resetToken: '2' }),
    audit: {
      ...{ stdout: false, required: true },
      file: { maxBytes: 100_000, maxFiles: 3, persistentVolumeClaim: { claimName: 'audit' } },
      otlp: {
        ...{ url: 'http://collector:4318/v1/logs', timeout: '10s' },
        headersFrom: [{ name: 'X-Tenant', secretKeyRef: { name: 'collector', key: 'tenant' } }],
      },
      content: [{ tool: 'find_order', include: 'Arguments' }],
    },
    security: {
      ...AGENT_DEPLOYMENT_DEFAULTS.security,
      egress: { allowHosts: ['*.example.com'], denyPrivateNetworks: false },
      promptInjection: {
        mode: 'Block',
        threshold: 70,
        sources: [{ source: 'UserInput', threshold: 90, mode: 'Report' }, { source: 'Messages' }],
        ruleSets: ['Default', 'Guides'],
        detector: { url: 'http://guard.security:8080/check', timeout: '500ms', onFailure: 'Block' },
        patterns: [{ name: 'falcon', pattern: '(?i)project falcon', weight: 60 }],
        exempt: ['stock'],
        blockedResults: 'Fence',
      },
      secrets: { mode: 'Redact', sources: ['Prompts', 'ToolArguments', 'MessageAnswers'] },
      runGuard: {
        mode: 'Enforce',
        repeats: 4,
        exempt: ['find_order'],
        maxToolCalls: 20,
        maxTokens: 100_000,
        maxDuration: '2m',
        cost: {
          maxCents: 50,
          inputCentsPerMillionTokens: 300,
          outputCentsPerMillionTokens: 1500,
        },
        messages: true,
      },
    },
    systemPromptFrom: { configMapKeyRef: { name: 'prompts', key: 'triage.md' } },
    conversation: {
      maxMessages: 10,
      maxTurns: 4,
      maxTokens: 100,
      idleTimeout: '5m',
      store: { type: 'Redis' },
    },
    redis: {
      url: 'rediss://redis.support.svc:6379/1',
      passwordSecretRef: { name: 'redis', key: 'password' },
    },
    retry: {
      maxAttempts: 5,
      baseDelay: '100ms',
      maxDelay: '1m',
      budgetPercent: 0,
      minPerSecond: 0,
    },
    bulkhead: { maxConcurrent: 5, maxQueued: 0, acquireTimeout: '250ms', whenFull: 'Reject' },
    shutdown: { drainTimeout: '1m30s', handlerTimeout: '30s' },
    monitoring: {
      auth: { tokenSecretRef: { name: 'scraping', key: 'token' } },
      serviceMonitor: { enabled: true, interval: '90s', labels: { release: 'prometheus' } },
      alerts: {
        enabled: true,
        labels: { release: 'prometheus', 'app.kubernetes.io/name': 'mine' },
      },
    },
    service: {
      type: 'LoadBalancer',
      port: 8443,
      annotations: { 'example.com/load-balancer': 'internal' },
    },
    telemetry: {
      tracing: {
        endpoint: 'https://traces.example.com',
        headersFrom: [{ name: 'x-api-key', secretKeyRef: { name: 'tracing', key: 'key' } }],
        sampling: { ratio: '0.1', parentBased: false },
        content: 'Full',
        userId: 'Plain',
        baggage: 'Forward',
      },
      logging: { successRatio: '0.01', levels: { model: 'Debug' } },
    },
    probes: {
      startup: { period: '2s', timeout: '2s', failureThreshold: 30 },
      liveness: { period: '1m', timeout: '10s', failureThreshold: 5 },
      readiness: { period: '1s', timeout: '1s', failureThreshold: 1 },
    },
    disruption: { maxUnavailable: '25%' },
    autoscaling: {
      minReplicas: 2,
      maxReplicas: 20,
      cpuPercent: 60,
      memoryPercent: 90,
      inFlight: { target: 5, prometheus: { serverAddress: 'http://prometheus.monitoring:9090' } },
      behavior: {
        scaleUp: { policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }] },
        scaleDown: { stabilizationWindowSeconds: 600, selectPolicy: 'Min' },
      },
    },
    networkPolicy: {
      enabled: true,
      from: [
        { podSelector: { matchLabels: { app: 'gateway' } } },
        {
          namespaceSelector: {
            matchExpressions: [{ key: 'team', operator: 'In', values: ['support', 'sales'] }],
          },
          podSelector: {},
        },
        { ipBlock: { cidr: '192.0.2.0/24', except: ['192.0.2.128/25'] } },
      ],
      metricsFrom: [
        { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'monitoring' } } },
      ],
    },
  }),
  'without-bounds': agentFixture('triage', {
    autoscaling: {
      ...{ minReplicas: 3, maxReplicas: 10, cpuPercent: 70, memoryPercent: 0 },
      inFlight: { target: 50, prometheus: { serverAddress: 'http://prometheus.monitoring:9090' } },
      behavior: { scaleDown: { stabilizationWindowSeconds: 600 } },
    },
    networkPolicy: { enabled: false },
    disruption: { maxUnavailable: 0 },
    service: { type: 'NodePort', port: 80 },
  }),
  program: agentFixture('triage', {
    program: {
      image: 'example.com/orders:1',
      port: 8000,
      tools: { path: '/mcp' },
      http: { paths: ['/'] },
      health: { path: '/ok' },
      env: [
        { name: 'DB', secretKeyRef: { name: 'db', key: 'url' } },
        { name: 'LOG_LEVEL', value: 'debug' },
      ],
      resources: { limits: { memory: '1Gi' } },
    },
    shutdown: { drainTimeout: '1m', handlerTimeout: '30s', programTimeout: '20s' },
    telemetry: {
      ...AGENT_DEPLOYMENT_DEFAULTS.telemetry,
      tracing: { endpoint: 'http://collector:4318' },
    },
    autoscaling: { minReplicas: 2, maxReplicas: 4, cpuPercent: 70, memoryPercent: 80 },
    podTemplate: {
      spec: {
        containers: [
          { name: 'agent', resources: { limits: { memory: '1Gi' } } },
          { name: 'program', args: ['--verbose'] },
          { name: 'proxy', image: 'example.com/proxy:1' },
        ],
        initContainers: [{ name: 'migrate', image: 'example.com/migrate:1' }],
      },
    },
  }),
  'program-istio': agentFixture('triage', {
    program: { image: 'example.com/orders:1', port: 3000, resources: {} },
  }),
  identities: agentFixture('triage', {
    model: modelOf(
      endpoint('bedrock', {
        ...{ provider: 'Bedrock', region: 'eu-central-1' },
        identity: { aws: { roleARN: 'arn:aws:iam::111122223333:role/models' } },
      }),
      endpoint('vertex', {
        ...{ provider: 'Vertex', region: 'eu', project: 'my-project' },
        identity: {
          google: {
            audience:
              '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/k',
            serviceAccount: 'models@my-project.iam.gserviceaccount.com',
          },
        },
      }),
      endpoint('foundry', {
        ...{ provider: 'Foundry', resource: 'mine' },
        identity: {
          azure: {
            tenantID: '00000000-1111-2222-3333-444444444444',
            clientID: '55555555-6666-7777-8888-999999999999',
          },
        },
      }),
      endpoint('pod', {
        ...{ provider: 'Bedrock', region: 'us-east-1' },
        identity: { aws: {} },
      }),
    ),
  }),
  'istio-sidecar': agentFixture(),
  'istio-ambient': agentFixture('triage', {
    networkPolicy: {
      enabled: true,
      metricsFrom: [
        { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'monitoring' } } },
      ],
    },
  }),
  'pod-template': agentFixture('triage', {
    podTemplate: {
      metadata: { labels: { team: 'support' }, annotations: { 'example.com/scrape': 'true' } },
      spec: {
        priorityClassName: 'high',
        imagePullSecrets: [{ name: 'registry' }],
        containers: [
          {
            name: 'agent',
            resources: { limits: { cpu: null, memory: '1Gi' } },
            env: [{ name: 'HTTPS_PROXY', value: 'http://proxy:3128' }],
          },
          { name: 'sidecar', image: 'example.com/sidecar:1' },
        ],
        volumes: [{ name: 'tmp', emptyDir: { sizeLimit: '64Mi' } }],
      },
    },
  }),
};

const breakers: Record<string, CircuitBreakerPolicy> = {
  everything: breakerFixture('triage', {
    trip: {
      consecutiveFailures: 3,
      failureRate: { percent: 50, window: '60s', minimumCalls: 10 },
      slowCalls: { percent: 80, slowerThan: '20s', calls: 100, minimumCalls: 20 },
    },
    failureOn: ['RateLimited', 'Timeout', 'Connection'],
    recovery: { rampUp: '30s' },
    mode: 'Shadow',
    override: {
      state: 'Open',
      reason: 'provider maintenance',
      expiresAt: '2026-12-01T02:00:00+01:00',
    },
    resetToken: '1',
  }),
};

const limits: Record<string, RateLimitPolicy> = {
  everything: limitFixture('triage', {
    limits: [
      bucketFixture('requests', { onLimit: 'Queue', maxWait: '500ms' }),
      bucketFixture('tokens', {
        resource: 'TotalTokens',
        key: { header: 'X-User-Id' },
        maxKeys: 5000,
      }),
    ],
    mode: 'Shadow',
  }),
};

const CHILDREN = [
  'serviceAccount',
  'deployment',
  'service',
  'headlessService',
  'disruptionBudget',
  'networkPolicy',
  'autoscaler',
  'scaledObject',
  'serviceMonitor',
  'prometheusRule',
] as const;

/** Kinds of prometheus-operator in the cluster of each example. Default: none. */
const facts: Record<string, MonitoringFacts> = {
  everything: { serviceMonitors: 'Served', prometheusRules: 'Served' },
  'pod-template': { serviceMonitors: 'Absent', prometheusRules: 'Served' },
};

const meshes: Record<string, Mesh> = {
  'istio-sidecar': 'IstioSidecar',
  'program-istio': 'IstioSidecar',
  'istio-ambient': 'IstioAmbient',
};

/** Examples with KEDA in the cluster. */
const KEDA = new Set(['without-bounds']);

/** The object as YAML, compared with its file; `UPDATE_GOLDEN=1` writes the file instead. */
function expectGolden(name: string, object: unknown): void {
  const file = new URL(`testdata/${name}.golden.yaml`, import.meta.url);
  const text = stringify(object, { aliasDuplicateObjects: false });
  if (process.env['UPDATE_GOLDEN'] === '1') {
    mkdirSync(dirname(file.pathname), { recursive: true });
    writeFileSync(file, text);
  }
  expect(text).toBe(readFileSync(file, 'utf8'));
}

describe.each(Object.entries(agents))('objects of %s', (name, agent) => {
  const policies = {
    breakers: [breakers[name] ?? breakerFixture()],
    limits: [limits[name] ?? limitFixture()],
  };
  const attachment = attach(policies, [agent]);
  const plan = planAgent({
    agent,
    attachment: attachment.agents.get('triage')!,
    options: { ...OPTIONS, ...(meshes[name] && { mesh: meshes[name] }) },
    facts: facts[name] ?? UNMONITORED,
    scaledObjects: KEDA.has(name) ? 'Served' : 'Absent',
  });

  it.each(CHILDREN.filter((kind) => plan[kind] !== undefined))('%s', (kind) => {
    expectGolden(`${name}/${kind}`, plan[kind]);
  });

  it('are exactly those with a golden file', () => {
    const directory = new URL(`testdata/${name}/`, import.meta.url);
    const files = readdirSync(directory).map((file) => file.replace('.golden.yaml', ''));
    const made = CHILDREN.filter((kind) => plan[kind] !== undefined);
    expect(files.sort()).toEqual([...made, 'configMap'].sort());
  });

  it('give pods exactly the mounts that their configuration refers to', () => {
    const { env } = runtimeContainer(plan.deployment!.spec.template) as unknown as {
      env: { name: string; value?: string }[];
    };
    const names = env.find((each) => each.name === MOUNTS_VARIABLE)!.value!.split(',');
    const { shutdown } = plan.content!;
    expect([...new Set(names)].sort()).toEqual(
      [...new Set([shutdownName(shutdown), ...mountsOf(plan.content)])].sort(),
    );
  });

  it('configMap', () => {
    const { content, hash } = plan;
    const configuration = { revision: { term: 3, counter: 7 }, hash: hash!, content: content! };
    const authority = '-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n';
    const token = agent.spec.program && 'a'.repeat(43);
    const made = buildConfigMap(agent, configuration, authority, token);
    expect(JSON.parse(made.data['configuration.json']!)).toEqual(configuration);
    const readable = JSON.stringify(configuration, null, 2);
    expectGolden(`${name}/configMap`, {
      ...made,
      data: { ...made.data, 'configuration.json': readable },
    });
  });
});

import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parseAllDocuments, stringify } from 'yaml';
import { CHART, IMAGE_ARGUMENTS, IMAGES, render } from '../../config/render.ts';
import { definitions } from '../../crds/definitions.ts';
import { run } from '../cluster/common/command.ts';
import { helmBinaries, kubernetesBinaries } from '../cluster/local/binaries.ts';
import { prometheusOperatorDefinitions } from '../cluster/local/prometheusOperator.ts';
import { waitFor } from '../cluster/common/step.ts';
import { blocks } from '../kit/documents.ts';
import { ROOT } from '../kit/platform.ts';
import { startApiServer, START_TIMEOUT, type ApiServer, type Status } from './apiserver.ts';

interface KubernetesObject {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; labels?: Record<string, string> };
}

interface Deployment extends KubernetesObject {
  spec: {
    template: {
      metadata: { labels: Record<string, string> };
      spec: {
        containers: { image: string; env: { name: string; value?: string }[] }[];
        affinity?: { podAntiAffinity?: object };
      };
    };
  };
}

type Values = Record<string, unknown>;

const NAMESPACE = 'breakwater-system';
const OPERATOR = `system:serviceaccount:${NAMESPACE}:breakwater-operator`;
const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const SAMPLES = join(import.meta.dirname, '../../config/samples');

/** Another value for every value that affects the output. */
const EVERYTHING: Values = {
  fullnameOverride: 'second',
  image: {
    operator: 'example.com/operator:1.2.3',
    runtime: `example.com/runtime@sha256:${'0'.repeat(64)}`,
    pullPolicy: 'Always',
    runtimePullPolicy: 'Never',
  },
  imagePullSecrets: [{ name: 'registry' }],
  replicas: 3,
  antiAffinity: 'Required',
  runtimeUpgrade: { maxConcurrent: 7, maxFailures: 2 },
  concurrency: { reconciles: 16, requests: 14, tokenReviews: 9 },
  links: {
    connectTimeout: '2s',
    connects: 100,
    repeatedConnects: 10,
    handshakes: 20,
    repeatedHandshakes: 2,
    maxBytesPerSecond: 1_000_000,
    maxMessagesPerSecond: 100,
    burstSeconds: 10,
    excessBackoff: '60s',
  },
  watchNamespaces: ['agents'],
  watchNamespace: 'breakwater-demo',
  watchSelector: {
    matchLabels: { share: 'second' },
    matchExpressions: [
      { key: 'tier', operator: 'NotIn', values: ['a', 'b'] },
      { key: 'old', operator: 'DoesNotExist' },
    ],
  },
  mesh: 'IstioAmbient',
  tenancy: {
    podTemplate: 'Any',
    images: ['example.com/proxy', 'example.com/team/'],
    programImages: ['example.com/programs/'],
    secretNames: ['agents-*', 'shared'],
    identities: ['aws:arn:aws:iam::111122223333:role/agents-*', 'google'],
  },
  logLevel: 'debug',
  logLevels: { links: 'trace', informer: 'warn' },
  runbooksURL: 'https://example.com/runbooks',
  telemetry: {
    tracing: {
      endpoint: 'http://collector:4318',
      sampling: { ratio: '0.1', parentBased: false },
    },
    operatorTracing: { endpoint: 'http://collector:4318', sampling: { ratio: '0.5' } },
  },
  extraEnv: [{ name: 'OTEL_EXPORTER_OTLP_HEADERS', value: 'x-tenant=a' }],
  authoritySecret: 'second-authority',
  serviceAccount: { name: 'runner', annotations: { 'example.com/role': 'operator' } },
  metrics: {
    service: { port: 9000, annotations: { 'example.com/scrape': 'true' } },
    serviceMonitor: { enabled: true, interval: '10s', labels: { release: 'prometheus' } },
    alerts: { enabled: true, labels: { release: 'prometheus' } },
  },
  networkPolicy: { metricsFrom: [{ namespaceSelector: { matchLabels: { team: 'metrics' } } }] },
  podAnnotations: { 'example.com/note': 'kept' },
  podLabels: { team: 'platform' },
  priorityClassName: 'system-cluster-critical',
  flowControl: { shares: 20 },
  nodeSelector: { 'kubernetes.io/os': 'linux' },
  tolerations: [{ key: 'dedicated', operator: 'Exists' }],
  topologySpreadConstraints: [
    {
      maxSkew: 1,
      topologyKey: 'kubernetes.io/hostname',
      whenUnsatisfiable: 'ScheduleAnyway',
      labelSelector: { matchLabels: { 'app.kubernetes.io/name': 'breakwater-operator' } },
    },
  ],
};

let server: ApiServer;
let helm: string;
let kubectl: string;
let directory: string;

beforeAll(async () => {
  server = await startApiServer();
  helm = join(await helmBinaries(), 'helm');
  kubectl = join(await kubernetesBinaries(), 'kubectl');
  await installPrometheusOperatorKinds();
  directory = await mkdtemp(join(tmpdir(), 'breakwater-chart-'));
  const namespaces = parseAllDocuments(
    (await readFile(join(SAMPLES, 'namespace.yaml'), 'utf8')) +
      '\n---\n' +
      (await readFile(join(SAMPLES, '../default/namespace.yaml'), 'utf8')),
  ).map((document) => document.toJS() as KubernetesObject);
  for (const namespace of [...namespaces, { metadata: { name: 'agents' } }])
    await server.apply(`/api/v1/namespaces/${namespace.metadata.name}`, {
      apiVersion: 'v1',
      kind: 'Namespace',
      ...namespace,
    });
}, START_TIMEOUT);

afterAll(async () => {
  await server.stop();
  await rm(directory, { recursive: true, force: true });
});

/** Definitions that the API server needs to validate a ServiceMonitor. */
async function installPrometheusOperatorKinds(): Promise<void> {
  for (const file of await prometheusOperatorDefinitions()) {
    const [definition] = documents(await readFile(file, 'utf8'));
    await server.apply(`${CRDS}/${definition!.metadata.name}`, definition!);
  }
  for (const plural of ['servicemonitors', 'prometheusrules'])
    await waitFor(`${plural} are not served`, 30_000, async () => {
      return (
        (await server.request('GET', `/apis/monitoring.coreos.com/v1/${plural}`)).status === 200
      );
    });
}

const documents = (text: string): KubernetesObject[] =>
  parseAllDocuments(text)
    .map((document) => document.toJS() as KubernetesObject | null)
    .filter((object) => object !== null);

async function valuesFile(values: Values): Promise<string> {
  const path = join(directory, 'values.yaml');
  await writeFile(path, stringify({ image: IMAGES, ...values }));
  return path;
}

async function template(values: Values): Promise<KubernetesObject[]> {
  const file = await valuesFile(values);
  const args = ['template', 'breakwater', CHART, '--namespace', NAMESPACE];
  return documents(await run(helm, [...args, '--kube-version', '1.34.0', '--values', file]));
}

async function deployment(values: Values): Promise<Deployment> {
  return (await template(values)).find(({ kind }) => kind === 'Deployment') as Deployment;
}

/** Creates each object as a dry run. Rejects with the message of the API server. */
async function dryRun(objects: object[]): Promise<string> {
  const input = objects.map((object) => stringify(object)).join('---\n');
  const args = ['--kubeconfig', server.kubeconfig, 'apply', '--server-side', '--force-conflicts'];
  return run(kubectl, [...args, '--dry-run=server', '--validate=strict', '-f', '-'], { input });
}

/** Whether the API server accepts the Deployment's pod in a namespace that enforces `restricted`. */
async function admitsPod(namespace: string, { spec }: Deployment): Promise<unknown> {
  const body = {
    ...{ apiVersion: 'v1', kind: 'Pod' },
    metadata: { name: 'pod', labels: spec.template.metadata.labels },
    spec: spec.template.spec,
  };
  const path = `/api/v1/namespaces/${namespace}/pods`;
  const answer = await server.request<Status>('POST', path, { query: { dryRun: 'All' }, body });
  return answer.status === 201 ? 'admitted' : answer.body.message;
}

describe('the rendered chart', () => {
  it('passes helm lint', async () => {
    await run(helm, ['lint', '--strict', CHART, '--values', await valuesFile(EVERYTHING)]);
  });

  it.each([
    ['image.operator', { runtime: IMAGES.runtime }],
    ['image.runtime', { operator: IMAGES.operator }],
  ])('is refused without %s, which a checkout does not have', async (field, image) => {
    await expect(template({ image })).rejects.toThrow(
      `${field} is missing. This chart is of a checkout, not of a release, so that no registry has its images: build them, push them, and set image.operator and image.runtime.`,
    );
  });

  it('equals what config/ holds; else run make generate', async () => {
    for (const [path, text] of Object.entries(await render(helm)))
      expect(await readFile(join(SAMPLES, '..', path), 'utf8')).toBe(text);
  });

  it('installs the definitions as they are, and keeps them', async () => {
    const rendered = (await template({})).filter(({ kind }) => kind === 'CustomResourceDefinition');
    const annotations = { 'helm.sh/resource-policy': 'keep' };
    expect(rendered).toEqual(
      definitions().map(({ definition }) => ({
        ...definition,
        metadata: { ...definition.metadata, annotations },
      })),
    );
    const without = await template({ crds: { install: false } });
    expect(without.map(({ kind }) => kind)).not.toContain('CustomResourceDefinition');
  });

  it.each([
    ['the default values', {}],
    ['every value changed', EVERYTHING],
    [
      'nothing that is optional',
      {
        rbac: { create: false, aggregate: false },
        serviceAccount: { create: false },
        metrics: { service: { enabled: false } },
        podDisruptionBudget: { enabled: false },
        tenancy: { admissionPolicy: false },
        networkPolicy: { enabled: false },
        flowControl: { enabled: false },
        antiAffinity: 'None',
        crds: { install: false },
      },
    ],
  ])('is accepted by the API server with %s', async (_, values) => {
    const objects = await template(values);
    const accepted = await dryRun(objects);
    expect(accepted.trim().split('\n')).toHaveLength(objects.length);
    expect(await admitsPod(NAMESPACE, await deployment(priorityAside(values)))).toBe('admitted');
  });

  it('tells the operator what it needs to know', async () => {
    const environment = async (values: Values): Promise<unknown> => {
      const [container] = (await deployment(values)).spec.template.spec.containers;
      const entries = container!.env
        .filter(({ value }) => value !== undefined)
        .map(({ name, value }) => [name, value]);
      return { image: container!.image, ...(Object.fromEntries(entries) as Values) };
    };
    expect([await environment({}), await environment(EVERYTHING)]).toEqual([
      {
        image: 'localhost/breakwater/operator:0.1.0',
        RUNTIME_IMAGE: 'localhost/breakwater/runtime:0.1.0',
        RUNTIME_IMAGE_PULL_POLICY: '',
        RUNTIME_UPGRADE_CONCURRENCY: '5',
        RUNTIME_UPGRADE_FAILURES: '3',
        RECONCILE_CONCURRENCY: '32',
        API_REQUESTS_IN_FLIGHT: '7',
        API_TOKEN_REVIEWS_IN_FLIGHT: '4',
        LINK_CONNECT_TIMEOUT: '1500ms',
        LINK_CONNECTS: '512',
        LINK_REPEATED_CONNECTS: '32',
        LINK_HANDSHAKES: '16',
        LINK_REPEATED_HANDSHAKES: '4',
        LINK_BYTES_PER_SECOND: '262144',
        LINK_MESSAGES_PER_SECOND: '50',
        LINK_BURST_SECONDS: '20',
        LINK_EXCESS_BACKOFF: '300s',
        WATCH_NAMESPACES: '',
        WATCH_SELECTOR: '',
        MESH: '',
        TENANCY_POD_TEMPLATE: 'Restricted',
        TENANCY_IMAGES: '',
        TENANCY_PROGRAM_IMAGES: '',
        TENANCY_SECRET_NAMES: '*',
        TENANCY_IDENTITIES: '',
        LOG_LEVEL: 'info',
        LOG_LEVELS: '',
        TRACING_ENDPOINT: '',
        TRACING_RATIO: '1',
        TRACING_PARENT_BASED: 'true',
        OPERATOR_TRACING_ENDPOINT: '',
        OPERATOR_TRACING_RATIO: '1',
        RUNBOOKS_URL: '',
        LEASE_NAME: 'breakwater-operator',
        AUTHORITY_SECRET: 'breakwater-authority',
        AUTHORITY_CHECK_INTERVAL: '10s',
      },
      {
        image: 'example.com/operator:1.2.3',
        RUNTIME_IMAGE: `example.com/runtime@sha256:${'0'.repeat(64)}`,
        RUNTIME_IMAGE_PULL_POLICY: 'Never',
        RUNTIME_UPGRADE_CONCURRENCY: '7',
        RUNTIME_UPGRADE_FAILURES: '2',
        RECONCILE_CONCURRENCY: '16',
        API_REQUESTS_IN_FLIGHT: '14',
        API_TOKEN_REVIEWS_IN_FLIGHT: '9',
        LINK_CONNECT_TIMEOUT: '2s',
        LINK_CONNECTS: '100',
        LINK_REPEATED_CONNECTS: '10',
        LINK_HANDSHAKES: '20',
        LINK_REPEATED_HANDSHAKES: '2',
        LINK_BYTES_PER_SECOND: '1000000',
        LINK_MESSAGES_PER_SECOND: '100',
        LINK_BURST_SECONDS: '10',
        LINK_EXCESS_BACKOFF: '60s',
        WATCH_NAMESPACES: 'agents,breakwater-demo',
        WATCH_SELECTOR: 'share=second,tier notin (a,b),!old',
        MESH: 'IstioAmbient',
        TENANCY_POD_TEMPLATE: 'Any',
        TENANCY_IMAGES: 'example.com/proxy,example.com/team/',
        TENANCY_PROGRAM_IMAGES: 'example.com/programs/',
        TENANCY_SECRET_NAMES: 'agents-*,shared',
        TENANCY_IDENTITIES: 'aws:arn:aws:iam::111122223333:role/agents-*,google',
        LOG_LEVEL: 'debug',
        LOG_LEVELS: 'informer=warn,links=trace',
        TRACING_ENDPOINT: 'http://collector:4318',
        TRACING_RATIO: '0.1',
        TRACING_PARENT_BASED: 'false',
        OPERATOR_TRACING_ENDPOINT: 'http://collector:4318',
        OPERATOR_TRACING_RATIO: '0.5',
        OTEL_EXPORTER_OTLP_HEADERS: 'x-tenant=a',
        RUNBOOKS_URL: 'https://example.com/runbooks',
        LEASE_NAME: 'second',
        AUTHORITY_SECRET: 'second-authority',
        AUTHORITY_CHECK_INTERVAL: '10s',
      },
    ]);
  });

  it.each([
    ['Preferred', 'preferredDuringSchedulingIgnoredDuringExecution'],
    ['Required', 'requiredDuringSchedulingIgnoredDuringExecution'],
    ['None', undefined],
  ])('keeps replicas apart as told by antiAffinity %s', async (antiAffinity, rule) => {
    const { spec } = (await deployment({ antiAffinity })).spec.template;
    expect(Object.keys(spec.affinity?.podAntiAffinity ?? {})).toEqual(rule ? [rule] : []);
  });

  it('keeps the affinity of the values as it is', async () => {
    const affinity = { nodeAffinity: {} };
    expect((await deployment({ affinity })).spec.template.spec.affinity).toEqual(affinity);
  });

  it('has two replicas and lets one of them be evicted at a time', async () => {
    const objects = await template({});
    expect(objects).toContainEqual(
      expect.objectContaining({
        kind: 'Deployment',
        spec: expect.objectContaining({ replicas: 2 }),
      }),
    );
    expect(objects).toContainEqual(
      expect.objectContaining({
        kind: 'PodDisruptionBudget',
        spec: expect.objectContaining({ maxUnavailable: 1 }),
      }),
    );
  });

  it('admits scrapes and probes, and scrapes only from metricsFrom if that is set', async () => {
    const ingress = async (values: Values): Promise<unknown> => {
      const policy = (await template(values)).find(({ kind }) => kind === 'NetworkPolicy');
      return (policy as unknown as { spec: { ingress: unknown } }).spec.ingress;
    };
    const metricsFrom = [{ namespaceSelector: { matchLabels: { team: 'metrics' } } }];
    const probes = { ports: [{ port: 'probes' }] };
    expect(await ingress({})).toEqual([{ ports: [{ port: 'metrics' }] }, probes]);
    expect(await ingress({ networkPolicy: { metricsFrom } })).toEqual([
      { ports: [{ port: 'metrics' }], from: metricsFrom },
      probes,
    ]);
  });

  it('contains a ServiceMonitor and a PrometheusRule only if the values enable them', async () => {
    const labels = { release: 'prometheus' };
    const metrics = {
      serviceMonitor: { enabled: true, labels },
      alerts: { enabled: true, labels },
    };
    const kinds = ['ServiceMonitor', 'PrometheusRule'];
    const asked = (await template({ metrics })).filter(({ kind }) => kinds.includes(kind));
    expect(asked.map(({ metadata }) => metadata.labels?.release)).toEqual([
      'prometheus',
      'prometheus',
    ]);
    const unasked = (await template({})).map(({ kind }) => kind);
    expect(unasked).not.toEqual(expect.arrayContaining(kinds));
  });

  it('prints the next commands with the chosen names', async () => {
    const notes = await run(helm, [
      ...['install', 'breakwater', CHART, '--dry-run=client', '--kubeconfig', server.kubeconfig],
      ...['--namespace', NAMESPACE, '--set', 'crds.install=false'],
      ...['--values', await valuesFile({ fullnameOverride: 'second', watchNamespace: 'agents' })],
    ]);
    for (const command of [
      `kubectl -n ${NAMESPACE} rollout status deployment/second`,
      `helm -n ${NAMESPACE} test breakwater`,
      'kubectl -n agents apply -f -',
      'kubectl -n agents wait --for=condition=Ready agentdeployment/triage',
    ])
      expect(notes).toContain(command);
  });

  it.each([
    [{ replica: 2 }, "additional properties 'replica' not allowed"],
    [{ replicas: 'two' }, "at '/replicas': got string, want integer"],
    [{ logLevel: 'verbose' }, "at '/logLevel': value must be one of 'trace', 'debug', 'info'"],
    [{ image: { operator: 'two words' } }, "at '/image/operator'"],
    [{ image: { tag: 'dev' } }, "at '/image': additional properties 'tag' not allowed"],
    [{ tenancy: { podTemplate: 'Some' } }, "at '/tenancy/podTemplate': value must be one of"],
    [{ tenancy: { images: ['two words'] } }, "at '/tenancy/images/0'"],
    [{ tenancy: { programImages: ['two words'] } }, "at '/tenancy/programImages/0'"],
    [{ tenancy: { secretNames: ['^a$'] } }, "at '/tenancy/secretNames/0'"],
    [{ tenancy: { identities: ['two words'] } }, "at '/tenancy/identities/0'"],
    [{ watchNamespace: NAMESPACE }, 'watchNamespaces must not name the namespace of the release'],
    [{ watchNamespace: 'Team A' }, "at '/watchNamespace': 'Team A' does not match pattern"],
    [{ authoritySecret: '' }, "at '/authoritySecret'"],
    [{ mesh: 'Linkerd' }, "at '/mesh': value must be one of"],
    [
      { watchSelector: { matchLabel: {} } },
      "at '/watchSelector': additional properties 'matchLabel' not allowed",
    ],
    [{ metrics: { service: { port: 0 } } }, "at '/metrics/service/port'"],
    [{ metrics: { serviceMonitor: { interval: '30' } } }, "at '/metrics/serviceMonitor/interval'"],
    [{ metrics: { serviceMonitor: { interval: '4s' } } }, "at '/metrics/serviceMonitor/interval'"],
    [
      { antiAffinity: 'Always' },
      "at '/antiAffinity': value must be one of 'Preferred', 'Required'",
    ],
    [{ runtimeUpgrade: { maxConcurrent: 0 } }, "at '/runtimeUpgrade/maxConcurrent'"],
    [
      { metrics: { service: { enabled: false }, serviceMonitor: { enabled: true } } },
      'metrics.serviceMonitor.enabled needs metrics.service.enabled',
    ],
  ])('refuses the values %j', async (values, message) => {
    await expect(template(values)).rejects.toThrow(message);
  });
});

/** Omits the priority class, because its controller does not run here. */
function priorityAside(values: Values): Values {
  return { ...values, priorityClassName: '' };
}

describe('kustomize', () => {
  const build = async (path: string): Promise<KubernetesObject[]> =>
    documents(await run(kubectl, ['kustomize', join(SAMPLES, '..', path)]));

  const paths = [
    'default',
    'samples',
    'samples/outage',
    'samples/assistant',
    'samples/cache',
    'samples/clients',
    'samples/guarded',
    'samples/openai',
    'samples/clouds',
    'presets/development',
    'presets/production',
    'crd',
    'prometheus',
  ];

  it.each(paths)('builds config/%s so that the API server accepts it', async (path) => {
    const objects = await build(path);
    const accepted = await dryRun(objects);
    expect(accepted.trim().split('\n')).toHaveLength(objects.length);
  });

  it('builds from config/default exactly what install.yaml holds', async () => {
    const key = ({ kind, metadata }: KubernetesObject): string => `${kind} ${metadata.name}`;
    const byKey = (objects: KubernetesObject[]): Record<string, KubernetesObject> =>
      Object.fromEntries(objects.map((object) => [key(object), object]));
    const installed = documents(await readFile(join(SAMPLES, '../install.yaml'), 'utf8'));
    expect(installed.map(key)[0]).toBe(`Namespace ${NAMESPACE}`);
    expect(byKey(installed)).toEqual(byKey(await build('default')));
  });

  it('builds from config/prometheus rules about the operator of config/default', async () => {
    const [rule, monitor] = await build('prometheus');
    expect(JSON.stringify(rule)).toContain(`namespace=\\"${NAMESPACE}\\"`);
    const service = (await build('default')).find(({ kind }) => kind === 'Service')!;
    const { selector } = (monitor as unknown as { spec: { selector: { matchLabels: object } } })
      .spec;
    expect(service.metadata.labels).toMatchObject(selector.matchLabels);
  });

  it('builds from config/samples a simulated model that Pod Security restricted admits', async () => {
    const model = (await build('samples')).find(({ kind }) => kind === 'Deployment') as Deployment;
    expect(await admitsPod('breakwater-demo', model)).toBe('admitted');
  });
});

describe('an installed chart', () => {
  const options = (): string[] => ['--namespace', NAMESPACE, '--kubeconfig', server.kubeconfig];

  beforeAll(async () => {
    for (const { definition } of definitions())
      await server.request('DELETE', `${CRDS}/${definition.metadata.name}`);
    await run(helm, ['install', 'breakwater', CHART, ...IMAGE_ARGUMENTS, ...options()]);
  });

  /** Answers `VERB RESOURCE [in NAMESPACE]`, the resource as GROUP/RESOURCE[/NAME]. */
  async function may(
    verb: string,
    resource: string,
    namespace: string,
    user = OPERATOR,
  ): Promise<boolean> {
    const [group, kind, name] = resource.split('/');
    const [plural, subresource] = kind!.split(':');
    const resourceAttributes = { verb, group, resource: plural, subresource, name, namespace };
    const { body } = await server.request<{ status: { allowed: boolean } }>(
      'POST',
      '/apis/authorization.k8s.io/v1/subjectaccessreviews',
      { body: { spec: { user, resourceAttributes } } },
    );
    return body.status.allowed;
  }

  it.each([
    ['list', 'breakwater.dev/agentdeployments', 'team'],
    ['watch', 'breakwater.dev/circuitbreakerpolicies', 'team'],
    ['update', 'breakwater.dev/ratelimitpolicies:status', 'team'],
    ['update', 'breakwater.dev/agentdeployments:finalizers', 'team'],
    ['watch', '/pods', 'team'],
    ['patch', '/configmaps', 'team'],
    ['create', '/serviceaccounts', 'team'],
    ['delete', 'autoscaling/horizontalpodautoscalers', 'team'],
    ['create', 'events.k8s.io/events', 'team'],
    ['create', 'authentication.k8s.io/tokenreviews', ''],
    ['create', 'coordination.k8s.io/leases', NAMESPACE],
    ['update', 'coordination.k8s.io/leases/breakwater-operator', NAMESPACE],
    ['create', '/secrets', NAMESPACE],
    ['get', '/secrets/breakwater-authority', NAMESPACE],
  ])('lets the operator %s %s in "%s"', async (verb, resource, namespace) => {
    expect(await may(verb, resource, namespace)).toBe(true);
  });

  it.each([
    ['get', '/secrets/anthropic', 'team'],
    ['list', '/secrets', 'team'],
    ['create', '/secrets', 'team'],
    ['list', '/secrets', NAMESPACE],
    ['get', '/secrets/other', NAMESPACE],
    ['update', 'coordination.k8s.io/leases/other', NAMESPACE],
    ['update', 'breakwater.dev/agentdeployments', 'team'],
    ['patch', 'breakwater.dev/circuitbreakerpolicies', 'team'],
    ['delete', 'breakwater.dev/ratelimitpolicies', 'team'],
    ['delete', 'apps/deployments', 'team'],
    ['create', '/pods', 'team'],
    ['create', '/pods:exec', 'team'],
    ['create', '/serviceaccounts:token', 'team'],
    ['create', 'rbac.authorization.k8s.io/clusterroles', ''],
  ])('does not let the operator %s %s in "%s"', async (verb, resource, namespace) => {
    expect(await may(verb, resource, namespace)).toBe(false);
  });

  it('grants access in the named namespaces and in no other', async () => {
    const upgrade = ['upgrade', 'breakwater', CHART, ...IMAGE_ARGUMENTS, ...options()];
    await run(helm, [
      ...upgrade,
      '--set',
      'watchNamespace=agents,watchNamespaces={breakwater-demo}',
    ]);
    const answers = await Promise.all(
      ['agents', 'breakwater-demo', 'team'].map((namespace) =>
        may('patch', '/configmaps', namespace),
      ),
    );
    expect(answers).toEqual([true, true, false]);
    // The only permission in all namespaces is the review of tokens.
    expect(await may('list', 'breakwater.dev/agentdeployments', '')).toBe(false);
    expect(await may('watch', '/pods', '')).toBe(false);
    expect(await may('create', 'authentication.k8s.io/tokenreviews', '')).toBe(true);
  });

  it('lets the documented release for some namespaces fit beside it', async () => {
    const page = 'docs/install.md';
    const command = blocks(page, readFileSync(join(ROOT, page), 'utf8')).find(({ text }) =>
      text.includes('watchNamespaces={'),
    )!.text;
    for (const name of ['team-a', 'team-a-test'])
      await server.request('POST', '/api/v1/namespaces', { body: { metadata: { name } } });
    const images = IMAGE_ARGUMENTS.map((argument) => `'${argument}'`).join(' ');
    await run('sh', ['-ec', command.replace('…', images)], {
      cwd: ROOT,
      env: {
        ...process.env,
        KUBECONFIG: server.kubeconfig,
        PATH: `${dirname(helm)}:${process.env['PATH']}`,
      },
    });
    const list = ['list', '--all-namespaces', '--short', '--kubeconfig', server.kubeconfig];
    expect((await run(helm, list)).trim().split('\n')).toEqual(['breakwater', 'breakwater']);
    const team = 'system:serviceaccount:team-a-breakwater:team-a';
    expect(await may('patch', '/configmaps', 'team-a-test', team)).toBe(true);
    expect(await may('patch', '/configmaps', 'team', team)).toBe(false);
    await run(helm, ['uninstall', 'breakwater', '-n', 'team-a-breakwater', ...options().slice(2)]);
    expect(await may('get', '/secrets/breakwater-authority', NAMESPACE)).toBe(true);
  });

  it('keeps the definitions when it is uninstalled', async () => {
    await run(helm, ['uninstall', 'breakwater', ...options()]);
    const { body } = await server.request<{ items: KubernetesObject[] }>('GET', CRDS);
    const ours = body.items.filter(({ metadata }) => metadata.name.endsWith('.breakwater.dev'));
    expect(ours.map(({ metadata }) => metadata.name)).toEqual(
      definitions().map(({ definition }) => definition.metadata.name),
    );
    const deployments = `/apis/apps/v1/namespaces/${NAMESPACE}/deployments`;
    const left = await server.request<{ items: unknown[] }>('GET', deployments);
    expect(left.body.items).toEqual([]);
  });
});

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parseAllDocuments, stringify } from 'yaml';
import { CHART, render } from '../../config/render.ts';
import { definitions } from '../../crds/definitions.ts';
import { run } from '../cluster/command.ts';
import { helmBinaries, kubernetesBinaries } from '../cluster/local/binaries.ts';
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
      spec: { containers: { image: string; env: { name: string; value?: string }[] }[] };
    };
  };
}

type Values = Record<string, unknown>;

const NAMESPACE = 'breakwater-system';
const OPERATOR = `system:serviceaccount:${NAMESPACE}:breakwater-operator`;
const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const SAMPLES = join(import.meta.dirname, '../../config/samples');

/** Every value that changes what is rendered, changed. */
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
  watchNamespace: 'agents',
  logLevel: 'debug',
  authoritySecret: 'second-authority',
  serviceAccount: { name: 'runner', annotations: { 'example.com/role': 'operator' } },
  metrics: { service: { port: 9000, annotations: { 'example.com/scrape': 'true' } } },
  podAnnotations: { 'example.com/note': 'kept' },
  podLabels: { team: 'platform' },
  priorityClassName: 'system-cluster-critical',
  nodeSelector: { 'kubernetes.io/os': 'linux' },
  tolerations: [{ key: 'dedicated', operator: 'Exists' }],
  affinity: { podAntiAffinity: {} },
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

const documents = (text: string): KubernetesObject[] =>
  parseAllDocuments(text)
    .map((document) => document.toJS() as KubernetesObject | null)
    .filter((object) => object !== null);

async function valuesFile(values: Values): Promise<string> {
  const path = join(directory, 'values.yaml');
  await writeFile(path, stringify(values));
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

/** Creates each object without storing it, as kubectl does; fails with what the API server says. */
async function dryRun(objects: object[]): Promise<string> {
  const input = objects.map((object) => stringify(object)).join('---\n');
  const args = ['--kubeconfig', server.kubeconfig, 'apply', '--server-side', '--force-conflicts'];
  return run(kubectl, [...args, '--dry-run=server', '--validate=strict', '-f', '-'], { input });
}

/** Whether the API server takes the Deployment's pod in a namespace that enforces `restricted`. */
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

describe('rendering', () => {
  it('passes helm lint', async () => {
    await run(helm, ['lint', '--strict', CHART, '--values', await valuesFile(EVERYTHING)]);
  });

  it('is what config/rbac and config/manager hold; else run node config/generate.ts', async () => {
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
      const entries = container!.env.map(({ name, value }) => [name, value]);
      return { image: container!.image, ...(Object.fromEntries(entries) as Values) };
    };
    expect([await environment({}), await environment(EVERYTHING)]).toEqual([
      {
        image: 'localhost/breakwater/operator:0.1.0',
        RUNTIME_IMAGE: 'localhost/breakwater/runtime:0.1.0',
        RUNTIME_IMAGE_PULL_POLICY: '',
        WATCH_NAMESPACE: '',
        LOG_LEVEL: 'info',
        LEASE_NAME: 'breakwater-operator',
        AUTHORITY_SECRET: 'breakwater-authority',
      },
      {
        image: 'example.com/operator:1.2.3',
        RUNTIME_IMAGE: `example.com/runtime@sha256:${'0'.repeat(64)}`,
        RUNTIME_IMAGE_PULL_POLICY: 'Never',
        WATCH_NAMESPACE: 'agents',
        LOG_LEVEL: 'debug',
        LEASE_NAME: 'second',
        AUTHORITY_SECRET: 'second-authority',
      },
    ]);
  });

  it.each([
    [{ replica: 2 }, "additional properties 'replica' not allowed"],
    [{ replicas: 'two' }, "at '/replicas': got string, want integer"],
    [{ logLevel: 'verbose' }, "at '/logLevel': value must be one of 'trace', 'debug', 'info'"],
    [{ image: { operator: 'two words' } }, "at '/image/operator'"],
    [{ image: { tag: 'dev' } }, "at '/image': additional properties 'tag' not allowed"],
    [{ watchNamespace: 'Team A' }, "at '/watchNamespace': 'Team A' does not match pattern"],
    [{ authoritySecret: '' }, "at '/authoritySecret'"],
    [{ metrics: { service: { port: 0 } } }, "at '/metrics/service/port'"],
  ])('refuses %j', async (values, message) => {
    await expect(template(values)).rejects.toThrow(message);
  });
});

/** Without the priority class, which a controller makes that does not run here. */
function priorityAside(values: Values): Values {
  return { ...values, priorityClassName: '' };
}

describe('config/default, config/samples and config/presets', () => {
  const build = async (path: string): Promise<KubernetesObject[]> =>
    documents(await run(kubectl, ['kustomize', join(SAMPLES, '..', path)]));

  const samples = ['samples', 'samples/outage', 'samples/assistant'];
  const paths = ['default', ...samples, 'presets/development', 'presets/production', 'crd'];

  it.each(paths)('config/%s is accepted', async (path) => {
    const objects = await build(path);
    const accepted = await dryRun(objects);
    expect(accepted.trim().split('\n')).toHaveLength(objects.length);
  });

  it('the simulated model runs under Pod Security restricted', async () => {
    const model = (await build('samples')).find(({ kind }) => kind === 'Deployment') as Deployment;
    expect(await admitsPod('breakwater-demo', model)).toBe('admitted');
  });
});

describe('an installed chart', () => {
  const options = (): string[] => ['--namespace', NAMESPACE, '--kubeconfig', server.kubeconfig];

  beforeAll(async () => {
    for (const { definition } of definitions())
      await server.request('DELETE', `${CRDS}/${definition.metadata.name}`);
    await run(helm, ['install', 'breakwater', CHART, ...options()]);
  });

  /** Answers `VERB RESOURCE [in NAMESPACE]`, the resource as GROUP/RESOURCE[/NAME]. */
  async function may(verb: string, resource: string, namespace: string): Promise<boolean> {
    const [group, kind, name] = resource.split('/');
    const [plural, subresource] = kind!.split(':');
    const resourceAttributes = { verb, group, resource: plural, subresource, name, namespace };
    const { body } = await server.request<{ status: { allowed: boolean } }>(
      'POST',
      '/apis/authorization.k8s.io/v1/subjectaccessreviews',
      { body: { spec: { user: OPERATOR, resourceAttributes } } },
    );
    return body.status.allowed;
  }

  it.each([
    ['list', 'breakwater.dev/agentdeployments', 'team'],
    ['watch', 'breakwater.dev/circuitbreakerpolicies', 'team'],
    ['patch', 'breakwater.dev/ratelimitpolicies:status', 'team'],
    ['update', 'breakwater.dev/agentdeployments:finalizers', 'team'],
    ['watch', '/pods', 'team'],
    ['patch', '/configmaps', 'team'],
    ['create', '/serviceaccounts', 'team'],
    ['delete', 'apps/deployments', 'team'],
    ['create', 'events.k8s.io/events', 'team'],
    ['create', 'authentication.k8s.io/tokenreviews', ''],
    ['create', 'coordination.k8s.io/leases', NAMESPACE],
    ['update', 'coordination.k8s.io/leases/breakwater-operator', NAMESPACE],
    ['create', '/secrets', NAMESPACE],
    ['update', '/secrets/breakwater-authority', NAMESPACE],
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
    ['create', '/pods', 'team'],
    ['create', '/pods:exec', 'team'],
    ['create', '/serviceaccounts:token', 'team'],
    ['create', 'rbac.authorization.k8s.io/clusterroles', ''],
  ])('does not let the operator %s %s in "%s"', async (verb, resource, namespace) => {
    expect(await may(verb, resource, namespace)).toBe(false);
  });

  it('grants access in one namespace only when watchNamespace is set', async () => {
    const upgrade = ['upgrade', 'breakwater', CHART, ...options()];
    await run(helm, [...upgrade, '--set', 'watchNamespace=agents']);
    const answers = await Promise.all(
      ['agents', 'team'].map((namespace) => may('patch', '/configmaps', namespace)),
    );
    expect(answers).toEqual([true, false]);
    expect(await may('create', 'authentication.k8s.io/tokenreviews', '')).toBe(true);
  });

  it('keeps the definitions when it is uninstalled', async () => {
    await run(helm, ['uninstall', 'breakwater', ...options()]);
    const { body } = await server.request<{ items: KubernetesObject[] }>('GET', CRDS);
    expect(body.items.map(({ metadata }) => metadata.name)).toEqual(
      definitions().map(({ definition }) => definition.metadata.name),
    );
    const deployments = `/apis/apps/v1/namespaces/${NAMESPACE}/deployments`;
    const left = await server.request<{ items: unknown[] }>('GET', deployments);
    expect(left.body.items).toEqual([]);
  });
});

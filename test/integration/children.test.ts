import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { AgentDeployment } from '../../crds/generated/types.ts';
import type { KubernetesObject } from '../../crds/meta.ts';
import { waitFor } from '../cluster/common/step.ts';
import { startApiServer, START_TIMEOUT, type ApiServer } from './apiserver.ts';
import { startOperator, type TestOperator } from './testOperator.ts';

const WAIT = 60_000;
const MERGE = 'application/merge-patch+json';
const AUTOSCALING = { minReplicas: 2, maxReplicas: 5 };

let server: ApiServer;
let operator: TestOperator;

beforeAll(async () => {
  server = await startApiServer();
  operator = await startOperator(server);
}, START_TIMEOUT);

afterAll(async () => {
  await operator?.stop();
  await server?.stop();
});

type Anything = KubernetesObject & { spec: Record<string, unknown> };

interface Child {
  kind: string;
  /** API path of the collection in a namespace. */
  collection: (namespace: string) => string;
  name: string;
  /** A change by another writer … */
  edit: object;
  /** … and a foreign object of the same name. */
  foreign: object;
}

/** An object without its metadata and status. */
function content(object: Anything): string {
  return JSON.stringify({ ...object, metadata: undefined, status: undefined });
}

const core = (plural: string) => (namespace: string) => `/api/v1/namespaces/${namespace}/${plural}`;
const group = (api: string, plural: string) => (namespace: string) =>
  `/apis/${api}/namespaces/${namespace}/${plural}`;

const CHILDREN: Child[] = [
  {
    kind: 'ServiceAccount',
    collection: core('serviceaccounts'),
    name: 'one',
    edit: { automountServiceAccountToken: true },
    foreign: { automountServiceAccountToken: true },
  },
  {
    kind: 'ConfigMap',
    collection: core('configmaps'),
    name: 'one-configuration',
    edit: { data: { 'configuration.json': '{}' } },
    foreign: { data: { note: 'mine' } },
  },
  {
    kind: 'Deployment',
    collection: group('apps/v1', 'deployments'),
    name: 'one',
    edit: { spec: { template: { spec: { serviceAccountName: 'default' } } } },
    foreign: {
      spec: {
        selector: { matchLabels: { app: 'other' } },
        template: {
          metadata: { labels: { app: 'other' } },
          spec: { containers: [{ name: 'other', image: 'other:1' }] },
        },
      },
    },
  },
  {
    kind: 'Service',
    collection: core('services'),
    name: 'one',
    edit: { spec: { selector: { team: 'sales' } } },
    foreign: { spec: { ports: [{ port: 5432 }] } },
  },
  {
    kind: 'Service',
    collection: core('services'),
    name: 'one-headless',
    edit: { spec: { selector: { team: 'sales' } } },
    foreign: { spec: { ports: [{ port: 5432 }] } },
  },
  {
    kind: 'HorizontalPodAutoscaler',
    collection: group('autoscaling/v2', 'horizontalpodautoscalers'),
    name: 'one',
    edit: { spec: { maxReplicas: 50 } },
    foreign: {
      spec: {
        maxReplicas: 7,
        scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'other' },
      },
    },
  },
  {
    kind: 'PodDisruptionBudget',
    collection: group('policy/v1', 'poddisruptionbudgets'),
    name: 'one',
    edit: { spec: { maxUnavailable: 3 } },
    foreign: { spec: { minAvailable: 1, selector: { matchLabels: { app: 'other' } } } },
  },
  {
    kind: 'NetworkPolicy',
    collection: group('networking.k8s.io/v1', 'networkpolicies'),
    name: 'one',
    edit: { spec: { ingress: [{}] } },
    foreign: { spec: { podSelector: { matchLabels: { app: 'other' } } } },
  },
];

const agentPath = (namespace: string): string =>
  `/apis/breakwater.dev/v1alpha1/namespaces/${namespace}/agentdeployments/one`;

const agent = (spec: object = {}): object => ({
  apiVersion: 'breakwater.dev/v1alpha1',
  kind: 'AgentDeployment',
  metadata: { name: 'one' },
  spec: {
    model: { endpoints: [{ name: 'primary', model: 'some-model' }] },
    autoscaling: AUTOSCALING,
    ...spec,
  },
});

const messages = (object: AgentDeployment | undefined): string =>
  JSON.stringify(object?.status?.conditions ?? []);

describe.each(CHILDREN)('the $kind $name', ({ kind, collection, name, edit, foreign }) => {
  it('is made, put back when it is edited, and made again when it is deleted', async () => {
    const namespace = await server.namespace('child');
    const path = `${collection(namespace)}/${name}`;
    await server.apply(agentPath(namespace), agent());
    const made = await server.until<Anything>(path);
    const { metadata } = made;
    expect(metadata.ownerReferences).toMatchObject([{ kind: 'AgentDeployment', controller: true }]);

    await server.request('PATCH', path, { contentType: MERGE, body: edit });
    const mended = await server.until<Anything>(
      path,
      (object) => content(object) === content(made),
    );
    expect(mended.metadata.uid).toBe(metadata.uid);

    await server.request('DELETE', path);
    const again = await server.until<Anything>(
      path,
      (object) => object !== undefined && object.metadata.uid !== metadata.uid,
    );
    expect(again.metadata.labels).toEqual(metadata.labels);
  });

  it('is left alone if somebody else made it, and the agent and an Event say so', async () => {
    const namespace = await server.namespace('foreign');
    const path = `${collection(namespace)}/${name}`;
    const made = await server.request<Anything>('POST', collection(namespace), {
      body: { metadata: { name }, ...foreign },
    });
    expect(made.status).toBe(201);
    await server.apply(agentPath(namespace), agent());
    const seen = await server.until<AgentDeployment>(agentPath(namespace), (object) =>
      messages(object).includes('NameTaken'),
    );
    expect(messages(seen)).toContain(`${kind} ${name} already exists`);
    await waitFor('there is no Event', WAIT, async () => (await told(namespace)).length > 0);
    expect(content((await server.get<Anything>(path))!)).toBe(content(made.body));

    await server.request('DELETE', path);
    // The next reconcile of the agent tries the name again.
    await server.apply(agentPath(namespace), agent({ disruption: { maxUnavailable: 2 } }));
    await server.until<Anything>(path, (object) => object.metadata.ownerReferences !== undefined);
    await server.until<AgentDeployment>(
      agentPath(namespace),
      (object) => !messages(object).includes('NameTaken'),
    );
    expect(await told(namespace)).toHaveLength(1);

    async function told(where: string): Promise<unknown[]> {
      const events = await server.get<{ items: { reason: string; note: string }[] }>(
        `/apis/events.k8s.io/v1/namespaces/${where}/events`,
      );
      return events!.items.filter(
        ({ reason, note }) => reason === 'NameTaken' && note.includes(`${kind} ${name} `),
      );
    }
  });

  it('is adopted after it has lost its owner', async () => {
    const namespace = await server.namespace('orphan');
    const path = `${collection(namespace)}/${name}`;
    await server.apply(agentPath(namespace), agent());
    const { metadata } = await server.until<Anything>(path);
    const body = { metadata: { ownerReferences: null } };
    await server.request('PATCH', path, { contentType: MERGE, body });
    const adopted = await server.until<Anything>(
      path,
      (object) => object.metadata.ownerReferences !== undefined,
    );
    expect(adopted.metadata.uid).toBe(metadata.uid);
  });
});

it('the operator writes only the changed object, whatever the API server fills in', async () => {
  const namespace = await server.namespace('exact');
  const spec = {
    autoscaling: {
      ...AUTOSCALING,
      behavior: { scaleDown: { stabilizationWindowSeconds: 60 }, scaleUp: { selectPolicy: 'Min' } },
    },
    networkPolicy: {
      from: [
        { namespaceSelector: {}, podSelector: { matchLabels: {}, matchExpressions: [] } },
        { ipBlock: { cidr: '192.0.2.0/24', except: [] } },
      ],
    },
    podTemplate: {
      spec: { containers: [{ name: 'agent', resources: { limits: { cpu: '1000m' } } }] },
    },
    service: { type: 'LoadBalancer', annotations: { 'example.com/a': '' } },
  };
  const paths = CHILDREN.map(({ collection, name }) => `${collection(namespace)}/${name}`);
  const settle = (): Promise<AgentDeployment> =>
    server.until<AgentDeployment>(
      agentPath(namespace),
      (object) => object.status?.observedGeneration === object.metadata.generation,
    );
  const versions = (): Promise<[string, string | undefined][]> =>
    Promise.all(
      paths.map(async (path): Promise<[string, string | undefined]> => [
        path,
        (await server.get<KubernetesObject>(path))?.metadata.resourceVersion,
      ]),
    );
  await server.apply(agentPath(namespace), agent(spec));
  await Promise.all(paths.map((path) => server.until(path)));
  await settle();
  const before = await versions();
  await server.apply(
    agentPath(namespace),
    agent({ ...spec, disruption: { maxUnavailable: '50%' } }),
  );
  await settle();
  const changed = (await versions()).filter(([, version], index) => version !== before[index]![1]);
  expect(changed.map(([path]) => path)).toEqual([
    `/apis/policy/v1/namespaces/${namespace}/poddisruptionbudgets/one`,
  ]);
});

describe('an object that the agent no longer needs', () => {
  it.each([
    ['HorizontalPodAutoscaler', { autoscaling: undefined }],
    ['NetworkPolicy', { networkPolicy: { enabled: false } }],
  ])('is deleted: %s', async (kind, without) => {
    const namespace = await server.namespace('unwanted');
    const path = `${CHILDREN.find((child) => child.kind === kind)!.collection(namespace)}/one`;
    await server.apply(agentPath(namespace), agent());
    await server.until(path);
    await server.apply(agentPath(namespace), agent(without));
    await server.untilGone(path);
  });

  it('is kept if it belongs to somebody else, whatever its labels say', async () => {
    const namespace = await server.namespace('labelled');
    const policies = CHILDREN.find(({ kind }) => kind === 'NetworkPolicy')!.collection(namespace);
    await server.apply(agentPath(namespace), agent());
    const { metadata } = await server.until<Anything>(`${policies}/one`);
    const spec = { podSelector: {} };
    const owner = { apiVersion: 'v1', kind: 'ConfigMap', name: 'x', uid: 'x', controller: true };
    for (const body of [
      { metadata: { name: 'mine', labels: metadata.labels }, spec },
      {
        metadata: { name: 'theirs', labels: metadata.labels, ownerReferences: [owner] },
        spec,
      },
    ]) {
      await server.request('POST', policies, { body });
    }
    await server.apply(agentPath(namespace), agent({ networkPolicy: { enabled: false } }));
    await server.untilGone(`${policies}/one`);
    expect(await server.get(`${policies}/mine`)).toBeDefined();
    expect(await server.get(`${policies}/theirs`)).toBeDefined();
  });

  it.each([
    [
      'spec.autoscaling.behavior',
      { autoscaling: { ...AUTOSCALING, behavior: { scaleUp: { selectPolicy: 'Most' } } } },
      'selectPolicy',
    ],
    [
      'a peer of spec.networkPolicy.from',
      { networkPolicy: { from: [{ namespaceSelector: {}, podSelectr: {} }] } },
      'podSelectr',
    ],
  ])('is kept as it is while %s has a value that the API server refuses', async (_, bad, named) => {
    const namespace = await server.namespace('refused');
    const paths = CHILDREN.filter(({ kind }) =>
      ['HorizontalPodAutoscaler', 'NetworkPolicy'].includes(kind),
    ).map(({ collection, name }) => `${collection(namespace)}/${name}`);
    await server.apply(agentPath(namespace), agent());
    const specs = (): Promise<unknown[]> =>
      Promise.all(paths.map(async (path) => (await server.until<Anything>(path)).spec));
    const before = await specs();
    await server.apply(agentPath(namespace), agent(bad));
    await server.until<AgentDeployment>(agentPath(namespace), (object) =>
      messages(object).includes(named),
    );
    expect(await specs()).toEqual(before);
  });

  it('is kept if it is the Deployment and the spec allows none to be built', async () => {
    const namespace = await server.namespace('broken');
    const path = `/apis/apps/v1/namespaces/${namespace}/deployments/one`;
    await server.apply(agentPath(namespace), agent());
    const { metadata } = await server.until<Anything>(path);
    const podTemplate = { metadata: 'agent' };
    await server.apply(agentPath(namespace), agent({ podTemplate }));
    await server.until<AgentDeployment>(agentPath(namespace), (object) =>
      messages(object).includes('spec.podTemplate.metadata must be an object'),
    );
    expect((await server.get<Anything>(path))?.metadata.uid).toBe(metadata.uid);
  });
});

it('the operator changes type, port and annotations of the Service in place', async () => {
  const namespace = await server.namespace('service');
  const path = `/api/v1/namespaces/${namespace}/services/one`;
  await server.apply(agentPath(namespace), agent());
  const { metadata } = await server.until<Anything>(path);
  const service = { type: 'NodePort', port: 8443, annotations: { 'example.com/a': 'b' } };
  await server.apply(agentPath(namespace), agent({ service }));
  const changed = await server.until<Anything>(
    path,
    (object) => object.spec['type'] === 'NodePort',
  );
  expect(changed.spec['ports']).toMatchObject([{ port: 8443, targetPort: 'agent' }]);
  expect(changed.metadata.annotations).toMatchObject({ 'example.com/a': 'b' });
  await server.until<AgentDeployment>(
    agentPath(namespace),
    (object) => object.status?.endpoint === `http://one.${namespace}.svc:8443`,
  );

  await server.apply(agentPath(namespace), agent());
  const back = await server.until<Anything>(path, (object) => object.spec['type'] === 'ClusterIP');
  expect(back.metadata.uid).toBe(metadata.uid);
  expect(back.metadata.annotations).not.toHaveProperty('example.com/a');
  expect(JSON.stringify(back.spec['ports'])).not.toContain('nodePort');
});

describe('an object that the API server refuses', () => {
  const HOOKS = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/broken';
  const POLICIES = '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/kept';
  const BINDINGS = '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings/kept';

  /** Objects in one namespace. */
  const within = (namespace: string): object => ({
    matchLabels: { 'kubernetes.io/metadata.name': namespace },
  });

  const untilDegraded = (namespace: string, text: string): Promise<AgentDeployment> =>
    server.until<AgentDeployment>(agentPath(namespace), ({ status }) =>
      (status?.conditions ?? []).some(
        ({ type, message }) => type === 'Degraded' && message?.includes(text),
      ),
    );

  it('is named while a webhook does not answer, and created once the webhook is gone', async () => {
    const namespace = await server.namespace('webhook');
    await server.apply(HOOKS, {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingWebhookConfiguration',
      metadata: { name: 'broken' },
      webhooks: [
        {
          name: 'broken.example.com',
          clientConfig: { url: 'https://127.0.0.1:9/' },
          namespaceSelector: within(namespace),
          rules: [
            { apiGroups: [''], apiVersions: ['*'], operations: ['*'], resources: ['services'] },
          ],
          sideEffects: 'None',
          admissionReviewVersions: ['v1'],
        },
      ],
    });
    const services = core('services')(namespace);
    const probe = { metadata: { generateName: 'probe-' }, spec: { ports: [{ port: 80 }] } };
    await waitFor('the webhook is not called', WAIT, async () => {
      const { status } = await server.request('POST', services, { body: probe });
      return status === 500;
    });

    await server.apply(agentPath(namespace), agent());
    await untilDegraded(namespace, 'Service one could not be applied (InternalError): Internal');
    // A failed object delays no other.
    await server.until(group('policy/v1', 'poddisruptionbudgets')(namespace) + '/one');

    await server.request('DELETE', HOOKS);
    await waitFor('the webhook is still called', WAIT, async () => {
      const { status } = await server.request('POST', services, { body: probe });
      return status === 201;
    });
    await server.apply(agentPath(namespace), agent({ disruption: { maxUnavailable: 2 } }));
    await untilDegraded(namespace, 'Nothing is wrong');
  });

  it('is reported differently if it could not be deleted', async () => {
    const namespace = await server.namespace('kept');
    await server.apply(POLICIES, {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingAdmissionPolicy',
      metadata: { name: 'kept' },
      spec: {
        matchConstraints: {
          namespaceSelector: within(namespace),
          resourceRules: [
            {
              apiGroups: ['networking.k8s.io'],
              apiVersions: ['*'],
              operations: ['DELETE'],
              resources: ['networkpolicies'],
            },
          ],
        },
        validations: [{ expression: 'false', message: 'they stay' }],
      },
    });
    await server.apply(BINDINGS, {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata: { name: 'kept' },
      spec: { policyName: 'kept', validationActions: ['Deny'] },
    });
    const path = `${group('networking.k8s.io/v1', 'networkpolicies')(namespace)}/one`;
    await server.apply(agentPath(namespace), agent());
    await server.until(path);
    await waitFor('the policy is not in force', WAIT, async () => {
      const { status } = await server.request('DELETE', path, { query: { dryRun: 'All' } });
      return status === 422;
    });

    await server.apply(agentPath(namespace), agent({ networkPolicy: { enabled: false } }));
    const seen = await untilDegraded(
      namespace,
      'NetworkPolicy one is no longer wanted and could not be deleted',
    );
    expect(messages(seen)).not.toContain('stays as it is');
    await server.request('DELETE', BINDINGS);
    await server.request('DELETE', POLICIES);
  });

  it.each([
    [{ nodeSelector: { a: 1 } }, 'The API server refuses the Deployment made with'],
    [{ containers: [{ name: 'agent', image: 5 }] }, 'containers[agent].image must be a string'],
  ])('is named if spec.podTemplate has a value of the wrong type: %j', async (spec, text) => {
    const namespace = await server.namespace('type');
    await server.apply(agentPath(namespace), agent({ podTemplate: { spec } }));
    await untilDegraded(namespace, text);
  });

  it('is reported as the deleted agent’s until the garbage collector has removed it', async () => {
    const namespace = await server.namespace('again');
    const path = `${core('serviceaccounts')(namespace)}/one`;
    await server.apply(agentPath(namespace), agent());
    const { metadata } = await server.until<Anything>(path);
    await server.request('DELETE', agentPath(namespace));
    await server.apply(agentPath(namespace), agent());
    const seen = await untilDegraded(namespace, 'still belongs to a deleted AgentDeployment');
    expect(messages(seen)).not.toContain('rename the AgentDeployment');
    // No garbage collector runs here.
    await server.request('DELETE', path);
    await server.until<Anything>(path, (object) => object.metadata.uid !== metadata.uid);
  });
});

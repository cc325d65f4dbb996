/** The same manifests through the operator's own check and through the policy of the chart in a real API server. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { CHART } from '../../config/render.ts';
import type { AgentDeployment } from '../../crds/generated/types.ts';
import type { KubernetesObject } from '../../crds/meta.ts';
import { refusalsOf, type Tenancy } from '../../operator/desired/tenancy/tenancy.ts';
import { run } from '../cluster/common/command.ts';
import { helmBinaries } from '../cluster/local/binaries.ts';
import { waitFor } from '../cluster/common/step.ts';
import { startApiServer, START_TIMEOUT, type ApiServer, type Status } from './apiserver.ts';
import { startOperator, type TestOperator } from './testOperator.ts';

const WAIT = 60_000;
const RUNTIME = 'registry.example.com/breakwater/runtime';
const OPERATOR_NAMESPACE = 'breakwater-system';

/** Settings of a platform, by the namespace that they hold in. */
const PLATFORMS: Record<string, Tenancy> = {
  default: {
    podTemplate: 'Restricted',
    images: [],
    programImages: [],
    secretNames: ['*'],
    identities: [],
  },
  strict: {
    podTemplate: 'Restricted',
    images: ['registry.example.com/proxy', 'registry.example.com/team/'],
    programImages: ['registry.example.com/orders', 'registry.example.com/team/programs/'],
    secretNames: ['agents-*', 'shared.key'],
    identities: ['aws:arn:aws:iam::111122223333:role/agents-*', 'azure:*', 'google:*:models@*'],
  },
  any: {
    podTemplate: 'Any',
    images: [],
    programImages: [],
    secretNames: ['agents-*'],
    identities: ['google', 'aws'],
  },
};

let server: ApiServer;

beforeAll(async () => {
  server = await startApiServer();
  await Promise.all(Object.entries(PLATFORMS).map(([name, tenancy]) => install(name, tenancy)));
}, START_TIMEOUT);

afterAll(() => server?.stop());

/** The policy that the chart has for these settings, in force. */
async function install(namespace: string, tenancy: Tenancy): Promise<void> {
  const output = await run(join(await helmBinaries(), 'helm'), [
    ...['template', 'breakwater', CHART, '--namespace', OPERATOR_NAMESPACE],
    ...['--kube-version', '1.34.0', '--show-only', 'templates/tenancy.yaml'],
    ...['--set', `fullnameOverride=${namespace},watchNamespace=${namespace}-agents`],
    ...['--set', `image.operator=operator,image.runtime=${RUNTIME}:1.2.3@sha256:${'0'.repeat(64)}`],
    ...['--set-json', `tenancy=${JSON.stringify(tenancy)}`],
  ]);
  await server.apply(`/api/v1/namespaces/${namespace}-agents`, {
    ...{ apiVersion: 'v1', kind: 'Namespace' },
    metadata: { name: `${namespace}-agents` },
  });
  for (const document of parseAllDocuments(output)) {
    const object = document.toJS() as KubernetesObject;
    const { name } = object.metadata;
    const plural = object.kind.replace(/y$/, 'ie').toLowerCase();
    await server.apply(`/apis/admissionregistration.k8s.io/v1/${plural}s/${name}`, object);
  }
  // Each of them refuses one Secret or another, or an unknown image.
  const refused = { image: 'evil:1', model: withKey('evil') };
  await waitFor(`the policy of ${namespace} is not in force`, WAIT, async () => {
    return (
      (await create(namespace, refused)).status === 422 ||
      (await create(namespace, refused)).status === 403
    );
  });
}

const withKey = (name: string): object => ({
  endpoints: [{ name: 'primary', apiKeySecretRef: { name } }],
});

function manifest(spec: object): object {
  return {
    ...{ apiVersion: 'breakwater.dev/v1alpha1', kind: 'AgentDeployment' },
    metadata: { name: 'one' },
    spec: { model: { endpoints: [{ name: 'primary' }] }, ...spec },
  };
}

function create(
  namespace: string,
  spec: object,
): Promise<{ status: number; body: { message?: string } }> {
  const path = `/apis/breakwater.dev/v1alpha1/namespaces/${namespace}-agents/agentdeployments`;
  return server.request('POST', path, { query: { dryRun: 'All' }, body: manifest(spec) });
}

const pod = (spec: object): object => ({ podTemplate: { spec } });
const sidecar = (rest: object = {}): object =>
  pod({ containers: [{ name: 'proxy', image: 'registry.example.com/proxy:1', ...rest }] });
const runtime = (rest: object): object => pod({ containers: [{ name: 'agent', ...rest }] });
const program = (image: string, rest: object = {}): object => ({ program: { image, ...rest } });
const header = { name: 'X', secretKeyRef: { name: 'evil', key: 'k' } };

type Identity = NonNullable<AgentDeployment['spec']['model']['endpoints'][number]['identity']>;

const ROLE = 'arn:aws:iam::111122223333:role';
const AUDIENCE =
  '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/k';
const REFUSED = 'spec.model.endpoints[primary].identity';

/** The provider of an identity's cloud. */
function providerOf({ aws, google }: Identity): object {
  if (aws) return { provider: 'Bedrock', region: 'eu-west-1' };
  if (google) return { provider: 'Vertex', region: 'eu', project: 'my-project' };
  return { provider: 'Foundry', resource: 'mine' };
}

/** A manifest, and where the platforms refuse it: default, strict, any. '' is not at all. */
const MANIFESTS: [what: string, spec: object, refused: [string, string, string]][] = [
  ['nothing of its own', {}, ['', '', '']],
  [
    'labels, annotations and where pods run',
    {
      podTemplate: {
        metadata: { labels: { team: 'a' }, annotations: { 'example.com/a': 'b' } },
        spec: {
          nodeSelector: { disk: 'ssd' },
          tolerations: [{ key: 'a', operator: 'Exists' }],
          affinity: { nodeAffinity: {} },
          topologySpreadConstraints: [],
          volumes: [
            { name: 'a', emptyDir: {} },
            { name: 'b', configMap: { name: 'b' } },
          ],
        },
      },
    },
    ['', '', ''],
  ],
  [
    'resources and variables of the runtime',
    runtime({
      resources: { requests: { cpu: '1' } },
      env: [
        { name: 'OTEL_SERVICE_NAME', value: 'a' },
        { name: 'HTTPS_PROXY', value: 'http://p' },
      ],
    }),
    ['', '', ''],
  ],
  ['a field that is taken away', runtime({ resources: null }), ['', '', '']],
  ...(
    [
      ['hostNetwork', { hostNetwork: true }, 'hostNetwork'],
      ['hostPID', { hostPID: true }, 'hostPID'],
      ['another ServiceAccount', { serviceAccountName: 'admin' }, 'serviceAccountName'],
      [
        'a token of the ServiceAccount',
        { automountServiceAccountToken: true },
        'automountServiceAccountToken',
      ],
      ['a node', { nodeName: 'a' }, 'nodeName'],
      ['a priority', { priorityClassName: 'system-node-critical' }, 'priorityClassName'],
      ['root', { securityContext: { runAsUser: 0 } }, 'securityContext'],
      ['no security context', { securityContext: null }, 'securityContext'],
      [
        'a directory of the node',
        { volumes: [{ name: 'a', hostPath: { path: '/' } }] },
        'volumes[a].hostPath',
      ],
      [
        'a Secret as a volume',
        { volumes: [{ name: 'a', secret: { secretName: 'b' } }] },
        'volumes[a].secret',
      ],
      [
        'a projected volume',
        { volumes: [{ name: 'a', projected: { sources: [] } }] },
        'volumes[a].projected',
      ],
      [
        'a claim',
        { volumes: [{ name: 'a', persistentVolumeClaim: { claimName: 'b' } }] },
        'volumes[a].persistentVolumeClaim',
      ],
      [
        'a volume that is removed',
        { volumes: [{ name: 'a', $patch: 'delete' }] },
        'volumes[a].$patch',
      ],
      ['containers that are no list', { containers: 'agent' }, 'containers'],
      ...[
        'configuration',
        'control-token',
        'credential-primary',
        'header-a',
        'trusted-ca',
        'identity-a',
      ].map(
        (name) =>
          [
            `a volume in the place of the operator’s ${name}`,
            { volumes: [{ name, configMap: { name: 'mine' } }] },
            `volumes[${name}].name`,
          ] as const,
      ),
      ...(
        [
          ['shareProcessNamespace', true],
          ['hostIPC', true],
          ['hostUsers', true],
          ['hostAliases', [{ ip: '192.0.2.1', hostnames: ['api.example.com'] }]],
          ['dnsPolicy', 'None'],
          ['dnsConfig', { nameservers: ['192.0.2.1'] }],
          ['runtimeClassName', 'mine'],
          ['resourceClaims', [{ name: 'gpu', resourceClaimName: 'gpu' }]],
          [
            'ephemeralContainers',
            [{ name: 'debug', image: 'busybox', targetContainerName: 'agent' }],
          ],
          ['overhead', {}],
          ['enableServiceLinks', true],
          ['restartPolicy', 'Never'],
        ] as const
      ).map(([field, value]) => [field, { [field]: value }, field] as const),
    ] as const
  ).map(([what, spec, at]): [string, object, [string, string, string]] => {
    const path = `spec.podTemplate.spec.${at}`;
    return [what, pod(spec), [path, path, '']];
  }),
  ...(
    [
      ['privilege of the runtime', { securityContext: { privileged: true } }, 'securityContext'],
      ['the security context taken away', { securityContext: null }, 'securityContext'],
      ['another command', { command: ['sh'] }, 'command'],
      ...[
        '/app/main.js',
        '/nodejs/bin/node',
        '/etc/breakwater/authority.pem',
        '/etc/ld.so.preload',
      ].map(
        (mountPath) =>
          [
            `a ConfigMap over ${mountPath}`,
            { volumeMounts: [{ name: 'mine', mountPath, subPath: 'file' }] },
            'volumeMounts',
          ] as const,
      ),
      ['a mount of the operator removed', { volumeMounts: null }, 'volumeMounts'],
      ...(
        [
          ['volumeDevices', [{ name: 'mine', devicePath: '/app' }]],
          ['args', ['--import', 'data:,']],
          ['workingDir', '/tmp'],
          ['lifecycle', { postStart: { exec: { command: ['sh'] } } }],
          ['livenessProbe', { exec: { command: ['/nodejs/bin/node', '-e', ''] } }],
          ['startupProbe', { exec: { command: ['/nodejs/bin/node', '-e', ''] } }],
          ['resizePolicy', [{ resourceName: 'cpu', restartPolicy: 'RestartContainer' }]],
          ['terminationMessagePath', '/app/main.js'],
          ['imagePullPolicy', 'Never'],
          ['stdin', true],
        ] as const
      ).map(([field, value]) => [field, { [field]: value }, field] as const),
      ...[
        'NODE_EXTRA_CA_CERTS',
        'NODE_PATH',
        'NODE_TLS_REJECT_UNAUTHORIZED',
        'NODE_COMPILE_CACHE',
      ].map((name) => [name, { env: [{ name, value: '/tmp/a' }] }, `env[${name}].name`] as const),
      ...[
        'SSL_CERT_FILE',
        'OPENSSL_CONF',
        'OPENSSL_MODULES',
        'LD_PRELOAD',
        'LD_AUDIT',
        'GCONV_PATH',
        'PATH',
      ].map((name) => [name, { env: [{ name, value: '/tmp/a' }] }, `env[${name}].name`] as const),
      ['a device', { resources: { claims: [{ name: 'gpu' }] } }, 'resources.claims'],
      [
        'code by a variable',
        { env: [{ name: 'NODE_OPTIONS', value: '--import=data:,' }] },
        'env[NODE_OPTIONS].name',
      ],
      [
        'a Secret in a variable',
        { env: [{ name: 'OTEL_A', valueFrom: { secretKeyRef: {} } }] },
        'env[OTEL_A].valueFrom',
      ],
      ['Secrets in variables', { envFrom: [{ secretRef: { name: 'a' } }] }, 'envFrom'],
      ['a port of the node', { ports: [{ containerPort: 1, hostPort: 1 }] }, 'ports'],
      ['the whole container in its place', { $patch: 'replace' }, '$patch'],
    ] as const
  ).map(([what, container, at]): [string, object, [string, string, string]] => {
    const path = `spec.podTemplate.spec.containers[agent].${at}`;
    return [what, runtime(container), [path, path, '']];
  }),
  ...[
    'container.apparmor.security.beta.kubernetes.io/agent',
    'instrumentation.opentelemetry.io/inject-nodejs',
    'sidecar.istio.io/userVolumeMount',
    'k8s.v1.cni.cncf.io/networks',
  ].map((annotation): [string, object, [string, string, string]] => {
    const path = `spec.podTemplate.metadata.annotations.${annotation}`;
    const metadata = { annotations: { [annotation]: 'a' } };
    return [`the annotation ${annotation}`, { podTemplate: { metadata } }, [path, path, '']];
  }),
  [
    'a name of its own',
    { podTemplate: { metadata: { name: 'a' } } },
    ['spec.podTemplate.metadata.name', 'spec.podTemplate.metadata.name', ''],
  ],
  [
    'an owner',
    { podTemplate: { status: {} } },
    ['spec.podTemplate.status', 'spec.podTemplate.status', ''],
  ],
  ['another tag of the runtime', { image: `${RUNTIME}:2` }, ['', '', '']],
  ['the runtime by digest', { image: `${RUNTIME}@sha256:${'1'.repeat(64)}` }, ['', '', '']],
  ['another image', { image: 'evil:1' }, ['spec.image', 'spec.image', '']],
  [
    'an image whose name begins alike',
    { image: `${RUNTIME}-evil:1` },
    ['spec.image', 'spec.image', ''],
  ],
  ['an image below the runtime', { image: `${RUNTIME}/evil:1` }, ['spec.image', 'spec.image', '']],
  [
    'a registry that is named like it',
    { image: `${RUNTIME}:5000/evil` },
    ['spec.image', 'spec.image', ''],
  ],
  ['an image below a prefix', { image: 'registry.example.com/team/a/b:1' }, ['spec.image', '', '']],
  [
    'an image of the runtime in podTemplate',
    runtime({ image: 'evil:1' }),
    [
      'spec.podTemplate.spec.containers[agent].image',
      'spec.podTemplate.spec.containers[agent].image',
      '',
    ],
  ],
  [
    'a sidecar',
    sidecar({
      env: [{ name: 'A', value: 'b' }],
      ports: [{ containerPort: 1 }],
      readinessProbe: { httpGet: { path: '/', port: 1 } },
      securityContext: {
        allowPrivilegeEscalation: false,
        runAsUser: 1000,
        capabilities: { drop: ['ALL'] },
      },
    }),
    ['spec.podTemplate.spec.containers[proxy].image', '', ''],
  ],
  [
    'a sidecar of the runtime’s image',
    sidecar({ image: `${RUNTIME}:1.2.3` }),
    [
      'spec.podTemplate.spec.containers[proxy].image',
      'spec.podTemplate.spec.containers[proxy].image',
      '',
    ],
  ],
  [
    'a sidecar before the others',
    pod({
      initContainers: [{ name: 'a', image: 'registry.example.com/proxy', restartPolicy: 'Always' }],
    }),
    ['spec.podTemplate.spec.initContainers[a].image', '', ''],
  ],
  ...(
    [
      ['privilege', { securityContext: { privileged: true } }, 'securityContext.privileged'],
      [
        'capabilities',
        { securityContext: { capabilities: { add: ['NET_ADMIN'] } } },
        'securityContext.capabilities.add',
      ],
      ['root', { securityContext: { runAsUser: 0 } }, 'securityContext.runAsUser'],
      [
        'a probe to another host',
        { livenessProbe: { httpGet: { host: '169.254.169.254', port: 1 } } },
        'livenessProbe.httpGet.host',
      ],
      ['a port of the node', { ports: [{ containerPort: 1, hostPort: 1 }] }, 'ports[].hostPort'],
      ['a Secret in a variable', { env: [{ name: 'A', valueFrom: {} }] }, 'env[A].valueFrom'],
      ...['control-token', 'credential-primary', 'tmp'].map(
        (name) =>
          [
            `a mount of the operator’s ${name}`,
            { volumeMounts: [{ name, mountPath: '/a' }] },
            'volumeMounts[' + name + '].name',
          ] as const,
      ),
      [
        'a device of a volume',
        { volumeDevices: [{ name: 'a', devicePath: '/a' }] },
        'volumeDevices',
      ],
      ['a hook', { lifecycle: { preStop: { sleep: { seconds: 1 } } } }, 'lifecycle'],
    ] as const
  ).map(([what, container, at]): [string, object, [string, string, string]] => {
    const path = `spec.podTemplate.spec.containers[proxy].${at}`;
    return [
      `a sidecar with ${what}`,
      sidecar(container),
      [`${path}, spec.podTemplate.spec.containers[proxy].image`, path, ''],
    ];
  }),
  [
    'an init container with a volume of its own, and one with the operator’s',
    pod({
      initContainers: [
        {
          ...{ name: 'a', image: 'registry.example.com/proxy' },
          volumeMounts: [{ name: 'mine', mountPath: '/a', readOnly: true }],
        },
        {
          ...{ name: 'b', image: 'registry.example.com/proxy' },
          volumeMounts: [{ name: 'configuration', mountPath: '/a', subPath: 'authority.pem' }],
        },
      ],
      volumes: [{ name: 'mine', emptyDir: {} }],
    }),
    [
      'spec.podTemplate.spec.initContainers[b].volumeMounts[configuration].name, spec.podTemplate.spec.initContainers[a].image, spec.podTemplate.spec.initContainers[b].image',
      'spec.podTemplate.spec.initContainers[b].volumeMounts[configuration].name',
      '',
    ],
  ],
  ['a program', program('registry.example.com/orders:1'), ['spec.program.image', '', '']],
  [
    'a program below a prefix',
    program('registry.example.com/team/programs/a:1'),
    ['spec.program.image', '', ''],
  ],
  [
    'a program whose image only sidecars may have',
    program('registry.example.com/proxy:1'),
    ['spec.program.image', 'spec.program.image', ''],
  ],
  [
    'a program of the runtime’s image',
    program(`${RUNTIME}:1.2.3`),
    ['spec.program.image', 'spec.program.image', ''],
  ],
  [
    'a program’s image in the runtime’s place',
    { image: 'registry.example.com/team/programs/a:1' },
    ['spec.image', 'spec.image', ''],
  ],
  [
    'a program’s image as the runtime in podTemplate',
    runtime({ image: 'registry.example.com/orders:1' }),
    [
      'spec.podTemplate.spec.containers[agent].image',
      'spec.podTemplate.spec.containers[agent].image',
      '',
    ],
  ],
  [
    'a program with a Secret that only the default allows',
    program('registry.example.com/orders:1', {
      env: [{ name: 'DB', secretKeyRef: { name: 'evil', key: 'url' } }],
    }),
    [
      'spec.program.image',
      'spec.program.env[DB].secretKeyRef.name',
      'spec.program.env[DB].secretKeyRef.name',
    ],
  ],
  [
    'a Secret that only the default allows',
    { model: withKey('evil') },
    [
      '',
      'spec.model.endpoints[primary].apiKeySecretRef.name',
      'spec.model.endpoints[primary].apiKeySecretRef.name',
    ],
  ],
  [
    'Secrets by pattern and by name',
    {
      model: withKey('agents-a'),
      auth: { type: 'APIKeys', apiKeys: { secretRef: { name: 'shared.key' } } },
    },
    ['', '', 'spec.auth.apiKeys.secretRef.name'],
  ],
  [
    'a Secret that a pattern only begins',
    { model: withKey('shared-key') },
    [
      '',
      'spec.model.endpoints[primary].apiKeySecretRef.name',
      'spec.model.endpoints[primary].apiKeySecretRef.name',
    ],
  ],
  [
    'a Secret in a header of a tool',
    { tools: [{ name: 'a', description: 'b', http: { url: 'https://a', headersFrom: [header] } }] },
    [
      '',
      'spec.tools[a].http.headersFrom[X].secretKeyRef.name',
      'spec.tools[a].http.headersFrom[X].secretKeyRef.name',
    ],
  ],
  ...(
    [
      [
        'a role that a pattern allows',
        { aws: { roleARN: `${ROLE}/agents-a` } },
        [REFUSED, '', REFUSED],
      ],
      ['another role', { aws: { roleARN: `${ROLE}/admin` } }, [REFUSED, REFUSED, REFUSED]],
      ['the role of EKS Pod Identity', { aws: {} }, [REFUSED, REFUSED, '']],
      ['the account of the metadata server', { google: {} }, [REFUSED, REFUSED, '']],
      ['a federated identity', { google: { audience: AUDIENCE } }, [REFUSED, REFUSED, REFUSED]],
      [
        'a service account of Google',
        { google: { audience: AUDIENCE, serviceAccount: 'models@p.iam.gserviceaccount.com' } },
        [REFUSED, '', REFUSED],
      ],
      [
        'an application of Azure',
        {
          azure: { tenantID: 'contoso.example', clientID: '55555555-6666-7777-8888-999999999999' },
        },
        [REFUSED, '', REFUSED],
      ],
    ] as [string, Identity, [string, string, string]][]
  ).map(([what, identity, refused]): [string, object, [string, string, string]] => [
    what,
    { model: { endpoints: [{ name: 'primary', ...providerOf(identity), identity }] } },
    refused,
  ]),
  [
    'a Secret to pull images with',
    pod({ imagePullSecrets: [{ name: 'evil' }] }),
    ['', 'spec.podTemplate.spec.imagePullSecrets[evil].name', ''],
  ],
];

describe.each(Object.entries(PLATFORMS))('with the tenancy settings %s', (name, tenancy) => {
  const index = Object.keys(PLATFORMS).indexOf(name);

  it.each(MANIFESTS)(
    'operator and admission policy give the same verdict on %s',
    async (_, spec, refused) => {
      const whole = (manifest(spec) as AgentDeployment).spec;
      const { fields, images, programs, secrets, identities } = refusalsOf(whole, {
        tenancy,
        runtimeImage: `${RUNTIME}:1.2.3`,
      });
      expect([...fields, ...images, ...programs, ...secrets, ...identities].join(', ')).toBe(
        refused[index],
      );
      const { status, body } = await create(name, spec);
      if (refused[index] === '') return expect([status, body.message]).toEqual([201, undefined]);
      expect([403, 422]).toContain(status);
      expect(body.message).toContain('ValidatingAdmissionPolicy');
      // A value of another type has no path in the answer of the API server.
      const first = refused[index]!.split(', ')[0]!;
      if (!body.message?.includes('fails to evaluate'))
        expect(body.message).toContain(`${first}: `);
    },
  );
});

it('the admission policy refuses an agent in the namespace of the operator', async () => {
  const path = `/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings/default-tenancy`;
  const { body } = await server.request<KubernetesObject & { spec: object }>('GET', path);
  await server.apply(path.replace('default-tenancy', 'everywhere'), {
    ...{ apiVersion: 'admissionregistration.k8s.io/v1', kind: body.kind },
    metadata: { name: 'everywhere' },
    spec: { ...body.spec, matchResources: null },
  });
  await server.request('POST', '/api/v1/namespaces', {
    body: { metadata: { name: OPERATOR_NAMESPACE } },
  });
  const agents = `/apis/breakwater.dev/v1alpha1/namespaces/${OPERATOR_NAMESPACE}/agentdeployments`;
  const isRefused = async (): Promise<boolean> => {
    const query = { dryRun: 'All' };
    const answer = await server.request<Status>('POST', agents, { query, body: manifest({}) });
    return answer.status === 403 && answer.body.message.includes('another namespace');
  };
  await waitFor('the agent is not refused', WAIT, isRefused);
  await server.request('DELETE', path.replace('default-tenancy', 'everywhere'));
  // The API server takes a while to notice, and the tests below need it gone.
  await waitFor('the agent is still refused', WAIT, async () => !(await isRefused()));
});

describe('an operator without the admission policy', () => {
  let operator: TestOperator;
  let namespace: string;

  beforeAll(async () => {
    operator = await startOperator(server);
    namespace = await server.namespace('tenant');
  });
  afterAll(() => operator?.stop());

  const agentPath = (of: string): string =>
    `/apis/breakwater.dev/v1alpha1/namespaces/${of}/agentdeployments/one`;
  const deploymentPath = (of: string): string => `/apis/apps/v1/namespaces/${of}/deployments/one`;

  async function ready(of: string, reason: string): Promise<string> {
    let message = '';
    await waitFor(`Ready is not ${reason}`, WAIT, async () => {
      const { body } = await server.request<AgentDeployment>('GET', agentPath(of));
      const found = body.status?.conditions?.find(({ type }) => type === 'Ready');
      message = found?.message ?? '';
      return found?.reason === reason;
    });
    return message;
  }

  it('changes no Deployment for a spec that tenancy refuses, and keeps its pods', async () => {
    await server.apply(agentPath(namespace), manifest({}));
    await ready(namespace, 'RollingOut');
    const { body: before } = await server.request<KubernetesObject>(
      'GET',
      deploymentPath(namespace),
    );
    const volumes = [{ name: 'root', hostPath: { path: '/' } }];
    await server.apply(agentPath(namespace), manifest({ ...pod({ volumes }), replicas: 5 }));
    const message = await ready(namespace, 'PodTemplateNotAllowed');
    expect(message).toContain('spec.podTemplate.spec.volumes[root].hostPath: not permitted');
    expect(message).toContain('set tenancy.podTemplate to Any');
    const { body: after } = await server.request<KubernetesObject>(
      'GET',
      deploymentPath(namespace),
    );
    expect(after.metadata.generation).toBe(before.metadata.generation);
    await server.apply(agentPath(namespace), manifest({ replicas: 5 }));
    await ready(namespace, 'RollingOut');
  });

  it('creates nothing for an agent in its own namespace', async () => {
    await waitFor('the agent is still refused', WAIT, async () => {
      const agents = agentPath(OPERATOR_NAMESPACE).replace('/one', '');
      const query = { dryRun: 'All' };
      return (await server.request('POST', agents, { query, body: manifest({}) })).status === 201;
    });
    await server.apply(agentPath(OPERATOR_NAMESPACE), manifest({}));
    await ready(OPERATOR_NAMESPACE, 'OperatorNamespace');
    for (const path of [
      '/apis/apps/v1/namespaces/breakwater-system/deployments/one',
      '/api/v1/namespaces/breakwater-system/services/one',
    ]) {
      expect((await server.request('GET', path)).status).toBe(404);
    }
  });
});

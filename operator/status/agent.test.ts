import { keyExposed } from './exposure.ts';
import { describe, expect, it } from '@jest/globals';
import type { AgentDeploymentSpec, AgentDeploymentStatus } from '../../crds/generated/types.ts';
import { attach } from '../desired/policies/attach.ts';
import {
  agentFixture,
  breakerFixture,
  endpoint,
  limitFixture,
  modelOf,
  OPTIONS,
} from '../testing/fixtures.ts';
import { planAgent } from '../desired/plan.ts';
import { agentStatus } from './agent.ts';
import { condition } from './conditions.ts';
import {
  ago,
  circuit,
  deployment,
  HASH,
  NOW,
  observation,
  pod,
  strangePod,
} from '../testing/observations.ts';
import type { AgentObservation, Contest, PodObservation } from './observations.ts';

const agent = agentFixture('triage', {}, { generation: 2 });
const three = [pod('a'), pod('b'), pod('c')];

function status(
  seen: AgentObservation,
  {
    spec = {},
    policies = true,
    previous,
  }: {
    spec?: Partial<AgentDeploymentSpec>;
    policies?: boolean;
    previous?: AgentDeploymentStatus;
  } = {},
): AgentDeploymentStatus {
  const own = { ...agent, spec: { ...agent.spec, ...spec } };
  const some = { breakers: [breakerFixture()], limits: [limitFixture()] };
  const attachment = attach(policies ? some : { breakers: [], limits: [] }, [own]).agents.get(
    'triage',
  )!;
  const plan = planAgent({ agent: own, attachment, options: OPTIONS });
  return agentStatus({ agent: own, plan, observation: seen, previous, now: NOW });
}

const of = (all: AgentDeploymentStatus, type: string): [string, string] => {
  const { status: value, reason } = condition(all.conditions, type)!;
  return [value, reason];
};
const message = (all: AgentDeploymentStatus, type: string): string =>
  condition(all.conditions, type)!.message;

const refused = {
  configuration: {
    unsupported: [],
    refused: { source: 'Link', hash: HASH, message: 'limits/0: capacity', time: ago(1) },
  },
};
const noCallers = {
  missingCredentials: [{ dependency: 'auth', secret: 'callers', key: '*' }],
};
const IDENTITY = { provider: 'Bedrock', region: 'eu-west-1', identity: { aws: {} } } as const;
const noKey = {
  missingCredentials: [{ dependency: 'model/primary', secret: 'anthropic', key: 'api-key' }],
};

describe('agentStatus', () => {
  it('describes a healthy agent', () => {
    const all = status(observation(three));
    expect(all).toMatchObject({
      observedGeneration: 2,
      configuration: { revision: '3-7', hash: HASH },
      replicas: 3,
      readyReplicas: 3,
      selector: 'app.kubernetes.io/name=breakwater-agent,breakwater.dev/agent=triage',
      image: OPTIONS.runtimeImage,
      endpoint: 'http://triage.support.svc',
      summary: { ready: '3/3', circuits: '3/3', policies: '2/2' },
      dependencies: [
        {
          name: 'model/primary',
          circuit: 'Closed',
          policies: [{ kind: 'CircuitBreakerPolicy', name: 'triage' }],
        },
      ],
    });
    expect(all.conditions!.map(({ type, status: value, reason }) => [type, value, reason])).toEqual(
      [
        ['Ready', 'True', 'Ready'],
        ['Progressing', 'False', 'RolledOut'],
        ['Degraded', 'False', 'AsExpected'],
        ['PoliciesProgrammed', 'True', 'Programmed'],
        ['DependenciesHealthy', 'True', 'Healthy'],
        ['ScalingManaged', 'False', 'AutoscalingOff'],
        ['breakwater.dev/CircuitBreakerPolicyAffected', 'True', 'Accepted'],
        ['breakwater.dev/RateLimitPolicyAffected', 'True', 'Accepted'],
      ],
    );
    expect(all.conditions!.every(({ observedGeneration }) => observedGeneration === 2)).toBe(true);
  });

  it('names the built-in defaults where no policy applies', () => {
    const all = status(observation(three), { policies: false });
    expect(all.dependencies![0]!.policies).toEqual([
      { kind: 'CircuitBreakerPolicy', source: 'Default' },
    ]);
    expect(all.summary!.policies).toBe('0/0');
    expect(condition(all.conditions, 'breakwater.dev/RateLimitPolicyAffected')).toBeUndefined();
    expect(of(all, 'PoliciesProgrammed')).toEqual(['True', 'NoPolicies']);
  });

  it('stays ready and undegraded while circuits are open', () => {
    const open = circuit('Open', { reason: '3 consecutive failures (Overloaded)' });
    const all = status(observation([pod('a', { circuits: [open] }), pod('b'), strangePod('c')]));
    expect(of(all, 'Ready')).toEqual(['True', 'Ready']);
    expect(of(all, 'Degraded')).toEqual(['False', 'AsExpected']);
    expect(of(all, 'DependenciesHealthy')).toEqual(['False', 'CircuitOpen']);
    expect(message(all, 'DependenciesHealthy')).toContain(
      'The circuit of model/primary is open in 1/3 pods: 3 consecutive failures (Overloaded).',
    );
    expect(all.summary!.circuits).toBe('1/2');
    expect(all.dependencies![0]!.circuit).toBe('Open');
  });

  it('says why calls are held back although none failed', () => {
    const gates = [{ dependency: 'model/primary', gate: 'SpendLimit' as const, until: ago(-600) }];
    const all = status(observation([pod('a', { gates }), pod('b', { gates: [] })]));
    expect(all.dependencies![0]).toMatchObject({
      circuit: 'Closed',
      gate: 'SpendLimit',
      until: ago(-600),
    });
    expect(of(all, 'DependenciesHealthy')).toEqual(['False', 'SpendLimit']);
    expect(message(all, 'DependenciesHealthy')).toBe(
      `The provider's spend limit holds calls to model/primary back in 1/2 pods until ${ago(-600)}; raise it there, or use another API key.`,
    );
    expect(of(all, 'Ready')).toEqual(['True', 'Ready']);
    expect(of(all, 'Degraded')).toEqual(['False', 'AsExpected']);
  });

  it('mentions an open circuit before a gate', () => {
    const gates = [{ dependency: 'model/primary', gate: 'Unauthorized' as const }];
    const all = status(observation([pod('a', { gates, circuits: [circuit('Open')] })]));
    expect(of(all, 'DependenciesHealthy')).toEqual(['False', 'CircuitOpen']);
    expect(message(all, 'DependenciesHealthy')).toMatch(/is open .* refuses the API key/);
  });

  it('mentions health checks, which do not affect Ready', () => {
    const check = { name: 'db', interval: '30s', timeout: '2s', failureThreshold: 3 };
    const spec = { healthChecks: [{ ...check, critical: false, tcp: { host: 'db', port: 1 } }] };
    const pods = (...states: ('Failing' | 'Passing')[]): PodObservation[] =>
      states.map((state, i) => {
        const reason = state === 'Failing' ? { reason: 'Timeout' as const } : {};
        const check = { name: 'db', critical: false, state, since: ago(1), ...reason };
        return pod(`p${i}`, { healthChecks: [check, { ...check, name: 'gone' }] });
      });
    const shown = (found: PodObservation[]): AgentDeploymentStatus =>
      status(observation(found), { spec });
    expect(shown([]).healthChecks).toEqual([
      { name: 'db', critical: false, state: 'Unknown', failingPods: 0 },
    ]);
    expect(shown(pods('Passing')).healthChecks).toMatchObject([{ state: 'Passing' }]);
    const all = shown(pods('Passing', 'Failing'));
    expect(all.healthChecks).toEqual([
      { name: 'db', critical: false, state: 'Failing', failingPods: 1, reason: 'Timeout' },
    ]);
    expect(of(all, 'DependenciesHealthy')).toEqual(['False', 'HealthCheckFailing']);
    expect(message(all, 'DependenciesHealthy')).toBe(
      'The health check db fails in 1 pods: it took too long.',
    );
  });

  it('shows a circuit in shadow mode as clients see it', () => {
    const all = status(observation([pod('a', { circuits: [circuit('Open', { shadow: true })] })]));
    expect(all.dependencies![0]!.circuit).toBe('Closed');
    expect(all.summary!.circuits).toBe('1/1');
    expect(of(all, 'DependenciesHealthy')).toEqual(['True', 'Healthy']);
  });

  it('shows the lowest share that the last usable endpoint serves', () => {
    const shares = [undefined, 62, 80].map((servedPercent, i) =>
      pod(`p${i}`, { circuits: [circuit('Closed', servedPercent ? { servedPercent } : {})] }),
    );
    expect(status(observation(shares)).dependencies![0]).toMatchObject({ servedPercent: 62 });
    expect(status(observation(three)).dependencies![0]).not.toHaveProperty('servedPercent');
  });

  it('has no dependencies when no pod reports', () => {
    const all = status(observation([strangePod('a')]));
    expect(of(all, 'DependenciesHealthy')).toEqual(['Unknown', 'NoReports']);
    expect(all.dependencies![0]!.circuit).toBe('Unknown');
    expect(all.summary!.circuits).toBe('0/0');
  });

  const rolling = {
    conditions: [{ type: 'Progressing', status: 'True', reason: 'ReplicaSetUpdated' }],
  };
  type Case = [
    string,
    AgentObservation,
    Partial<AgentDeploymentSpec>,
    [string, string],
    [string, string],
    string,
  ];
  it.each<Case>([
    [
      'one pod fewer',
      observation(three, { deployment: deployment({ readyReplicas: 2 }) }),
      {},
      ['True', 'Ready'],
      ['False', 'AsExpected'],
      '2/3 pods are ready.',
    ],
    [
      'two pods fewer',
      observation(
        [
          pod('a'),
          strangePod('b', {
            ready: false,
            waiting: { container: 'agent', reason: 'ImagePullBackOff', message: 'no such image' },
          }),
        ],
        { deployment: deployment({ readyReplicas: 1 }) },
      ),
      {},
      ['False', 'NotEnoughReadyPods'],
      ['False', 'AsExpected'],
      '1/3 pods are ready, 2 are needed. 3/3 pods run the present template. Pod b, container agent: ImagePullBackOff: no such image. Look at kubectl describe pods --namespace support --selector breakwater.dev/agent=triage.',
    ],
    [
      'no pod',
      observation([], { deployment: deployment({ readyReplicas: 0 }) }),
      {},
      ['False', 'NotEnoughReadyPods'],
      ['True', 'NoReadyPods'],
      '0/3',
    ],
    [
      'no pods wanted',
      observation([], {
        deployment: deployment({ replicas: 0, readyReplicas: 0, updatedReplicas: 0 }),
      }),
      { replicas: 0 },
      ['True', 'Ready'],
      ['False', 'AsExpected'],
      '0/0 pods are ready.',
    ],
    [
      'the only pod missing',
      observation([], {
        deployment: deployment({ replicas: 1, readyReplicas: 0, updatedReplicas: 1 }),
      }),
      { replicas: 1 },
      ['False', 'NotEnoughReadyPods'],
      ['True', 'NoReadyPods'],
      '0/1 pods are ready, 1 are needed.',
    ],
    [
      'no Deployment yet',
      { paused: false, applyErrors: [], pods: [] },
      {},
      ['False', 'RollingOut'],
      ['False', 'AsExpected'],
      'The Deployment does not exist yet.',
    ],
    [
      'the first rollout',
      observation([], {
        deployment: deployment({ ...rolling, readyReplicas: 0, updatedReplicas: 3 }),
      }),
      {},
      ['False', 'RollingOut'],
      ['False', 'AsExpected'],
      '0/3 pods are ready',
    ],
    [
      'pods that cannot be created',
      observation([], {
        deployment: deployment({
          replicas: 0,
          readyReplicas: 0,
          updatedReplicas: 0,
          conditions: [
            {
              type: 'ReplicaFailure',
              status: 'True',
              reason: 'FailedCreate',
              message: 'exceeded quota',
            },
          ],
        }),
      }),
      {},
      ['False', 'PodsBlocked'],
      ['False', 'AsExpected'],
      'Pods cannot be created: exceeded quota.',
    ],
    [
      'a rollout that failed',
      observation(three, {
        deployment: deployment({
          updatedReplicas: 1,
          conditions: [
            {
              type: 'Progressing',
              status: 'False',
              reason: 'ProgressDeadlineExceeded',
              message: 'timed out',
            },
          ],
        }),
      }),
      {},
      ['True', 'Ready'],
      ['True', 'RollOutFailed'],
      '3/3 pods are ready.',
    ],
    [
      'a refused configuration',
      observation([pod('a', refused, { hash: 'sha256:before' }), pod('b')]),
      {},
      ['False', 'ConfigurationRefused'],
      ['True', 'ConfigurationRefused'],
      'The configuration was refused by a: limits/0: capacity.',
    ],
    [
      'a Secret that is missing',
      observation([pod('a', noKey), pod('b', noKey), strangePod('c')]),
      {},
      ['False', 'SecretNotFound'],
      ['True', 'SecretNotFound'],
      'Key api-key of Secret anthropic, the API key of model/primary, is missing in 2/2 connected pods. Create it, such as with kubectl create secret generic anthropic --namespace support --from-file=api-key=FILE',
    ],
    [
      'a client certificate that is missing',
      observation([
        pod('a', {
          missingCredentials: [{ dependency: 'model/primary', secret: 'llm', key: 'tls.crt' }],
        }),
      ]),
      {
        model: modelOf(endpoint('primary', { tls: { clientCertSecretRef: { name: 'llm' } } })),
      },
      ['False', 'SecretNotFound'],
      ['True', 'SecretNotFound'],
      'Key tls.crt of Secret llm, the client certificate for model/primary, is missing in 1/1 connected pods. Create it, such as with kubectl create secret tls llm --namespace support --cert=FILE --key=FILE',
    ],
    [
      'credentials of a proxy that are missing',
      observation([
        pod('a', {
          missingCredentials: [{ dependency: 'the proxy', secret: 'proxy', key: 'password' }],
        }),
      ]),
      {
        proxy: {
          httpsProxy: 'http://proxy.example.com',
          credentialsSecretRef: { name: 'proxy' },
        },
      },
      ['False', 'SecretNotFound'],
      ['True', 'SecretNotFound'],
      'Key password of Secret proxy, the credentials of spec.proxy, is missing in 1/1 connected pods. Create it, such as with kubectl create secret generic proxy --namespace support --type=kubernetes.io/basic-auth --from-file=username=FILE --from-file=password=FILE',
    ],
    [
      'an identity without credentials',
      observation([
        pod('a', {
          identities: [
            { dependency: 'model/primary', problem: 'Check the role.', serves: false },
            { dependency: 'model/other', problem: 'Pay <admin>.', serves: false },
          ],
        }),
        pod('b', { identities: [] }),
      ]),
      { model: modelOf(endpoint('primary', IDENTITY)) },
      ['False', 'IdentityUnavailable'],
      ['True', 'IdentityUnavailable'],
      'In 1/2 connected pods the credentials of the identity of model/primary are missing: the endpoint is passed over. Check the role.',
    ],
    [
      'authorities that are missing',
      observation([
        pod('a', { missingConfigMaps: [{ configMap: 'corporate-ca', key: 'ca.crt' }] }),
      ]),
      { trustedCA: { configMapKeyRef: { name: 'corporate-ca', key: 'ca.crt' } } },
      ['False', 'ConfigMapNotFound'],
      ['True', 'ConfigMapNotFound'],
      'Key ca.crt of ConfigMap corporate-ca, the trusted authorities, is missing or holds no certificates as PEM in 1/1 connected pods, which keep the former ones. Create it, such as with kubectl create configmap corporate-ca --namespace support --from-file=ca.crt=FILE',
    ],
    [
      'a Secret without API keys of clients',
      observation([pod('a', noCallers), pod('b')]),
      {
        auth: {
          type: 'APIKeys',
          apiKeys: { secretRef: { name: 'callers' } },
        },
      },
      ['False', 'SecretNotFound'],
      ['True', 'SecretNotFound'],
      'Secret callers, the API keys of clients, is missing or has none in 1/2 connected pods, which refuse all clients. Create it, such as with kubectl create secret generic callers --namespace support --from-file=CLIENT=FILE',
    ],
    [
      'a pod that tells of a Secret of its own invention',
      observation([
        pod('a', { missingCredentials: [{ dependency: 'x', secret: 'admin', key: 'k' }] }),
      ]),
      {},
      ['True', 'Ready'],
      ['False', 'AsExpected'],
      'ready',
    ],
    [
      'a pod template that does not fit',
      observation(three),
      { podTemplate: { spec: { containers: 1 } } },
      ['False', 'InvalidPodTemplate'],
      ['True', 'InvalidPodTemplate'],
      'spec.podTemplate.spec.containers must be a list',
    ],
    [
      'a pod template that the API server refuses',
      observation(three, {
        applyErrors: [
          {
            kind: 'Deployment',
            name: 'triage',
            reason: 'Invalid',
            message: 'spec.template.spec.x: Invalid value',
          },
        ],
      }),
      { podTemplate: { spec: {} } },
      ['False', 'InvalidPodTemplate'],
      ['True', 'InvalidPodTemplate'],
      'spec.template.spec.x: Invalid value',
    ],
    [
      'a Service that is not ours',
      observation(three, {
        applyErrors: [
          {
            kind: 'Service',
            name: 'triage',
            reason: 'AlreadyExists',
            message: 'Breakwater did not create it',
          },
        ],
      }),
      {},
      ['False', 'NameTaken'],
      ['True', 'NameTaken'],
      'Service triage could not be applied (AlreadyExists): Breakwater did not create it',
    ],
    [
      'a runtime that is too old for the endpoint',
      observation([
        pod('a', {
          configuration: { unsupported: [{ path: '/endpoints/0', feature: 'Endpoint.Anthropic' }] },
        }),
      ]),
      {},
      ['False', 'UnsupportedByRuntime'],
      ['True', 'UnsupportedByRuntime'],
      'The runtime of a is too old for Endpoint.Anthropic',
    ],
  ])('%s', (_name, seen, spec, ready, degraded, text) => {
    const all = status(seen, { spec });
    expect(of(all, 'Ready')).toEqual(ready);
    expect(of(all, 'Degraded')).toEqual(degraded);
    expect(message(all, 'Ready')).toContain(text);
  });

  it('is degraded, but ready, while credentials of an identity are still valid', () => {
    const identities = [{ dependency: 'model/primary', problem: 'Check the role.', serves: true }];
    const all = status(observation([pod('a', { identities })]), {
      spec: { model: modelOf(endpoint('primary', IDENTITY)) },
    });
    expect(of(all, 'Ready')).toEqual(['True', 'Ready']);
    expect(of(all, 'Degraded')).toEqual(['True', 'IdentityUnavailable']);
    expect(message(all, 'Degraded')).toBe(
      'In 1/1 connected pods the credentials of the identity of model/primary cannot be renewed, and expire soon. Check the role.',
    );
  });

  it('is degraded, but ready, with a tool that lacks a placeholder in its schema', () => {
    const http = { url: 'https://a.example.com/{id}', method: 'GET', maxResponseBytes: 1 } as const;
    const inputSchema = { type: 'object' };
    const tool = { name: 'find', description: 'Finds.', inputSchema, http, maxConcurrent: 1 };
    const all = status(observation(three), { spec: { tools: [tool] } });
    expect(of(all, 'Ready')).toEqual(['True', 'Ready']);
    expect(of(all, 'Degraded')).toEqual(['True', 'InvalidTool']);
    expect(message(all, 'Degraded')).toContain('placeholder {id} is not a property of inputSchema');
  });

  it.each<[string, Pick<Contest, 'fields'>, string]>([
    [
      'changes a field',
      { fields: ['.spec.replicas'] },
      'Another writer changes .spec.replicas of Deployment triage again and again, and the operator puts the object back less and less often. "kubectl get Deployment triage -o yaml --show-managed-fields" shows who it is. Stop it, set what it wants in the spec of the AgentDeployment, or give each installation',
    ],
    [
      'changes many fields',
      { fields: ['.a', '.b', '.c', '.d'] },
      'Another writer changes .a, .b, .c and 1 more of Deployment triage again and again',
    ],
    ['deletes it', { fields: [] }, 'Deployment triage is deleted again and again'],
    [
      'writes the status',
      { fields: ['.status'] },
      'shows who it is. Stop it, or give each installation of Breakwater its own agents and policies',
    ],
  ])('is degraded, but ready, while another writer %s', (_case, contest, text) => {
    const contests = [{ kind: 'Deployment', name: 'triage', ...contest }];
    const all = status(observation(three, { contests }));
    expect(of(all, 'Ready')).toEqual(['True', 'Ready']);
    expect(of(all, 'Degraded')).toEqual(['True', 'ObjectContested']);
    expect(message(all, 'Degraded')).toContain(text);
  });

  it.each<[string, Parameters<typeof deployment>[0], [string, string]]>([
    ['a spec not seen yet', { generation: 2 }, ['True', 'RollingOut']],
    ['old pods left', { replicas: 4 }, ['True', 'RollingOut']],
    ['new pods missing', { updatedReplicas: 1 }, ['True', 'RollingOut']],
    ['a lost pod', { readyReplicas: 2 }, ['False', 'RolledOut']],
    ['new pods not ready', { ...rolling, readyReplicas: 2 }, ['True', 'RollingOut']],
  ])('with %s', (_name, rest, progressing) => {
    const all = status(observation(three, { deployment: deployment(rest) }));
    expect(of(all, 'Progressing')).toEqual(progressing);
  });

  it.each<[number | string, number, number, string]>([
    [1, 3, 2, 'True'],
    [1, 3, 1, 'False'],
    [2, 3, 1, 'True'],
    [3, 3, 0, 'False'],
    [0, 3, 2, 'False'],
    ['50%', 4, 2, 'True'],
    ['50%', 4, 1, 'False'],
  ])(
    'tolerates the loss of %p of %d pods: with %d, Ready is %s',
    (maxUnavailable, replicas, readyReplicas, ready) => {
      const own = deployment({
        desired: replicas,
        replicas,
        updatedReplicas: replicas,
        readyReplicas,
      });
      const spec = { replicas, disruption: { maxUnavailable } };
      expect(of(status(observation(three, { deployment: own }), { spec }), 'Ready')[0]).toBe(ready);
    },
  );

  it('compares pods with the number that autoscaling has set, not with spec.replicas', () => {
    const autoscaling = { minReplicas: 3, maxReplicas: 10, cpuPercent: 70, memoryPercent: 80 };
    const own = deployment({ desired: 5, replicas: 5, updatedReplicas: 5, readyReplicas: 3 });
    const all = status(observation(three, { deployment: own }), {
      spec: { replicas: 1, autoscaling },
    });
    expect(all.summary!.ready).toBe('3/5');
    expect(of(all, 'Ready')[0]).toBe('False');
  });

  it('counts a policy that is not in force in every pod as missing', () => {
    const all = status(observation([pod('a'), strangePod('b')]));
    expect(all.summary!.policies).toBe('0/2');
    expect(of(all, 'PoliciesProgrammed')).toEqual(['False', 'Pending']);
    expect(message(all, 'PoliciesProgrammed')).toContain(
      'Not in force in every pod: CircuitBreakerPolicy triage and RateLimitPolicy triage. 1/2 pods',
    );
    expect(of(status(observation([])), 'PoliciesProgrammed')).toEqual(['True', 'NoPods']);
  });

  it('keeps the time of an unchanged condition', () => {
    const previous = status(observation(three));
    previous.conditions!.forEach((one) => (one.lastTransitionTime = '2026-01-01T00:00:00Z'));
    const all = status(observation([]), { previous });
    const time = (type: string): string => condition(all.conditions, type)!.lastTransitionTime;
    expect(time('Ready')).toBe('2026-01-01T00:00:00Z');
    expect(time('DependenciesHealthy')).toBe('2026-11-21T10:00:00Z');
  });
});

describe('KeyExposed', () => {
  const KEYED = {
    model: modelOf(endpoint('primary', { apiKeySecretRef: { name: 'a', key: 'b' } })),
  };
  const PASSED = { model: modelOf(endpoint('primary')) };
  const LOAD_BALANCER = { service: { type: 'LoadBalancer', port: 80 } } as const;
  const KEYS = {
    auth: {
      type: 'APIKeys',
      apiKeys: { secretRef: { name: 'clients' } },
    },
  } as const;

  it.each<[string, Partial<AgentDeploymentSpec>, string | undefined]>([
    [
      'a Service beyond the cluster',
      { ...KEYED, ...LOAD_BALANCER },
      'service.type is LoadBalancer',
    ],
    ['a port of each node', { ...KEYED, service: { type: 'NodePort', port: 80 } }, 'NodePort'],
    ['no NetworkPolicy', { ...KEYED, networkPolicy: { enabled: false } }, 'networkPolicy.enabled'],
    [
      'every address',
      { ...KEYED, networkPolicy: { enabled: true, from: [{ ipBlock: { cidr: '0.0.0.0/0' } }] } },
      'networkPolicy.from has every address',
    ],
    ['the namespace alone', KEYED, undefined],
    ['authentication', { ...KEYED, ...LOAD_BALANCER, ...KEYS }, undefined],
    ['no key of the agent', { ...PASSED, ...LOAD_BALANCER }, undefined],
  ])('with %s', (_, spec, message) => {
    const found = keyExposed(agentFixture('triage', spec));
    expect(found?.status).toBe(message && 'True');
    expect(found?.message ?? '').toContain(message ?? '');
  });
});

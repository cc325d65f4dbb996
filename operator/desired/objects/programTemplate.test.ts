import { describe, expect, it } from '@jest/globals';
import type { AgentDeploymentSpec } from '../../../crds/generated/types.ts';
import { agentFixture, endpoint, modelOf } from '../../testing/fixtures.ts';
import type { Container, PodTemplate } from './objects.ts';
import { podChoices } from './podChoices.ts';
import { buildPodTemplate, runtimeContainer } from './podTemplate.ts';

const program = { image: 'example.com/orders:1', port: 8000, resources: {} };
const model = modelOf(
  endpoint('primary', { apiKeySecretRef: { name: 'anthropic', key: 'api-key' } }),
);

function template(spec: Partial<AgentDeploymentSpec>): PodTemplate {
  const agent = agentFixture('triage', { model, program, ...spec });
  return buildPodTemplate(agent, podChoices(agent), { image: 'runtime:1' });
}

const patched = (spec: object): PodTemplate => template({ podTemplate: { spec } });

const resources = (own: object): unknown =>
  template({ program: { ...program, resources: own } }).spec.containers[0]!['resources'];

it('the runtime starts before the program, and patches of its container still apply', () => {
  const made = patched({
    containers: [
      { name: 'agent', resources: { limits: { memory: '2Gi' } } },
      { name: 'program', args: ['--verbose'] },
    ],
    initContainers: [{ name: 'migrate', image: 'migrate:1' }],
  });
  expect(made.spec.initContainers!.map(({ name }) => name)).toEqual(['migrate', 'agent']);
  expect(made.spec.containers).toMatchObject([{ name: 'program', args: ['--verbose'] }]);
  expect(runtimeContainer(made)).toMatchObject({
    restartPolicy: 'Always',
    resources: { limits: { memory: '2Gi' } },
  });
});

it('the program has no mount but its own /tmp, another user, and no key', () => {
  const { containers } = template({}).spec;
  const [container] = containers as [Container];
  expect(container['volumeMounts']).toEqual([{ name: 'program-tmp', mountPath: '/tmp' }]);
  expect(container['securityContext']).toMatchObject({ runAsUser: 65533, runAsGroup: 65533 });
  expect(JSON.stringify(container)).not.toMatch(/anthropic"|credential-|control-token/);
});

describe('resources', () => {
  it('have defaults', () => {
    expect(resources({})).toEqual({
      requests: { cpu: '250m', memory: '256Mi' },
      limits: { cpu: '1', memory: '512Mi' },
    });
  });

  it('get no default that could contradict what the user sets', () => {
    expect(resources({ limits: { memory: '128Mi' } })).toEqual({
      requests: { cpu: '250m' },
      limits: { cpu: '1', memory: '128Mi' },
    });
  });

  it('that are no quantities are refused by the name of their field', () => {
    expect(() => resources({ limits: { memory: '512MB' } })).toThrow(
      'spec.program.resources.limits.memory: 512MB is not a quantity; write 512Mi',
    );
  });
});

describe('refuses what would show the program more than its own', () => {
  const volumes = [
    { name: 'keys', secret: { secretName: 'anthropic' } },
    { name: 'all', projected: { sources: [{ secret: { name: 'anthropic' } }] } },
  ];
  const mount = (name: string): object => ({
    containers: [{ name: 'program', volumeMounts: [{ name, mountPath: '/a' }] }],
    volumes,
  });

  it.each<[string, object, string]>([
    ['shareProcessNamespace', { shareProcessNamespace: true }, 'shareProcessNamespace'],
    ['hostPID', { hostPID: true }, 'hostPID'],
    ['hostNetwork', { hostNetwork: true }, 'hostNetwork'],
    ...['configuration', 'control-token', 'tmp'].map((name): [string, object, string] => [
      `a mount of ${name}`,
      mount(name),
      `containers[program] mounts volume ${name}, which has what only the runtime may have`,
    ]),
    [
      'a mount of credential-primary',
      mount('credential-primary'),
      'mounts volume credential-primary, which has Secret anthropic',
    ],
    ['a mount of the key', mount('keys'), 'mounts volume keys, which has Secret anthropic'],
    ['a projection of the key', mount('all'), 'mounts volume all, which has Secret anthropic'],
    [
      'a mount in an init container',
      {
        initContainers: [
          { name: 'a', image: 'a', volumeMounts: [{ name: 'configuration', mountPath: '/a' }] },
        ],
      },
      'initContainers[a] mounts volume configuration',
    ],
    [
      'the key in a variable',
      {
        containers: [
          {
            name: 'program',
            env: [
              { name: 'A', valueFrom: { secretKeyRef: { name: 'anthropic', key: 'api-key' } } },
            ],
          },
        ],
      },
      'containers[program] has a variable of Secret anthropic',
    ],
    [
      'all keys of the Secret in variables',
      { containers: [{ name: 'program', envFrom: [{ secretRef: { name: 'anthropic' } }] }] },
      'containers[program] has a variable of Secret anthropic',
    ],
    [
      'another image',
      { containers: [{ name: 'program', image: 'evil:1' }] },
      'set spec.program.image instead',
    ],
    [
      'the program removed',
      { containers: [{ name: 'program', $patch: 'delete' }] },
      'set spec.program.image instead',
    ],
  ])('%s', (_, spec, message) => {
    expect(() => patched(spec)).toThrow(message);
  });

  it('but not a Secret of the program’s own', () => {
    const made = patched({
      containers: [{ name: 'program', volumeMounts: [{ name: 'tls', mountPath: '/tls' }] }],
      volumes: [{ name: 'tls', secret: { secretName: 'orders-tls' } }],
    });
    expect(made.spec.containers[0]!['volumeMounts']).toHaveLength(2);
  });
});

describe('choices of agents without a program', () => {
  it('do not change with spec.shutdown.programTimeout, so that no pod rolls', () => {
    const choices = (shutdown: AgentDeploymentSpec['shutdown']): string =>
      JSON.stringify(podChoices(agentFixture('triage', { shutdown })));
    const shutdown = { drainTimeout: '5m', handlerTimeout: '30s' };
    expect(choices({ ...shutdown, programTimeout: '1m' })).toBe(choices(shutdown));
  });
});

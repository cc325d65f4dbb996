import { describe, expect, it } from '@jest/globals';
import { strategicMerge, type Json } from './strategicMerge.ts';

const containers = (...list: Json[]): Json => ({ spec: { containers: list } });
const agent = {
  name: 'agent',
  image: 'runtime',
  env: [
    { name: 'A', value: '1' },
    { name: 'B', value: '2' },
  ],
  ports: [{ name: 'agent', containerPort: 8080, protocol: 'TCP' }],
  volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }],
  args: ['one', 'two'],
};

describe('strategicMerge', () => {
  const cases: [string, Json, Json, Json][] = [
    [
      'merges objects',
      { spec: { a: { b: 1, c: 2 } } },
      { spec: { a: { c: 3 } } },
      { spec: { a: { b: 1, c: 3 } } },
    ],
    [
      'removes a field by null',
      { spec: { a: 1, b: 2 } },
      { spec: { a: null } },
      { spec: { b: 2 } },
    ],
    [
      'removes an object by a directive',
      { spec: { a: { x: 1 }, b: 2 } },
      { spec: { a: { $patch: 'delete' } } },
      { spec: { b: 2 } },
    ],
    [
      'replaces an object by a directive',
      { spec: { a: { x: 1 } } },
      { spec: { a: { $patch: 'replace', y: 2 } } },
      { spec: { a: { y: 2 } } },
    ],
    [
      'replaces lists without keys',
      { spec: { tolerations: [{ key: 'a' }], containers: [agent] } },
      { spec: { tolerations: [{ key: 'b' }], containers: [{ name: 'agent', args: ['three'] }] } },
      { spec: { tolerations: [{ key: 'b' }], containers: [{ ...agent, args: ['three'] }] } },
    ],
    [
      'adds a container after those that are there',
      containers(agent),
      containers({ name: 'sidecar', image: 's', env: [{ name: 'X' }], args: null }),
      containers(agent, { name: 'sidecar', image: 's', env: [{ name: 'X' }] }),
    ],
    [
      'merges env by name',
      containers(agent),
      containers({
        name: 'agent',
        env: [
          { name: 'C', value: '3' },
          { name: 'A', value: '9' },
          { name: 'B', $patch: 'delete' },
        ],
      }),
      containers({
        ...agent,
        env: [
          { name: 'A', value: '9' },
          { name: 'C', value: '3' },
        ],
      }),
    ],
    [
      'merges ports by number and protocol',
      containers(agent),
      containers({
        name: 'agent',
        ports: [
          { containerPort: 8080, hostPort: 1 },
          { containerPort: 8080, protocol: 'UDP' },
        ],
      }),
      containers({
        ...agent,
        ports: [
          { name: 'agent', containerPort: 8080, protocol: 'TCP', hostPort: 1 },
          { containerPort: 8080, protocol: 'UDP' },
        ],
      }),
    ],
    [
      'merges volumeMounts by path',
      containers(agent),
      containers({ name: 'agent', volumeMounts: [{ mountPath: '/tmp', subPath: 'x' }] }),
      containers({ ...agent, volumeMounts: [{ name: 'tmp', mountPath: '/tmp', subPath: 'x' }] }),
    ],
    [
      'lets a volume change its source',
      { spec: { volumes: [{ name: 'tmp', emptyDir: {} }] } },
      { spec: { volumes: [{ name: 'tmp', hostPath: { path: '/x' } }] } },
      { spec: { volumes: [{ name: 'tmp', hostPath: { path: '/x' } }] } },
    ],
    [
      'merges within the source of a volume',
      { spec: { volumes: [{ name: 'tmp', emptyDir: { medium: 'Memory' } }] } },
      { spec: { volumes: [{ name: 'tmp', emptyDir: { sizeLimit: '1Gi' } }] } },
      { spec: { volumes: [{ name: 'tmp', emptyDir: { medium: 'Memory', sizeLimit: '1Gi' } }] } },
    ],
    [
      'replaces a keyed list by a directive',
      { spec: { imagePullSecrets: [{ name: 'a' }] } },
      { spec: { imagePullSecrets: [{ $patch: 'replace' }, { name: 'b' }] } },
      { spec: { imagePullSecrets: [{ name: 'b' }] } },
    ],
    [
      'keeps constraints of one topology apart',
      { spec: {} },
      {
        spec: {
          topologySpreadConstraints: [
            { topologyKey: 'z', whenUnsatisfiable: 'ScheduleAnyway' },
            { topologyKey: 'z', whenUnsatisfiable: 'DoNotSchedule' },
          ],
        },
      },
      {
        spec: {
          topologySpreadConstraints: [
            { topologyKey: 'z', whenUnsatisfiable: 'ScheduleAnyway' },
            { topologyKey: 'z', whenUnsatisfiable: 'DoNotSchedule' },
          ],
        },
      },
    ],
    [
      'merges hostAliases by address',
      { spec: { hostAliases: [{ ip: '10.0.0.1', hostnames: ['a'] }] } },
      { spec: { hostAliases: [{ ip: '10.0.0.1', hostnames: ['b'] }, { ip: '10.0.0.2' }] } },
      { spec: { hostAliases: [{ ip: '10.0.0.1', hostnames: ['b'] }, { ip: '10.0.0.2' }] } },
    ],
    [
      'takes a field that it does not know',
      { spec: {} },
      { spec: { newField: { deep: [{ a: 1, b: null }] } } },
      { spec: { newField: { deep: [{ a: 1 }] } } },
    ],
  ];
  it.each(cases)('%s', (_name, base, patch, expected) => {
    const before = structuredClone({ base, patch });
    expect(strategicMerge(base, patch)).toEqual(expected);
    expect({ base, patch }).toEqual(before);
  });

  it.each([
    [{ spec: { containers: {} } }, 'spec.podTemplate.spec.containers must be a list of objects'],
    [
      { spec: { containers: ['agent'] } },
      'spec.podTemplate.spec.containers must be a list of objects',
    ],
    [
      { spec: { containers: [{ image: 'x' }] } },
      'spec.podTemplate.spec.containers has an element without name',
    ],
    [{ spec: { $setElementOrder: [] } }, 'spec.podTemplate.spec.$setElementOrder is not supported'],
    [{ spec: { a: { $patch: 'drop' } } }, 'spec.podTemplate.spec.a.$patch is not supported'],
  ])('refuses %j and names the place', (patch, message) => {
    expect(() => strategicMerge(containers(agent), patch)).toThrow(message);
  });
});
